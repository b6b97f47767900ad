"""Identifiers and medical words inserted in dialogues: gold that can be believed."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from privacy.kinds import SAFE_HARBOR, Kind, Span
from privacy.labels import LABELS

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from phi_inserted import LEAST, Gold, insert, medical_words, redacted_elsewhere, report, touched_words  # noqa: E402

VISIT = "[doctor] hi , how are you ?\n[patient] my knee hurts .\n[doctor] okay\n[patient] yeah\n"
SHORT = "Doctor: Any pain?\nPatient: No pain.\nGuest_family: None."
DIALOGUES = [VISIT, SHORT] * 10


@pytest.mark.parametrize("unseen", [False, True])
def test_every_text_holds_identifiers_and_all_eighteen_kinds_come(unseen: bool) -> None:
    texts = insert(DIALOGUES, seed=3, unseen=unseen)
    assert all(len(gold.spans) >= LEAST for gold in texts)
    kinds = {LABELS[label] for gold in texts for _, _, label in gold.spans}
    assert kinds == set(Kind)
    assert {SAFE_HARBOR[kind] for kind in kinds if kind} == set("ABCDEFGHIJKLMNOPQR")


@pytest.mark.parametrize("unseen", [False, True])
def test_gold_spans_are_whole_words_that_do_not_overlap(unseen: bool) -> None:
    for gold in insert(DIALOGUES, seed=4, unseen=unseen):
        end_before = 0
        for start, end, _ in sorted(gold.spans):
            value = gold.text[start:end]
            assert start >= end_before
            assert value == value.strip() != ""
            assert not gold.text[start - 1].isalnum()
            assert not gold.text[end].isalnum()
            end_before = end


def test_what_the_dialogue_said_is_still_said_in_its_order() -> None:
    for dialogue, gold in zip(DIALOGUES, insert(DIALOGUES, seed=5), strict=True):
        at = 0
        for line in dialogue.splitlines():
            at = gold.text.index(line, at) + len(line)


def test_a_seed_gives_the_same_texts_again_and_another_seed_gives_others() -> None:
    assert insert(DIALOGUES, seed=6) == insert(DIALOGUES, seed=6)
    assert insert(DIALOGUES, seed=6) != insert(DIALOGUES, seed=7)


def test_each_of_the_five_hundred_medical_words_stands_in_one_text() -> None:
    words = [word for entries in medical_words().values() for word in entries]
    assert len(words) == len({word.lower() for word in words}) == 500
    texts = insert(DIALOGUES, seed=8)
    assert sorted(word for gold in texts for word in gold.medical) == sorted(words)
    assert all(word.lower() in gold.text.lower() for gold in texts for word in gold.medical)


def test_a_medical_word_is_touched_if_one_letter_of_it_is_covered() -> None:
    text = "She takes coumadin for Bell's palsy, says Will Lasix."
    gold = Gold(text, [(42, 52, "NAME")], [])

    def find(_: str) -> Sequence[Span]:
        return [Span(23, 25, Kind.NAME), Span(42, 52, Kind.NAME)]

    assert touched_words([gold], find) == ["Bell's palsy"]
    assert touched_words([gold], lambda _: [Span(10, 11, Kind.NAME)]) == ["Coumadin"]


def test_what_is_redacted_outside_the_insertions_is_a_share_of_the_other_letters() -> None:
    gold = Gold("Ann has gout.", [(0, 3, "NAME")], [])
    assert redacted_elsewhere([gold], lambda _: [Span(0, 5, Kind.NAME)]) == pytest.approx(1 / 7)
    assert redacted_elsewhere([gold], lambda _: [Span(0, 3, Kind.NAME)]) == 0.0


def test_the_report_counts_spans_by_kind_and_prints_misses_only_when_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gold = Gold("Call 555-123-4567 or table.", [(5, 17, "PHONE"), (21, 26, "NAME")], [])
    report([gold], misses=0)
    printed = capsys.readouterr().out
    assert "2 identifiers: recall 0.5" in printed
    assert "medical_touched 0 of 500" in printed
    assert "outside them: 0.00%" in printed
    assert "table" not in printed
    report([gold], misses=5)
    assert ">>table<<" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--unseen", "--misses", "3"], "stay unseen"),
        (["--data", "/nowhere/at/all"], "--data"),
    ],
)
def test_the_script_refuses_what_it_should_not_do(arguments: list[str], says: str) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "phi_inserted.py"), "--seed", "1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert says in done.stderr
