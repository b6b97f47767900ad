"""Tab-separated values with a header, as spreadsheets write them."""

from records.readers import csv_rows
from records.readers.rows import Reading


def read(data: bytes, encoding: str) -> Reading:
    return csv_rows.read(data, encoding, delimiter="\t")
