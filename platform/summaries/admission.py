"""The queue before the engine: so many requests at once, over all web processes of this machine, and no more.

A place is a locked file. The system unlocks it when its process dies, so that a crash costs no place. The locks are those of
open files (fcntl(2), F_OFD_SETLK): each of a process's threads has its own, and one can be asked about without taking it.
"""

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

RETRY_AFTER_SECONDS = 5
_LOCK = "hhqqi"
"""struct flock: kind, whence, start, length, process."""
_WHOLE_FILE = struct.pack(_LOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


class QueueFull(Exception):
    """As many requests as may wait are waiting already."""


@contextlib.contextmanager
def place(folder: Path, places: int) -> Iterator[None]:
    """Hold one of ``places`` while the block runs. Raises ``QueueFull`` at once where none is free."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.ExitStack() as held:
        for number in range(places):
            file = held.enter_context((folder / f"{number}.lock").open("w"))
            with contextlib.suppress(BlockingIOError):
                fcntl.fcntl(file, fcntl.F_OFD_SETLK, _WHOLE_FILE)
                break
        else:
            raise QueueFull("Too many summaries are being written just now.")
        yield


def is_idle(folder: Path, places: int) -> bool:
    """Whether nobody holds a place just now. Only looks: it holds none, not for a moment."""
    for number in range(places):
        with contextlib.suppress(FileNotFoundError), (folder / f"{number}.lock").open("r") as file:
            found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _WHOLE_FILE)
            if struct.unpack(_LOCK, found)[0] != fcntl.F_UNLCK:
                return False
    return True
