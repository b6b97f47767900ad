"""Makings of a tiny run: a tokenizer, rows and a run folder."""

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from jobs.prompts import SYSTEM
from jobs.rundir import RunDir, file_sha256, write_json_atomic
from jobs.sealing import RowSealer
from jobs.specs import Spec

CHATML = (
    "{% for turn in messages %}{{ '<|im_start|>' + turn['role'] + '\n' + turn['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SEALER = RowSealer(b"s" * 32)
VISITS = [
    ("cough", "three days", "amoxicillin"),
    ("headache", "a week", "ibuprofen"),
    ("back pain", "two months", "physiotherapy"),
    ("rash", "one day", "cetirizine"),
]


def byte_level(
    texts: list[str], split: pre_tokenizers.PreTokenizer, vocab_size: int, *, ignore_merges: bool = False
) -> Tokenizer:
    """A byte-level BPE, such as GPT-2's and its heirs', learned from the texts."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet)
    )
    return tokenizer


def single_digits() -> pre_tokenizers.PreTokenizer:
    """SmolLM2's rule: every digit by itself, then GPT-2's words."""
    digits = pre_tokenizers.Digits(individual_digits=True)
    return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])


def tiny_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """SmolLM2's kind, with a beginning of text beside."""
    tokenizer = byte_level([*texts, SYSTEM], single_digits(), 600)
    tokenizer.add_special_tokens(["<unk>", "<s>", "<|im_start|>", "<|im_end|>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="<|im_end|>",
        chat_template=CHATML,
    )


def visit_rows(count: int, split: str = "train") -> list[dict[str, str]]:
    """Rows whose summary follows from the record, no two alike."""
    rows = []
    for number in range(count):
        complaint, since, drug = VISITS[number % len(VISITS)]
        source = (
            f"Doctor: What brings you in today?\nPatient: I have had a {complaint} for {since} now.\n"
            f"Doctor: Any fever?\nPatient: No fever, {number} {split}.\nDoctor: I will give you {drug}."
        )
        target = f"{complaint.capitalize()} for {since}, no fever. Given {drug}."
        rows.append(
            {
                "id": f"{split}-{number}",
                "split": split,
                "source": source,
                "target": target,
                "section": "HPI",
                "patient": f"patient of {split}-{number}",
            }
        )
    return rows


def long_row(split: str) -> dict[str, str]:
    """A record of two visits: some 700 tokens, and a sentence of its summary that comes from neither."""
    first, second = visit_rows(2, split)
    talk = "\n".join(f"Doctor: And on day {day}?\nPatient: It was much the same." for day in range(10))
    return {
        **first,
        "id": f"long-{split}",
        "patient": f"patient of long-{split}",
        "source": f"{first['source']}\n{talk}\n\n{second['source']}\n{talk}",
        "target": f"{first['target']} {second['target']} Xylophone zithers.",
    }


def write_rows(path: Path, rows: list[dict[str, str]]) -> dict[str, str]:
    """The rows as a file, sealed, and the fields of a spec that name it."""
    path.write_text("".join(json.dumps({**row, "seal": SEALER.seal(row)}) + "\n" for row in rows))
    return {"rows": str(path), "rows_sha256": file_sha256(path), "rows_key": SEALER.public_key}


def run_folder(path: Path, spec: Spec) -> RunDir:
    """A run folder as the service makes it."""
    path.mkdir(parents=True, exist_ok=True)
    run = RunDir(path)
    write_json_atomic(run.spec, spec.to_json())
    run.artifact.mkdir(exist_ok=True)
    return run
