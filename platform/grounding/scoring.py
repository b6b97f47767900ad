"""How well a detector tells true texts from false ones, with a lexical floor beside it. Pure."""

from collections.abc import Sequence
from statistics import fmean

from grounding.terms import terms

Truth = Sequence[float]
"""1 where a text is wrong (not borne out), 0 where it is right."""


def area_under_curve(scores: Sequence[float], wrong: Truth) -> float:
    """The chance that a wrong text scores above a right one, ties half (Mann-Whitney). NaN where one kind is missing."""
    ranks = _ranks(scores)
    positives = sum(each > 0 for each in wrong)
    negatives = len(wrong) - positives
    if not positives or not negatives:
        return float("nan")
    total = sum(rank for rank, each in zip(ranks, wrong, strict=True) if each > 0)
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def _ranks(scores: Sequence[float]) -> list[float]:
    """From 1, equal scores sharing their mean."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks = [0.0] * len(scores)
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and scores[order[last + 1]] == scores[order[first]]:
            last += 1
        for at in order[first : last + 1]:
            ranks[at] = (first + last) / 2 + 1
        first = last + 1
    return ranks


def balanced_accuracy(flagged: Sequence[bool], wrong: Truth) -> float:
    """Mean of the share of wrong texts flagged and of right ones left alone. NaN where one kind is missing."""
    hits = [flag for flag, each in zip(flagged, wrong, strict=True) if each > 0]
    passes = [not flag for flag, each in zip(flagged, wrong, strict=True) if each == 0]
    return (fmean(hits) + fmean(passes)) / 2 if hits and passes else float("nan")


def calibration_error(chances: Sequence[float], wrong: Truth, bins: int = 10) -> float:
    """Expected calibration error over ``bins`` of equal width (Guo et al. 2017)."""
    total = 0.0
    for number in range(bins):
        inside = [
            (chance, each)
            for chance, each in zip(chances, wrong, strict=True)
            if min(int(chance * bins), bins - 1) == number
        ]
        if inside:
            total += len(inside) * abs(fmean(c for c, _ in inside) - fmean(w for _, w in inside))
    return total / len(chances) if chances else float("nan")


LEXICAL_THRESHOLD = 0.5


def lexical(source: str, claim: str) -> float:
    """The floor: the share of a claim's content words that the record lacks."""
    held = {term.form for term in terms(source)}
    content = [term.form for term in terms(claim)]
    return sum(form not in held for form in content) / len(content) if content else 0.0
