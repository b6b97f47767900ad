"""A long record is split without losing a word, its summary dealt out and merged without losing a sentence."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.long_records import LEAST_TOKENS, split
from jobs.long_summaries import deal, merge, pieces_to_ask


def words(text: str) -> int:
    """A counter such as a tokenizer's: pieces of at most four letters, and line feeds."""
    return len(re.findall(r"\w{1,4}|[^\w ]|\n", text))


NOTE = "\n\n".join(
    f"{heading}:\n"
    + "\n".join(f"Finding {heading[:2]}{number} is noted on side {number}." for number in range(8))
    for heading in ("Complaint", "History", "Examination", "Plan")
)
TURNS = "\n".join(
    f"{who}: turn number {number} about the knee." for number in range(30) for who in ("Doctor", "Patient")
)

line = st.text(st.sampled_from("abcXYZ019 .:?-é\u200b😀"), max_size=120)


@settings(deadline=None)
@given(st.lists(line, max_size=30).map("\n".join), st.integers(LEAST_TOKENS, 90))
def test_no_word_is_lost_no_order_changed_and_every_piece_fits(text: str, limit: int) -> None:
    pieces = split(text, words, limit)
    assert all(words(piece) <= limit for piece in pieces)
    # Word after word, each is found in a piece not before the last one's; one longer than a piece is in parts.
    letters = iter("".join("".join(pieces).split()))
    assert all(letter in letters for letter in "".join(text.split()))
    for word in text.split():
        assert words(word) > limit or any(word in piece for piece in pieces)


@given(st.text(max_size=300), st.integers(LEAST_TOKENS, 60))
def test_any_text_at_all_can_be_split(text: str, limit: int) -> None:
    assert all(words(piece) <= limit for piece in split(text, words, limit))


def test_a_text_that_fits_is_left_as_it_is() -> None:
    assert split("  A cough.\n\n ", words, 16) == ["  A cough.\n\n "]


def test_a_piece_begins_at_a_heading_where_one_is_in_reach() -> None:
    pieces = split(NOTE, words, 140)
    assert [piece.splitlines()[0] for piece in pieces] == ["Complaint:", "History:", "Examination:", "Plan:"]


def test_a_piece_inside_a_section_repeats_its_heading_and_the_lines_before() -> None:
    section = "Complaint:\n" + "\n".join(f"Finding {number} is on side {number}." for number in range(40))
    first, second = (piece.splitlines() for piece in split(section, words, 160)[:2])
    assert second[0] == "Complaint:"
    assert second[1] == first[-1]


def test_turns_are_never_broken_and_the_last_one_is_heard_again() -> None:
    pieces = [piece.splitlines() for piece in split(TURNS, words, 120)]
    assert {turn for piece in pieces for turn in piece} == set(TURNS.splitlines())
    assert len(pieces) > 3
    assert all(after[0] in before for before, after in pairwise(pieces))


def test_a_line_longer_than_a_piece_is_broken_at_a_sentence() -> None:
    text = " ".join(f"She saw number {number} twice." for number in range(40))
    assert all(piece.startswith("She") and piece.endswith(".") for piece in split(text, words, 60))


def test_a_limit_that_holds_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        split("A cough.", words, 3)


SUMMARY = """HISTORY

She fell on the stairs. Her knee is swollen.

PLAN

Knee pain.
• Ice and rest.
• Return in two weeks.

Purely invented sentence."""
PIECES = [
    "Doctor: why are you here? Patient: I fell on the stairs.",
    "My knee is swollen. Rest, put ice on the knee. Return in two weeks.",
]


def test_each_sentence_goes_to_the_piece_it_comes_from_under_its_heading() -> None:
    shares, unsupported = deal(SUMMARY, PIECES)
    assert shares == [
        "HISTORY\n\nShe fell on the stairs.",
        "HISTORY\n\nHer knee is swollen.\n\nPLAN\n\nKnee pain.\n• Ice and rest.\n• Return in two weeks.",
    ]
    assert unsupported == ["Purely invented sentence."]


def test_a_title_and_the_number_of_a_list_do_not_end_a_sentence() -> None:
    summary = "1. Mr. Oak has a swollen knee.\n2. Dr. Elm told Mrs. Oak to rest."
    assert deal(summary, PIECES) == (["", summary], [])


def test_what_was_dealt_out_is_merged_to_the_summary_again() -> None:
    shares, _ = deal(SUMMARY, PIECES)
    assert merge(shares) == SUMMARY.replace("stairs. Her", "stairs.\n\nHer").removesuffix(
        "\n\nPurely invented sentence."
    )


@given(
    st.lists(
        st.sampled_from(["Cough.", "No fever.", "PLAN", "Knee:", "- Rest.", "", "Ice 5 min. Rest 9 days."]),
        max_size=12,
    )
)
def test_no_sentence_of_a_summary_is_lost_between_dealing_and_merging(lines: list[str]) -> None:
    summary = "\n".join(lines)
    pieces = ["Cough and fever, the plan is rest.", "Knee with ice, 5 min, then 9 days of rest."]
    shares, unsupported = deal(summary, pieces)
    for sentence in ("Cough.", "No fever.", "Rest 9 days.", "Ice 5 min."):
        assert (sentence in summary) == (sentence in "\n".join([merge(shares), *unsupported]))


def test_the_same_sentence_of_two_pieces_is_said_once() -> None:
    assert merge(["Cough for three days. No fever.", "She has no fever. Cough for three days."]) == (
        "Cough for three days. No fever.\nShe has no fever."
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Pain in the left knee since Monday.", "Pain in the right knee since Monday."),
        ("Take ibuprofen 400 mg twice a day.", "Take ibuprofen 600 mg twice a day."),
        ("She reports any chest pain or fever today.", "She reports no chest pain or fever today."),
    ],
)
def test_sentences_that_differ_in_a_side_a_number_or_a_negation_both_stay(one: str, other: str) -> None:
    assert merge([one, other]) == f"{one}\n{other}"


def test_a_heading_that_only_a_later_piece_has_stands_before_what_follows_it_there() -> None:
    merged = merge(
        ["HISTORY\nShe fell.\nPLAN\nRest.", "EXAMINATION\nSwollen knee.\nPLAN\nIce.\nFOLLOW-UP\nFriday."]
    )
    assert re.findall(r"[A-Z-]{4,}", merged) == ["HISTORY", "EXAMINATION", "PLAN", "FOLLOW-UP"]


def asked_about(text: str, context_tokens: int) -> list[str]:
    """What is asked about: 20 tokens of prompt stand around each text, 30 are for the answer."""
    return pieces_to_ask(
        text,
        count=words,
        count_prompt=lambda piece: words(piece) + 20,
        context_tokens=context_tokens,
        max_new_tokens=30,
    )


@pytest.mark.parametrize("context_tokens", [words(TURNS) + 50, 40_000])
def test_a_record_that_fits_is_asked_about_at_once_and_its_summary_left_alone(context_tokens: int) -> None:
    assert asked_about(TURNS, context_tokens) == [TURNS]
    assert merge(["Part 1.  Part 1."]) == "Part 1.  Part 1."


def test_a_long_record_is_asked_about_piece_by_piece() -> None:
    assert asked_about(TURNS, 240) == split(TURNS, words, 160)


def test_a_context_without_room_for_a_piece_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        asked_about(TURNS, 60)
