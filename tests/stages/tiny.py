"""Makings of a tiny run: a tokenizer, rows and a run folder."""

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, trainers
from transformers import PreTrainedTokenizerFast

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


def tiny_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """A byte-fallback BPE such as Llama's, a form the GGUF converter reads without knowing it beforehand."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=600, special_tokens=special))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="<|im_end|>"
    )
    fast.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    fast.chat_template = CHATML
    return fast


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
