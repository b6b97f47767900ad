"""Progress of a stage: one JSON line a step, appended by the stage, followed by supervisor and pages."""

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jobs.rundir import RunDir


@dataclass(frozen=True)
class Progress:
    """Where a stage stood at one moment."""

    at: float
    """Seconds since the epoch."""
    done: float
    total: float
    unit: str
    """What ``done`` counts: "rows", "tokens", "tensors"."""
    message: str = ""
    seconds_left: float | None = None
    """None while it cannot be told yet."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Numbers worth a chart: loss, tokens_per_s."""

    @property
    def fraction(self) -> float:
        """Between 0 and 1; 0 where the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def report(
    target: RunDir | Path,
    *,
    done: float,
    total: float,
    unit: str,
    message: str = "",
    seconds_left: float | None = None,
    **metrics: float,
) -> None:
    """Append a line to the run's progress file. ``message`` is ours and never holds a record's words."""
    path = target.progress if isinstance(target, RunDir) else target
    line = json.dumps(asdict(Progress(time.time(), done, total, unit, message, seconds_left, metrics)))
    with path.open("ab+") as file:
        # A stage killed while writing leaves half a line; a new one must not be glued to it.
        if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
            line = "\n" + line
        file.write(line.encode() + b"\n")


def read_new(path: Path, offset: int = 0) -> tuple[list[Progress], int]:
    """The lines finished since ``offset`` bytes, and the offset to ask from next time.

    A half-written last line is left for the next call; a line that is no progress line is passed over.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    finished = data[: data.rfind(b"\n") + 1]
    lines = [progress for line in finished.splitlines() if (progress := _parse(line)) is not None]
    return lines, offset + len(finished)


def _parse(line: bytes) -> Progress | None:
    try:
        fields: dict[str, Any] = json.loads(line)
        return Progress(**fields)
    except (ValueError, TypeError):
        return None
