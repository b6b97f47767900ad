import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.seal import is_intact, seal

KEY = b"k" * 32


def test_a_seal_holds_for_the_same_key_and_texts() -> None:
    assert is_intact(KEY, seal(KEY, "source", "target"), "source", "target")
    assert len(seal(KEY, "source")) == 64


@pytest.mark.parametrize(
    ("key", "texts"),
    [
        (b"x" * 32, ("ab", "c")),
        (KEY, ("a", "bc")),
        (KEY, ("abc",)),
        (KEY, ("c", "ab")),
        (KEY, ("ab", "c", "")),
        (KEY, ("ab ", "c")),
    ],
)
def test_another_key_text_order_or_boundary_breaks_it(key: bytes, texts: tuple[str, ...]) -> None:
    assert not is_intact(key, seal(KEY, "ab", "c"), *texts)


@pytest.mark.parametrize("forged", ["", "é", "0" * 64, "\ud800"])
def test_a_made_up_seal_is_refused_not_raised_on(forged: str) -> None:
    assert not is_intact(KEY, forged, "text")


def test_a_lone_surrogate_can_be_sealed() -> None:
    assert is_intact(KEY, seal(KEY, "\ud800"), "\ud800")


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
@settings(max_examples=100, deadline=None)
def test_two_lists_of_texts_have_one_seal_only_if_they_are_one(first: list[str], second: list[str]) -> None:
    assert is_intact(KEY, seal(KEY, *first), *second) == (first == second)


@given(st.text(min_size=2, max_size=12), st.integers(0, 12))
@settings(max_examples=50, deadline=None)
def test_no_letter_can_move_from_one_text_to_the_next(text: str, place: int) -> None:
    cut = place % len(text)
    halves = (text[:cut], text[cut:])
    moved = (text[: cut + 1], text[cut + 1 :])
    assert not is_intact(KEY, seal(KEY, *halves), *moved)
