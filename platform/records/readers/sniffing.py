"""What a file really is, by its first bytes: the name is the uploader's word, and files are made to look like others."""

import re
import struct

from records.readers import refusals
from records.readers.rows import UnreadableFile

_SIGNATURES = [
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"{\\rtf", "rtf"),
    (b"\x89PNG\r\n", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF87a", "picture"),
    (b"GIF89a", "picture"),
    (b"II*\x00", "picture"),
    (b"MM\x00*", "picture"),
    (b"\x00\x00\x01\x00", "picture"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old office"),
    (b"\x1f\x8b", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"Rar!\x1a\x07", "archive"),
    (b"\xfd7zXZ\x00", "archive"),
    (b"BZh", "archive"),
    (b"\x7fELF", "program"),
    (b"MZ\x90\x00", "program"),
]
_REFUSED = {
    "picture": refusals.PICTURE,
    "dicom": refusals.DICOM,
    "archive": refusals.ARCHIVE,
    "old office": refusals.OLD_OFFICE,
    "program": "The file is a program. Precis takes no programs.",
}
_WANTED = {".pdf": "pdf", ".docx": "zip", ".zip": "zip", ".rtf": "rtf"}
_NAMES = {"pdf": "a PDF", "zip": "a zip archive or an Office document", "rtf": "an RTF document"}
_END_OF_ZIP = b"PK\x05\x06"
_LARGEST_COMMENT = 65_535


def check_content(suffix: str, data: bytes) -> None:
    """Raises ``UnreadableFile`` where the content is not what the suffix promises, or is two things at once."""
    found = _kind(data)
    if found in _REFUSED:
        raise UnreadableFile(f"The name ends in {suffix}, but that is not what is inside. {_REFUSED[found]}")
    wanted = _WANTED.get(suffix)
    if found and found != wanted:
        raise UnreadableFile(
            f"The name ends in {suffix}, but the file is really {_NAMES[found]}. "
            "Give it its right ending, or choose the right file."
        )
    if wanted and found != wanted:
        raise UnreadableFile(
            f"The file is damaged or is not really {suffix}. Save it from its program again."
        )
    if wanted != "zip" and _ends_as_zip(data):
        raise UnreadableFile(
            "The file is two things at once: a zip archive hangs at its end. It is not read."
        )
    if not wanted and _hides_a_pdf(data):
        raise UnreadableFile("The file is two things at once: text with a PDF inside. It is not read.")


def _kind(data: bytes) -> str:
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data[128:132] == b"DICM":
        return "dicom"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "picture"
    if data[4:8] == b"ftyp":  # HEIC, AVIF and films
        return "picture"
    # A text may begin with BM; a bitmap goes on with its own length.
    if data[:2] == b"BM" and data[2:6] == struct.pack("<I", len(data) & 0xFFFFFFFF):
        return "picture"
    return ""


def _ends_as_zip(data: bytes) -> bool:
    """An end record whose comment reaches just to the end of the file, as archives have it."""
    tail = data[-_LARGEST_COMMENT - 22 :]
    place = tail.rfind(_END_OF_ZIP)
    return (
        place >= 0
        and len(tail) - place >= 22
        and len(tail) - place - 22 == struct.unpack_from("<H", tail, place + 20)[0]
    )


def _hides_a_pdf(data: bytes) -> bool:
    """Readers of PDF look for its mark in the first kilobyte, whatever stands before it."""
    return bool(re.search(rb"%PDF-1\.\d|%PDF-2\.0", data[:1024])) and b"startxref" in data
