"""A teacher's summaries become training rows only where the record bears them out and nobody new is named in them."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grounding.detector import Verdict, get_detector
from jobs.rundir import RunDir, file_sha256
from jobs.specs import TEACHER_KEY, TeachSpec
from jobs.stages import teach
from jobs.stages.answers import fault
from jobs.stages.entry import StageRefusal
from jobs.supervisor import run_stage
from tests import outside_server
from tests.jobs.tiny_gguf import write_tiny_gguf
from tests.scripted_teacher import KEY, NAME, scripted_teacher
from tests.stages.tiny import run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow
GOOD = "The patient has had a cough for three days, without fever, and was given amoxicillin."
Said = dict[str, str]


def spec_of(root: Path, rows: list[dict[str, str]], **teacher: Any) -> TeachSpec:
    root.mkdir(parents=True, exist_ok=True)
    sealed = write_rows(root / "rows.jsonl", rows)
    return TeachSpec(base="local:tiny", models_dir="/models", **sealed, **{"teacher": NAME, **teacher})


def lines_of(run: RunDir) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.artifact / "taught.jsonl").read_text().splitlines()]


def coughs(count: int) -> list[dict[str, str]]:
    """Visits for the same cough; each names its own number."""
    return [row for row in visit_rows(4 * count) if "cough" in row["source"]]


@pytest.fixture
def taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], list[dict[str, Any]]]:
    """What becomes of these answers, each about a visit of its own, and one that is good."""
    monkeypatch.setenv(TEACHER_KEY, KEY)

    def run(answers: list[str]) -> list[dict[str, Any]]:
        rows = coughs(len(answers) + 1)
        said = dict(zip([row["source"] for row in rows], [*answers, GOOD], strict=True))
        with scripted_teacher(lambda prompt: next(said[each] for each in said if each in prompt)) as teacher:
            spec = spec_of(tmp_path, rows, url=teacher.url)
            folder = run_folder(tmp_path / "teach", spec)
            _, facts = teach.main(spec, folder)
        lines = lines_of(folder)
        assert lines[-1]["why"] == ""
        assert facts["asked"] == len(rows)
        assert facts["kept"] + sum(facts["left_out"].values()) == facts["asked"]
        return lines[:-1]

    return run


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("Cough for three days, no fever. Given amoxicillin.", ""),
        ("", "empty"),
        ("The patient has had a cough for three…", "cut_off"),
        ("A cough.", "too_short"),
        ("The patient has had a cough for three days and no fever. " * 8, "too_long"),
        ("Cough for three days. Given amoxicillin 500 mg twice daily.", "ungrounded"),
        ("Cough for seven days, no fever. Given amoxicillin.", "ungrounded"),
        ("Mr. Zebulon Quarrington has had a cough for three days.", "identifier"),
        ("Cough for three days. Call 617-555-0143 about the amoxicillin.", "identifier"),
        ("[NAME_3] has had a cough for three days.", "identifier"),
    ],
)
def test_an_answer_is_kept_or_left_out_for_a_reason(
    taught: Callable[[list[str]], list[dict[str, Any]]], answer: str, why: str
) -> None:
    (line,) = taught([answer])
    assert (line["why"], line["target"]) == (why, "" if why else answer)


def test_a_sentence_that_is_only_doubted_is_left_out_where_it_says_something_new(tmp_path: Path) -> None:
    """Back pain, treated with physiotherapy: the detector cannot tell of a sentence half of which is new."""
    source, answer = visit_rows(3)[2]["source"], "She was given physiotherapy, a cushion and slippers."
    spec = spec_of(tmp_path, coughs(1), url="http://127.0.0.1:9")
    (judgement,) = get_detector().judge(source, answer).sentences
    assert judgement.verdict is Verdict.UNSURE
    assert fault(source, answer, is_whole=True, spec=spec) == "doubtful"
    assert fault(coughs(1)[0]["source"], GOOD, is_whole=True, spec=spec) == ""


def test_a_record_copied_out_is_no_summary(taught: Callable[[list[str]], list[dict[str, Any]]]) -> None:
    source = coughs(1)[0]["source"]
    (line,) = taught([source.rpartition("\n")[0]])
    assert line["why"] == "copied"
    assert line["copied"] > 0.9


def test_each_line_says_who_taught_and_a_summary_left_out_leaves_no_word(
    taught: Callable[[list[str]], list[dict[str, Any]]], tmp_path: Path
) -> None:
    (line,) = taught(["Mr. Zebulon Quarrington has had a cough for three days."])
    assert (line["id"], line["teacher"], line["teacher_sha256"], line["words"]) == ("train-0", NAME, "", 10)
    written = [path.read_text() for path in (tmp_path / "teach").rglob("*") if path.is_file()]
    assert not any("Quarrington" in text or KEY in text for text in written)
    mode = (tmp_path / "teach" / "artifact" / "taught.jsonl").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_the_names_in_a_scrubbed_record_may_be_said_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Surrogates look like names; placeholders of the record are its own."""
    monkeypatch.setenv(TEACHER_KEY, KEY)
    row = coughs(1)[0]
    row["source"] = f"[NAME_1] is seen by Dr. Zebulon Quarrington.\n{row['source']}"
    answer = "[NAME_1] saw Dr. Zebulon Quarrington for a cough of three days."
    with scripted_teacher(lambda _: answer) as teacher:
        spec = spec_of(tmp_path, [row], url=teacher.url)
        run = run_folder(tmp_path / "teach", spec)
        teach.main(spec, run)
    assert lines_of(run)[0]["target"] == answer


