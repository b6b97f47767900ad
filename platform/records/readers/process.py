"""Run a reader in a process of its own: one gigabyte, thirty seconds, no network, no file. Knows nothing of Django.

The child is ``python -m records.readers.child``. It gets a bare environment and the file on its standard input, and
answers on its standard output; both are pipes, so that no text ever lies on a disk. It dies with this process.
"""

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from records.readers.decoding import Choice, EncodingUnknown
from records.readers.rows import UnreadableFile

READ_SECONDS = 30.0
MAX_ANSWER_BYTES = 64 * 1024**2
PARENT = "PRECIS_PARENT"

_PIECE = 64 * 1024
_ROOT = Path(__file__).resolve().parents[3]
_TOO_LONG = (
    "Reading the file took longer than {seconds:.0f} seconds, so it was stopped. Split it and upload the parts; "
    "of scanned paper, about five pages at a time."
)
_TOO_MUCH = "Reading the file needs more memory than one file may use. Split it and upload the parts."
_DAMAGED = (
    "The file is damaged, or is not really {suffix}. Open it in its program, save it again, and try that."
)
_BUSY = "Several large files are being read just now. Try again in a minute."

# Each child may use a gigabyte: a handful of uploads at once must not take the machine's memory from the clinic.
_at_once = threading.BoundedSemaphore(2)
logger = logging.getLogger(__name__)


def read_packed(suffix: str, data: bytes, encoding: str = "", seconds: float = READ_SECONDS) -> bytes:
    """What the reader for ``suffix`` makes of ``data``, as ``packing`` packs it.

    Raises ``UnreadableFile`` or ``EncodingUnknown``. Whatever happens to the child, this returns or raises in time.
    """
    if not _at_once.acquire(timeout=2 * seconds):
        raise UnreadableFile(_BUSY)
    try:
        answer, exit_code = _ask_child(suffix, data, encoding, seconds)
    finally:
        _at_once.release()
    if exit_code != 0 or not answer:
        logger.warning("the reader of a %s file ended with %s", suffix, exit_code)
        # Native code has no MemoryError: it aborts, or the kernel kills it.
        raise UnreadableFile(_TOO_MUCH)
    return _understood(suffix, answer)


def _understood(suffix: str, answer: bytes) -> bytes:
    kind, body = answer[:1], answer[1:]
    if kind == b"R":
        return body
    if kind == b"Q":
        raise EncodingUnknown([Choice(**choice) for choice in json.loads(body)])
    if kind == b"U":
        raise UnreadableFile(body.decode())
    if kind == b"M":
        raise UnreadableFile(_TOO_MUCH)
    logger.warning("the reader of a %s file gave up: %s", suffix, body.decode(errors="replace"))
    raise UnreadableFile(_DAMAGED.format(suffix=suffix))


def _ask_child(suffix: str, data: bytes, encoding: str, seconds: float) -> tuple[bytes, int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "records.readers.child", suffix, encoding],
        cwd="/",
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a parser's complaint may quote the file
        start_new_session=True,
    )
    try:
        answer = _converse(process, memoryview(data), time.monotonic() + seconds)
        return answer, process.wait(timeout=5)
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise UnreadableFile(_TOO_LONG.format(seconds=seconds)) from error
    finally:
        _end(process)


def _converse(process: subprocess.Popen[bytes], data: memoryview, deadline: float) -> bytes:
    """Give the child its input and take its answer, neither longer than may be. Raises ``TimeoutError``."""
    assert process.stdin is not None
    assert process.stdout is not None
    answer: list[bytes] = []
    size = sent = 0
    with selectors.DefaultSelector() as selector:
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                if key.fileobj is process.stdout:
                    piece = os.read(key.fd, _PIECE)
                    size += len(piece)
                    if size > MAX_ANSWER_BYTES:
                        raise UnreadableFile(_TOO_MUCH)
                    if not piece:
                        return b"".join(answer)
                    answer.append(piece)
                    continue
                with contextlib.suppress(BrokenPipeError):  # it has seen enough; its answer says why
                    sent += os.write(key.fd, data[sent : sent + _PIECE])
                    if sent < len(data):
                        continue
                selector.unregister(process.stdin)
                process.stdin.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and whatever it may have started, and let go of the pipes."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _environment() -> dict[str, str]:
    return {
        "LANG": "C.UTF-8",
        "PYTHONPATH": f"{_ROOT / 'platform'}:{_ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
        # One thread each: the limit on address space counts every thread's stack and arena.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
        # onnxruntime reports its use to its makers from native code, where no audit hook sees it.
        "ORT_DISABLE_TELEMETRY": "1",
        PARENT: str(os.getpid()),
    }
