"""The supervisor with real processes: the stage is a few lines written by each test, started as any stage is."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs import supervisor
from jobs.progress import Progress
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import PrepareSpec
from jobs.supervisor import Outcome, run_stage

ROOT = Path(__file__).parents[2]
HEADER = """
import errno, json, os, signal, subprocess, sys, time
from jobs.progress import report
from jobs.stages import entry
from jobs.stages.entry import Output, StageRefusal, StageStopped, stop_requested
entry.LOCK_WAIT_SECONDS = 0.5
"""
FOOTER = "\nentry.start('prepare', main)\n"
WORKS = """
def main(spec, run):
    report(run, done=1, total=1, unit="rows")
    path = run.artifact / "rows.jsonl"
    path.write_text(path.read_text() + "again" if path.exists() else "once")
    return [Output("rows", path, {"split": "train"})], {"rows": 1}
"""
SLEEPS = """
def main(spec, run):
    (run.path / "pid").write_text(str(os.getpid()))
    child = subprocess.Popen(["sleep", "300"])
    (run.path / "child").write_text(str(child.pid))
    report(run, done=1, total=9, unit="rows")
    time.sleep(300)
"""

Write = Callable[[str], Path]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the jobs package whose prepare stage the test writes."""
    root = tmp_path / "tree"
    shutil.copytree(ROOT / "jobs", root / "jobs", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(supervisor, "ROOT", root)
    return root


@pytest.fixture
def stage(tree: Path, tmp_path: Path) -> Write:
    """Write the stage; returns a run folder for it."""

    def write(code: str) -> Path:
        (tree / "jobs" / "stages" / "prepare.py").write_text(HEADER + code + FOOTER)
        folder = tmp_path / "run"
        folder.mkdir()
        spec = PrepareSpec(
            base="smollm2-135m", models_dir="/m", rows="/r.jsonl", rows_sha256="0" * 64, rows_key="1" * 64
        )
        write_json_atomic(folder / "spec.json", spec.to_json())
        return folder

    return write


def go_on(_: Progress | None) -> bool:
    return True


def run(folder: Path, on_progress: Callable[[Progress | None], bool] = go_on) -> Outcome:
    return run_stage("prepare", folder, on_progress=on_progress, poll_seconds=0.02, grace_seconds=1)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(holds: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def test_a_stage_that_works_succeeds_with_its_result(stage: Write) -> None:
    folder = stage(WORKS)
    seen: list[Progress | None] = []
    outcome = run(folder, lambda line: seen.append(line) is None)
    assert outcome.status == "succeeded"
    assert outcome.result is not None
    (output,) = outcome.result["outputs"]
    assert (output["kind"], output["path"], output["bytes"]) == ("rows", "artifact/rows.jsonl", 4)
    assert outcome.result["metrics"] == {"rows": 1}
    assert seen[-1] is not None
    assert seen[-1].done == 1


def test_a_stage_that_had_finished_is_not_run_again(stage: Write) -> None:
    folder = stage(WORKS)
    assert run(folder) == run(folder)
    assert (folder / "artifact" / "rows.jsonl").read_text() == "once"


def test_a_failure_carries_its_type_and_never_its_words(stage: Write) -> None:
    folder = stage("def main(spec, run): raise ValueError('Mrs Jones, 1 March 1950')")
    assert run(folder) == Outcome("failed", "ValueError")
    assert "Jones" not in (folder / "error.json").read_text()


def test_a_refusal_of_ours_says_what_to_do(stage: Write) -> None:
    outcome = run(stage("def main(spec, run): raise StageRefusal('Add records.')"))
    assert (outcome.error_type, outcome.advice) == ("StageRefusal", "Add records.")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_has_a_name(stage: Write, number: int) -> None:
    outcome = run(stage(f"def main(spec, run): raise OSError({number}, 'full')"))
    assert (outcome.status, outcome.error_type) == ("failed", "DiskFull")
    assert "Make room" in outcome.advice


def test_a_spec_that_cannot_be_right_fails_at_once(stage: Write) -> None:
    folder = stage(WORKS)
    write_json_atomic(folder / "spec.json", {"base": ""})
    assert run(folder).error_type == "ValueError"


def test_a_stage_that_leaves_no_result_has_not_succeeded(stage: Write) -> None:
    assert run(stage("def main(spec, run): os._exit(0)")) == Outcome("failed", "BadResult")


def test_a_killed_stage_fails_with_the_signal(stage: Write) -> None:
    assert run(stage("def main(spec, run): os.kill(os.getpid(), signal.SIGKILL)")).error_type == "Killed9"


def test_a_cancelled_stage_ends_with_its_children(stage: Write) -> None:
    folder = stage(SLEEPS)
    assert run(folder, lambda line: line is None).status == "cancelled"
    assert not alive(int((folder / "pid").read_text()))
    assert not alive(int((folder / "child").read_text()))


def test_a_stage_deaf_to_sigterm_is_killed_after_the_grace(stage: Write) -> None:
    folder = stage(SLEEPS.replace("time.sleep", "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep"))
    began = time.monotonic()
    assert run(folder, lambda line: line is None).status == "cancelled"
    assert time.monotonic() - began < 10
    assert not alive(int((folder / "pid").read_text()))


def test_a_caller_that_fails_leaves_no_stage_behind(stage: Write) -> None:
    folder = stage(SLEEPS)

    def fail(line: Progress | None) -> bool:
        if line is not None:
            raise LookupError("the row is gone")
        return True

    with pytest.raises(LookupError):
        run(folder, fail)
    assert not alive(int((folder / "pid").read_text()))


def test_a_silent_stage_still_gives_a_heartbeat(stage: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "HEARTBEAT_SECONDS", 0.05)
    seen: list[Progress | None] = []
    run(stage("def main(spec, run): time.sleep(0.5); return [], {}"), lambda line: seen.append(line) is None)
    assert len(seen) > 3
    assert set(seen) == {None}


def test_a_stage_knows_no_secrets_and_no_hub(stage: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "DATABASE_URL", "BROKER_URL", "HF_TOKEN", "PRECIS_MASTER_KEY"):
        monkeypatch.setenv(name, "a secret")
    outcome = run(stage("def main(spec, run): return [], dict(os.environ)"))
    assert outcome.result is not None
    environment = outcome.result["metrics"]
    assert "a secret" not in environment.values()
    assert environment["HF_HUB_OFFLINE"] == environment["TRANSFORMERS_OFFLINE"] == "1"
    assert set(environment) <= {
        *("PATH", "HOME", "LANG", "TMPDIR", "LC_CTYPE", "PYTHONPATH", "PYTHONUNBUFFERED", "HF_HUB_OFFLINE"),
        *(
            "TRANSFORMERS_OFFLINE",
            "OMP_NUM_THREADS",
            "GOMP_SPINCOUNT",
            "GLIBC_TUNABLES",
            "ORT_DISABLE_TELEMETRY",
            "PRECIS_SUPERVISOR_PID",
        ),
    }


def test_a_stage_for_one_process_is_shown_one_graphics_card(
    stage: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    outcome = run(stage("def main(spec, run): return [], dict(os.environ)"))
    assert outcome.result is not None
    assert outcome.result["metrics"]["CUDA_VISIBLE_DEVICES"] == "2"


def test_what_a_stage_prints_is_for_this_user_only(stage: Write) -> None:
    folder = stage("def main(spec, run): print('loaded'); return [], {}")
    run(folder)
    log = RunDir(folder).log
    assert log.read_text() == "loaded\n"
    assert log.stat().st_mode & 0o777 == 0o600


def started_elsewhere(tree: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Another supervisor, in a process of its own, whose stage is at work."""
    code = (
        "import sys; from pathlib import Path; from jobs.supervisor import run_stage;"
        "run_stage('prepare', Path(sys.argv[1]), on_progress=lambda _: True)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=tree)
    wait_until((folder / "child").exists)
    return other


def test_the_stage_dies_with_a_supervisor_killed_outright(stage: Write, tree: Path) -> None:
    folder = stage(SLEEPS)
    other = started_elsewhere(tree, folder)
    other.send_signal(signal.SIGKILL)
    other.wait()
    stage_pid = int((folder / "pid").read_text())
    wait_until(lambda: not alive(stage_pid))
    assert not alive(stage_pid)
    os.kill(int((folder / "child").read_text()), signal.SIGKILL)


def test_two_stages_never_work_in_one_folder(stage: Write, tree: Path) -> None:
    folder = stage(SLEEPS)
    other = started_elsewhere(tree, folder)
    try:
        assert run(folder).error_type == "FolderBusy"
        assert alive(int((folder / "pid").read_text()))
    finally:
        os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)
        other.wait()


def test_an_unknown_stage_is_never_started(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        run_stage("../../etc/cron", tmp_path, on_progress=go_on)
    assert json.loads(json.dumps(list(tmp_path.glob("stage.log")))) == []
