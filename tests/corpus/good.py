"""Files that must be read to the letter, each with the texts its records must have."""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from corpus.writers import (
    as_json,
    b64,
    bundle,
    ccda_of,
    cda_section,
    div,
    docx_of,
    hl7_of,
    paragraph,
    pdf_of,
    pdf_scan,
    pdf_table,
    pdf_text,
    word_table,
    zip_of,
)

NOTE = "Chest pain since Monday.\nBlood pressure 150/95, ½ tablet of 10 µg – “stable”."
PLAIN = "Chest pain since Monday."


@dataclass(frozen=True)
class Good:
    """``texts`` are the records' texts in order, ``patients`` their patients where the file names any."""

    name: str
    suffix: str
    make: Callable[[], bytes]
    texts: list[str]
    patients: list[str] = field(default_factory=list)
    encoding: str = ""
    is_slow: bool = False


def good_files() -> Iterator[Good]:
    yield from _plain()
    yield from _encoded()
    yield from _tables()
    yield from _pages()
    yield from _rich()
    yield from _word()
    yield from _pdf()
    yield from _hl7()
    yield from _fhir()
    yield from _ccda()
    yield from _zip()


ODD_TEXTS = {
    "plain": NOTE,
    "windows lines": "One.\r\nTwo.\r\n",
    "old mac lines": "One.\rTwo.\r",
    "right to left": "\u202ehello\u202c \u05d0\u05d1\u05d2 left again",
    "zero width": "zero\u200bwidth\u200d and \ufeff inside",
    "combining": "Cafe\u0301 and Café",
    "emoji": "Feels 😀 today, family 👨‍👩‍👧",
    "separators": "one\u2028two\u2029three\x0bfour\x0cfive\x85six",
    "many lines": "cough and fever \n" * 11_000,
    "a long line": "x " * 99_999,
    "braces": '{"a": [1, 2]} <b>not html</b> {{ template }} %s',
    "formula": "=HYPERLINK(1) is only text",
    "tabs": "a\tb\t\tc",
    "trailing spaces": "  indented   \n\n  text  \n",
    "control kept": "bell\x07 and unit\x1fseparator",
}  # fmt: skip


def _plain() -> Iterator[Good]:
    for name, text in ODD_TEXTS.items():
        for suffix in (".txt", ".md"):
            yield Good(f"{name}", suffix, text.encode, [text])
    for mark in ("utf-8-sig", "utf-16", "utf-32"):
        yield Good(f"mark {mark}", ".txt", lambda mark=mark: NOTE.encode(mark), [NOTE])
    for order, bom in (("utf-16-be", b"\xfe\xff"), ("utf-32-be", b"\x00\x00\xfe\xff")):
        yield Good(f"mark {order}", ".txt", lambda o=order, b=bom: b + NOTE.encode(o), [NOTE])


ENCODED = {
    "cp1252": "½ tablet – “stable” €5",
    "iso-8859-15": "Größe in cm, 5 €",
    "iso-8859-1": "Größe ½ cm",
    "mac-roman": "Größe ∞ π cm",
    "cp850": "Größe ½ cm ñ",
    "cp437": "Größe ½ cm √",
    "cp1250": "Łódź and Čapek řeka",
    "cp1251": "Жалобы на кашель",
    "koi8-r": "Жалобы на кашель",
    "cp1253": "Πόνος στο στήθος",
    "cp1255": "כאב בחזה",
    "cp1256": "ألم في الصدر",
    "utf-16-le": "Size ½ cm and more",
    "utf-16-be": "Size ½ cm and more",
    "shift-jis": "患者は 咳があります。",
    "euc-jp": "患者は 咳があります。",
    "iso2022-jp": "患者は 咳があります。",
    "gb18030": "患者 咳嗽三天。",
    "big5": "患者 咳嗽三天。",
    "euc-kr": "환자는 기침을 합니다.",
}  # fmt: skip


