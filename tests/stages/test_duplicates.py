"""What stands twice among training rows is learned once, and said so."""

from collections import defaultdict

from jobs.stages.duplicates import ALMOST_SAME, SAME, without_duplicates
from tests.stages.tiny import visit_rows

Row = dict[str, str]
LONG = " ".join(
    f"On day {day} the patient walked {day} blocks and slept {day % 9} hours." for day in range(60)
)


def row(name: str, **changes: str) -> Row:
    return {**visit_rows(1)[0], "id": name, "source": LONG, **changes}


def left(*rows: Row) -> tuple[list[str], dict[str, list[str]]]:
    set_aside: defaultdict[str, list[str]] = defaultdict(list)
    return [kept["id"] for kept in without_duplicates(rows, set_aside)], dict(set_aside)


def test_the_first_of_equal_rows_is_kept_whatever_their_case_and_spaces() -> None:
    again = row("b", source=LONG.upper().replace(" ", "\n"))
    assert left(row("a"), again, row("c")) == (["a"], {SAME: ["b", "c"]})


def test_a_row_that_differs_by_a_word_is_almost_the_same() -> None:
    assert left(row("a"), row("b", source=LONG.replace("day 30 ", "day 31 "))) == (
        ["a"],
        {ALMOST_SAME: ["b"]},
    )


def test_another_section_or_summary_of_the_same_record_is_a_row_of_its_own() -> None:
    short = {**visit_rows(1)[0], "id": "a"}
    others = [
        {**short, "id": "b", "section": "PLAN"},
        {**short, "id": "c", "target": "Amoxicillin for a cough without fever."},
    ]
    assert left(short, *others) == (["a", "b", "c"], {})


def test_visits_that_look_alike_are_all_kept() -> None:
    assert left(*visit_rows(40)) == ([f"train-{number}" for number in range(40)], {})


def test_held_out_rows_are_left_as_they_are() -> None:
    assert left(row("a", split="test"), row("b", split="test"))[0] == ["a", "b"]
