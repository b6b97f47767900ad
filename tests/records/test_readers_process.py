"""The child that reads: what it may not do, and what its parent says when it does not come back."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from records import readers
from records.readers import process
from records.readers.rows import UnreadableFile

Runs = Callable[[str], None]


@pytest.fixture
def child_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Have the child's reader of .txt be this code: the real limits around a parser that was taken over."""

    def replace(body: str) -> None:
        module = "\n".join(f"    {line}" for line in body.splitlines())
        (tmp_path / "sitecustomize.py").write_text(
            "import sys, types\n"
            f"def read(data, encoding):\n    from records.readers.rows import Reading, Row\n{module}\n"
            "plain = types.ModuleType('records.readers.plain')\nplain.read = read\n"
            "sys.modules['records.readers.plain'] = plain\n"
        )

    real = process._environment

    def environment() -> dict[str, str]:
        return {**real(), "PYTHONPATH": f"{tmp_path}:{real()['PYTHONPATH']}"}

    monkeypatch.setattr(process, "_environment", environment)
    return replace


def read(seconds: float = 20.0) -> readers.Reading:
    return readers.unpack(process.read_packed(".txt", b"Cough.", seconds=seconds))


def test_a_reader_that_hangs_is_stopped_and_nothing_of_it_lives_on(child_runs: Runs) -> None:
    child_runs("while True: pass")
    started = time.monotonic()
    with pytest.raises(UnreadableFile, match=r"longer than 1 seconds.*Split it"):
        read(seconds=1)
    assert time.monotonic() - started < 5
    assert not [each for each in psutil.Process().children() if "records.readers.child" in each.cmdline()]


@pytest.mark.parametrize("body", ["x = b'x' * 2 * 1024**3", "x = [bytearray(10**8) for _ in range(20)]"])
def test_a_reader_that_wants_more_than_a_gigabyte_is_refused_in_words(child_runs: Runs, body: str) -> None:
    child_runs(body)
    with pytest.raises(UnreadableFile, match="more memory than one file may use"):
        read()


@pytest.mark.parametrize(
    "body", ["import os; os.abort()", "import os; os._exit(3)", "import ctypes; ctypes.string_at(0)"]
)
def test_a_reader_that_crashes_is_refused_in_words(child_runs: Runs, body: str) -> None:
    child_runs(body)
    with pytest.raises(UnreadableFile, match="Split it"):
        read()


@pytest.mark.parametrize(
    "body",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import subprocess; subprocess.run(['id'])",
        "import os; os.system('id')",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.fork()",
    ],
)
def test_a_reader_reaches_neither_the_network_nor_another_program(child_runs: Runs, body: str) -> None:
    child_runs(
        f"try:\n    {body}\nexcept PermissionError:\n    return Reading([Row(1, 'held')])\nreturn Reading([Row(1, 'free')])"
    )
    assert [row.source for row in read().rows] == ["held"]


def test_a_reader_writes_no_byte_to_a_disk(child_runs: Runs, tmp_path: Path) -> None:
    child_runs(f"file = open({str(tmp_path / 'leak')!r}, 'wb', buffering=0)\nfile.write(b'Mary Jones')")
    with pytest.raises(UnreadableFile, match="damaged"):
        read()
    assert (tmp_path / "leak").read_bytes() == b""


def test_a_reader_sees_no_secret(child_runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECIS_MASTER_KEY", "the master key")
    child_runs("import os\nreturn Reading([Row(1, ' '.join(os.environ.values()))])")
    assert "the master key" not in read().rows[0].source


def test_what_a_parser_prints_is_no_answer(child_runs: Runs) -> None:
    child_runs(
        "import os\nprint('noise', flush=True)\nos.write(1, b'Rnoise')\nreturn Reading([Row(1, 'kept')])"
    )
    assert [row.source for row in read().rows] == ["kept"]


def test_an_answer_without_end_is_not_taken(child_runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_ANSWER_BYTES", 100_000)
    child_runs("import os\nreturn Reading([Row(n, os.urandom(3000).hex()) for n in range(1000)])")
    with pytest.raises(UnreadableFile, match="Split it"):
        read()


def test_an_error_nobody_foresaw_is_logged_by_its_type_and_never_by_its_words(
    child_runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    child_runs("raise KeyError('Mary Jones')")
    with pytest.raises(UnreadableFile) as refusal:
        read()
    assert "KeyError" in caplog.text
    assert "Mary" not in caplog.text + str(refusal.value)


def test_a_child_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, types, time\n"
        "plain = types.ModuleType('records.readers.plain')\nplain.read = lambda data, encoding: time.sleep(60)\n"
        "sys.modules['records.readers.plain'] = plain\n"
    )
    program = "from records.readers import process\nold = process._environment\nimport os\nprocess._environment = lambda: {**old(), 'PYTHONPATH': os.environ['PYTHONPATH']}\nprocess.read_packed('.txt', b'x')"
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{tmp_path}:{root / 'platform'}:{root}"},
    )
    child = _child_of(parent.pid)
    parent.kill()
    parent.wait()
    child.wait(timeout=10)


def _child_of(pid: int) -> psutil.Process:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for child in psutil.Process(pid).children():
            # Its limits stand once it has tied its life to ours.
            if (
                "records.readers.child" in child.cmdline()
                and child.rlimit(psutil.RLIMIT_CORE)[1] == 0
                and child.rlimit(psutil.RLIMIT_FSIZE)[1] == 0
            ):
                return child
        time.sleep(0.05)
    raise AssertionError("no child was started")


def test_a_small_text_is_read_in_the_blink_of_an_eye() -> None:
    readers.read(".txt", b"Cough.")
    started = os.times()
    for _ in range(5):
        readers.read(".txt", b"Cough.")
    ended = os.times()
    spent = ended.children_user - started.children_user + ended.children_system - started.children_system
    assert spent / 5 < 0.15  # of processor time: the machine may be busy with something else
