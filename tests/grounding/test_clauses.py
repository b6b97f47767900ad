"""A clause added to a long true sentence counts in full; a word of a list is held against no clause that it is not of."""

import pytest

from grounding.clauses import clauses, worst_unknown
from grounding.detector import get_detector
from grounding.evidence import Record
from grounding.pieces import Piece

SOURCE = """Doctor: What brings you in?
Patient: My lower back hurts when I sit for long, since three weeks, and the pain goes down my left leg.
Doctor: Have you tried anything?
Patient: Ibuprofen, and a warm bath helps.
Doctor: I will send you to physiotherapy."""
TRUE = "Her lower back hurts when she sits for long, the pain goes down her left leg, and a warm bath helps"


def _piece(text: str) -> Piece:
    return Piece(0, len(text), text)


def test_a_sentence_has_a_clause_for_each_thing_it_says() -> None:
    found = clauses(_piece("Her knee hurts, and a brace was ordered."))
    assert [[term.form for term in clause] for clause in found] == [["kne", "pain"], ["brac", "order"]]


@pytest.mark.parametrize("between", [", and ", "; ", " and ", ", but "])
def test_an_added_clause_counts_in_full_however_long_the_sentence(between: str) -> None:
    record, added = Record(SOURCE), "her grandmother underwent dialysis"
    assert worst_unknown(_piece(f"{TRUE}."), record) == 0
    assert worst_unknown(_piece(f"{TRUE}{between}{added}."), record) == 1


def test_a_word_of_a_list_is_not_judged_with_a_clause_it_is_not_of() -> None:
    record, both = Record(SOURCE), _piece("She was sent to physiotherapy, a cushion and slippers.")
    assert [len(clause) for clause in clauses(both)] == [3, 2]
    assert worst_unknown(both, record) == 1
    assert len(clauses(_piece("She was sent to physiotherapy and slippers."))) == 1
    assert worst_unknown(_piece("She was sent to physiotherapy and slippers."), record) == 0


def test_a_long_sentence_is_flagged_for_the_clause_that_was_added_to_it() -> None:
    right, wrong = (
        get_detector().judge(SOURCE, f"{text}.")
        for text in (TRUE, f"{TRUE}, and her grandmother underwent dialysis")
    )
    assert not right.flagged
    assert wrong.flagged
