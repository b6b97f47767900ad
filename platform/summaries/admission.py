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
        # Twice round: ``is_idle`` holds a place for the moment in which it looks.
        for number in [*range(places)] * 2:
            file = held.enter_context((folder / f"{number}.lock").open("w"))
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        else:
            raise QueueFull("Too many summaries are being written just now.")
        yield


def is_idle(folder: Path, places: int) -> bool:
    """Whether nobody holds a place just now."""
    for number in range(places):
        try:
            with (folder / f"{number}.lock").open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            continue
        except BlockingIOError:
            return False
    return True
