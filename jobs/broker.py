"""The embedded broker: a folder for each queue, a file for each message, named for the time it was sent.

Kombu's own filesystem transport takes its names from the machine's uptime, so that a reboot upsets the order;
it writes in place, and dies of a file it cannot parse. This one writes by rename, sets bad files aside, and
gives each message to one consumer. It has no fanout, so Celery's remote control is off by itself. A message
taken and not finished when its worker is killed is gone: the database row is the truth, and ``reap`` nudges
again.
"""

import itertools
import json
import logging
import os
import re
import stat
import time
import uuid
from base64 import b64decode
from pathlib import Path
from queue import Empty
from typing import Any, ClassVar

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, virtual

logger = logging.getLogger(__name__)

QUEUE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._@-]*")
BAD = "bad"
SUFFIX = ".msg"
LARGEST_MESSAGE_BYTES = 1_000_000  # messages carry ids; anything near this is none of ours

_count = itertools.count()


def register() -> None:
    """Make kombu and Celery know broker URLs that start with ``folder://``."""
    TRANSPORT_ALIASES["folder"] = "jobs.broker:Transport"


def transport_options(folder: Path) -> dict[str, str]:
    """The options of a ``folder://`` connection to ``folder``; ``folder:///absolute/path`` needs none."""
    return {"folder": str(folder)}


class Channel(virtual.Channel):
    @property
    def folder(self) -> Path:
        client = self.connection.client
        return Path(client.transport_options.get("folder") or f"/{client.virtual_host}")

    def _queue_folder(self, queue: str) -> Path:
        if not QUEUE_NAME.fullmatch(queue) or queue == BAD:
            raise ChannelError(f"Not a queue name: {queue!r}")
        return _private_folder(_private_folder(self.folder) / queue)

    def _new_queue(self, queue: str, **_: Any) -> None:
        self._queue_folder(queue)

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        folder = self._queue_folder(queue)
        # Wall clock first, for the order between processes; the counter keeps it within one if the clock
        # stands.
        name = f"{time.time_ns():020d}-{next(_count):06d}-{uuid.uuid4().hex[:12]}{SUFFIX}"
        hidden = folder / f".{name}"
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(message, file)
                file.flush()
                os.fsync(file.fileno())
            hidden.rename(folder / name)
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise

    def _get(self, queue: str, timeout: Any = None) -> dict[str, Any]:  # kombu's signature
        for path in self._waiting(queue):
            taken = path.with_name(f".{path.name}")
            try:
                if path.lstat().st_size == 0:  # perhaps still being written, by someone who does not rename
                    continue
                path.rename(taken)  # of several consumers, the rename succeeds for one
            except FileNotFoundError:
                continue
            message = _parse(taken)
            if message is None:
                self._set_aside(taken, path.name)
                continue
            taken.unlink()
            return message
        raise Empty

    def _set_aside(self, taken: Path, name: str) -> None:
        taken.rename(_private_folder(self.folder / BAD) / name)
        logger.error("Set aside a file that is no message: %s", name)

    def _purge(self, queue: str) -> int:
        waiting = self._waiting(queue)
        for path in waiting:
            path.unlink(missing_ok=True)
        return len(waiting)

    def _size(self, queue: str) -> int:
        return len(self._waiting(queue))

    def _waiting(self, queue: str) -> list[Path]:
        folder = self._queue_folder(queue)
        names = (name for name in os.listdir(folder) if name.endswith(SUFFIX) and not name.startswith("."))
        return [folder / name for name in sorted(names)]


class Transport(virtual.Transport):
    Channel = Channel
    driver_type = driver_name = "folder"
    polling_interval = 0.2
    default_connection_params: ClassVar[dict[str, str]] = {}  # there is no host to warn of not knowing

    def driver_version(self) -> str:
        return "1"


def _private_folder(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _parse(path: Path) -> dict[str, Any] | None:
    """The message in a file; None if it is truncated, garbage, or JSON that kombu would stumble over."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_MESSAGE_BYTES:
        return None
    try:
        message = json.loads(path.read_text(encoding="utf-8"))
        properties = message["properties"]
        if properties["body_encoding"] == "base64":
            b64decode(message["body"], validate=True)
        whole = (
            isinstance(message["body"], str)
            and isinstance(message["headers"], dict)
            and isinstance(properties["delivery_tag"], str)
            and isinstance(properties["delivery_info"]["routing_key"], str)
            and isinstance(properties["delivery_info"]["exchange"], str)
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return message if whole else None
