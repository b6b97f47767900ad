"""Bytes to text: exact, or a question to the uploader. A wrong guess turns ½ µg into something else without a word."""

import codecs
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from records.readers.rows import UnreadableFile

# What clinics' programs have written, the likelier first; the label is what the uploader reads.
ENCODINGS = {
    "utf-8": "Unicode (UTF-8)",
    "cp1252": "Windows, Western Europe and America (Windows-1252)",
    "iso-8859-15": "Unix, Western Europe with € (ISO 8859-15)",
    "iso-8859-1": "Unix, Western Europe (ISO 8859-1)",
    "mac-roman": "Macintosh before 2001 (Mac Roman)",
    "cp850": "DOS, Western Europe (code page 850)",
    "cp437": "DOS, United States (code page 437)",
    "cp1250": "Windows, Central Europe (Windows-1250)",
    "cp1251": "Windows, Cyrillic (Windows-1251)",
    "koi8-r": "Unix, Russian (KOI8-R)",
    "cp1253": "Windows, Greek (Windows-1253)",
    "cp1255": "Windows, Hebrew (Windows-1255)",
    "cp1256": "Windows, Arabic (Windows-1256)",
    "utf-16-le": "Unicode without a mark (UTF-16, little-endian)",
    "utf-16-be": "Unicode without a mark (UTF-16, big-endian)",
    "shift-jis": "Japanese (Shift JIS)",
    "euc-jp": "Japanese (EUC-JP)",
    "iso2022-jp": "Japanese (ISO 2022-JP)",
    "gb18030": "Chinese (GB 18030)",
    "big5": "Chinese, traditional (Big5)",
    "euc-kr": "Korean (EUC-KR)",
}
LINES_SHOWN, CHARACTERS_SHOWN = 5, 100

_MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
# Control characters that no text holds. Escape starts a shift in Asian encodings, so it is no plain text either.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x9f]")
_TEXT_CODEC = re.compile(
    r"ascii|utf-8|iso8859-\d+|cp(125\d|8\d\d|437|932|949)|koi8-[ru]|mac-roman|shift_jis|euc_(jp|kr)|iso2022_jp|"
    r"gb18030|gbk|gb2312|big5"
)
_NUL_OR_SHIFT = re.compile(r"\x00|\x1b[$(]")


@dataclass(frozen=True)
class Choice:
    """The same lines as one encoding reads them; ``names`` of encodings that read the whole file alike."""

    encoding: str
    label: str
    lines: list[str]


class EncodingUnknown(UnreadableFile):
    """Several encodings fit: the uploader has to say which one is right."""

    def __init__(self, choices: list[Choice]) -> None:
        super().__init__("The file is not UTF-8 text, and how its characters are written is not certain.")
        self.choices = choices


def decode(data: bytes, chosen: str = "", declared: str = "") -> str:
    """The text of ``data``: by its mark, as declared in the file itself, as UTF-8, or as the uploader chose.

    Raises ``EncodingUnknown`` where several readings fit and nobody chose, ``UnreadableFile`` where none does.
    """
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return _marked(data, encoding)
    utf8 = _strictly(data, "utf-8")
    text = _as_declared(data, declared, utf8) if declared else utf8
    if text is not None and not _NUL_OR_SHIFT.search(text):
        return text
    if chosen:
        return _as_chosen(data, chosen)
    choices = _choices(data)
    if not choices:
        raise UnreadableFile(
            "The file holds NUL characters or bytes that no text has, so it is not a text file. "
            "Export it as text first."
        )
    raise EncodingUnknown(choices)


def _marked(data: bytes, encoding: str) -> str:
    text = _strictly(data, encoding)
    if text is None:
        raise UnreadableFile(
            "The text breaks off in the middle of a character. Save it as UTF-8 and try again."
        )
    if "\0" in text:
        raise UnreadableFile(
            "The file holds NUL characters, so it is not a text file. Export it as text first."
        )
    return text


def _as_declared(data: bytes, declared: str, utf8: str | None) -> str | None:
    """None where the declaration is no encoding, does not fit, or another one fits the same bytes better."""
    if data.isascii() and b"\x1b" not in data:
        return utf8
    text = _strictly(data, declared) if _is_text_codec(declared) else None
    if text is None or _CONTROL.search(text):
        return None
    # Umlauts that are valid UTF-8 are hardly ever meant as pairs of odd characters: ask.
    return None if utf8 is not None and len(utf8) < len(text) else text


def _is_text_codec(declared: str) -> bool:
    """Python also knows codecs that a file may not choose (unicode_escape, punycode), and UTF-16 needs its mark."""
    try:
        return bool(_TEXT_CODEC.fullmatch(codecs.lookup(declared).name))
    except LookupError:
        return False


def _as_chosen(data: bytes, chosen: str) -> str:
    if chosen not in ENCODINGS:
        raise UnreadableFile(f"Precis does not know that encoding. It knows {', '.join(ENCODINGS)}.")
    text = _strictly(data, chosen)
    if text is None or "\0" in text:
        raise UnreadableFile("The file is not written in the encoding that was chosen. Choose another one.")
    return text


def _choices(data: bytes) -> list[Choice]:
    """Encodings under which the bytes are text, without those that read the whole file like an earlier one."""
    found: dict[str, Choice] = {}
    for encoding, label in ENCODINGS.items():
        text = _strictly(data, encoding)
        if text is not None and text not in found and _is_plausible(text, encoding):
            found[text] = Choice(encoding, label, [])
    shown = _sampler(data)
    return [Choice(each.encoding, each.label, shown(each.encoding)) for each in found.values()]


def _is_plausible(text: str, encoding: str) -> bool:
    # Any two letters make one of UTF-16; only where it is really meant do spaces and line ends come out as such.
    if _CONTROL.search(text) or (encoding.startswith("utf-16") and not re.search(r"\s", text)):
        return False
    return not any(unicodedata.category(character) in {"Cn", "Co"} for character in set(text))


def _sampler(data: bytes) -> Callable[[str], list[str]]:
    """How to show the lines that encodings read differently: those that hold a byte outside ASCII."""
    lines = [line for line in data.split(b"\n") if not line.isascii()][:LINES_SHOWN]

    def shown(encoding: str) -> list[str]:
        if encoding.startswith(("utf-16", "iso2022")):
            return [_excerpt(line) for line in data.decode(encoding).splitlines()[:LINES_SHOWN]]
        return [_excerpt(line.decode(encoding)) for line in lines]

    return shown


def _excerpt(line: str) -> str:
    """As much of a line as shows its first character outside ASCII."""
    first = next((place for place, character in enumerate(line) if not character.isascii()), 0)
    start = max(0, first - CHARACTERS_SHOWN // 2)
    return line[start : start + CHARACTERS_SHOWN].strip()


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None