def test_a_teacher_that_dies_is_asked_for_the_rest_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TEACHER_KEY, KEY)
    monkeypatch.setattr(teach, "PARALLEL_REQUESTS", 1)
    rows = coughs(5)
    with scripted_teacher(lambda _: GOOD) as teacher:
        spec = spec_of(tmp_path, rows, url=teacher.url)
        run = run_folder(tmp_path / "teach", spec)
        teacher.dies_after = 2
        with pytest.raises(StageRefusal, match="what it wrote so far is kept"):
            teach.main(spec, run)
        with (run.artifact / "taught.jsonl").open("a") as file:
            file.write('{"id": "train-8", "tea')  # as a power loss leaves it
        teacher.dies_after = 10**9
        _, facts = teach.main(spec, run)
        assert len(teacher.prompts) == 5
    assert [line["id"] for line in lines_of(run)] == [row["id"] for row in rows]
    assert facts["kept"] == 5


def test_a_held_out_record_is_never_taught(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, [*coughs(1), *visit_rows(1, "valid")], url="http://127.0.0.1:9")
    with pytest.raises(StageRefusal, match="valid-0 is held out"):
        teach.main(spec, run_folder(tmp_path / "teach", spec))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"teacher": "another"}, "does not list another"),
        ({"url": "http://127.0.0.1:9"}, "does not answer"),
        ({"key": "wrong"}, "HTTP 401"),
        ({"max_new_tokens": 1500}, "reads 1024 tokens at once"),
    ],
)
def test_a_teacher_that_cannot_be_asked_says_why_before_a_record_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], told: str
) -> None:
    monkeypatch.setenv(TEACHER_KEY, change.pop("key", KEY))
    with scripted_teacher(lambda _: GOOD) as teacher:
        spec = spec_of(tmp_path, coughs(1), **{"url": teacher.url, **change})
        with pytest.raises(StageRefusal, match=told):
            teach.main(spec, run_folder(tmp_path / "teach", spec))
        assert teacher.prompts == []


def test_a_file_that_is_not_the_one_chosen_does_not_teach(tmp_path: Path) -> None:
    model = write_tiny_gguf(tmp_path / "model.gguf")
    spec = spec_of(tmp_path, coughs(1), gguf=str(model), gguf_sha256="0" * 64)
    with pytest.raises(StageRefusal, match="not the one that was chosen"):
        teach.main(spec, run_folder(tmp_path / "teach", spec))


@pytest.mark.parametrize("where", ["a file here", "a server of the clinic"])
def test_a_real_model_of_which_nothing_can_be_kept_is_told(tmp_path: Path, where: str) -> None:
    """Real llama.cpp, whose tiny model writes letters without end, asked by the stage's own process."""
    model = write_tiny_gguf(tmp_path / "model.gguf", seed=1)
    short = {"max_new_tokens": 12, "drafts": 2}
    with outside_server.outside_server(model, NAME) as server:
        told = (
            {"gguf": str(model), "gguf_sha256": file_sha256(model)}
            if where == "a file here"
            else {"url": server.url}
        )
        run = run_folder(tmp_path / "teach", spec_of(tmp_path, coughs(2), **told, **short))
        environment = {"OMP_NUM_THREADS": "1", TEACHER_KEY: outside_server.KEY}
        outcome = run_stage("teach", run.path, on_progress=lambda _: True, environment=environment)
    assert outcome.error_type == "StageRefusal", run.log.read_text()
    assert (
        f"None of the 2 summaries that {NAME} wrote can be learned from: 2 came to no end." in outcome.advice
    )
    assert [(line["why"], line["target"]) for line in lines_of(run)] == [("cut_off", "")] * 2