def _encoded() -> Iterator[Good]:
    """What its uploader named is decoded as that, to the letter."""
    for encoding, text in ENCODED.items():
        whole = f"First line\n{text}\nlast line"
        yield Good(
            f"chosen {encoding}", ".txt", lambda w=whole, e=encoding: w.encode(e), [whole], encoding=encoding
        )
    csv = "text,patient\nGröße ½ cm,P1\n"
    yield Good("chosen cp1252", ".csv", lambda: csv.encode("cp1252"), ["Größe ½ cm"], ["P1"], "cp1252")


def _tables() -> Iterator[Good]:
    for suffix, mark in ((".csv", ","), (".tsv", "\t"), (".csv", ";")):
        text = f'patient{mark}note{mark}summary\n7{mark}"Line one\nline ""two"" long"{mark}Short\n8{mark}No fever today.{mark}\n'
        yield Good(
            f"by {mark!r}", suffix, text.encode, ['Line one\nline "two" long', "No fever today."], ["7", "8"]
        )
    formula = "text\n\"=cmd|'/c calc'!A1\"\n+1 day\n@home all day\n-5 degrees\n"
    yield Good(
        "formulas", ".csv", formula.encode, ["=cmd|'/c calc'!A1", "+1 day", "@home all day", "-5 degrees"]
    )
    yield Good("with a mark", ".csv", lambda: "text\nGröße\n".encode("utf-8-sig"), ["Größe"])
    yield Good("windows lines", ".csv", b"text\r\na cough\r\n".strip, ["a cough"])
    lines = (
        '{"text": "A cough.", "mrn": 12}\n\n{"source": "half\\u2028line \\ud83d\\ude00", "type": "note"}\n'
    )
    yield Good("two lines", ".jsonl", lines.encode, ["A cough.", "half\u2028line 😀"], ["12", ""])
    many = "text\n" + "".join(f"cough {n} today\n" for n in range(20_000))
    yield Good("20,000 rows", ".csv", many.encode, [f"cough {n} today" for n in range(20_000)])


def _pages() -> Iterator[Good]:
    page = "<html><head><title>Note</title><style>p{}</style><script>steal('x')</script></head><body>%s</body></html>"
    bodies = {
        "paragraphs": ("<h1>Plan</h1><p>Rest, <b>much</b>\n tea.</p><p>Back on Monday.", "Plan\nRest, much tea.\nBack on Monday."),
        "script": ("<p onclick='x()'>Cough.</p><script>alert(1)</script><p>Fever.</p>", "Cough.\nFever."),
        "script in odd forms": ("<p>A</p><script type=x>if (a<b) {}</script ><noscript>no</noscript><svg onload=x()><script>y</script></svg><p>B", "A\nB"),
        "list": ("<ul><li>One</li><li>Two <i>x</i></li></ul>", "- One\n- Two x"),
        "table": ("<p>Labs</p><table><tr><th>Test</th><th>Value</th></tr><tr><td>K</td><td>4.1 <br>mmol/l</td></tr></table>", "Labs\n\nTest | Value\nK | 4.1 mmol/l"),
        "breaks": ("a<br>b<br/>c", "a\nb\nc"),
        "pre": ("<pre>a   b\n  c</pre>", "a   b\n  c"),
        "entities": ("5 &lt; 6 &amp; &frac12; &#181;g &nbsp;x", "5 < 6 & ½ µg \u00a0x"),
        "hidden": ("<p>A</p><p style='display: none'>secret</p><p hidden>x</p><!-- comment -->", "A"),
        "a form": ("<label>Name <input value='Mary'></label> <select><option>no<option selected>yes</select>", "Name Mary yes"),
        "unclosed": ("<div><p>A<div>B<b>C", "A\nBC"),
        "iframe": ("<p>A</p><iframe src='file:///etc/passwd'>x</iframe><object data='http://169.254.0.1/'></object>", "A"),
    }  # fmt: skip
    for name, (body, text) in bodies.items():
        for suffix in (".html", ".htm"):
            yield Good(name, suffix, (page % body).encode, [f"Note\n\n{text}"])
    for charset in ("utf-8", "iso-8859-1", "windows-1252", "windows-1251"):
        word = "Größe ½" if charset != "windows-1251" else "Жалобы"
        html = f"<html><head><meta charset='{charset}'></head><body><p>{word}</p></body></html>"
        yield Good(f"declared {charset}", ".html", lambda h=html, c=charset: h.encode(c), [word])


