"""The serving process: one llama.cpp server for each deployed model, swapped without dropping a request.

    python -m jobs.engine --var VAR

Reads ``VAR/engine/deployed.json`` (``jobs.deployed``) whenever it changes. Writes ``VAR/engine/live.json``, ``{"pid",
"models": {sha256: {"port", "api_key", "ready_at"[, "adapter"]}}, "errors": {sha256: reason}}``: adapters upon one base
share a server, and a request names the number of its own. It knows nothing of Django, torch or llama.cpp; it starts a
``jobs.model_server`` for each model and restarts what dies. A new model is ready before the old one leaves
``live.json``, and the old one is stopped only when its requests are done.
"""

import argparse
import fcntl
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

from jobs import deployed
from jobs.deployed import Adapter, Model
from jobs.model_server import EXIT_REFUSED, EXIT_UNREADABLE, Server
from jobs.rundir import write_json_atomic

logger = logging.getLogger("jobs.engine")

POLL_SECONDS = 0.2
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.5, 15.0
STEADY_SECONDS = 60.0  # a server that ran this long has earned a quick restart
# Whoever read live.json just before a swap still gets an answer from the old server.
RETIRED_AT_LEAST_SECONDS, RETIRED_AT_MOST_SECONDS = 5.0, 120.0
DRAIN_SECONDS = 10.0
REASONS = {EXIT_REFUSED: "refused: sha256", EXIT_UNREADABLE: "the file cannot be read"}


@dataclass(eq=False)
class Served:
    """A model and the server that has it, started again with a growing pause as often as it dies."""

    model: Model
    loaded: tuple[Adapter, ...] = ()
    """Of the model's adapters those whose files are what was deployed: a damaged one costs the others nothing."""
    server: Server | None = None
    ready_at: float = 0.0
    """Unix time; 0 while the server is starting."""
    proven: bool = False
    """It has been ready before."""
    error: str = ""
    refused: bool = False
    deaths: int = 0
    _start_at: float = 0.0
    _started_at: float = 0.0

    def step(self, now: float) -> None:
        if self.server is None:
            if not self.refused and now >= self._start_at:
                self._start(now)
        elif (code := self.server.exit_code) is not None:
            self._bury(code, now)
        elif not self.ready_at and self.server.ready():
            self.ready_at, self.proven, self.error = time.time(), True, ""
            logger.info("Model %s is ready on port %d.", self.name, self.server.port)

    @property
    def name(self) -> str:
        return (self.model.sha256 or "")[:12]

    def _start(self, now: float) -> None:
        self.loaded = tuple(adapter for adapter in self.model.adapters if adapter.is_intact)
        if self.model.adapters and not self.loaded:
            self.refused, self.error = True, REASONS[EXIT_REFUSED]
        else:
            self.server, self._started_at = Server(replace(self.model, adapters=self.loaded)), now

    @property
    def addresses(self) -> dict[str | None, dict[str, Any]]:
        """By the hash that a request asks for; empty until the server is ready."""
        if not (self.server and self.ready_at):
            return {}
        address = {"port": self.server.port, "api_key": self.server.api_key, "ready_at": self.ready_at}
        if not self.loaded:
            return {self.model.sha256: address}
        return {each.sha256: {**address, "adapter": number} for number, each in enumerate(self.loaded)}

    @property
    def errors(self) -> dict[str | None, str]:
        if self.error:
            return dict.fromkeys(self.model.hashes, self.error)
        left_out = set(self.model.adapters) - set(self.loaded) if self.server else set()
        return {adapter.sha256: REASONS[EXIT_REFUSED] for adapter in left_out}

    def look_again(self) -> None:
        """What was refused may have been put right. A server that lacks an adapter goes on until another has it."""
        self.refused = False
        if self.server:
            self.model = replace(self.model, adapters=self.loaded)

    def _bury(self, code: int, now: float) -> None:
        assert self.server is not None
        self.server.stop()
        self.server, self.ready_at = None, 0.0
        self.deaths = 1 if now - self._started_at > STEADY_SECONDS else self.deaths + 1
        self.refused = code == EXIT_REFUSED
        self.error = REASONS.get(code, f"ended with code {code}")
        pause = min(FIRST_BACKOFF_SECONDS * 2 ** min(self.deaths - 1, 8), LONGEST_BACKOFF_SECONDS)
        self._start_at = now + pause
        logger.error("The server of model %s is gone: %s.", self.name, self.error)


@dataclass
class Engine:
    """The parent: compares what is deployed with what is served, a step at a time."""

    folder: Path
    wanted: list[Model] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)
    retired: list[tuple[Server, float]] = field(default_factory=list)
    pointer_error: str = ""
    _pointer: tuple[int, int, int] | None = None
    _published: dict[str, Any] | None = None

    def run(self, stop: Event) -> None:
        try:
            while not stop.wait(POLL_SECONDS):
                self.step()
        finally:
            self.close()

    def step(self) -> None:
        self._read_pointer()
        now = time.monotonic()
        known = [served.model for served in self.served]
        self.served += [Served(model) for model in self.wanted if model not in known]
        for served in self.served:
            served.step(now)
        replaced = self._replaced()
        self.served = [served for served in self.served if served not in replaced]
        self._publish()
        self.retired += [(served.server, now) for served in replaced if served.server]
        self._stop_retired(now)

    def _read_pointer(self) -> None:
        pointer = self.folder / "deployed.json"
        try:
            status = pointer.stat()
        except FileNotFoundError:
            return
        signature = (status.st_mtime_ns, status.st_ino, status.st_size)
        if signature == self._pointer:
            return
        self._pointer = signature
        try:
            self.wanted, self.pointer_error = deployed.read(pointer), ""
        except (ValueError, KeyError, TypeError):
            self.pointer_error = "unreadable"
            logger.error("deployed.json is not valid; going on with what is served.")
        for served in self.served:
            served.look_again()

    def _replaced(self) -> list[Served]:
        """What is no longer wanted. What worked once stays until all that is wanted is ready: a bad new model
        never costs the old one.
        """
        complete = all(served.ready_at for served in self.served if served.model in self.wanted)
        unwanted = [served for served in self.served if served.model not in self.wanted]
        return [served for served in unwanted if complete or not served.proven]

    def _publish(self) -> None:
        live = {name: where for served in self.served for name, where in served.addresses.items()}
        errors = {name: reason for served in self.served for name, reason in served.errors.items()}
        if self.pointer_error:
            errors["deployed.json"] = self.pointer_error
        state = {"pid": os.getpid(), "models": live, "errors": errors}
        if state != self._published:
            write_json_atomic(self.folder / "live.json", state)
            self._published = state

    def _stop_retired(self, now: float) -> None:
        for server, since in list(self.retired):
            done = now - since >= RETIRED_AT_LEAST_SECONDS and server.idle()
            if done or now - since >= RETIRED_AT_MOST_SECONDS:
                server.stop()
                self.retired.remove((server, since))

    def close(self) -> None:
        """Let nobody in any more, give the requests under way a moment, and stop every server."""
        (self.folder / "live.json").unlink(missing_ok=True)
        servers = [served.server for served in self.served if served.server]
        servers += [server for server, _ in self.retired]
        end = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < end and not all(server.idle() for server in servers):
            time.sleep(POLL_SECONDS)
        for server in servers:
            server.stop()


def supervise(var: Path) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s engine: %(message)s")
    folder = var / "engine"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "engine.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.error("Another engine already serves from %s.", var)
            return 1
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        Engine(folder).run(stop)
    return 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m jobs.engine")
    parser.add_argument("--var", type=Path, required=True)
    return supervise(parser.parse_args(arguments).var)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
