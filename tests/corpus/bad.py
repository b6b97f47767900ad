"""Files that must be refused, each with words of the sentence that its uploader reads."""

import gzip
import io
import json
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from corpus.good import ENCODED, NOTE
from corpus.writers import (
    as_json,
    b64,
    bundle,
    ccda_of,
    cda_section,
    declared_size,
    docx_of,
    encrypted_flag,
    gif,
    hl7_of,
    paragraph,
    pdf_locked,
    pdf_of,
    pdf_text,
    picture_bytes,
    zip_of,
    zip_with,
)

PICTURE = "can show who the patient is"
NOT_TEXT = "not a text file|breaks off|not certain"
DAMAGED = "damaged|breaks off|not really|no Word document"
TWO_THINGS = "two things at once|something beside its files"


@dataclass(frozen=True)
class Bad:
    """``said`` is a pattern of the refusal, of the file or of its only rows. ``lives`` counts rows that are good."""

    name: str
    file: str
    make: Callable[[], bytes]
    said: str
    lives: int = 0
    is_slow: bool = False


def bad_files() -> Iterator[Bad]:
    yield from _of_another_kind()
    yield from _disguised()
    yield from _undecided()
    yield from _broken_text()
    yield from _cut_off()
    yield from _zip_tricks()
    yield from _bombs()
    yield from _xml_tricks()
    yield from _empty_messages()


def _of_another_kind() -> Iterator[Bad]:
    for name, said in {
        "a.png": PICTURE, "a.JPG": PICTURE, "a.heic": PICTURE, "a.tiff": PICTURE, "a.webp": PICTURE, "a.svg": PICTURE,
        "a.dcm": "DICOM", "a.doc": ".docx", "a.odt": ".docx", "a.docm": ".docx", "a.xlsx": "CSV", "a.xls": "CSV",
        "a.pptx": ".pdf", "a.7z": ".zip", "a.tar.gz": ".zip", "a.eml": "E-mail", "a.mp3": "voice", "a.exe": "not read",
        "noname": "not read", "../../etc/passwd": "not read", "a.txt.exe": "not read",
    }.items():  # fmt: skip
        yield Bad("by its name", name, lambda: b"anything at all", said)


def _disguised() -> Iterator[Bad]:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    bodies = {
        "png": (picture_bytes("PNG"), PICTURE),
        "jpeg": (picture_bytes("JPEG"), PICTURE),
        "bmp": (picture_bytes("BMP"), PICTURE),
        "tiff": (picture_bytes("TIFF"), PICTURE),
        "webp": (picture_bytes("WEBP"), PICTURE),
        "gif": (gif(), PICTURE),
        "heic": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", PICTURE),
        "dicom": (b"\x00" * 128 + b"DICM" + b"\x02\x00", "DICOM"),
        "old word": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "old Office"),
        "tar": (tar.getvalue(), "Of archives"),
        "program": (b"\x7fELF\x02\x01\x01" + b"\x00" * 60, "program"),
    }
    for kind, (data, said) in bodies.items():
        for suffix in (".txt", ".pdf", ".zip"):
            yield Bad(f"{kind} inside", f"a{suffix}", lambda d=data: d, said)
    for suffix in (".txt", ".csv", ".html", ".json", ".hl7", ".xml", ".docx"):
        yield Bad("a PDF inside", f"a{suffix}", lambda: pdf_of(pdf_text("x")), "really a PDF")
    for suffix in (".txt", ".md", ".jsonl", ".rtf", ".pdf"):
        yield Bad("a zip inside", f"a{suffix}", lambda: zip_of({"a.txt": b"x"}), "really a zip")
    yield Bad("rich text inside", "a.txt", lambda: rb"{\rtf1 x}", "really an RTF")
    for suffix in (".pdf", ".docx", ".zip", ".rtf"):
        yield Bad("plain text inside", f"a{suffix}", NOTE.encode, "not really")
    yield Bad(
        "a zip behind a PDF", "a.pdf", lambda: pdf_of(pdf_text("x")) + zip_of({"a.txt": b"x"}), TWO_THINGS
    )
    yield Bad("a zip behind rich text", "a.rtf", lambda: rb"{\rtf1 x}" + zip_of({"a.txt": b"x"}), TWO_THINGS)
    yield Bad(
        "a PDF behind text",
        "a.txt",
        lambda: b"Note\n" + pdf_of(b"").replace(b"\xff", b""),
        f"{TWO_THINGS}|{NOT_TEXT}",
    )
    yield Bad(
        "a zip behind a zip", "a.zip", lambda: zip_of({"a.txt": b"x"}) + zip_of({"b.txt": b"y"}), TWO_THINGS
    )
    yield Bad(
        "a program before a zip",
        "a.zip",
        lambda: b"PK\x03\x04" + b"x" * 50 + zip_of({"a.txt": b"x"}),
        TWO_THINGS,
    )
    yield Bad("bytes behind a zip", "a.zip", lambda: zip_of({"a.txt": b"x"}) + b"<script>", TWO_THINGS)


