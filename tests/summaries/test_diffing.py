"""What was changed in a text, word by word."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summaries.diffing import word_changes


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("Chest pain.", "Chest pain.", "Chest pain."),
        ("Chest pain.", "Chest pain today.", "Chest pain+{ today}."),
        ("Takes 25 mg daily.", "Takes 50 mg daily.", "Takes -{25}+{50} mg daily."),
        ("[NAME_1] is well.", "[NAME_2] is well.", "-{[NAME_1]}+{[NAME_2]} is well."),
        ("One two three", "", "-{One two three}"),
        ("", "New", "+{New}"),
    ],
)
def test_changes_are_shown_word_by_word(before: str, after: str, shown: str) -> None:
    signs = {"same": "{}", "deleted": "-{{{}}}", "inserted": "+{{{}}}"}
    assert "".join(signs[each.kind].format(each.text) for each in word_changes(before, after)) == shown


@given(st.text("ab .\n1[_]", max_size=60), st.text("ab .\n1[_]", max_size=60))
def test_both_texts_can_be_read_from_the_changes(before: str, after: str) -> None:
    changes = word_changes(before, after)
    assert "".join(each.text for each in changes if each.kind != "inserted") == before
    assert "".join(each.text for each in changes if each.kind != "deleted") == after


@pytest.mark.parametrize("times", [10, 130, 350])
def test_long_texts_are_compared_in_time(times: int) -> None:
    before = "The patient has had pain in the chest since the morning. " * times
    after = before.replace("morning", "evening")
    started = time.monotonic()
    word_changes(before, after)
    assert time.monotonic() - started < 10
