"""Rich text (RTF 1.9) is one record: its words in order, table rows with bars. Strict: an odd byte is a question.

Pictures, embedded objects and instructions to programs are left out; nothing in them is run.
"""

import re
from dataclasses import dataclass, replace

from records.readers.markup import CELL
from records.readers.rows import Reading, Row, UnreadableFile

MAX_DEPTH = 200

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([\r\n]+)|([^\\{}\r\n]+)",
    re.DOTALL,
)
# Groups that hold no words of the document.
_SILENT = {
    b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"objdata", b"themedata", b"datastore",
    b"colorschememapping", b"latentstyles", b"listtable", b"listoverridetable", b"rsidtbl", b"generator", b"xmlnstbl",
    b"fldinst", b"filetbl", b"revtbl", b"bkmkstart", b"bkmkend", b"datafield", b"template", b"listpicture", b"panose",
    b"falt", b"nonshppict", b"background", b"passwordhash", b"mmathPr", b"wgrffmtfilter", b"userprops", b"pgptbl",
    b"atnid", b"atnauthor", b"annotation", b"atrfstart", b"atrfend", b"xe", b"tc", b"listname", b"ftnsep", b"ftnsepc",
    b"aftnsep", b"aftnsepc",
}  # fmt: skip
_WORDS = {
    b"par": "\n", b"line": "\n", b"sect": "\n\n", b"page": "\n\n", b"column": "\n", b"tab": "\t", b"row": "\n",
    b"nestrow": "\n", b"emdash": "—", b"endash": "–", b"emspace": "\u2003", b"enspace": "\u2002", b"bullet": "•",
    b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”", b"cell": CELL, b"nestcell": CELL,
    b"zwj": "\u200d", b"zwnj": "\u200c", b"ltrmark": "\u200e", b"rtlmark": "\u200f",
}  # fmt: skip
_SIGNS = {
    b"~": "\u00a0",
    b"_": "\u2011",
    b"-": "\u00ad",
    b"\\": "\\",
    b"{": "{",
    b"}": "}",
    b"\n": "\n",
    b"\r": "\n",
}
# A font's character set, as Windows numbers them.
_CHARSETS = {
    0: "cp1252", 77: "mac-roman", 128: "cp932", 129: "cp949", 134: "gbk", 136: "big5", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 255: "cp437",
}  # fmt: skip
_SYMBOL = 2
_PAGES = {b"mac": "mac-roman", b"pc": "cp437", b"pca": "cp850", b"ansi": "cp1252"}


def read(data: bytes, encoding: str) -> Reading:
    text = _Parser().text(data)
    return Reading([Row(1, text)] if text else [])


@dataclass(frozen=True)
class _Group:
    is_silent: bool = False
    is_font_table: bool = False
    font: int = -1
    skip: int = 1  # bytes that stand in for a Unicode character in old programs


class _Parser:
    def __init__(self) -> None:
        self._parts: list[str] = []
        self._bytes = b""  # characters of a code page, kept until their sequence ends
        self._units: list[int] = []  # UTF-16 units, likewise: two make one character beyond the first plane
        self._page = "cp1252"
        self._charsets: dict[int, int] = {}
        self._group, self._above = _Group(), list[_Group]()
        self._to_skip = 0
        self._is_starred = False

    def text(self, data: bytes) -> str:
        place = 0
        while place < len(data):
            match = _TOKEN.match(data, place)
            if match is None:
                raise UnreadableFile("The RTF breaks off. Open it in its program and save it again.")
            place = match.end()
            if match[1] == b"bin":
                place += max(0, int(match[2] or 0))
                continue
            self._token(match)
            if match[5] == b"}" and not self._above:
                break
        if self._above:
            raise UnreadableFile("The RTF breaks off. Open it in its program and save it again.")
        self._flush()
        return _tidy("".join(self._parts))

    def _token(self, match: re.Match[bytes]) -> None:
        word, number, code, sign, brace, _, words = match.groups()
        if brace:
            self._brace(brace)
        elif word:
            self._word(word, int(number) if number else None)
        elif code:
            self._plain(bytes.fromhex(code.decode()))
        elif sign == b"*":
            self._is_starred = True
        elif sign:
            self._say(_SIGNS.get(sign, ""))
        elif words:
            self._plain(words)

    def _brace(self, brace: bytes) -> None:
        self._flush()
        self._to_skip, self._is_starred = 0, False
        if brace == b"}":
            self._group = self._above.pop() if self._above else _Group(is_silent=True)
            return
        if len(self._above) >= MAX_DEPTH:
            raise UnreadableFile("The file nests deeper than any document. Export it from its program again.")
        self._above.append(self._group)

    def _word(self, word: bytes, number: int | None) -> None:
        starred, self._is_starred = self._is_starred, False
        if word == b"u" and number is not None:
            self._unicode(number)
            return
        if word in _WORDS:
            self._say(_WORDS[word])
        elif word == b"fonttbl":
            self._group = replace(self._group, is_silent=True, is_font_table=True)
        elif word in _SILENT or (
            starred and word not in {b"shpinst", b"shptxt", b"footnote", b"nesttableprops"}
        ):
            self._group = replace(self._group, is_silent=True)
        elif word in _PAGES:
            self._page = _PAGES[word]
        elif word == b"ansicpg" and number:
            self._page = "utf-8" if number == 65001 else f"cp{number}"
        elif number is not None:
            self._set(word, number)

    def _set(self, word: bytes, number: int) -> None:
        if word == b"f":
            self._flush()
            self._group = replace(self._group, font=number)
        elif word == b"fcharset" and self._group.is_font_table:
            self._charsets[self._group.font] = number
        elif word == b"uc":
            self._group = replace(self._group, skip=max(0, number))

    def _unicode(self, number: int) -> None:
        self._flush_bytes()
        if not self._group.is_silent:
            self._units.append(number & 0xFFFF)
        self._to_skip = self._group.skip

    def _say(self, text: str) -> None:
        self._flush()
        self._to_skip = 0
        if not self._group.is_silent:
            self._parts.append(text)

    def _plain(self, raw: bytes) -> None:
        skipped = min(self._to_skip, len(raw))
        self._to_skip -= skipped
        raw = raw[skipped:]
        if raw and not self._group.is_silent:
            self._flush_units()
            self._bytes += raw

    def _flush(self) -> None:
        self._flush_bytes()
        self._flush_units()

    def _flush_units(self) -> None:
        units, self._units = self._units, []
        if units:
            raw = b"".join(unit.to_bytes(2, "little") for unit in units)
            self._parts.append(_strictly(raw, "utf-16-le"))

    def _flush_bytes(self) -> None:
        raw, self._bytes = self._bytes, b""
        if not raw:
            return
        charset = self._charsets.get(self._group.font, -1)
        if charset == _SYMBOL and not raw.isspace():
            self._parts.append("□" * len(raw))  # a picture of a sign, not a letter
            return
        self._parts.append(
            _strictly(raw, self._page if charset in {-1, 0, 1} else _CHARSETS.get(charset, ""))
        )


def _strictly(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except (UnicodeError, LookupError) as error:
        raise UnreadableFile(
            "The RTF holds characters that do not fit the language it names. Save it as .docx and try again."
        ) from error


def _tidy(text: str) -> str:
    """A row ends in its last cell's bar: the bar goes. Nothing else is touched but empty lines."""
    lines = [
        line.removesuffix(CELL).rstrip() if line.endswith(CELL) else line.rstrip(" ")
        for line in text.split("\n")
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
