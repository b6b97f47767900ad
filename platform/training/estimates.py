"""Plans and rehearsals in the words and measures of a page or a terminal."""

from dataclasses import dataclass
from typing import Any

from training.services.preflight import Rehearsal


def size(count: float) -> str:
    """Bytes as a person says them: 4.9 MB, 16.1 GB."""
    if count < 99.95e6:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1e6:,.0f} MB" if count < 999.5e6 else f"{count / 1e9:.1f} GB"


def plan_rows(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """A machine plan, line by line."""
    weights, acts, disk = plan["weights_bytes"], plan["activation_bytes"], plan["disk_bytes"]
    batch = f"{plan['rows']} × {plan['tokens']:,} tokens"
    return [
        ("Parameters", f"{plan['parameters']:,}"),
        (f"… of which trained (LoRA rank {plan['lora_rank']})", f"{plan['trainable_parameters']:,}"),
        ("Weights in 32 bits", size(weights["fp32"])),
        ("Weights in 16 bits", size(weights["bf16"])),
        ("Weights in 4 bits (NF4)", size(weights["nf4"])),
        ("Adapter", size(plan["adapter_bytes"])),
        ("Gradients", size(plan["gradient_bytes"])),
        ("Optimizer (AdamW)", size(plan["optimizer_bytes"])),
        (f"Activations of {batch}, 32 bits", size(acts["fp32"])),
        ("… recomputed instead of kept", size(acts["fp32_recomputed"])),
        (f"Activations of {batch}, 16 bits", size(acts["bf16"])),
        ("… recomputed instead of kept", size(acts["bf16_recomputed"])),
        ("On disk: a checkpoint", size(disk["checkpoint"])),
        *((f"On disk: the {name} file", size(count)) for name, count in disk["exports"].items()),
        ("On disk: at its fullest, while compressing", size(disk["compressing"])),
    ]


def duration(seconds: float) -> str:
    """As a person says it: 40 seconds, 12 minutes, 2.5 hours."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 90 * 60 else f"{seconds / 3600:.1f} hours"


@dataclass(frozen=True)
class Estimate:
    """A line of the rehearsal on the run's page."""

    label: str
    estimated: str
    actual: str
    error: str


def estimate_rows(rehearsal: Rehearsal) -> list[Estimate]:
    """Time and memory of the training, before and after."""
    rows = [("Training time", rehearsal.seconds, duration), ("Memory", rehearsal.peak_bytes, size)]
    return [
        Estimate(
            label,
            say(figure.estimated),
            "" if figure.actual is None else say(figure.actual),
            "" if figure.error_percent is None else f"{figure.error_percent:+.0f} %",
        )
        for label, figure, say in rows
    ]


def preflight_words(facts: dict[str, Any]) -> list[str]:
    """What was measured before the first step, in sentences."""
    said = [
        f"Training takes about {duration(facts['seconds'])} and {size(facts['peak_bytes'])} of memory; "
        f"{size(facts['limit_bytes'])} are free.",
        f"The disk needs room for {size(facts['disk_bytes']['needed'])} while the run works; "
        f"{size(facts['free_disk_bytes'])} are free.",
    ]
    if facts["chosen"]["recompute"]:
        said.append(
            "Memory is short, so activations are computed twice: slower by about a third, same result."
        )
    elif facts["chosen"]["tokens_at_once"]:
        said.append("Memory is short, so each step takes its records in parts: slightly slower, same result.")
    return said


def later_words(rehearsal: Rehearsal) -> str:
    """What comes after training, from earlier runs; empty before the first."""
    titles = {"quantize": "compressing", "extract": "the memory test", "evaluate": "evaluating"}
    parts = [
        f"{title} {duration(rehearsal.later_seconds[name])}"
        for name, title in titles.items()
        if name in rehearsal.later_seconds
    ]
    return ", ".join(parts)


def error_words(rehearsal: Rehearsal | None) -> str:
    """Estimate against actual, for a terminal."""
    rows = estimate_rows(rehearsal) if rehearsal else []
    said = [
        f"{row.label}: {row.actual} (estimated {row.estimated}, {row.error})" for row in rows if row.actual
    ]
    return ". ".join(said) or "The training was resumed, so its time cannot be compared with the estimate."
