import pytest

from jobs.foreign_identifiers import foreign_identifiers

RECORD = "Mrs. Mary Ellsworth, MRN 00482913, was seen by Dr. Quarrington on 03/14/2021. [NAME_1] has a cough."


@pytest.mark.parametrize(
    ("summary", "foreign"),
    [
        ("Mary Ellsworth has a cough.", []),
        ("Mrs. Ellsworth, MARY, has a cough.", []),
        ("Dr. Ellsworth has a cough.", []),
        ("Seen on 03/14/2021, MRN 00482913.", []),
        ("[NAME_1] has a cough; [NAME_7] was called.", []),
        ("A cough for three weeks, metoprolol 25 mg.", []),
        ("", []),
        ("Dr. Zebulon Underhill was called.", ["Dr. Zebulon Underhill"]),
        ("\0Dr. Zebulon Underhill was called.", ["Dr. Zebulon Underhill"]),
        ("Mary Underhill has a cough.", ["Mary Underhill"]),
        ("MRN 99182736.", ["99182736"]),
        ("Seen on 03/15/2021.", ["03/15/2021"]),
    ],
)
def test_what_a_summary_names_and_its_record_does_not(summary: str, foreign: list[str]) -> None:
    assert foreign_identifiers(RECORD, summary) == foreign
