"""What pages say about a blind reading, row by row. Pure."""

from dataclasses import dataclass

from records.highlight import KINDS
from records.services.leak_bound import Bound, Standing


@dataclass(frozen=True)
class BoundRow:
    """``leaks`` texts of those read had something of ``label``; at most ``percent`` of all have."""

    label: str
    leaks: int
    percent: float


def bound_rows(reading: Standing) -> list[BoundRow]:
    """All kinds together, each kind that leaked, and what holds for each of the others."""
    leaked = [_row(KINDS[kind][0], bound) for kind, bound in reading.by_kind.items()]
    others = "Each other kind" if leaked else "Each kind by itself"
    return [_row("All kinds together", reading.overall), *leaked, _row(others, reading.clean_kind)]


def _row(label: str, bound: Bound) -> BoundRow:
    return BoundRow(label, bound.leaks, 100 * bound.rate)
