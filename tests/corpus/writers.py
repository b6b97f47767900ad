"""Makes files of every format by hand, so that their exact text is known and each can be spoiled on purpose."""

import base64
import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from PIL import Image, ImageDraw, ImageFont

LETTER = (612, 792)


# --- PDF ---------------------------------------------------------------------------------------------------
def pdf_of(
    *pages: bytes, images: Mapping[str, bytes] | None = None, extra: str = "", catalog: str = ""
) -> bytes:
    """A PDF of content streams, each a page. ``images`` are XObject bodies by name; ``extra`` goes into the pages."""
    images = dict(images or {})
    objects: list[bytes] = [
        b"",
        b"",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    names = []
    for name, body in images.items():
        objects.append(body)
        names.append(f"/{name} {len(objects)} 0 R")
    kids = []
    for content in pages:
        packed = zlib.compress(content)
        objects.append(b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(packed), packed))
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {LETTER[0]} {LETTER[1]}]/Contents {len(objects)} 0 R{extra}"
            f"/Resources<</Font<</F1 3 0 R>>/XObject<<{' '.join(names)}>>>>>>".encode()
        )
        kids.append(f"{len(objects)} 0 R")
    objects[0] = f"<</Type/Catalog/Pages 2 0 R{catalog}>>".encode()
    objects[1] = f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>".encode()
    return _pdf_file(objects)


def _pdf_file(objects: list[bytes], trailer: str = "") -> bytes:
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += f"trailer<</Size {len(objects) + 1}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def pdf_text(*lines: str, top: int = 720, left: int = 72) -> bytes:
    """A page's content: lines of text from ``top`` down."""
    shown = []
    for number, line in enumerate(lines):
        escaped = line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        shown.append(b"BT /F1 11 Tf %d %d Td (%s) Tj ET" % (left, top - 18 * number, escaped))
    return b"\n".join(shown)


def pdf_table(
    rows: list[list[str]], top: int = 600, left: int = 72, width: int = 120, height: int = 20
) -> bytes:
    """A ruled table."""
    content = []
    columns = len(rows[0])
    for line in range(len(rows) + 1):
        y = top - height * line
        content.append(b"%d %d m %d %d l S" % (left, y, left + width * columns, y))
    for line in range(columns + 1):
        x = left + width * line
        content.append(b"%d %d m %d %d l S" % (x, top, x, top - height * len(rows)))
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            content.append(pdf_text(cell, top=top - height * number - 14, left=left + width * column + 4))
    return b"\n".join(content)


def pdf_scan(*lines: str) -> bytes:
    """A page that is only a picture of ``lines``."""
    return pdf_of(b"q 612 0 0 792 0 0 cm /Im0 Do Q", images={"Im0": image_object(page_picture(*lines))})


def image_object(picture: Image.Image) -> bytes:
    data = zlib.compress(picture.tobytes())
    return (
        f"<</Type/XObject/Subtype/Image/Width {picture.width}/Height {picture.height}/ColorSpace/DeviceGray"
        f"/BitsPerComponent 8/Filter/FlateDecode/Length {len(data)}>>stream\n".encode()
        + data
        + b"\nendstream"
    )


def page_picture(*lines: str) -> Image.Image:
    picture = Image.new("L", (1275, 1650), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(30)
    for number, line in enumerate(lines):
        pen.text((110, 110 + 60 * number), line, fill="black", font=font)
    return picture


def pdf_locked() -> bytes:
    """A PDF that says it is encrypted with a user password nobody has."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>",
        b"<</Filter/Standard/V 2/R 3/Length 128/P -44/O(" + b"o" * 32 + b")/U(" + b"u" * 32 + b")>>",
    ]
    return _pdf_file(objects, "/Encrypt 4 0 R/ID[(0123456789abcdef)(0123456789abcdef)]")


# --- zip and Word ------------------------------------------------------------------------------------------
def zip_of(
    members: Mapping[str, bytes] | Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    buffer = io.BytesIO()
    pairs = members.items() if isinstance(members, Mapping) else members
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two of a name are meant
        for name, data in pairs:
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), data, compress_type=method)
    return buffer.getvalue()


def zip_with(
    change: Callable[[zipfile.ZipInfo], None], name: str = "a.txt", data: bytes = b"Cough."
) -> bytes:
    """An archive of one member whose entry ``change`` has spoiled."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(name)
        change(info)
        archive.writestr(info, data)
    return buffer.getvalue()


def declared_size(data: bytes, size: int) -> bytes:
    """The same one-member archive with another unpacked size in its list."""
    place = data.rindex(b"PK\x01\x02")
    return data[: place + 24] + struct.pack("<I", size) + data[place + 28 :]


def encrypted_flag(data: bytes) -> bytes:
    place = data.rindex(b"PK\x01\x02")
    return data[: place + 8] + b"\x01\x00" + data[place + 10 :]


_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'


def docx_of(body: str, parts: Mapping[str, str] | None = None) -> bytes:
    """A Word document of WordprocessingML ``body``; ``parts`` are headers, footers, notes by file name."""
    members = {
        "[Content_Types].xml": b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "word/document.xml": f'<?xml version="1.0" encoding="UTF-8"?><w:document {_W}><w:body>{body}</w:body></w:document>'.encode(),
    }
    for name, xml in (parts or {}).items():
        root = "footnotes" if "note" in name else "hdr"
        members[f"word/{name}"] = f"<w:{root} {_W}>{xml}</w:{root}>".encode()
    return zip_of(members)


def paragraph(text: str, style: str = "", properties: str = "") -> str:
    look = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f'<w:p><w:pPr>{look}{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def word_table(rows: list[list[str]]) -> str:
    lines = ["".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows]
    return f"<w:tbl><w:tblPr/>{''.join(f'<w:tr>{line}</w:tr>' for line in lines)}</w:tbl>"


# --- messages ----------------------------------------------------------------------------------------------
def hl7_of(
    *segments: str,
    control: str = "1",
    kind: str = "ORU^R01",
    charset: str = "UNICODE UTF-8",
    patient: str = "4417823^^^ALDER^MR",
) -> str:
    header = f"MSH|^~\\&|LAB|ALDER|PRECIS|ALDER|202601020304||{kind}|{control}|P|2.5||||||{charset}"
    return "\r".join([header, f"PID|1||{patient}||JONES^MARY", *segments]) + "\r"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def bundle(*resources: dict[str, Any], kind: str = "collection", urls: bool = False) -> dict[str, Any]:
    entries = [
        {
            **({"fullUrl": f"urn:uuid:0000000{number}-0000-4000-8000-000000000000"} if urls else {}),
            "resource": each,
        }
        for number, each in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def div(inner: str) -> dict[str, str]:
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inner}</div>'}


def ccda_of(
    sections: str,
    *,
    body: str = "",
    patient: str = '<id root="2.16.840.1.113883.19" extension="4417823"/>',
    encoding: str = "UTF-8",
) -> str:
    inner = body or f"<component><structuredBody>{sections}</structuredBody></component>"
    return (
        f'<?xml version="1.0" encoding="{encoding}"?><ClinicalDocument xmlns="urn:hl7-org:v3">'
        f'<code code="34133-9" displayName="Progress note"/><title>Visit summary</title>'
        f"<recordTarget><patientRole>{patient}</patientRole></recordTarget>{inner}</ClinicalDocument>"
    )


def cda_section(title: str, narrative: str) -> str:
    return f"<component><section><title>{title}</title><text>{narrative}</text></section></component>"


def gif() -> bytes:
    return b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


def picture_bytes(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(buffer, kind)
    return buffer.getvalue()
