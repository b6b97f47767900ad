"""What ``deployed.json`` asks of the engine: which files to serve, each by itself or several adapters upon one base.

    {"models": [{"sha256", "path", "context_tokens"[, "base": {"sha256", "path"}, "chat_template"]}]}

An entry with a base is an adapter. Those with the same base are one model: it is in memory once.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs.rundir import file_sha256


@dataclass(frozen=True, order=True)
class Adapter:
    """Without a ``sha256`` the file is served as it is."""

    path: Path
    sha256: str | None = None

    @property
    def is_intact(self) -> bool:
        """Whether the file is the one that was deployed. Reads it."""
        try:
            return self.sha256 in (None, file_sha256(self.path))
        except OSError:
            return False


@dataclass(frozen=True)
class Model:
    """What one process serves. Without a ``sha256`` the file is served as it is."""

    path: Path
    context_tokens: int
    sha256: str | None = None
    chat_template: str | None = None
    """For a base model whose file brings none; a file of ours has its own."""
    adapters: tuple[Adapter, ...] = ()
    """Upon the file. Which one answers stands in each request; without a word of it one that is alone does, and of
    several none."""

    @property
    def hashes(self) -> list[str | None]:
        """Of the files that were deployed: what a request may ask for."""
        return [adapter.sha256 for adapter in self.adapters] or [self.sha256]


def read(pointer: Path) -> list[Model]:
    """Raises ValueError, KeyError or TypeError for anything but the agreed form."""
    entries = json.loads(pointer.read_text(encoding="utf-8"))["models"]
    models = [_whole(entry) for entry in entries if "base" not in entry]
    on_bases: dict[Model, list[Adapter]] = {}
    for entry in entries:
        if "base" in entry:
            alone = _whole({**entry, **entry["base"]})
            on_bases.setdefault(alone, []).append(Adapter(_path(entry), _hash(entry)))
    # In an order of their own, so that a process is not started anew for a list written otherwise.
    return models + [replace(base, adapters=tuple(sorted(each))) for base, each in on_bases.items()]


def _whole(entry: dict[str, Any]) -> Model:
    tokens, template = int(entry["context_tokens"]), entry.get("chat_template")
    if tokens <= 0:
        raise ValueError
    return Model(_path(entry), tokens, _hash(entry), str(template) if template else None)


def _path(entry: dict[str, Any]) -> Path:
    path = Path(entry["path"])
    if not path.is_absolute():
        raise ValueError
    return path


def _hash(entry: dict[str, Any]) -> str:
    if not (sha256 := str(entry["sha256"])):
        raise ValueError
    return sha256
