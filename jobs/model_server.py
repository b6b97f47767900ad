"""One llama.cpp server in a process of its own: for the engine, and for a stage or command that asks a file for a while.

    python -m jobs.model_server FILE.gguf --context-tokens N --parent PID

``Server`` starts it and is its handle. The child prints the port that it got, answers whoever has the key, and ends
with its parent. It logs how it loads, and nothing after. The parent's side knows nothing of Django, torch or llama.cpp.
"""

import argparse
import contextlib
import http.client
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from jobs.deployed import Adapter, Model
from jobs.lifeline import die_with_parent
from jobs.rundir import file_sha256

ROOT = Path(__file__).resolve().parent.parent
KEY_VARIABLE = "PRECIS_SERVER_KEY"
PARALLEL_REQUESTS = 4
# Each holds a request until its last word. By default there are six: with more requests waiting, nobody could ask for
# the server's health, or count a prompt's tokens.
HTTP_THREADS = 128
EXIT_REFUSED, EXIT_UNREADABLE = 3, 4


class ModelNotServed(Exception):
    """llama.cpp could not serve a model file; its log says why."""


class Server:
    """A child process that serves one model on a loopback port of its own choosing, behind a random key."""

    def __init__(self, model: Model, log: IO[bytes] | None = None) -> None:
        self.port = 0
        self.api_key = secrets.token_urlsafe(32)
        command = [sys.executable, "-m", "jobs.model_server", str(model.path)]
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


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m jobs.model_server")
    parser.add_argument("path", type=Path)
    parser.add_argument("--context-tokens", type=int, required=True)
    parser.add_argument("--sha256")
    parser.add_argument("--chat-template")
    parser.add_argument("--adapter", action="append", default=[])
    parser.add_argument("--parent", type=int, required=True)
    return serve(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