def _undecided() -> Iterator[Bad]:
    """Text in an encoding that the file does not name is never guessed."""
    for encoding, text in ENCODED.items():
        yield Bad(
            f"{encoding} unasked",
            "a.txt",
            lambda t=text, e=encoding: f"First\n{t}\nlast line".encode(e),
            "not certain",
        )
    for suffix in (".md", ".csv", ".jsonl", ".html", ".hl7"):
        start = {
            ".hl7": "MSH|^~\\&|||||||ORU^R01|1|P|2.5\rOBX|1|TX|||",
            ".csv": "text\n",
            ".jsonl": '{"text": "',
        }.get(suffix, "")
        yield Bad(
            "cp1252 unasked", f"a{suffix}", lambda s=start: (s + "Größe ½").encode("cp1252"), "not certain"
        )
    wrong = "<meta charset='iso-8859-1'><p>Größe</p>"
    yield Bad("declared as another than it is", "a.html", wrong.encode, "not certain")
    yield Bad(
        "windows quotes declared as ISO",
        "a.html",
        lambda: "<meta charset='iso-8859-1'><p>“½”</p>".encode("cp1252"),
        "not certain",
    )
    yield Bad(
        "declared as no encoding",
        "a.html",
        lambda: "<meta charset='unicode_escape'><p>½</p>".encode("cp1252"),
        "not certain",
    )
    hl7 = hl7_of("OBX|1|TX|||Größe", charset="ASCII")
    yield Bad("declared as ASCII", "a.hl7", lambda: hl7.encode("cp1252"), "not certain")
    yield Bad(
        "undecided inside a zip", "a.zip", lambda: zip_of({"a.txt": "½ µg".encode("cp1252")}), "not certain"
    )


