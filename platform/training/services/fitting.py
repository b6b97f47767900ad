"""Make a model fit a size: what to try, the gentlest first."""

from training.models import ModelArtifact
from training.options import CUTS, SmallerOptions

BITS = {"Q8_0": 8.5, "Q6_K": 6.5625, "Q5_K": 5.5, "Q5_0": 5.5, "Q4_K": 4.5, "Q4_0": 4.5}
"""A weight takes so many, its scale included. K-quants take more where a tensor's width is no multiple of 256."""
MOST_TYPES = 3


def tries(whole: ModelArtifact, budget_bytes: int, most_lost: float) -> list[SmallerOptions]:
    """For each cut that may fit the budget, the closest types that do, by estimate; empty where nothing may."""
    found = []
    for name, cut in CUTS.items():
        fitting = tuple(kind for kind in BITS if estimated_bytes(whole, kind, cut.share) <= budget_bytes)
        if fitting:
            mixed = next((kind for kind in fitting if kind != "Q8_0"), "")
            found.append(
                SmallerOptions(cut=name, types=fitting[:MOST_TYPES], mixed_like=mixed, most_lost=most_lost)
            )
    return found


def smallest_bytes(whole: ModelArtifact) -> int:
    """What the most that Precis does would come to, by estimate."""
    return int(min(estimated_bytes(whole, kind, cut.share) for kind in BITS for cut in CUTS.values()))


def estimated_bytes(whole: ModelArtifact, kind: str, share: float) -> float:
    return whole.bytes * share * BITS[kind] / BITS.get(whole.quantization, BITS["Q8_0"])
