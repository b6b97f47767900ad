"""Starts the platform's processes, restarts those that die, stops them together. Knows nothing of Django."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from jobs.lifeline import die_with_parent

POLL_SECONDS = 0.1
STOP_SECONDS = 15.0
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.5, 15.0
STEADY_SECONDS = 60.0  # a process that ran this long has earned a quick restart
LARGEST_LOG_BYTES = 10_000_000
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AlreadyRunning(Exception):
    """Another ``up`` holds the lock; the message names its process."""


@dataclass
class Process:
    """A command to keep running, or with ``restart=False`` to run once. No ``log``: it has the terminal."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    restart: bool = True
    log: Path | None = None
    _popen: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _started_at: float = field(default=0.0, init=False, repr=False)
    _start_at: float = field(default=0.0, init=False, repr=False)
    _deaths: int = field(default=0, init=False, repr=False)
    exit_code: int | None = field(default=None, init=False)

    def start(self) -> None:
        with _open_log(self.log) if self.log else contextlib.nullcontext() as log:
            self._popen = subprocess.Popen(
                self.argv,
                env=self.env,
                stdin=subprocess.DEVNULL if log else None,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C reaches us alone, and we stop the others in good order
                # SIGTERM and not SIGKILL: should we be killed, each may still put its own house in order.
                preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),
            )
        self._started_at = time.monotonic()

    def step(self) -> None:
        """Notice a death, and start again when its pause is over."""
        now = time.monotonic()
        if self._popen is None:
            if self.restart and now >= self._start_at:
                self.start()
        elif self._popen.poll() is not None:
            self._bury(now)

    def _bury(self, now: float) -> None:
        assert self._popen is not None
        self.exit_code = self._popen.returncode
        self._signal_group(signal.SIGKILL)  # what it started and left behind would hold its port or its lock
        self._popen = None
        if not self.restart:
            return
        self._deaths = 1 if now - self._started_at > STEADY_SECONDS else self._deaths + 1
        pause = min(FIRST_BACKOFF_SECONDS * 2 ** min(self._deaths - 1, 8), LONGEST_BACKOFF_SECONDS)
        self._start_at = now + pause
        told = f" See {self.log}." if self.log else ""
        print(
            f"{self.name} ended with code {self.exit_code}; starting it again.{told}",
            file=sys.stderr,
            flush=True,
        )

    def terminate(self) -> None:
        """Ask the process itself, and not those it started: it knows in which order they go."""
        if self._popen is not None:
            self._popen.terminate()

    def finish(self, deadline: float) -> None:
        """Wait for the process until ``deadline``, then leave nothing of it."""
        if self._popen is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(max(0.0, deadline - time.monotonic()))
        self._signal_group(signal.SIGKILL)
        self._popen.wait()
        self._popen = None

    def _signal_group(self, number: int) -> None:
        assert self._popen is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)


def run_all(
    processes: Sequence[Process], *, stop: threading.Event, on_started: Callable[[], None] | None = None
) -> int:
    """Run all until ``stop`` is set or a stop signal comes; ``on_started`` is called once all were started.

    Returns 0, or 1 if a process that runs once failed by itself. Whatever happens, none is left behind.
    """
    with _stop_signals(stop):
        try:
            for process in processes:
                process.start()
            if on_started:
                on_started()
            while not stop.wait(POLL_SECONDS):
                for process in processes:
                    process.step()
        finally:
            for process in processes:
                process.terminate()
            deadline = time.monotonic() + STOP_SECONDS
            for process in processes:
                process.finish(deadline)
    return int(any(not process.restart and process.exit_code for process in processes))


@contextlib.contextmanager
def only_one(lock_path: Path) -> Iterator[None]:
    """Hold ``lock_path``, our process id in it, while the block runs. Raises ``AlreadyRunning``."""
    lock_path.parent.mkdir(parents=True, exist_ok=True)
    with lock_path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunning(
                f"Precis is already running here, as process {lock.read().strip()}."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextlib.contextmanager
def _stop_signals(stop: threading.Event) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _open_log(path: Path) -> IO[bytes]:
    """Append; a log that has grown large is put aside first, in place of the one before it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST_LOG_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