def _rich() -> Iterator[Good]:
    bodies = {
        "plain": (r"Chest pain.\par Since Monday.", "Chest pain.\nSince Monday."),
        "code page": (r"Gr\'f6\'dfe \'bd \'b5g", "Größe ½ µg"),
        "unicode": (r"\u189?\u8211- \u-10179?\u-8704? \uc0\u937 x", "½– 😀 Ωx"),
        "unicode with two stand-ins": (r"\uc2\u937 ab c", "Ω c"),
        "signs": (r"a\~b \{c\} \\ \emdash \ldblquote q\rdblquote", "a\u00a0b {c} \\ —“q”"),
        "table": (r"\trowd\cellx1\cellx2 Test\cell Value\cell\row\trowd K\cell 4.1\cell\row\pard After", "Test | Value\nK | 4.1\nAfter"),
        "groups": (r"{\b bold} {\*\unknown hidden}{\info{\author Mary}}x", "bold x"),
        "picture": (r"a{\pict\pngblip 89504e470d0a}b", "ab"),
        "a link": (r"{\field{\*\fldinst HYPERLINK 'x'}{\fldrslt here}}", "here"),
        "a footnote": (r"Text{\footnote  Small print.} goes on", "Text Small print. goes on"),
    }  # fmt: skip
    for name, (body, text) in bodies.items():
        yield Good(
            name,
            ".rtf",
            (r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fswiss Arial;}}\f0 " + body + "}").encode,
            [text],
        )
    fonts = r"{\rtf1\ansi{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}}\f0 Gr\'f6\'dfe \f1 \'ca\'e0\'f8\'e5\'eb\'fc}"
    yield Good("two alphabets", ".rtf", fonts.encode, ["Größe Кашель"])


def _word() -> Iterator[Good]:
    yield Good(
        "paragraphs",
        ".docx",
        lambda: docx_of(paragraph("Chest pain.") + paragraph("Größe ½ µg")),
        ["Chest pain.\nGröße ½ µg"],
    )
    heading = paragraph("History", "Heading1")
    yield Good(
        "headings", ".docx", lambda: docx_of(paragraph("A") + heading + paragraph("B")), ["A\n\nHistory\nB"]
    )
    numbered = "<w:numPr><w:numId w:val='1'/></w:numPr>"
    yield Good(
        "lists",
        ".docx",
        lambda: docx_of(paragraph("One", properties=numbered) + paragraph("Two", "ListBullet")),
        ["- One\n- Two"],
    )
    table = word_table([["Test", "Value"], ["K", "4.1"]])
    yield Good(
        "a table in order",
        ".docx",
        lambda: docx_of(paragraph("Before") + table + paragraph("After")),
        ["Before\n\nTest | Value\nK | 4.1\n\nAfter"],
    )
    parts = {"header1.xml": paragraph("Alder Clinic"), "footer1.xml": paragraph("Page 1")}
    yield Good(
        "header and footer",
        ".docx",
        lambda: docx_of(paragraph("Note."), parts),
        ["Alder Clinic\n\nNote.\n\nPage 1"],
    )
    foot = {
        "footnotes.xml": f'<w:footnote w:id="0">{paragraph("ignored")}</w:footnote><w:footnote w:id="2">{paragraph("Small print.")}</w:footnote>'
    }
    mark = '<w:p><w:r><w:t>Text</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
    yield Good("footnotes", ".docx", lambda: docx_of(mark, foot), ["Text[1]\n\n[1] Small print."])
    changes = "<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t> new</w:t></w:r></w:ins></w:p>"
    yield Good("tracked changes", ".docx", lambda: docx_of(changes), ["kept new"])
    control = f"<w:sdt><w:sdtContent>{paragraph('In a control')}</w:sdtContent></w:sdt>"
    yield Good("content controls", ".docx", lambda: docx_of(control), ["In a control"])
    runs = "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r><w:hyperlink><w:r><w:t xml:space='preserve'> link</w:t></w:r></w:hyperlink></w:p>"
    yield Good("tabs, breaks, links", ".docx", lambda: docx_of(runs), ["a\tb\nc link"])
    box = f"<w:p><w:r><w:t>x</w:t><mc:AlternateContent><mc:Choice><w:txbxContent>{paragraph('boxed')}</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>{paragraph('boxed')}</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    yield Good("a text box once", ".docx", lambda: docx_of(box), ["x\nboxed"])
    nested = f"<w:tbl><w:tr><w:tc>{paragraph('a')}{word_table([['b', 'c']])}{paragraph('')}</w:tc><w:tc>{paragraph('d')}</w:tc></w:tr></w:tbl>"
    yield Good("a table in a table", ".docx", lambda: docx_of(nested), ["a b | c | d"])


