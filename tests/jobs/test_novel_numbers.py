"""Numbers that the record does not hold are found; those it holds in other words are left alone."""

import pytest

from jobs.novel_numbers import novel_numbers


@pytest.mark.parametrize(
    ("source", "summary", "novel"),
    [
        ("Pain for 3 days.", "Pain for 13 days.", ["13 days"]),
        ("Take 25 mcg daily.", "25 mg daily.", ["25 mg"]),
        ("Take 25 mcg, later 25 mg.", "25 mg daily.", []),
        ("BP 142/88.", "BP 142/98.", ["98"]),
        ("[NAME_1] came on [DATE_1].", "[NAME_1] came on [DATE_2].", ["[DATE_2]"]),
        ("She has two children.", "Three children.", ["Three"]),
        ("No number.", "7, then 7 again.", ["7"]),
        ("Seen on 3/4/2009.", "Seen on 5/4/2009.", ["5/4/2009"]),
        ("Pain at L4.", "Pain at L5.", ["L5"]),
        ("Temperature 99.7.", "Temperature 97.9.", ["97.9"]),
    ],
)
def test_a_number_the_record_does_not_hold_raises_the_alarm(
    source: str, summary: str, novel: list[str]
) -> None:
    assert novel_numbers(source, summary) == novel


@pytest.mark.parametrize(
    ("source", "summary"),
    [
        ("I am fifty four years old.", "54-year-old."),
        ("It was one thirty over eighty.", "BP 130/80."),
        ("My temperature was ninety nine point seven.", "Fever of 99.7."),
        ("In nineteen ninety eight.", "1998."),
        ("One hundred and fifty milligrams twice a day.", "150 mg, 2 times daily."),
        ("For a week.", "1 week."),
        ("Platelets 1,200.", "1200"),
        ("Take 5.0 mg.", "5mg"),
        ("Seen on 3/4/2009, HbA1c 7.", "A1c 7 on 03/04/2009."),
        ("Pain at L4 and L5.", "Pain at L4-L5."),
        ("No problems.", "1. Asthma.\n2. Cough. 3. Allergy to no one."),
        ("", ""),
    ],
)
def test_the_same_number_in_other_words_is_no_alarm(source: str, summary: str) -> None:
    assert novel_numbers(source, summary) == []
