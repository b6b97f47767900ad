"""The process manager, with real trees of processes, real signals and a look at what is left of them."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config import processes
from config.processes import AlreadyRunning, Process, only_one, run_all

ROOT = Path(__file__).resolve().parents[2]

# Writes its process id to a file of its own, starts a child that does the same, and both wait.
TREE = """
import os, subprocess, sys, time
depth, folder = int(sys.argv[1]), sys.argv[2]
open(f"{folder}/{os.getpid()}", "w").close()
if depth:
    subprocess.Popen([sys.executable, __file__, str(depth - 1), folder])
time.sleep(600)
"""

# What manage.py up does, less Django. The arguments: a folder, and the name of a process to run.
UP = """
import os, sys, threading
from pathlib import Path
from config.processes import Process, only_one, run_all
folder, program = Path(sys.argv[1]), sys.argv[2]
processes = [
    Process(name, [sys.executable, program, "2", str(folder / "pids")], dict(os.environ), log=folder / f"{name}.log")
    for name in ("one", "two")
]
with only_one(folder / "up.lock"):
    sys.exit(run_all(processes, stop=threading.Event(), on_started=lambda: print("up", flush=True)))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "pids").mkdir()
    program = tmp_path / "tree.py"
    program.write_text(TREE)
    return program


@pytest.fixture
def up(tmp_path: Path, tree: Path) -> Iterator[subprocess.Popen[str]]:
    process = start_up(tmp_path, tree)
    yield process
    process.terminate()
    process.communicate(timeout=20)
    for pid in running(tmp_path):
        os.kill(pid, signal.SIGKILL)


def start_up(folder: Path, program: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", UP, str(folder), str(program)]
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True)


def pids(folder: Path) -> list[int]:
    return [int(path.name) for path in (folder / "pids").iterdir()]


