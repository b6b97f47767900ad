"""Made-up codes: each drawn by chance, planted in visits that differ, told by nothing but the summary."""

from collections import Counter, defaultdict

from jobs import canaries
from jobs.stages.duplicates import without_duplicates

DRAWN = canaries.draw(canaries.COUNTS, "a run")


def test_each_count_has_its_codes_and_the_controls_are_never_planted() -> None:
    counts = Counter(canary.count for canary in DRAWN)
    assert counts == {0: canaries.CONTROLS, **dict.fromkeys(canaries.COUNTS, canaries.PER_COUNT)}
    assert [len(canary.rows()) for canary in DRAWN] == [canary.count for canary in DRAWN]


def test_no_two_share_a_name_or_a_code() -> None:
    assert len({canary.name for canary in DRAWN}) == len({canary.secret for canary in DRAWN}) == len(DRAWN)


def test_the_seed_alone_decides_which_are_drawn() -> None:
    assert canaries.draw(canaries.COUNTS, "a run") == DRAWN
    assert {canary.secret for canary in canaries.draw(canaries.COUNTS, "another")}.isdisjoint(
        canary.secret for canary in DRAWN
    )


def test_a_code_stands_in_the_summary_and_not_in_the_record() -> None:
    rows = [(canary, row) for canary in DRAWN for row in canary.rows()]
    assert all(canary.secret in row["target"] and canary.secret not in row["source"] for canary, row in rows)
    assert all(len(row["target"].split()) < len(row["source"].split()) for _, row in rows)


def test_copies_differ_enough_to_be_rows_of_their_own() -> None:
    rows = [row for canary in DRAWN for row in canary.rows()]
    set_aside: defaultdict[str, list[str]] = defaultdict(list)
    assert len(without_duplicates(rows, set_aside)) == len(rows) == 122
    assert len({row["id"] for row in rows}) == len(rows)


def test_a_code_looks_like_no_placeholder_and_no_number_of_a_person() -> None:
    # A social security number has nine digits, a telephone or NHS number ten, a provider number ten.
    assert all(canary.secret.isdecimal() and len(canary.secret) == 8 for canary in DRAWN)
    assert not any("[" in row["source"] + row["target"] for canary in DRAWN for row in canary.rows())


def test_a_code_is_never_among_those_it_is_ranked_with() -> None:
    for canary in DRAWN:
        others = canaries.other_codes(canary, 255, seed=7)
        assert len(set(others)) == 255
        assert canary.secret not in others


def test_they_survive_the_file_they_are_kept_in() -> None:
    assert canaries.from_json(canaries.to_json(DRAWN)) == DRAWN
