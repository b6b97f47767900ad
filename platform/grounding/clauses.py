"""The clauses of a sentence that can be true or false on their own: "his knee hurts, and a chest film was taken" says two things.

What is added to a long true sentence is few of its words, but all of a clause.
"""

import re

from grounding.checks.words import is_known
from grounding.evidence import Record
from grounding.pieces import Piece
from grounding.terms import Term, terms

_BETWEEN = re.compile(
    r"[;:,]\s|\s(?:and|but|or|then|so|which|who|however|although|though|whereas|while|because|with|as well as|along with)\s",
    re.IGNORECASE,
)
_OWN_WORDS = 2


def clauses(sentence: Piece) -> list[list[Term]]:
    """The content words of each clause, two at least.

    Single words in a row are the rest of a list, one clause by themselves: in "physiotherapy, a cushion and slippers" the
    last two. They need not belong to what stands before them, and alone each says too little to be judged.
    """
    content = [term for term in terms(sentence.text) if term.form[0].isalpha()]
    cuts = [match.start() for match in _BETWEEN.finditer(sentence.text)]
    found: list[list[Term]] = []
    listed: list[Term] = []
    for first, last in zip([0, *cuts], [*cuts, len(sentence.text)], strict=True):
        part = [term for term in content if first <= term.start < last]
        if len(_forms(part)) >= _OWN_WORDS:
            found += [part, listed]
            listed = []
        else:
            listed = listed + part
    return [part for part in [*found, listed] if len(_forms(part)) >= _OWN_WORDS]


def _forms(part: list[Term]) -> set[str]:
    return {term.form for term in part}


def worst_unknown(sentence: Piece, record: Record) -> float:
    """How far more than half of its words the record lacks, in the clause that lacks most: 0 for half, 1 for all of them."""
    shares = [
        sum(not is_known(term, record) for term in clause) / len(clause) for clause in clauses(sentence)
    ]
    return max(2 * max(shares, default=0.0) - 1, 0.0)
