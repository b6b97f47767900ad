"""The queue before the engine: so many requests at once, over all web processes of this machine, and no more.

A place is a locked file. The system unlocks it when its process dies, so that a crash costs no place.
"""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

RETRY_AFTER_SECONDS = 5


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
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        else:
            raise QueueFull("Too many summaries are being written just now.")
        yield