def _pdf() -> Iterator[Good]:
    yield Good(
        "two pages",
        ".pdf",
        lambda: pdf_of(pdf_text("Chest pain.", "Größe ½ µg"), pdf_text("Page two.")),
        ["Chest pain.\nGröße ½ µg\n\nPage two."],
    )
    rows = [["Test", "Value"], ["Potassium", "4.1 mmol/l"]]
    yield Good(
        "a ruled table",
        ".pdf",
        lambda: pdf_of(
            pdf_text("Labs of today") + b"\n" + pdf_table(rows) + b"\n" + pdf_text("After it", top=400)
        ),
        ["Labs of today\nTest | Value\nPotassium | 4.1 mmol/l\nAfter it"],
    )
    yield Good(
        "a blank page between",
        ".pdf",
        lambda: pdf_of(pdf_text("One."), b"", pdf_text("Three.")),
        ["One.\n\nThree."],
    )
    script = "/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>"
    yield Good("a script", ".pdf", lambda: pdf_of(pdf_text("Cough."), catalog=script), ["Cough."])
    field = "/AcroForm<</Fields[<</FT/Tx/T(Complaint)/V(Cough for a week)>>]>>"
    yield Good(
        "a filled form",
        ".pdf",
        lambda: pdf_of(pdf_text("Intake"), catalog=field),
        ["Intake\n\nComplaint: Cough for a week"],
    )
    remark = "/Annots[<</Type/Annot/Subtype/FreeText/Rect[10 10 90 90]/Contents(Call back)>>]"
    yield Good(
        "a remark", ".pdf", lambda: pdf_of(pdf_text("Note"), extra=remark), ["Note\n[Remark] Call back"]
    )
    yield Good(
        "100 pages",
        ".pdf",
        lambda: pdf_of(*[pdf_text(f"Page {n}.") for n in range(100)]),
        ["\n\n".join(f"Page {n}." for n in range(100))],
    )
    scan = ("Progress note for Mary Jones", "Blood pressure 150/95 mmHg", "Started lisinopril 10 mg daily")
    yield Good("a scanned page", ".pdf", lambda: pdf_scan(*scan), ["\n".join(scan)], is_slow=True)


OBX = "OBX|1|NM|2823-3^Potassium^LN||4.1|mmol/l|3.5-5.1|N"


