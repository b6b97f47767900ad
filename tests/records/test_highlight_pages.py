"""Cutting a text into plain and redacted pieces, and finding words that a reviewer typed."""

import pytest

from privacy.kinds import Kind
from records.forms import occurrences
from records.highlight import KINDS, legend, pieces
from records.models import Redaction
from records.store import Texts


def redaction(start: int, end: int, kind: Kind = Kind.NAME) -> Redaction:
    return Redaction(field="source", start=start, end=end, kind=kind.value, score=1.0, recognizer="test")


def test_pieces_give_the_whole_text_back_in_order() -> None:
    found = pieces("Ann met Bob.", [redaction(8, 11), redaction(0, 3)])
    assert [(piece.start, piece.text, piece.label) for piece in found] == [
        (0, "Ann", "Name"),
        (3, " met ", ""),
        (8, "Bob", "Name"),
        (11, ".", ""),
    ]


def test_of_overlapping_redactions_the_earlier_keeps_what_both_cover() -> None:
    found = pieces("John Smith here", [redaction(0, 10), redaction(5, 12), redaction(2, 4)])
    assert [(piece.start, piece.text) for piece in found if piece.redaction] == [
        (0, "John Smith"),
        (10, " h"),
    ]


def test_windows_line_ends_keep_later_offsets_true() -> None:
    text = "Hi\r\nAnn\rx"
    found = pieces(text, [redaction(4, 7)])
    assert [piece.text for piece in found] == ["Hi \n", "Ann", "\nx"]
    assert sum(len(piece.text) for piece in found) == len(text)


def test_offsets_count_code_points_beyond_the_basic_plane() -> None:
    assert pieces("😀 Ann", [redaction(2, 5)])[1].text == "Ann"


def test_a_redaction_beyond_the_text_is_cut_off() -> None:
    assert [piece.text for piece in pieces("Ann", [redaction(0, 99), redaction(5, 9)])] == ["Ann"]


def test_every_kind_has_a_word_and_a_colour() -> None:
    assert set(KINDS) == set(Kind)


def test_the_legend_counts_kinds_the_most_frequent_first() -> None:
    entries = legend([redaction(0, 1), redaction(2, 3, Kind.DATE), redaction(4, 5, Kind.DATE)])
    assert [(entry.label, entry.count) for entry in entries] == [("Date", 2), ("Name", 1)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Ed", [("source", 0, 2), ("source", 21, 23), ("target", 0, 2)]),
        ("ed", [("source", 0, 2), ("source", 21, 23), ("target", 0, 2)]),
        ("has edema", [("source", 3, 12)]),
        ("(x.", [("source", 14, 17)]),
        ("Edward", []),
    ],
)
def test_words_are_found_whole_in_any_case_and_literally(
    words: str, found: list[tuple[str, int, int]]
) -> None:
    texts = Texts("Ed has\nedema, (x.*)  ed", "Ed: edema")
    spans = [(span.field, span.start, span.end) for span in occurrences(texts, words, Kind.NAME)]
    assert spans == found
