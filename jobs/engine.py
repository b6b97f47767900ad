"""The serving process: one llama.cpp server for each deployed model, swapped without dropping a request.

    python -m jobs.engine --var VAR

Reads ``VAR/engine/deployed.json`` (``jobs.deployed``) whenever it changes. Writes ``VAR/engine/live.json``, ``{"pid",
"models": {sha256: {"port", "api_key", "ready_at"[, "adapter"]}}, "errors": {sha256: reason}}``: adapters upon one base
share a server, and a request names the number of its own. The parent knows nothing of Django, torch or llama.cpp; it starts ``python -m
jobs.engine serve`` for each model and restarts what dies. A new model is ready before the old one leaves
``live.json``, and the old one is stopped only when its requests are done. A server logs
how it loads, and nothing after.
"""

import argparse
import contextlib
import fcntl
import http.client
import json
import logging
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import IO, Any

from jobs import deployed
from jobs.deployed import Adapter, Model
from jobs.lifeline import die_with_parent
from jobs.rundir import file_sha256, write_json_atomic

logger = logging.getLogger("jobs.engine")

ROOT = Path(__file__).resolve().parent.parent
KEY_VARIABLE = "PRECIS_SERVER_KEY"
PARALLEL_REQUESTS = 4
# Each holds a request until its last word. By default there are six: with more requests waiting, nobody could ask for
# the server's health, or count a prompt's tokens.
HTTP_THREADS = 128
POLL_SECONDS = 0.2
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.5, 15.0
STEADY_SECONDS = 60.0  # a server that ran this long has earned a quick restart
# Whoever read live.json just before a swap still gets an answer from the old server.
RETIRED_AT_LEAST_SECONDS, RETIRED_AT_MOST_SECONDS = 5.0, 120.0
DRAIN_SECONDS = 10.0
EXIT_REFUSED, EXIT_UNREADABLE = 3, 4
REASONS = {EXIT_REFUSED: "refused: sha256", EXIT_UNREADABLE: "the file cannot be read"}


class ModelNotServed(Exception):
    """llama.cpp could not serve a model file; its log says why."""


class Server:
    """A child process that serves one model on a loopback port of its own choosing, behind a random key."""

    def __init__(self, model: Model, log: IO[bytes] | None = None) -> None:
        self.port = 0
        self.api_key = secrets.token_urlsafe(32)
        command = [sys.executable, "-m", "jobs.engine", "serve", str(model.path)]
        command += ["--context-tokens", str(model.context_tokens), "--parent", str(os.getpid())]
        command += ["--sha256", model.sha256] if model.sha256 else []
        command += ["--chat-template", model.chat_template] if model.chat_template else []
        command += [f"--adapter={adapter.path}" for adapter in model.adapters]
        self._process = subprocess.Popen(
            command,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # a Ctrl-C is the parent's to handle: it drains first
        )

    def _environment(self) -> dict[str, str]:
        """No secrets but the key, which stands here because everyone may read a command line."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        # Threads that wait sleep: beside a training, spinning ones (the default) wrote no word in a minute.
        passive = {"OMP_WAIT_POLICY": "passive"}
        return {**kept, **passive, "PYTHONPATH": str(ROOT), KEY_VARIABLE: self.api_key}

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def ready(self) -> bool:
        if not self.port:
            self.port = self._read_port()
        return bool(self.port) and self._get("/health") is not None

    def _read_port(self) -> int:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], 0)
        return int(self._process.stdout.readline() or 0) if readable else 0

    def idle(self) -> bool:
        """True when no request is under way; a server that does not answer counts as busy."""
        if self.exit_code is not None or not self.port:
            return True
        slots = self._get("/slots")
        return slots is not None and not any(slot["is_processing"] for slot in slots)

    def _get(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.api_key}"})
            response = connection.getresponse()
            return json.loads(response.read()) if response.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


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


@contextlib.contextmanager
def temporary_server(
    path: Path,
    *,
    var: Path,
    context_tokens: int = 4096,
    chat_template: str | None = None,
    adapter: Path | None = None,
) -> Iterator[tuple[int, str]]:
    """Serve a model file, with an adapter upon it, for the time of a ``with`` block: (port, api key). What it logs goes
    to ``var/log``.

    Raises ``ModelNotServed``. The server ends with the thread that entered the block.
    """
    log_path = var / "log" / "engine.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        adapters = (Adapter(adapter),) if adapter else ()
        server = Server(Model(path, context_tokens, None, chat_template, adapters), log)
    try:
        while not server.ready():
            if server.exit_code is not None:
                raise ModelNotServed(f"{(adapter or path).name} could not be served; {log_path} says why.")
            time.sleep(0.05)
        yield server.port, server.api_key
    finally:
        server.stop()


def serve(
    path: Path,
    context_tokens: int,
    sha256: str | None,
    chat_template: str | None,
    adapter: list[str],
    parent: int,
) -> int:
    """The child: check the file, load it, tell the parent the port, and serve until killed."""
    die_with_parent(parent)
    api_key = os.environ.pop(KEY_VARIABLE)
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints goes to the log; the pipe carries the port alone
    try:
        if sha256 and file_sha256(path) != sha256:
            return EXIT_REFUSED
    except OSError:
        return EXIT_UNREADABLE
    import xllamacpp  # 100 MB of shared object, and the parent has no use for it

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    # Of several none is in force unasked: a request that names none would be answered by all of them together.
    unasked = 1.0 if len(adapter) == 1 else 0.0
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(each, unasked) for each in adapter]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [api_key]
    params.n_parallel = PARALLEL_REQUESTS
    params.n_threads_http = HTTP_THREADS
    params.chat_template = chat_template or ""
    params.n_ctx = PARALLEL_REQUESTS * context_tokens
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = len(os.sched_getaffinity(0))
    params.fit_params = False  # it may shrink the context without a word
    params.cache_ram_mib = 0  # by default up to 8 GiB of old prompts stay in memory
    params.ui = False
    params.cors_origins = ""
    server = xllamacpp.Server(params)
    # From the first request on nothing is logged: llama.cpp quotes a request that it cannot parse, at every
    # verbosity.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.dup2(2, 1)
    os.write(answer, f"{server.listening_address.rpartition(':')[2]}\n".encode())
    while True:
        signal.pause()  # SIGTERM ends the process as it is: the parent has seen to its requests


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
    child = argparse.ArgumentParser(prog="python -m jobs.engine serve")
    child.add_argument("path", type=Path)
    child.add_argument("--context-tokens", type=int, required=True)
    child.add_argument("--sha256")
    child.add_argument("--chat-template")
    child.add_argument("--adapter", action="append", default=[])
    child.add_argument("--parent", type=int, required=True)
    if arguments[:1] == ["serve"]:
        return serve(**vars(child.parse_args(arguments[1:])))
    return supervise(parser.parse_args(arguments).var)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
