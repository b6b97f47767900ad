"""What is refused before training: each fault by a file that has it, in words that name its rows and quote none."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from jobs.fetch import fetch
from jobs.specs import PrepareSpec
from jobs.stages.entry import StageRefusal
from jobs.stages.prepare import main
from jobs.supervisor import run_stage
from tests.stages.tiny import CHATML, run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow  # imports torch
Row = dict[str, str]
Rows = list[Row]


def visits() -> Rows:
    return [*visit_rows(4), *visit_rows(2, "valid"), *visit_rows(2, "test")]


def changed(id: str, **fields: str) -> Rows:
    return [{**row, **fields} if row["id"] == id else row for row in visits()]


def at(rows: Rows, id: str) -> Row:
    return next(row for row in rows if row["id"] == id)


def refusal(models_dir: Path, folder: Path, rows: Rows, base: str = "local:tiny", **options: Any) -> str:
    spec = PrepareSpec(
        base=base, models_dir=str(models_dir), **write_rows(folder / "rows.jsonl", rows), **options
    )
    with pytest.raises(StageRefusal) as told:
        main(spec, run_folder(folder / "run", spec))
    return str(told.value)


FAULTY: dict[str, tuple[Callable[[], Rows], str]] = {
    "an empty record": (lambda: changed("train-1", source=" \n"), "is empty: train-1."),
    "an empty summary": (lambda: changed("valid-0", target=""), "is empty: valid-0."),
    "a summary longer than its record": (
        lambda: changed("train-2", target=visit_rows(3)[2]["source"] + " And more."),
        "The summary is longer than the record: train-2.",
    ),
    "a duplicate across splits": (
        lambda: changed("train-0", source=at(visits(), "test-1")["source"].upper() + "\r\n"),
        "The same record stands in a held-out split: train-0 (as test-1).",
    ),
    "a duplicate between the held-out splits": (
        lambda: changed("valid-1", source=at(visits(), "test-0")["source"]),
        "The same record stands in a held-out split: valid-1 (as test-0).",
    ),
    "one patient in two splits": (
        lambda: changed("train-3", patient="patient of valid-1"),
        "One patient stands in two splits: train-3 (as valid-1).",
    ),
    "an end of turn inside a summary": (
        lambda: changed("train-1", target="No fever.<|im_end|> Given ibuprofen."),
        "The summary would be cut by an end-of-turn marker inside it: train-1.",
    ),
    "nothing to learn": (
        lambda: changed("train-2", target="<|im_end|>"),
        "No token of the summary would be learned: train-2.",
    ),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_file_with_a_fault_is_refused_by_its_rows(models_dir: Path, tmp_path: Path, fault: str) -> None:
    rows, told = FAULTY[fault]
    message = refusal(models_dir, tmp_path, rows())
    assert told in message
    assert "amoxicillin" not in message


def test_a_summary_that_would_be_cut_is_refused_by_its_row(models_dir: Path, tmp_path: Path) -> None:
    rows = changed("train-1", target="It hurts. " * 20, source="It hurts a lot. " * 30)
    message = refusal(models_dir, tmp_path, rows, max_tokens=220)
    assert "The summary would be cut at 220 tokens: train-1. Shorten the summary" in message


def test_all_faults_are_told_at_once_with_what_to_do(models_dir: Path, tmp_path: Path) -> None:
    rows = changed("train-1", source="")
    at(rows, "train-2")["patient"] = "patient of test-0"
    assert refusal(models_dir, tmp_path, rows) == (
        "The record or its summary is empty: train-1. Fill in the empty side. "
        "One patient stands in two splits: train-2 (as test-0). "
        "Keep a patient's records in one split: freeze the dataset again. Or leave such rows out."
    )


def bos_as_in_llama(tokenizer: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.bos_token_id)]
    )


TEMPLATES = {
    "no end of turn": (CHATML.replace("<|im_end|>", ""), "The end of turn is missing"),
    "an end that is a word": (CHATML.replace("<|im_end|>", "END"), "The end of turn is missing"),
    "no answer": (
        CHATML.replace("+ turn['content'] +", "+ (turn['content'] if turn['role'] != 'assistant' else '') +"),
        "No token of the summary would be learned",
    ),
    "half an answer": (
        "{{ bos_token }}"
        + CHATML.replace(
            "+ turn['content'] +",
            "+ (turn['content'][:9] if turn['role'] == 'assistant' else turn['content']) +",
        ),
        "The summary would be cut by its tokens",
    ),
    "two BOS": ("{{ bos_token }}{{ bos_token }}" + CHATML, "The beginning of text (BOS) stands twice"),
    "no BOS": (CHATML, "The beginning of text (BOS) is missing"),
}


@pytest.fixture
def base_with(models_dir: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A models folder with ``local:odd``: the tiny base with BOS as Llama's has it, and another chat template."""

    def make(template: str) -> Path:
        odd = tmp_path / "own" / "odd"
        shutil.copytree(models_dir / "own" / "tiny", odd)
        tokenizer = AutoTokenizer.from_pretrained(odd)
        tokenizer.chat_template = template
        bos_as_in_llama(tokenizer)
        tokenizer.save_pretrained(odd)
        fetch("local:odd", tmp_path / "models", on_progress=lambda *_: None, local_root=tmp_path / "own")
        return tmp_path / "models"

    return make


@pytest.mark.parametrize("fault", TEMPLATES)
@pytest.mark.parametrize("set_aside", [False, True])
def test_a_template_with_a_fault_is_refused_whatever_may_be_left_out(
    base_with: Callable[[str], Path], tmp_path: Path, fault: str, set_aside: bool
) -> None:
    template, told = TEMPLATES[fault]
    message = refusal(base_with(template), tmp_path, visits(), "local:odd", set_aside=set_aside)
    assert message.startswith(told)
    assert "train-0, train-1, train-2, train-3, valid-0, valid-1, test-0, test-1. " in message
    assert "Correct the base's chat template, or choose another base." in message


def test_a_template_with_one_bos_and_an_end_passes(base_with: Callable[[str], Path], tmp_path: Path) -> None:
    folder = base_with("{{ bos_token }}" + CHATML)
    spec = PrepareSpec(
        base="local:odd", models_dir=str(folder), **write_rows(tmp_path / "rows.jsonl", visits())
    )
    assert main(spec, run_folder(tmp_path / "run", spec))[1]["set_aside"] == {}


def test_a_template_that_changes_its_prompt_afterwards_is_refused(
    base_with: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = base_with("{{ messages | length }}" + CHATML)
    assert "changes its prompt" in refusal(folder, tmp_path, visits(), "local:odd")


def test_the_supervisor_hands_the_refusal_on(models_dir: Path, tmp_path: Path) -> None:
    named = write_rows(tmp_path / "rows.jsonl", changed("train-1", target=""))
    spec = PrepareSpec(base="local:tiny", models_dir=str(models_dir), **named)
    outcome = run_stage("prepare", run_folder(tmp_path / "run", spec).path, on_progress=lambda _: True)
    assert (outcome.status, outcome.error_type) == ("failed", "StageRefusal")
    assert "is empty: train-1. " in outcome.advice
    assert not (tmp_path / "run" / "artifact" / "train.jsonl").exists()
