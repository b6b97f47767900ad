from pathlib import Path

from jobs.progress import read_new, report
from jobs.rundir import RunDir


def test_lines_come_back_as_they_were_reported(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    report(run, done=3, total=12, unit="rows", message="tokenizing", seconds_left=4.5, loss=0.25)
    (line,), _ = read_new(run.progress)
    assert (line.done, line.total, line.unit, line.message) == (3, 12, "rows", "tokenizing")
    assert (line.seconds_left, line.metrics, line.fraction) == (4.5, {"loss": 0.25}, 0.25)


def test_each_line_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    report(path, done=1, total=2, unit="rows")
    _, offset = read_new(path)
    report(path, done=2, total=2, unit="rows")
    lines, offset = read_new(path, offset)
    assert [line.done for line in lines] == [2]
    assert read_new(path, offset) == ([], offset)


def test_a_half_written_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    report(path, done=1, total=2, unit="rows")
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    assert read_new(path) == ([], 0)
    path.write_bytes(whole)
    assert len(read_new(path)[0]) == 1


def test_half_a_line_left_by_a_killed_stage_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_bytes(b'{"at": 17, "do')
    report(path, done=5, total=9, unit="tokens")
    assert [line.done for line in read_new(path)[0]] == [5]


def test_a_run_without_progress_has_no_lines(tmp_path: Path) -> None:
    assert read_new(tmp_path / "progress.jsonl") == ([], 0)