def _hl7() -> Iterator[Good]:
    lab = hl7_of("OBR|1|||24323-8^Metabolic panel^LN", OBX, "NTE|1||Fasting.~Repeat in a week.")
    text = "Metabolic panel\n\nPotassium | 4.1 mmol/l | reference 3.5-5.1 | N\nFasting.\nRepeat in a week."
    yield Good("results", ".hl7", lab.encode, [text], ["4417823"])
    for ending, name in (("\n", "line feeds"), ("\r\n", "windows lines")):
        yield Good(name, ".hl7", lab.replace("\r", ending).encode, [text], ["4417823"])
    note = hl7_of(
        "TXA|1|PN^Progress note|TX",
        "OBX|1|TX|||Seen today.",
        r"OBX|2|FT|||A\.br\B 5 \T\ 6 \F\ \S\ \R\ \E\ \X41\ \H\bold\N\ & ^",
        kind="MDM^T02",
    )
    yield Good(
        "a note with escapes",
        ".hl7",
        note.encode,
        ["Seen today.\nA\nB 5 & 6 | ^ ~ \\ A bold & ^"],
        ["4417823"],
    )
    batch = "FHS|^~\\&|\rBHS|^~\\&|\r" + note + lab + "BTS|2\rFTS|1\r"
    yield Good(
        "a batch",
        ".hl7",
        batch.encode,
        ["Seen today.\nA\nB 5 & 6 | ^ ~ \\ A bold & ^", text],
        ["4417823"] * 2,
    )
    yield Good("MLLP frames", ".hl7", ("\x0b" + lab + "\x1c\r").encode, [text], ["4417823"])
    for charset, codec in (
        ("8859/1", "iso-8859-1"),
        ("UNICODE UTF-8", "utf-8"),
        ("8859/15", "iso-8859-15"),
        ("8859/5", "iso-8859-5"),
    ):
        said = "Größe" if codec != "iso-8859-5" else "Кашель"
        message = hl7_of(f"OBX|1|TX|||{said}", charset=charset)
        yield Good(f"declared {charset}", ".hl7", lambda m=message, c=codec: m.encode(c), [said], ["4417823"])
    for kind, data, said in (("PDF", pdf_of(pdf_text("Inside a PDF.")), "Inside a PDF."), ("HTML", b"<p>Inside a page.</p>", "Inside a page."), ("RTF", rb"{\rtf1 Inside rich text.}", "Inside rich text."), ("PLAIN", b"Inside text.", "Inside text.")):  # fmt: skip
        message = hl7_of(f"OBX|1|ED|||ALDER^AP^{kind}^Base64^{b64(data)}", kind="MDM^T02")
        yield Good(f"an enclosed {kind}", ".hl7", message.encode, [said], ["4417823"])
    odd = hl7_of("OBX|1|TX|||Line one", "and a line feed inside", patient="9^^^X^PI~77^^^ALDER^MR").replace(
        "\rand", "\nand"
    )
    yield Good("a line feed in a value", ".hl7", odd.encode, ["Line one\nand a line feed inside"], ["77"])
    other = "MSH$%?!*$L$A$P$A$2026$$ORU%R01$1$P$2.5\rPID$1$$55%%%A%MR\rOBX$1$TX$$$5 !F! 6?x\r"
    yield Good("other separators", ".hl7", other.encode, ["5 $ 6\nx"], ["55"])


PATIENT = {"resourceType": "Patient", "id": "p1", "identifier": [{"value": "4417823"}]}


