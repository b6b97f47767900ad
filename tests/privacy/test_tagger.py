"""The embedded tagger: what it reads that no list holds, what it leaves alone, and that only its own weights run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import privacy
from privacy.engine import Scrubber, get_scrubber
from privacy.kinds import Kind, Span
from privacy.plausible import is_plausible
from privacy.tagger import TAGGED, Tagger, WeightsError, encode, kind_of, load_tokenizer

FOLDER = Path(privacy.__file__).parent / "weights" / "tagger"


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger(FOLDER)


def _found(text: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], span.kind.value) for span in get_scrubber().find(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Tuvshinbayar Otgonbold is very reliable.", "Tuvshinbayar Otgonbold"),
        ("They had three: Oyelaran, Xquenda and Tumaini.", "Xquenda"),
        ("[patient] my daughter ngaire drove me here from whakatane", "ngaire"),
        ("We moved here from Qikiqtarjuaq last year.", "Qikiqtarjuaq"),
        ("The bus stops at Pod Vrstvicemi 1677.", "Pod Vrstvicemi 1677"),
        ("[doctor] i'll get your records from birch meadow imaging", "birch meadow imaging"),
    ],
)
def test_identifiers_in_no_list_and_without_a_cue_are_read(text: str, words: str) -> None:
    start = text.index(words)
    covered = {i for span in get_scrubber().find(text) for i in range(span.start, span.end)}
    assert all(i in covered for i in range(start, start + len(words)) if text[i].isalnum())


@pytest.mark.parametrize(
    "text",
    [
        "Positive Babinski sign on the left; Romberg negative.",
        "He takes Entresto, Eliquis and Jardiance, and stopped Lasix.",
        "Parkinson's disease, Crohn's disease and Guillain-Barre syndrome were considered.",
        "A Foley catheter was placed; Wolff-Parkinson-White pattern on ECG.",
        "NYHA class III, Child-Pugh B, T2N1M0, L4-L5 and C5-C6.",
        "West Nile virus and Rocky Mountain spotted fever were ruled out.",
        "Platelets 212,000, HbA1c 7.2 %, CA-125 35, pH 7.32.",
        "The order is losartan 100/25 mg daily.",
        "No fever, lungs clear. Strength of the left hand 4/5. Lives alone.",
    ],
)
def test_medicine_is_left_alone(text: str) -> None:
    assert _found(text) == []


def test_a_doctor_with_a_diseases_name_is_still_a_person() -> None:
    assert _found("Seen by Dr. Parkinson for Parkinson disease.") == [("Dr. Parkinson", "NAME")]


@pytest.mark.parametrize(
    ("words", "kind", "is_one"),
    [
        ("2022", Kind.DATE, False), ("May 3", Kind.DATE, True), ("64", Kind.AGE, False), ("ninety-two", Kind.AGE, True),
        ("V617F", Kind.ID, False), ("QX-44721", Kind.ID, True), ("7.32", Kind.PHONE, False),
    ],
)  # fmt: skip
def test_numbers_too_small_to_be_anybodys_are_not_taken(words: str, kind: Kind, is_one: bool) -> None:
    assert is_plausible(words, Span(0, len(words), kind, 0.5)) is is_one


def test_case_goes_in_beside_the_words_since_the_vocabulary_is_small_letters_only() -> None:
    tokenizer = load_tokenizer(FOLDER / "tokenizer.json")
    small, capital = encode(tokenizer, "will mark sign"), encode(tokenizer, "Will MARK s1gn")
    assert list(small.cases[:3]) == [1, 1, 1]
    assert list(capital.cases[:3]) == [2, 3, 4]
    assert list(small.ids[:2]) == list(capital.ids[:2])


def test_a_long_text_is_read_in_windows_as_well_as_a_short_one(tagger: Tagger) -> None:
    sentence = "Then Tuvshinbayar Otgonbold came in and we talked about the garden for a while. "
    alone = tagger.find(sentence)
    many = tagger.find(sentence * 60)
    assert [kind for *_, kind, _ in alone] == [Kind.NAME]
    covered = {i for start, end, *_ in many for i in range(start, end)}
    first, last = alone[0][:2]
    assert all(
        set(range(first + at, last + at)) <= covered for at in range(0, 60 * len(sentence), len(sentence))
    )


def test_however_many_cores_share_a_text_it_reads_the_same(
    tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Ngaire Whaitiri saw us in Qikiqtarjuaq on the ninth of May. " * 40
    found = []
    for cores in ({0}, {0, 1, 2}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: cores)
        found.append(Tagger(FOLDER).find(text))
    assert found[0] == found[1]
    assert len(found[0]) >= 80


def test_an_empty_text_has_nothing(tagger: Tagger) -> None:
    assert tagger.find(" ") == []


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "tagger")
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)
    with pytest.raises(WeightsError, match="not the one its card names"):
        Tagger(folder)
    (folder / "model.onnx").unlink()
    with pytest.raises(WeightsError, match="FileNotFoundError"):
        Tagger(folder)


def test_the_weights_that_ship_are_small_and_say_how_they_were_made() -> None:
    card = json.loads((FOLDER / "card.json").read_text())
    assert (FOLDER / "model.onnx").stat().st_size <= 25_000_000
    assert card["layers"] == 3
    assert {"base", "seed", "epochs", "examples_sha256", "token_recall"} <= set(card)
    assert (FOLDER / "README.md").is_file()


def test_labels_of_other_models_are_understood() -> None:
    told = [kind_of(label) for label in ("PATIENT", "HCW", "HOSPITAL", "B-PER", "I-LOC", "O", "MISC")]
    name, place = Kind.NAME, Kind.LOCATION
    assert told == [name, name, Kind.ORGANIZATION, name, place, None, None]
    assert set(filter(None, told)) <= set(TAGGED)


def test_a_spacy_pipeline_can_stand_in_its_place(tmp_path: Path) -> None:
    program = f"""
from privacy.presidio import spacy
from privacy.engine import Scrubber
from privacy.spacy_names import SpacyRecognizer
pipeline = spacy.blank("en")
pipeline.add_pipe("entity_ruler").add_patterns([{{"label": "PERSON", "pattern": "Zyx Quux"}}])
pipeline.to_disk({str(tmp_path / "pipeline")!r})
spans = Scrubber(tagger=SpacyRecognizer({str(tmp_path / "pipeline")!r})).find("Then Zyx Quux left.")
print([(span.start, span.end, span.kind.value, span.recognizer) for span in spans])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": "platform:."}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[(5, 13, 'NAME', 'spacy')]", done.stderr


def test_without_a_tagger_the_rules_stand_alone() -> None:
    assert Scrubber().find("Tuvshinbayar is very reliable.") == []


def test_onnx_runtime_leaves_no_session_file_behind(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    program = "from privacy.engine import get_scrubber; print(len(get_scrubber().find('Tuvshinbayar Otgonbold left.')))"
    environment = {"PYTHONPATH": "platform:.", "TMPDIR": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "1", done.stderr
    assert list(folder.iterdir()) == []