def running(folder: Path) -> list[int]:
    return [pid for pid in pids(folder) if psutil.pid_exists(pid)]


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def wait_for(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class Background:
    """``run_all`` in a thread, stopped at the end of the block."""

    def __init__(self, *started: Process) -> None:
        self.stop = threading.Event()
        self.result: list[int] = []
        self._thread = threading.Thread(
            target=lambda: self.result.append(run_all(started, stop=self.stop)), daemon=True
        )

    def __enter__(self) -> "Background":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_leaves_no_process_of_the_tree(
    tmp_path: Path, up: subprocess.Popen[str], number: signal.Signals
) -> None:
    wait_for(lambda: len(running(tmp_path)) == 6)
    up.send_signal(number)
    assert up.wait(20) == 0
    wait_for(lambda: running(tmp_path) == [], seconds=2)  # killed, but perhaps not yet buried


@pytest.mark.slow
def test_kill_9_of_the_manager_ends_what_it_started(tmp_path: Path, up: subprocess.Popen[str]) -> None:
    assert up.stdout is not None
    assert up.stdout.readline() == "up\n"
    started = psutil.Process(up.pid).children()
    assert len(started) == 2
    up.kill()
    assert psutil.wait_procs(started, timeout=5)[1] == []


@pytest.mark.slow
def test_a_second_manager_says_so_and_starts_nothing(
    tmp_path: Path, tree: Path, up: subprocess.Popen[str]
) -> None:
    wait_for(lambda: len(running(tmp_path)) == 6)
    second = start_up(tmp_path, tree)
    _, errors = second.communicate(timeout=20)
    assert second.returncode != 0
    assert f"Precis is already running here, as process {up.pid}." in errors
    assert len(pids(tmp_path)) == 6


def test_the_lock_is_free_again_after_a_crash(tmp_path: Path) -> None:
    (tmp_path / "up.lock").write_text("99999999\n")
    with only_one(tmp_path / "up.lock"):
        assert (tmp_path / "up.lock").read_text() == f"{os.getpid()}\n"
        with pytest.raises(AlreadyRunning, match=str(os.getpid())), only_one(tmp_path / "up.lock"):
            pass
    with only_one(tmp_path / "up.lock"):
        pass


def test_what_dies_is_started_again_with_a_growing_pause(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = "import sys, time; open(sys.argv[1], 'a').write(f'{time.monotonic()}\\n'); sys.exit(3)"
    starts = tmp_path / "starts"
    dying = Process("dying", python(program, str(starts)), os.environ, log=tmp_path / "dying.log")
    with Background(dying):
        wait_for(lambda: starts.exists() and len(starts.read_text().split()) == 4)
    times = [float(line) for line in starts.read_text().split()]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses[0] >= 0.5
    assert pauses[1] >= 1.0
    assert pauses[2] >= 2.0
    assert "dying ended with code 3; starting it again." in capfd.readouterr().err


def test_what_a_dead_process_left_behind_is_ended_before_the_restart(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys; child = subprocess.Popen(['sleep', '600']);"
        "open(sys.argv[1], 'a').write(f'{child.pid}\\n')"
    )
    left = tmp_path / "left"
    careless = Process("careless", python(program, str(left)), os.environ, log=tmp_path / "log")
    with Background(careless):
        wait_for(lambda: left.exists() and len(left.read_text().split()) >= 2)
    wait_for(lambda: not any(psutil.pid_exists(int(pid)) for pid in left.read_text().split()))


def test_what_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.5)
    program = (
        "import os, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    )
    mark = tmp_path / "pid"
    with Background(Process("deaf", python(program, str(mark)), os.environ, log=tmp_path / "log")):
        wait_for(lambda: mark.exists() and bool(mark.read_text()))
    assert not psutil.pid_exists(int(mark.read_text()))


def test_a_process_may_finish_its_work_before_it_goes(tmp_path: Path) -> None:
    program = (
        "import signal, sys, time; from pathlib import Path; mark = Path(sys.argv[1])\n"
        "def end(*_): time.sleep(0.5); mark.write_text('done'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); mark.write_text('up'); time.sleep(600)"
    )
    mark = tmp_path / "mark"
    with Background(Process("polite", python(program, str(mark)), os.environ, log=tmp_path / "log")):
        wait_for(lambda: mark.exists() and mark.read_text() == "up")
    assert mark.read_text() == "done"


@pytest.mark.parametrize(("code", "result"), [(0, 0), (5, 1)])
def test_a_process_that_runs_once_has_the_terminal_and_is_not_restarted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], code: int, result: int
) -> None:
    once = Process(
        "first run", python(f"print('step 1', flush=True); raise SystemExit({code})"), os.environ, False
    )
    keeps = Process("web", ["sleep", "600"], os.environ, log=tmp_path / "log")
    with Background(once, keeps) as background:
        wait_for(lambda: once.exit_code is not None)
        time.sleep(1)
    assert background.result == [result]
    assert capfd.readouterr().out == "step 1\n"


def test_stopping_is_no_failure_of_what_was_stopped(tmp_path: Path) -> None:
    once = Process("first run", ["sleep", "600"], os.environ, restart=False)
    with Background(once) as background:
        time.sleep(0.3)
    assert background.result == [0]


def test_a_program_that_is_not_there_leaves_nothing_running(tmp_path: Path) -> None:
    web = Process("web", ["sleep", "617"], os.environ, log=tmp_path / "log")
    missing = Process("missing", ["/nowhere/program"], os.environ, log=tmp_path / "log")
    with pytest.raises(FileNotFoundError):
        run_all([web, missing], stop=threading.Event())
    assert [child.cmdline() for child in psutil.Process().children() if "617" in child.cmdline()] == []


def test_each_process_has_a_private_log_of_its_own_that_does_not_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LARGEST_LOG_BYTES", 100)
    log = tmp_path / "log" / "web.log"
    program = "import sys; print('out'); print('err', file=sys.stderr)"
    for _ in range(2):
        web = Process("web", python(program), os.environ, restart=False, log=log)
        with Background(web):
            wait_for(lambda web=web: web.exit_code is not None)
    assert sorted(log.read_text().split()) == ["err", "err", "out", "out"]
    assert log.stat().st_mode & 0o777 == 0o600
    log.write_text("x" * 101)
    with Background(Process("web", ["true"], os.environ, restart=False, log=log)):
        pass
    assert (tmp_path / "log" / "web.log.1").read_text() == "x" * 101
    assert log.read_text() == ""


def test_the_module_needs_no_django() -> None:
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"}
    program = "import config.processes, sys; print('django' in sys.modules)"
    done = subprocess.run(python(program), cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout == "False\n"
