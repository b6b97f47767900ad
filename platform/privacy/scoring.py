"""How much of the gold PHI a scrubber covers, and how much else it takes away."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from privacy.kinds import Kind, Span

Find = Callable[[str], Sequence[Span]]


@dataclass(frozen=True)
class Score:
    """Shares between 0 and 1.

    A gold span is caught only if every letter and digit of it is covered, partial if some but not all are.
    Precision is the share of redacted letters and digits that are gold; both are 1.0 where nothing counts.
    """

    recall: float
    recall_by_kind: dict[str, float]
    partial_by_kind: dict[str, float]
    precision_chars: float
    phi_free_touched: float
    texts: int
    spans: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def score(gold: Iterable[tuple[str, Sequence[Span]]], find: Find, left_out: Collection[Kind] = ()) -> Score:
    """Compare ``find`` with gold (text, spans) pairs. Kinds need not agree: what is covered is what counts.

    Gold of a kind ``left_out`` is neither missed nor wrongly redacted, and a text that holds some is not PHI-free.
    """
    total: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    partial: Counter[str] = Counter()
    redacted = redacted_gold = texts = phi_free = touched = 0
    for text, spans in gold:
        texts += 1
        counted = [span for span in spans if span.kind not in left_out]
        covered, wanted = _letters(text, find(text)), _letters(text, counted)
        right = covered & wanted
        redacted_gold += len(right)
        redacted += len(right | covered - _letters(text, spans))
        if not spans:
            phi_free += 1
            touched += bool(covered)
        for span in counted:
            letters = _letters(text, [span])
            total[span.kind] += 1
            caught[span.kind] += letters <= covered
            partial[span.kind] += bool(letters & covered) and not letters <= covered
    return Score(
        recall=_share(caught.total(), total.total()),
        recall_by_kind={str(kind): _share(caught[kind], total[kind]) for kind in sorted(total)},
        partial_by_kind={str(kind): _share(partial[kind], total[kind], 0.0) for kind in sorted(total)},
        precision_chars=_share(redacted_gold, redacted),
        phi_free_touched=_share(touched, phi_free, 0.0),
        texts=texts,
        spans=total.total(),
    )


def missed(gold: Iterable[tuple[str, Sequence[Span]]], find: Find) -> Iterator[tuple[str, Span]]:
    """The gold spans not caught, each with its text. For open gold sets only: this is what a log must never hold."""
    for text, spans in gold:
        covered = _letters(text, find(text))
        yield from ((text, span) for span in spans if not _letters(text, [span]) <= covered)


def _letters(text: str, spans: Sequence[Span]) -> set[int]:
    return {i for span in spans for i in range(span.start, span.end) if text[i].isalnum()}


def _share(part: int, whole: int, empty: float = 1.0) -> float:
    return round(part / whole, 4) if whole else empty