def _fhir() -> Iterator[Good]:
    composition = {
        "resourceType": "Composition", "title": "Progress note", "type": {"text": "Progress note"},
        "subject": {"reference": "Patient/p1"},
        "section": [
            {"title": "Subjective", "text": div("<p>Chest pain.</p><p>5 &lt; 6</p>")},
            {"title": "Labs", "text": div("<table><tr><th>Test</th><th>Value</th></tr><tr><td>K</td><td>4.1</td></tr></table>"), "section": [{"title": "Inner", "text": div("x")}]},
            {"title": "Results", "entry": [{"reference": "Observation/o1"}]},
        ],
    }  # fmt: skip
    potassium = {
        "resourceType": "Observation",
        "id": "o1",
        "code": {"text": "Potassium"},
        "valueQuantity": {"value": 4.1, "unit": "mmol/l"},
        "referenceRange": [{"text": "3.5-5.1"}],
    }
    text = "Progress note\n\nSubjective\nChest pain.\n5 < 6\n\nLabs\nTest | Value\nK | 4.1\n\nInner\nx\n\nResults\nPotassium | 4.1 mmol/l | reference 3.5-5.1"
    document = bundle(composition, PATIENT, potassium, kind="document")
    yield Good("a document bundle", ".json", lambda: as_json(document), [text], ["p1"])
    yield Good(
        "a document bundle with a mark", ".json", lambda: b"\xef\xbb\xbf" + as_json(document), [text], ["p1"]
    )
    lines = b"\n".join(as_json(each) for each in (PATIENT, potassium, composition))
    yield Good("bulk lines", ".ndjson", lambda: lines, [text], ["p1"])
    for kind, data, said in (
        ("text/plain", "Größe ½".encode(), "Größe ½"),
        ("text/plain; charset=iso-8859-1", "Größe".encode("latin-1"), "Größe"),
        ("text/html", b"<p>Seen.</p><script>x</script>", "Seen."),
        ("application/pdf", pdf_of(pdf_text("In a PDF.")), "In a PDF."),
        ("text/rtf", rb"{\rtf1 In rich text.}", "In rich text."),
        (
            "application/hl7-v3+xml",
            ccda_of(cda_section("Plan", "Rest.")).encode(),
            "Visit summary\n\nPlan\nRest.",
        ),
    ):
        content = [{"attachment": {"contentType": kind, "data": b64(data)}}]
        reference = {
            "resourceType": "DocumentReference",
            "status": "current",
            "subject": {"reference": "https://ehr.example/fhir/Patient/p9"},
            "content": content,
        }
        yield Good(f"a document {kind}", ".json", lambda r=reference: as_json(r), [said], ["p9"])
    report = {
        "resourceType": "DiagnosticReport",
        "code": {"coding": [{"display": "Panel"}]},
        "subject": {"reference": "urn:uuid:00000001-0000-4000-8000-000000000000"},
        "result": [{"reference": "Observation/o1"}],
        "conclusion": "Normal.",
    }
    yield Good(
        "a report, patient by made-up id",
        ".json",
        lambda: as_json(bundle(report, PATIENT, potassium, urls=True)),
        ["Panel\n\nPotassium | 4.1 mmol/l | reference 3.5-5.1\n\nNormal."],
        ["4417823"],
    )
    form = {
        **report,
        "presentedForm": [{"contentType": "text/plain", "data": b64(b"As signed.")}],
        "result": [],
    }
    yield Good("a report's form", ".json", lambda: as_json(form), ["Panel\n\nNormal.\n\nAs signed."])
    visit = {
        "resourceType": "Encounter",
        "subject": {"reference": "Patient/p1"},
        "type": [{"text": "Office visit"}],
        "reasonCode": [{"text": "Cough"}],
        "text": div("Seen for cough."),
    }
    yield Good(
        "an encounter",
        ".json",
        lambda: as_json(visit),
        ["Seen for cough.\nType: Office visit\nReason: Cough"],
        ["p1"],
    )
    r5 = {
        "resourceType": "Encounter",
        "subject": {"reference": "Patient/p1"},
        "reason": [{"value": [{"concept": {"text": "Cough"}}]}],
    }
    yield Good("an encounter of R5", ".json", lambda: as_json(r5), ["Reason: Cough"], ["p1"])
    binary = {"resourceType": "Binary", "id": "b1", "contentType": "text/plain", "data": b64(b"In a binary.")}
    pointed = {
        "resourceType": "DocumentReference",
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": {"contentType": "text/plain", "url": "Binary/b1"}}],
    }
    yield Good(
        "a binary in the bundle", ".json", lambda: as_json(bundle(pointed, binary)), ["In a binary."], ["p1"]
    )
    forms = {
        "resourceType": "DocumentReference",
        "content": [
            {"attachment": {"contentType": "image/png", "data": ""}},
            {"attachment": {"contentType": "text/plain", "data": b64(b"As text.")}},
        ],
    }
    yield Good("the form that can be read", ".json", lambda: as_json(forms), ["As text."])


