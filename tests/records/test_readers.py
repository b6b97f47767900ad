"""Readers: exact text or a clear refusal, never a third outcome."""

import json

import pytest

from records import readers
from records.readers import UnreadableFile


def test_a_text_file_is_one_record() -> None:
    reading = readers.read(".txt", "Chest pain.\nSince Monday: ½ µg.".encode())
    assert [row.source for row in reading.rows] == ["Chest pain.\nSince Monday: ½ µg."]


def test_a_byte_order_mark_is_not_part_of_the_text() -> None:
    assert readers.read(".txt", b"\xef\xbb\xbfCough and fever").rows[0].source == "Cough and fever"
    assert readers.read(".txt", "Cough and fever".encode("utf-16")).rows[0].source == "Cough and fever"


@pytest.mark.parametrize(
    "data", [b"dose \xbd \xb5g", b"\xff\xfe\x00", b"abc\x00def", "größe".encode("latin-1")]
)
def test_text_that_is_not_utf8_is_refused_and_never_guessed(data: bytes) -> None:
    with pytest.raises(UnreadableFile, match="text"):
        readers.read(".txt", data)


def test_csv_columns_go_by_the_names_that_clinics_use() -> None:
    data = b'Patient_ID,Note,Summary\n12,"Cough, three days, no fever at all","Cough"\n'
    row = readers.read(".csv", data).rows[0]
    assert (row.number, row.patient, row.source, row.target) == (
        2,
        "12",
        "Cough, three days, no fever at all",
        "Cough",
    )


def test_a_csv_without_a_text_column_says_what_it_needs() -> None:
    with pytest.raises(UnreadableFile, match="name the columns"):
        readers.read(".csv", b"a,b\n1,2\n")


def test_a_csv_row_with_too_many_cells_is_named_and_the_others_are_kept() -> None:
    reading = readers.read(
        ".csv", b"text,summary\nlong cough today,cough\nbad,row,here\nlong fever today,fever\n"
    )
    assert [row.number for row in reading.rows] == [2, 4]
    assert [(error.number, "3 columns" in error.message) for error in reading.errors] == [(3, True)]


def test_a_csv_that_breaks_off_inside_quotes_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="quotation mark"):
        readers.read(".csv", b'text,summary\n"cough')


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl"])
@pytest.mark.parametrize("data", [b"", b"\n \n"])
def test_an_empty_file_is_refused(suffix: str, data: bytes) -> None:
    with pytest.raises(UnreadableFile):
        readers.read(suffix, data)


def test_jsonl_errors_name_their_lines_and_quote_nothing() -> None:
    good = json.dumps({"text": "a cough of three days", "summary": "cough"})
    reading = readers.read(".jsonl", f'{good}\n{{"text": "Mary Jones\n[1]\n{{"x": 1}}\n{good}'.encode())
    assert [row.number for row in reading.rows] == [1, 5]
    assert [error.number for error in reading.errors] == [2, 3, 4]
    assert not any("Mary" in error.message for error in reading.errors)


def test_deeply_nested_json_is_an_error_of_its_line() -> None:
    reading = readers.read(".jsonl", b"[" * 100_000 + b"\n" + b'{"text": "a cough"}')
    assert [error.number for error in reading.errors] == [1]


def test_a_line_separator_inside_a_json_string_does_not_split_the_line() -> None:
    reading = readers.read(".jsonl", '{"text": "first\u2028second"}'.encode())
    assert reading.rows[0].source == "first\u2028second"


def test_a_summary_longer_than_its_record_is_an_error_that_says_so() -> None:
    reading = readers.read(".csv", b"text,summary\nshort,much longer than that\n")
    assert not reading.rows
    assert "longer than its record" in reading.errors[0].message


def test_a_record_above_the_limit_is_an_error_that_names_the_limit() -> None:
    reading = readers.read(".txt", b"word " * 50_000)
    assert "200,000 characters" in reading.errors[0].message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("photo.JPG", "can show who the patient is"),
        ("image.dcm", "DICOM files are not taken"),
        ("old.doc", r"save it as \.docx"),
        ("sheet.xlsx", "CSV UTF-8"),
        ("all.tar", r"pack the files as \.zip"),
        ("voice.mp3", "a voice identifies"),
        ("mail.eml", "E-mail is not read"),
        ("no_suffix", "is not read"),
        ("../../etc/passwd", "is not read"),
        ("x.txt\0.exe", "is not read"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_to_do_and_the_kinds_that_are_read(
    name: str, said: str
) -> None:
    with pytest.raises(UnreadableFile, match=rf"{said}.* Precis reads \.txt, \.md, \.csv"):
        readers.suffix_of(name)
