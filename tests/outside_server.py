"""Our llama.cpp as a clinic would run it on another machine: under a name, behind a key, with a certificate or none.

    python -m tests.outside_server MODEL.gguf NAME KEY CONTEXT_TOKENS

A process of its own, so that it can be killed. It prints its port, and serves until then.
"""

import contextlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEY = "the clinic's key"


@dataclass
class OutsideServer:
    port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def outside_server(model: Path, name: str, context_tokens: int = 4096) -> Iterator[OutsideServer]:
    command = [sys.executable, "-m", "tests.outside_server", str(model), name, KEY, str(context_tokens)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield OutsideServer(int(process.stdout.readline()), process)
        finally:
            process.kill()


@contextmanager
def encrypted(port: int, certificate: Path, private_key: Path) -> Iterator[int]:
    """A TLS proxy before ``port``, as clinics put one before their servers; llama.cpp's library here has no TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private_key)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = listener.accept()
                threading.Thread(target=pass_on, args=(raw,), daemon=True).start()

    def pass_on(raw: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(raw, server_side=True) as theirs,
            socket.create_connection(("127.0.0.1", port)) as ours,
        ):
            threading.Thread(target=pump, args=(ours, theirs), daemon=True).start()
            pump(theirs, ours)

    def pump(source: socket.socket, sink: socket.socket) -> None:
        """Until one side ends, and then both."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for side in (source, sink):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def main(model: str, name: str, key: str, context_tokens: str) -> None:
    import xllamacpp

    from tests.jobs.running_engine import use_one_core

    use_one_core()
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {name}
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [key]
    params.n_parallel, params.n_ctx = 2, 2 * int(context_tokens)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.fit_params = False
    server = xllamacpp.Server(params)
    print(server.listening_address.rpartition(":")[2], flush=True)
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
