import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privacy.engine import get_scrubber
from privacy.kinds import Kind, Span
from privacy.placeholders import PLACEHOLDER, replace, restore


def spans_of(text: str, *values: tuple[str, Kind]) -> list[Span]:
    """Every occurrence of each value, longest values first."""
    spans: list[Span] = []
    for value, kind in sorted(values, key=lambda pair: -len(pair[0])):
        start = -1
        while (start := text.find(value, start + 1)) >= 0:
            if not any(s.start < start + len(value) and start < s.end for s in spans):
                spans.append(Span(start, start + len(value), kind))
    return sorted(spans)


def test_a_person_keeps_one_placeholder_over_source_and_target() -> None:
    source = "Anna Smith came. Mrs. Smith hurts. Anna waits for Dr. Jones."
    target = "Smith hurts; seen by Jones."
    names = [(n, Kind.NAME) for n in ("Anna Smith", "Mrs. Smith", "Smith", "Anna", "Dr. Jones", "Jones")]
    done = replace([source, target], [spans_of(source, *names), spans_of(target, *names)])
    assert done.texts == (
        "[NAME_1] came. [NAME_1] hurts. [NAME_1] waits for [NAME_2].",
        "[NAME_1] hurts; seen by [NAME_2].",
    )
    assert done.originals == {"[NAME_1]": "Anna Smith", "[NAME_2]": "Dr. Jones"}


def test_a_surname_two_people_share_is_given_a_number_of_its_own() -> None:
    text = "Anna Smith and Paul Smith came. Smith left."
    done = replace([text], [spans_of(text, *[(n, Kind.NAME) for n in ("Anna Smith", "Paul Smith", "Smith")])])
    assert done.texts[0] == "[NAME_1] and [NAME_2] came. [NAME_3] left."


@pytest.mark.parametrize("other", ["SMITH, ANNA", "A. Smith", "Anna B. Smith", "anna smith", "Anna Smith's"])
def test_other_ways_of_writing_a_name_are_the_same_person(other: str) -> None:
    text = f"Anna Smith; {other}"
    spans = [Span(0, 10, Kind.NAME), Span(12, len(text), Kind.NAME)]
    assert replace([text], [spans]).texts[0] == "[NAME_1]; [NAME_1]"


def test_equal_values_share_a_number_and_kinds_are_counted_apart() -> None:
    text = "415-555-0134 or (415) 555-0134, fax 415-555-0134"
    spans = [Span(0, 12, Kind.PHONE), Span(16, 30, Kind.PHONE), Span(36, 48, Kind.FAX)]
    assert replace([text], [spans]).texts[0] == "[PHONE_1] or [PHONE_1], fax [FAX_1]"


def test_placeholders_already_in_the_text_survive_and_are_not_given_out_again() -> None:
    text = "[NAME_1] met Anna Smith."
    done = replace([text], [spans_of(text, ("Anna Smith", Kind.NAME))])
    assert done.texts[0] == "[NAME_1] met [NAME_2]."
    assert restore(done.texts[0], done.originals) == text


def test_neighbours_of_one_kind_stay_two() -> None:
    text = "Anna Smith Paul Brown"
    done = replace([text], [[Span(0, 10, Kind.NAME), Span(11, 21, Kind.NAME)]])
    assert done.texts[0] == "[NAME_1] [NAME_2]"


def test_placed_spans_point_into_the_new_and_the_old_text() -> None:
    text = "Call Anna Smith on 415-555-0134."
    done = replace([text], [spans_of(text, ("Anna Smith", Kind.NAME), ("415-555-0134", Kind.PHONE))])
    for placed in done.spans[0]:
        assert done.texts[0][placed.start : placed.end] == placed.placeholder
        assert text[placed.original_start : placed.original_end] == done.originals[placed.placeholder]


def test_overlapping_spans_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        replace(["Anna Smith"], [[Span(0, 10, Kind.NAME), Span(5, 10, Kind.NAME)]])


def test_an_unknown_placeholder_is_left_in_place() -> None:
    assert restore("[NAME_9] slept", {"[NAME_1]": "Anna"}) == "[NAME_9] slept"


def test_an_original_that_looks_like_a_placeholder_is_not_replaced_twice() -> None:
    assert restore("[NAME_1] [NAME_2]", {"[NAME_1]": "[NAME_2]", "[NAME_2]": "Paul"}) == "[NAME_2] Paul"


WORDS = st.lists(
    st.sampled_from(
        ["Anna Smith", "Dr. Chen", "May 3rd, 2021", "slept", "MRN 00482913", "[NAME_1]", "é½", "\n"]
    )
)


@settings(deadline=None)
@given(WORDS)
@example(["May 3rd, 2021", "[NAME_1]", "May 3rd, 2021"])
@example(["\n", "May 3rd, 2021", "May 3rd, 2021", "[NAME_1]", "MRN 00482913"])
def test_scrubbing_and_restoring_gives_values_back_and_scrubbing_again_leaves_placeholders_alone(
    words: list[str],
) -> None:
    text = "; ".join(words)
    find = get_scrubber().find
    done = replace([text], [find(text)])
    assert "Anna" not in done.texts[0]
    assert "00482913" not in done.texts[0]
    assert restore(done.texts[0], done.originals) == text
    # The tagger reads each word in its sentence, so a second reading may doubt a word that the first one passed.
    held = [match.span() for match in PLACEHOLDER.finditer(done.texts[0])]
    assert not [s for s in find(done.texts[0]) for start, end in held if s.start < end and start < s.end]
