"""A draft and a candidate's text, both held against what a clinician made of the draft: in figures, without words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from jobs.metrics import FEWEST_TO_TEST, paired, rouge_per_row
from privacy.placeholders import PLACEHOLDER
from training.measures import SIGNIFICANT

SEED = 7
# A placeholder is one word, and so is 2.5; "25mg" are two, as "25 mg" are.
_WORD = re.compile(rf"{PLACEHOLDER.pattern}|\d+(?:[.,]\d+)*|[^\W\d_]+")


def measure(*, draft: str, corrected: str, candidate: str) -> dict[str, float]:
    """Likeness of both to the ``corrected`` text, and what became of the words that the clinician took out and put in.

    Each word or number counts once; one that only moved was neither taken out nor put in.
    """
    likeness = rouge_per_row([(corrected, draft), (corrected, candidate)])["rouge1"]
    was, now, said = _words(draft), _words(corrected), _words(candidate)
    return {
        "draft_rouge1": likeness[0],
        "candidate_rouge1": likeness[1],
        "struck_out": len(was - now),
        "came_back": len((was - now) & said),
        "put_in": len(now - was),
        "found": len((now - was) & said),
    }


def _words(text: str) -> set[str]:
    return {match.group().lower() for match in _WORD.finditer(text)}


@dataclass(frozen=True)
class Figures:
    """``measure`` over ``drafts`` drafts: means, counts of drafts, counts of words; the test is None for too few."""

    fewest: ClassVar = FEWEST_TO_TEST
    drafts: int
    closer: int
    same: int
    further: int
    draft_rouge1: float
    candidate_rouge1: float
    struck_out: int
    came_back: int
    put_in: int
    found: int
    test: Mapping[str, float] | None

    @property
    def verdict(self) -> str:
        """“closer” or “further” where chance rarely does that, “unclear” where it may, “few” where nobody can tell."""
        if self.test is None:
            return "few"
        if self.test["p"] >= SIGNIFICANT:
            return "unclear"
        return "closer" if self.test["value"] > 0 else "further"


def figures(measured: Sequence[Mapping[str, Any]]) -> Figures:
    was = [each["draft_rouge1"] for each in measured]
    now = [each["candidate_rouge1"] for each in measured]
    gains = [after - before for before, after in zip(was, now, strict=True)]
    counts = {
        name: sum(each[name] for each in measured) for name in ("struck_out", "came_back", "put_in", "found")
    }
    return Figures(
        drafts=len(measured),
        closer=sum(gain > 0 for gain in gains),
        same=gains.count(0),
        further=sum(gain < 0 for gain in gains),
        draft_rouge1=sum(was) / len(measured) if measured else 0,
        candidate_rouge1=sum(now) / len(measured) if measured else 0,
        test=paired(was, now, seed=SEED) if len(measured) >= FEWEST_TO_TEST else None,
        **counts,
    )
