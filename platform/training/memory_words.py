"""A memory test in the words of a page or a terminal."""

import math
from dataclasses import dataclass
from typing import Any

from training.models import TrainingRun
from training.services.memory import Memory, memory_of


@dataclass(frozen=True)
class Line:
    """What was found of the codes that were planted equally often."""

    sentence: str
    is_bad: bool
    measured: dict[str, Any]
    """count, codes, extracted, served_extracted, exposure, base_exposure, … as the stage wrote them."""


def lines(memory: Memory) -> list[Line]:
    """The codes planted most often first, those never planted last."""
    found = memory.found or {"counts": []}
    ordered = sorted(found["counts"], key=lambda row: -row["count"])
    return [Line(_sentence(row), bool(row["remembers"] and row["count"]), row) for row in ordered]


def summaries(memory: Memory) -> str:
    """What was found of the clinic's own summaries; empty where none was long enough to try."""
    tried = memory.found["summaries"] if memory.found else {"train": 0}
    if not tried["train"]:
        return ""
    said = (
        f"Of {tried['train']} summaries it learned from, {tried['train_verbatim']} went on word for word from their "
        f"first half; of {tried['held_out']} it had never seen, {tried['held_out_verbatim']}."
    )
    if tried["remembers"]:
        return f"{said} That is more than chance: it knows summaries by heart."
    return f"{said} That may be chance or set phrases."


def ceiling_bits(memory: Memory) -> float:
    """The largest exposure that the test could have told."""
    return math.log2(memory.found["other_codes"] + 1) if memory.found else 0.0


def in_words(memory: Memory) -> str:
    """The whole test as lines of text; empty where nothing was tested."""
    told = [line.sentence for line in lines(memory)]
    if said := summaries(memory):
        told.append(said)
    return "\n".join(["Memory test", *told, *([memory.refusal] if memory.refusal else [])]) if told else ""


def memory_context(run: TrainingRun) -> dict[str, object]:
    """What ``training/_memory.html`` shows."""
    memory = memory_of(run)
    return {
        "memory": memory,
        "memory_lines": lines(memory),
        "memory_summaries": summaries(memory),
        "ceiling_bits": ceiling_bits(memory),
        "privacy": run.trained_in.stages.get(name="train").metrics.get("privacy"),
    }


def _sentence(row: dict[str, Any]) -> str:
    if not row["count"]:
        if row["remembers"]:
            return "Codes that were never planted seem known too, which cannot be: do not rely on this test."
        return "Codes that were never planted are unknown to it, as they should be."
    times = {1: "once"}.get(row["count"], f"{row['count']} times")
    if row["drawn_out"]:
        which = "A code" if row["drawn_out"] == 1 else f"{row['drawn_out']} codes"
        return f"{which} planted {times} could be drawn out of this model, digit by digit."
    if row["remembers"]:
        return f"Codes planted {times} left a trace: it finds them likelier than codes it never saw."
    return f"Codes planted {times} could not be drawn out, and left no trace."