def _broken_text() -> Iterator[Bad]:
    texts = {
        "NUL inside": b"abc\x00def",
        "only NULs": b"\x00" * 999,
        "half a mark": b"\xff\xfe\x00",
        "odd UTF-16": b"\xff\xfea\x00b",
        "half a pair": b"\xff\xfe\x3d\xd8",
        "UTF-8 cut in a sign": "µ".encode()[:1] + b"\x00",
        "marked UTF-8 that is none": b"\xef\xbb\xbf\xff\xff",
        "noise": bytes(range(256)) * 4,
    }
    for name, data in texts.items():
        for suffix in (".txt", ".csv"):
            yield Bad(name, f"a{suffix}", lambda d=data: d, NOT_TEXT)
    for suffix in (".txt", ".md", ".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".xml", ".hl7", ".html"):
        yield Bad("empty", f"a{suffix}", lambda: b"", "empty|breaks off|no HL7")
        yield Bad(
            "only spaces", f"a{suffix}", lambda: b" \n\t\n ", "empty|breaks off|no HL7|name the columns"
        )
    yield Bad("a million characters in a line", "a.txt", lambda: b"x" * 1_000_000, "200,000 characters")
    yield Bad("200,001 characters", "a.md", lambda: b"x" * 200_001, "200,000 characters")
    yield Bad("no column of text", "a.csv", lambda: b"a,b\n1,2\n", "name the columns")
    yield Bad("an open quote", "a.csv", lambda: b'text\n"never closed\n', "quotation mark")
    yield Bad("20,001 rows", "a.csv", lambda: b"text\n" + b"cough\n" * 20_001, "more than 20,000")
    yield Bad("5,000 bad rows", "a.csv", lambda: b"text\n" + b"a,b\n" * 5_000, "More than 1,000")
    yield Bad("one bad row of two", "a.csv", lambda: b"text,kind\na cough,note\nb\n", "1 columns", lives=1)
    yield Bad("deep JSON", "a.json", lambda: b"[" * 100_000, "nests deeper|breaks off")
    yield Bad("deep JSON lines", "a.jsonl", lambda: b"[" * 100_000, "not a JSON object")
    yield Bad("half a pair in JSON", "a.jsonl", lambda: b'{"text": "half \\ud83d"}', "broken characters")
    yield Bad("a list, not FHIR", "a.json", lambda: b"[1, 2]", "only FHIR")
    yield Bad("JSON of another kind", "a.json", lambda: b'{"text": "x"}', "only FHIR")
    yield Bad("a huge number", "a.json", lambda: b'{"a": ' + b"9" * 10_000 + b"}", DAMAGED)


def _cut_off() -> Iterator[Bad]:
    """Files that a broken copy cut short, at several places."""
    whole = {
        ".pdf": pdf_of(*[pdf_text(f"Page {n}") for n in range(3)])[:-700],
        ".docx": docx_of(paragraph("x " * 500)),
        ".zip": zip_of({"a.txt": b"word " * 500}),
        ".rtf": (r"{\rtf1\ansi " + r"words and more\par " * 50 + "}").encode(),
        ".xml": ccda_of(cda_section("Plan", "rest " * 100)).encode(),
        ".json": as_json({"resourceType": "Encounter", "text": {"div": "x" * 500}}),
    }
    for suffix, data in whole.items():
        for percent in (10, 50, 95):
            cut = data[: len(data) * percent // 100]
            yield Bad(
                f"cut at {percent} %", f"a{suffix}", lambda c=cut: c, f"{DAMAGED}|is empty|No text was found"
            )


def _zip_tricks() -> Iterator[Bad]:
    for name in (
        "../a.txt",
        "a/../../b.txt",
        "/etc/passwd.txt",
        "\\\\server\\a.txt",
        "..\\a.txt",
        "C:\\a.txt",
        "C:a.txt",
    ):
        yield Bad(f"a path {name}", "a.zip", lambda n=name: zip_of({n: b"x"}), "a place outside")

    def link(info: zipfile.ZipInfo) -> None:
        info.external_attr = (stat.S_IFLNK | 0o777) << 16

    yield Bad("a symbolic link", "a.zip", lambda: zip_with(link, data=b"/etc/passwd"), "a link")
    yield Bad("a password", "a.zip", lambda: encrypted_flag(zip_of({"a.txt": b"x"})), "password")
    yield Bad("two of a name", "a.zip", lambda: zip_of([("a.txt", b"x"), ("a.txt", b"y")]), "same name")
    yield Bad("nothing in it", "a.zip", lambda: zip_of({}), "is empty")
    inner = zip_of({"a.txt": b"x"})
    yield Bad("a zip in a zip", "a.zip", lambda: zip_of({"inner.zip": inner}), "an archive itself")
    yield Bad("a zip named as text in a zip", "a.zip", lambda: zip_of({"inner.txt": inner}), "really a zip")
    yield Bad(
        "a picture among texts", "a.zip", lambda: zip_of({"a.txt": b"Fine.", "b.jpg": b"x"}), PICTURE, lives=1
    )
    yield Bad(
        "a broken file among texts",
        "a.zip",
        lambda: zip_of({"a.txt": b"Fine.", "b.pdf": b"%PDF-1.7"}),
        DAMAGED,
        lives=1,
    )
    yield Bad(
        "a wrong checksum",
        "a.zip",
        lambda: zip_of({"a.txt": b"word"}, zipfile.ZIP_STORED).replace(b"word", b"ward"),
        DAMAGED,
    )
    yield Bad("an unknown way of packing", "a.zip", lambda: _method(zip_of({"a.txt": b"x"}), 97), DAMAGED)
    yield Bad(
        "a list that points nowhere",
        "a.zip",
        lambda: _offset(zip_of({"a.txt": b"x"}), 999_999),
        f"{DAMAGED}|{TWO_THINGS}",
    )
    yield Bad("no document in it", "a.docx", lambda: zip_of({"a.txt": b"x"}), "no Word document")
    yield Bad(
        "path tricks in Word", "a.docx", lambda: zip_of({"../word/document.xml": b"x"}), "a place outside"
    )


def _method(data: bytes, method: int) -> bytes:
    place = data.rindex(b"PK\x01\x02")
    return data[: place + 10] + struct.pack("<H", method) + data[place + 12 :]


def _offset(data: bytes, offset: int) -> bytes:
    return data[:-6] + struct.pack("<I", offset) + data[-2:]


def _bombs() -> Iterator[Bad]:
    zeros = b"0" * (30 * 1024**2)
    yield Bad("packed a thousand to one", "a.zip", lambda: zip_of({"a.txt": zeros}), "packed tighter")
    yield Bad(
        "more than fits",
        "a.zip",
        lambda: declared_size(zip_of({"a.txt": b"x" * 5_000}), 2**32 - 10),
        "would hold more",
    )
    yield Bad(
        "lies about its size",
        "a.zip",
        lambda: declared_size(zip_of({"a.txt": b"x" * 5_000_000}), 900),
        DAMAGED,
    )
    yield Bad(
        "too many files", "a.zip", lambda: zip_of({f"{n}.txt": b"" for n in range(5_001)}), "more than 5,000"
    )
    yield Bad(
        "a Word file of zeros", "a.docx", lambda: zip_of({"word/document.xml": zeros}), "packed tighter"
    )
    nodes = "<w:p/>" * 3_000_000
    yield Bad(
        "a Word file of tiny nodes",
        "a.docx",
        lambda: docx_of(nodes),
        "packed tighter|more memory|took longer|is empty",
        is_slow=True,
    )
    noisy = "".join(
        f"<w:p><w:r w:rsidR='{n * 7919 % 99991:x}'><w:t>{n}</w:t></w:r></w:p>" for n in range(400_000)
    )
    yield Bad(
        "a Word file of noisy nodes",
        "a.docx",
        lambda: docx_of(noisy),
        "more memory|took longer|200,000 characters",
        is_slow=True,
    )
    yield Bad(
        "a deep Word file",
        "a.docx",
        lambda: docx_of("<w:sdt>" * 2_000 + "</w:sdt>" * 2_000),
        f"nests deeper|{DAMAGED}",
    )
    stream = zlib.compress(b"0 0 m " * 20_000_000, 9)
    yield Bad(
        "a PDF stream that swells",
        "a.pdf",
        lambda: _swelling(stream),
        "more memory|took longer|No text",
        is_slow=True,
    )
    deep = zlib.compress(zlib.compress(b"q " * 5_000_000, 9), 9)
    yield Bad(
        "a PDF packed twice",
        "a.pdf",
        lambda: _swelling(deep, twice=True),
        "more memory|took longer|No text|damaged",
        is_slow=True,
    )
    yield Bad("a PDF of 301 pages", "a.pdf", lambda: pdf_of(*[b"q Q"] * 301), "more than 300 pages")
    yield Bad("a PDF under lock", "a.pdf", pdf_locked, "password")
    huge = b"<</Type/XObject/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceGray/BitsPerComponent 8/Length 4>>stream\nxxxx\nendstream"
    page = b"q 612 0 0 792 0 0 cm /Im0 Do Q"
    yield Bad(
        "a picture of 3.6 gigapixels",
        "a.pdf",
        lambda: pdf_of(page, images={"Im0": huge}),
        "more memory|took longer|No text",
        is_slow=True,
    )
    yield Bad(
        "pages that name one another",
        "a.pdf",
        lambda: pdf_of(b"").replace(b"/Kids[5 0 R]", b"/Kids[2 0 R]"),
        f"{DAMAGED}|No text|empty",
    )
    yield Bad(
        "rich text that nests",
        "a.rtf",
        lambda: b"{\\rtf1 " + b"{" * 5_000 + b"x" + b"}" * 5_001,
        "nests deeper",
    )
    yield Bad(
        "HTML that nests", "a.html", lambda: b"<div>" * 50_000 + b"x", f"nests deeper|{DAMAGED}|no text"
    )
    yield Bad("gzip named as zip", "a.zip", lambda: gzip.compress(zeros), "Of archives")


def _swelling(stream: bytes, twice: bool = False) -> bytes:
    kinds = b"[/FlateDecode/FlateDecode]" if twice else b"/FlateDecode"
    body = b"<</Length %d/Filter%s>>stream\n%s\nendstream" % (len(stream), kinds, stream)
    plain = pdf_of(b"")
    start, end = plain.index(b"4 0 obj\n") + 8, plain.index(b"\nendobj", plain.index(b"4 0 obj\n"))
    return plain[:start] + body + plain[end:]


def _xml_tricks() -> Iterator[Bad]:
    entity = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><ClinicalDocument>&a;</ClinicalDocument>'
    yield Bad("an entity from a file", "a.xml", entity.encode, "DOCTYPE")
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><ClinicalDocument>&a11;</ClinicalDocument>'
    yield Bad("a billion laughs", "a.xml", bomb.encode, "DOCTYPE")
    remote = '<!DOCTYPE x SYSTEM "http://169.254.169.254/latest"><ClinicalDocument/>'
    yield Bad("a definition from the network", "a.xml", remote.encode, "DOCTYPE")
    yield Bad("an entity in UTF-16", "a.xml", lambda: entity.encode("utf-16"), "DOCTYPE")
    yield Bad(
        "an entity in Word", "a.docx", lambda: zip_of({"word/document.xml": entity.encode()}), "DOCTYPE"
    )
    yield Bad("an entity nobody declared", "a.xml", ccda_of(cda_section("Plan", "&xyz;")).encode, DAMAGED)
    yield Bad("XML of another kind", "a.xml", lambda: b"<note>Mary</note>", "only C-CDA")
    yield Bad("deep XML", "a.xml", lambda: b"<a>" * 5_000 + b"</a>" * 5_000, f"nests deeper|{DAMAGED}")
    script = {
        "resourceType": "Composition",
        "section": [{"text": {"div": '<!DOCTYPE x [<!ENTITY a "b">]><div>&a;</div>'}}],
    }
    yield Bad("an entity in FHIR", "a.json", lambda: as_json(script), "DOCTYPE")


def _empty_messages() -> Iterator[Bad]:
    yield Bad("no HL7 message", "a.hl7", lambda: b"Dear colleague", "no HL7")
    yield Bad("only a visit", "a.hl7", hl7_of("EVN|A01", kind="ADT^A01").encode, "brings no note")
    yield Bad("a header that breaks off", "a.hl7", lambda: b"MSH|^", "breaks off")
    pointer = hl7_of("OBX|1|RP|||https://pacs.example/1^ALDER^IM", kind="ORU^R01")
    yield Bad("a pointer elsewhere", "a.hl7", pointer.encode, "points to")
    yield Bad(
        "an enclosed picture",
        "a.hl7",
        hl7_of(f"OBX|1|ED|||A^IM^JPEG^Base64^{b64(picture_bytes('JPEG'))}").encode,
        PICTURE,
    )
    yield Bad(
        "base64 that breaks off",
        "a.hl7",
        hl7_of("OBX|1|ED|||A^AP^PDF^Base64^JVBERi0").encode,
        "breaks off|damaged",
    )
    one_of_two = hl7_of("OBX|1|TX|||Fine.") + hl7_of("EVN|A01")
    yield Bad("one of two messages", "a.hl7", one_of_two.encode, "brings no note", lives=1)
    yield Bad(
        "only a patient",
        "a.json",
        lambda: as_json({"resourceType": "Patient", "id": "1"}),
        "holds no Composition",
    )
    yield Bad("an empty bundle", "a.json", lambda: as_json(bundle()), "holds no Composition")
    away = {
        "resourceType": "DocumentReference",
        "content": [{"attachment": {"contentType": "text/plain", "url": "http://169.254.169.254/"}}],
    }
    yield Bad("an address", "a.json", lambda: as_json(away), "lies elsewhere")
    picture = {
        "resourceType": "DocumentReference",
        "content": [{"attachment": {"contentType": "image/jpeg", "data": b64(picture_bytes("JPEG"))}}],
    }
    yield Bad("a picture in FHIR", "a.json", lambda: as_json(picture), PICTURE)
    disguise = {
        "resourceType": "DocumentReference",
        "content": [{"attachment": {"contentType": "text/plain", "data": b64(picture_bytes("PNG"))}}],
    }
    yield Bad("a picture as text in FHIR", "a.json", lambda: as_json(disguise), PICTURE)
    loop: dict[str, object] = {"resourceType": "Bundle", "entry": []}
    for _ in range(30):
        loop = {"resourceType": "Bundle", "entry": [{"resource": loop}]}
    yield Bad("bundles in bundles", "a.json", lambda: as_json(loop), "holds no Composition")
    yield Bad("lines that are no FHIR", "a.ndjson", lambda: b'{"text": "x"}\n', "no FHIR resource")
    yield Bad(
        "half a line",
        "a.ndjson",
        lambda: json.dumps({"resourceType": "Encounter"})[:-3].encode(),
        "not a JSON",
    )
    yield Bad("no narrative", "a.xml", ccda_of("").encode, "no section with text")
    reference = '<component><nonXMLBody><text mediaType="application/pdf"><reference value="http://169.254.169.254/"/></text></nonXMLBody></component>'
    yield Bad("a file elsewhere", "a.xml", ccda_of("", body=reference).encode, "points to")
