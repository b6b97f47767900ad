"""The texts that the tagger learns from: right spans, the same for a seed, and nothing of the gold sets."""

import json
import pickle
import re
from pathlib import Path
from random import Random

import pytest

from privacy.engine import Scrubber
from privacy.kinds import Kind
from sample_clinic.annotated import Sources, collect, compose, weave, write_examples
from sample_clinic.annotated.noise import roughen
from sample_clinic.annotated.slots import Slots
from sample_clinic.annotated.sources import _PlainUnpickler
from sample_clinic.annotated.texts import carriers
from sample_clinic.marks import mark, read_marks

SOURCES = Sources(
    women=["Oluwaseun", "Maren"], men=["Tavish", "Ibrahim"], surnames=["Quillfeather", "Zhou"], towns=["Brambleton", "Oakmere"],
    streets=["12 Larch Row", "Via Roma 4"], companies=["Hartmann GmbH", "Blue Kettle"],
)  # fmt: skip


@pytest.mark.parametrize("carrier", carriers(), ids=range(len(carriers())))
def test_every_carrier_can_be_filled_and_names_no_identifier_by_itself(carrier: str) -> None:
    text, spans = read_marks(Slots(Random(1), SOURCES).fill(carrier))
    assert "{" not in text
    assert all(text[span.start : span.end].strip() for span in spans)


def test_composing_is_the_same_for_a_seed_and_covers_the_kinds() -> None:
    texts = [compose(Random(seed), SOURCES) for seed in range(400)]
    assert texts == [compose(Random(seed), SOURCES) for seed in range(400)]
    kinds = {span.kind for _, spans in texts for span in spans}
    assert {
        Kind.NAME,
        Kind.LOCATION,
        Kind.ORGANIZATION,
        Kind.DATE,
        Kind.AGE,
        Kind.PHONE,
        Kind.EMAIL,
        Kind.ID,
    } <= kinds
    assert sum(not spans for _, spans in texts) > 40


@pytest.mark.parametrize("seed", range(30))
def test_rough_texts_keep_their_marks_around_the_same_words(seed: int) -> None:
    text, spans = read_marks(roughen(Random(seed), f"Dr. {mark(Kind.NAME, 'Maren Zhou')} called. Good."))
    (span,) = spans
    assert len(text[span.start : span.end].split()) == 2
    assert not text[: span.start].strip().endswith(("a", "u"))


def test_identifiers_of_an_open_text_are_swapped_and_marked() -> None:
    text = "Doctor: Hello, Mrs. Alvarez. How is the knee?\nPatient: It began on May 3rd, 2021."
    found = [weave(Random(seed), SOURCES, text, Scrubber().find) for seed in range(20)]
    assert any("Alvarez" not in woven and spans for woven, spans in found)
    assert all(span.end <= len(woven) for woven, spans in found for span in spans)


def test_examples_are_the_same_file_for_a_seed_and_hold_what_reviewers_corrected(tmp_path: Path) -> None:
    reviewed = [{"text": "Zyx was here.", "spans": [{"start": 0, "end": 3, "label": "NAME"}]}]
    for name in ("a", "b"):
        write_examples(
            tmp_path / name, seed=3, composed=40, woven=10, sources=SOURCES, open_texts=["It hurts. A lot."],
            find=Scrubber().find, reviewed=reviewed,
        )  # fmt: skip
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    rows = [json.loads(line) for line in (tmp_path / "a").read_text().splitlines()]
    assert len(rows) == 50 + 5
    assert rows[-1]["text"] == "Zyx was here."
    assert [row["held_out"] for row in rows].count(True) == 1


def test_faker_alone_gives_sources() -> None:
    sources = collect(None, None)
    assert min(map(len, vars(sources).values())) > 500


def test_a_pickle_that_names_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "names.pkl"
    path.write_bytes(pickle.dumps(Path))
    with path.open("rb") as file, pytest.raises(pickle.UnpicklingError):
        _PlainUnpickler(file).load()


def test_no_five_words_in_a_row_of_a_carrier_stand_in_the_gold_sets(shared_data: Path) -> None:
    """What the tagger is measured on is not what it learned from."""
    gold = set()
    for name in ("asq-phi.dev", "presidio-synth-v2"):
        for line in (shared_data / "phi" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            gold |= _fives(json.loads(line)["text"])
    assert len(gold) > 10_000
    parts = [part for carrier in carriers() for part in re.split(r"\{\w+\}", carrier)]
    assert [part for part in parts if _fives(part) & gold] == []


def _fives(text: str) -> set[str]:
    words = re.findall(r"[a-z0-9']+", text.lower())
    return {" ".join(words[at : at + 5]) for at in range(len(words) - 4)}
