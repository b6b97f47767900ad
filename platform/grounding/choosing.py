"""Which of several drafts to keep: the one the others agree with most and the record bears out best.

Agreement is minimum Bayes risk decoding with word overlap as its utility (arXiv:2111.04718): what a model says by chance
it says once. What it always gets wrong only the record can tell, hence the detector beside it.
"""

import re
from collections import Counter
from collections.abc import Sequence

from grounding.detector import Detector, Judged, get_detector
from grounding.evidence import Record

WHOLE_WEIGHT, SENTENCE_WEIGHT, PROVEN_WEIGHT = 0.1, 0.05, 0.2
"""What a text that is surely wrong costs in agreement (0 to 1), each flagged sentence, and each that an exact check proves
wrong: that one outweighs a majority. Tried in docs/experiments.md.
"""
_WORD = re.compile(r"\w+")


def choose(source: str, drafts: Sequence[str], detector: Detector | None = None) -> int:
    """The number of the best of ``drafts`` about ``source``, the first of equals; an empty one only among empty ones.

    Raises ValueError where there are none.
    """
    if len(drafts) == 1:
        return 0
    record, detector = Record(source), detector or get_detector()
    worth = [
        (bool(draft.strip()), agreement - _cost(detector.judge_against(record, draft)))
        for draft, agreement in zip(drafts, agreements(drafts), strict=True)
    ]
    return worth.index(max(worth))


def agreements(drafts: Sequence[str]) -> list[float]:
    """How far each draft says what the others say: mean F1 of its words and its pairs of words, 0 to 1."""
    counted = [(_grams(draft, 1), _grams(draft, 2)) for draft in drafts]
    return [
        sum(_f1(own[0], other[0]) + _f1(own[1], other[1]) for other in counted[:n] + counted[n + 1 :])
        / (2 * (len(drafts) - 1))
        for n, own in enumerate(counted)
    ]


def _cost(judged: Judged) -> float:
    proven = sum(sentence.proven for sentence in judged.sentences)
    return (
        WHOLE_WEIGHT * judged.probability
        + SENTENCE_WEIGHT * judged.flagged_sentences
        + PROVEN_WEIGHT * proven
    )


def _grams(text: str, length: int) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return Counter(zip(*(words[first:] for first in range(length)), strict=False))


def _f1(one: Counter[tuple[str, ...]], other: Counter[tuple[str, ...]]) -> float:
    return 2 * (one & other).total() / max(1, one.total() + other.total())
