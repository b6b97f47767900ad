"""HL7 v2 messages (ORU, MDM and others that bring notes): one record a message, one or many messages a file.

A message's text are its observations (OBX), with notes (NTE) where they stand and orders (OBR) as headings. The
patient is the number in PID-3. Written out here rather than with a library: those reject what real interfaces send.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from records.readers import attachments
from records.readers.attachments import UnreadableAttachment
from records.readers.decoding import EncodingUnknown, decode
from records.readers.markup import CELL
from records.readers.rows import Reading, Row, UnreadableFile, label

# What MSH-18 may say (table 0211), in Python's words.
_CHARSETS = {
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "8859/1": "iso-8859-1",
    "8859/2": "iso-8859-2",
    "8859/5": "iso-8859-5",
    "8859/7": "iso-8859-7",
    "8859/8": "iso-8859-8",
    "8859/9": "iso-8859-9",
    "8859/15": "iso-8859-15",
    "ISO IR87": "iso2022-jp",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    "KS X 1001": "euc-kr",
}
_FRAME = b"\x0b\x1c \r\n\t"
_ENVELOPE = {"FHS", "BHS", "BTS", "FTS"}
_NUMBERS = {"NM", "SN", "ST", "CE", "CWE", "CNE", "DT", "TM", "TS", "DTM", "ID", "IS", "SI"}
_ESCAPE_LIMIT = 60


@dataclass
class _Message:
    """Segments as lists of fields; field n of a segment is at index n, its name at 0."""

    separators: str
    segments: list[list[str]] = field(default_factory=list)

    def first(self, name: str) -> list[str]:
        return next((segment for segment in self.segments if segment[0] == name), [name])

    def components(self, value: str) -> list[str]:
        return [self.plain(part) for part in value.split(self.separators[1])]

    def plain(self, value: str) -> str:
        """A value without escapes. Subcomponents stay as they are written: in text, & is only a sign."""
        escape = re.escape(self.separators[3])
        return re.sub(f"{escape}([^{escape}\n]{{1,{_ESCAPE_LIMIT}}}){escape}", self._unescaped, value)

    def _unescaped(self, match: re.Match[str]) -> str:
        code, signs = match[1], dict(zip("FSRET", self.separators, strict=False))
        if code in signs:
            return signs[code]
        if code in {"H", "N"}:
            return ""  # bold on, bold off
        if re.fullmatch(r"\.(br|sp|ce)\+?\d*", code):
            return "\n" * max(1, int(re.sub(r"\D", "", code) or 1)) if code != ".ce" else "\n"
        if re.fullmatch(r"\.(in|ti|fi|nf|sk).*", code):
            return " " if code.startswith(".sk") else ""
        if re.fullmatch(r"X([0-9A-Fa-f]{2})+", code) and (raw := bytes.fromhex(code[1:])).isascii():
            return raw.decode().replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
        return match[0]


def read(data: bytes, encoding: str) -> Reading:
    data = data.lstrip(_FRAME) if not data.startswith((b"\xff\xfe", b"\xfe\xff")) else data
    text = decode(data, encoding, _declared(data)).strip("\ufeff\x0b\x1c \r\n\t")
    if text[:3] not in {"MSH", "FHS", "BHS"}:
        raise UnreadableFile(
            "The file is no HL7 message: it must begin with MSH, FHS or BHS. Export it again."
        )
    reading = Reading()
    for number, message in enumerate(_messages(text), start=1):
        try:
            reading.add(_row(number, message, encoding, reading.notes))
        except EncodingUnknown:
            raise
        except (UnreadableAttachment, UnreadableFile) as fault:
            reading.refuse(number, str(fault))
    return reading


def _declared(data: bytes) -> str:
    """What the first message header says of its characters; all messages of a file share one program."""
    header = re.search(rb"MSH(.)[^\r\n]*", data[:100_000])
    if header is None:
        return ""
    fields = header[0].split(header[1])
    charset = fields[17].split(b"~")[0].decode("ascii", "replace").strip() if len(fields) > 17 else ""
    return _CHARSETS.get(charset.upper(), charset)


def _messages(text: str) -> Iterator[_Message]:
    message: _Message | None = None
    for line in re.split(r"[\r\n]+", text.replace("\x0b", "").replace("\x1c", "")):
        name = line[:3]
        if name == "MSH":
            if message is not None:
                yield message
            if len(line) < 8:
                raise UnreadableFile("A message header (MSH) breaks off. Export the messages again.")
            message = _Message(separators=line[3:8])
            # The first separator is itself MSH-1, so that fields count as the standard counts them.
            message.segments.append(["MSH", line[3], *line[4:].split(line[3])])
        elif message is not None and name not in _ENVELOPE and line.strip():
            fields = line.split(message.separators[0])
            if len(fields) > 1 and re.fullmatch(r"[A-Z][A-Z0-9]{2}", fields[0]):
                message.segments.append(fields)
            else:  # a line feed inside a value, as careless programs send it
                message.segments[-1][-1] += "\n" + line
    if message is not None:
        yield message


def _row(number: int, message: _Message, encoding: str, notes: list[str]) -> Row:
    lines: list[str] = []
    for segment in message.segments:
        if segment[0] == "OBR":
            lines += ["", _name(message, _at(segment, 4)), ""]
        elif segment[0] == "OBX":
            lines += _observation(message, segment, encoding, notes)
        elif segment[0] == "NTE":
            lines += _repeated(message, _at(segment, 3))
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    if not any(segment[0] in {"OBX", "NTE"} for segment in message.segments) or not text:
        raise UnreadableFile("The message brings no note or result, only data about the visit. Leave it out.")
    return Row(number, text, patient=_patient(message), kind=_kind(message))


def _observation(message: _Message, segment: list[str], encoding: str, notes: list[str]) -> list[str]:
    kind, name, value = _at(segment, 2), _name(message, _at(segment, 3)), _at(segment, 5)
    if kind == "ED":
        return _document(message, value, encoding, notes)
    if kind == "RP":
        raise UnreadableAttachment(
            "The message only points to a document elsewhere. Export it with the document."
        )
    if kind not in _NUMBERS:
        return _repeated(message, value)
    unit = next(iter(message.components(_at(segment, 6))), "")
    said = "; ".join(
        " ".join(filter(None, message.components(each))) if kind == "SN" else _name(message, each)
        for each in value.split(message.separators[2])
    )
    cells = [name, f"{said} {unit}".strip()]
    if limits := message.plain(_at(segment, 7)):
        cells.append(f"reference {limits}")
    if flag := message.plain(_at(segment, 8)):
        cells.append(flag)
    return [CELL.join(cell for cell in cells if cell)]


def _document(message: _Message, value: str, encoding: str, notes: list[str]) -> list[str]:
    """ED: source ^ type ^ subtype ^ encoding ^ data."""
    parts = [*value.split(message.separators[1]), *[""] * 5][:5]
    kind, subtype, coding, data = (message.plain(part) for part in parts[1:])
    media_type = (
        subtype.lower() if "/" in subtype else {"im": f"image/{subtype}"}.get(kind.lower(), subtype.lower())
    )
    raw = attachments.from_base64(parts[4]) if coding.lower() == "base64" else data.encode()
    text, found = attachments.text_of(media_type, raw, encoding)
    notes += [note for note in found if note not in notes]
    return text.split("\n")


def _repeated(message: _Message, value: str) -> list[str]:
    """Repetitions are lines; in text the other separators are only signs, which careless programs do not escape."""
    return [line for part in value.split(message.separators[2]) for line in message.plain(part).split("\n")]


def _name(message: _Message, value: str) -> str:
    """The words of a coded value (identifier ^ text ^ …), or its code where it has none."""
    parts = message.components(value)
    return (parts[1] if len(parts) > 1 and parts[1] else parts[0]).strip()


def _patient(message: _Message) -> str:
    """The bare number in PID-3, the medical record number where several stand there: a CSV's column says the same."""
    numbers = [
        each.split(message.separators[1])
        for each in _at(message.first("PID"), 3).split(message.separators[2])
    ]
    best = next((each for each in numbers if len(each) > 4 and each[4] in {"MR", "MRN"}), numbers[0])
    return message.plain(best[0]).strip()


def _kind(message: _Message) -> str:
    txa = _at(message.first("TXA"), 2)
    order = _at(message.first("OBR"), 4)
    return label(
        _name(message, txa) or _name(message, order) or message.components(_at(message.first("MSH"), 9))[0]
    )


def _at(segment: list[str], number: int) -> str:
    """A field, or nothing; HL7 writes "" for a value that was deleted."""
    value = segment[number] if len(segment) > number else ""
    return "" if value == '""' else value