def _ccda() -> Iterator[Good]:
    table = "<table><thead><tr><th>Drug</th><th>Dose</th></tr></thead><tbody><tr><td>Lisinopril</td><td>10 mg</td></tr></tbody></table>"
    sections = (
        cda_section("Allergies", "<paragraph>None <content styleCode='Bold'>known</content>.</paragraph>")
        + cda_section("Medications", table)
        + cda_section("Plan", "<list><item>Rest</item><item>Tea</item></list>")
    )
    text = "Visit summary\n\nAllergies\nNone known.\n\nMedications\nDrug | Dose\nLisinopril | 10 mg\n\nPlan\n- Rest\n- Tea"
    yield Good("sections", ".xml", ccda_of(sections).encode, [text], ["4417823"])
    nested = "<component><section><title>Outer</title><text>a</text><component><section><title>Inner</title><text>b</text></section></component></section></component>"
    yield Good(
        "sections in sections",
        ".xml",
        ccda_of(nested).encode,
        ["Visit summary\n\nOuter\na\n\nInner\nb"],
        ["4417823"],
    )
    for encoding in ("iso-8859-1", "windows-1252", "utf-8"):
        xml = ccda_of(cda_section("Größe", "½ m"), encoding=encoding)
        yield Good(
            f"declared {encoding}",
            ".xml",
            lambda x=xml, e=encoding: x.encode(e),
            ["Visit summary\n\nGröße\n½ m"],
            ["4417823"],
        )
    yield Good(
        "utf-16 with a mark",
        ".xml",
        lambda: ccda_of(cda_section("Größe", "½ m"), encoding="utf-16").encode("utf-16"),
        ["Visit summary\n\nGröße\n½ m"],
        ["4417823"],
    )
    for kind, data, said in (
        ("application/pdf", pdf_of(pdf_text("In a PDF.")), "In a PDF."),
        ("text/plain", b"As text.", "As text."),
    ):
        body = f'<component><nonXMLBody><text mediaType="{kind}" representation="B64">{b64(data)}</text></nonXMLBody></component>'
        yield Good(
            f"unstructured {kind}",
            ".xml",
            ccda_of("", body=body).encode,
            [f"Visit summary\n\n{said}"],
            ["4417823"],
        )
    breaks = cda_section(
        "Plan",
        "one<br/>two <footnote>Small.</footnote><linkHtml href='http://169.254.169.254/'>here</linkHtml>",
    )
    yield Good(
        "breaks and links",
        ".xml",
        ccda_of(breaks, patient='<id root="1.2.3"/>').encode,
        ["Visit summary\n\nPlan\none\ntwo\nSmall.\nhere"],
        ["1.2.3"],
    )


def _zip() -> Iterator[Good]:
    two = {"4417823/a.txt": b"One.", "4417823/b.md": b"Two.", "55/c.txt": b"Three."}
    yield Good(
        "folders are patients",
        ".zip",
        lambda: zip_of(two),
        ["One.", "Two.", "Three."],
        ["4417823", "4417823", "55"],
    )
    wrapped = {f"export/{name}": data for name, data in two.items()}
    yield Good(
        "a wrapping folder",
        ".zip",
        lambda: zip_of(wrapped),
        ["One.", "Two.", "Three."],
        ["4417823", "4417823", "55"],
    )
    flat = {"b.txt": b"Two.", "a.txt": b"One.", "__MACOSX/._a.txt": b"\x00\x05", ".DS_Store": b"\x00"}
    yield Good("without folders", ".zip", lambda: zip_of(flat), ["One.", "Two."], ["", ""])
    yield Good("stored", ".zip", lambda: zip_of(flat, zipfile.ZIP_STORED), ["One.", "Two."])
    all_kinds = {
        "1.csv": b"text,patient\nFirst row of it,P1\n",
        "2.html": b"<p>A page.</p>",
        "3.docx": docx_of(paragraph("A document.")),
        "4.pdf": pdf_of(pdf_text("A PDF.")),
        "5.rtf": rb"{\rtf1 Rich.}",
        "6.hl7": hl7_of("OBX|1|TX|||A message.").encode(),
        "7.xml": ccda_of(cda_section("Plan", "Rest.")).encode(),
        "8.json": as_json(
            {"resourceType": "Encounter", "text": div("A visit."), "subject": {"reference": "Patient/p1"}}
        ),
    }
    yield Good(
        "all kinds",
        ".zip",
        lambda: zip_of(all_kinds),
        [
            "First row of it",
            "A page.",
            "A document.",
            "A PDF.",
            "Rich.",
            "A message.",
            "Visit summary\n\nPlan\nRest.",
            "A visit.",
        ],
        ["P1", "", "", "", "", "4417823", "4417823", "p1"],
    )
    yield Good(
        "a column before a folder",
        ".zip",
        lambda: zip_of({"f/a.csv": b"text,mrn\nrow one long,9\n", "g/b.txt": b"x"}),
        ["row one long", "x"],
        ["9", "g"],
    )

    def with_folders() -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.mkdir("55")
            archive.writestr("55/a.txt", "One.")
        return buffer.getvalue()

    yield Good("with folder entries", ".zip", with_folders, ["One."], ["55"])
