"""A PDF is one record: each page's text, its ruled tables with bars, the words of scanned pages by recognition.

Text comes from PDFium and tables from pdfplumber. Where the two do not find the same letters, PDFium's plain text
stands. Scripts, links, and attached files are not looked at.
"""

import io
import re
from collections import Counter
from functools import cached_property
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from records.readers import ocr
from records.readers.markup import CELL
from records.readers.rows import Reading, Row, UnreadableFile

MAX_PAGES = 300
# A page whose picture covers half of it and that holds no more text than a stamp is a scan.
SCAN_COVERS, STAMP_CHARACTERS = 0.5, 200
# Fewer lines than this rule no table.
TABLE_PATHS = 4
_POINTS = 72
_HYPHEN = re.compile("[\x02\ufffe]")  # how PDFium writes a hyphen at the end of a line
# What fonts without a map to Unicode leave: the letters cannot be told from the file, only from the page's picture.
_NO_LETTERS = re.compile("[\x00-\x08\x0b\x0e-\x1f\ufffd\ufffe\uffff\ue000-\uf8ff]")


def read(data: bytes, encoding: str) -> Reading:
    document = _Document(data)
    pages = [document.page(number) for number in range(document.page_count)]
    text = "\n\n".join(page for page in [*pages, document.form()] if page)
    reading = Reading(notes=document.notes())
    if text:
        reading.add(Row(1, text))
    else:
        reading.refuse(1, "No text was found on any page. Type the text, or scan the paper again, sharper.")
    return reading


class _Document:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._scanned: list[int] = []
        self._illegible: list[int] = []
        try:
            self._pdf = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            if error.err_code == pdfium.FPDF_ERR_PASSWORD:
                raise UnreadableFile("The PDF is locked by a password. Save a copy without one.") from error
            raise UnreadableFile("The PDF is damaged. Open it in its program and save it again.") from error
        self.page_count = len(self._pdf)
        if self.page_count > MAX_PAGES:
            raise UnreadableFile(f"The PDF has more than {MAX_PAGES} pages. Split it and upload the parts.")
        if self._pdf.get_formtype() in {pdfium.FORMTYPE_XFA_FULL, pdfium.FORMTYPE_XFA_FOREGROUND}:
            raise UnreadableFile("The PDF is an interactive form (XFA). Print it into a PDF and upload that.")

    @cached_property
    def _plumber(self) -> Any:
        import pdfplumber

        return pdfplumber.open(io.BytesIO(self._data))

    def page(self, number: int) -> str:
        page = self._pdf[number]
        try:
            text = _clean(page.get_textpage().get_text_range())
            paths, covered = _objects(page)
            is_scan = covered >= SCAN_COVERS and len(text) < STAMP_CHARACTERS
            if is_scan or _NO_LETTERS.search(text) or (not text and (paths or covered)):
                text = self._recognized(page, number)
            elif text and paths >= TABLE_PATHS:
                text = _with_tables(self._plumber.pages[number], text)
            return "\n".join([text, *self._remarks(page, number)]).strip()
        finally:
            page.close()

    def _recognized(self, page: Any, number: int) -> str:
        scale = min(ocr.LONGEST_SIDE / max(page.get_size()), 4.0)
        lines = ocr.lines_of(page.render(scale=scale, rev_byteorder=True).to_numpy())
        if lines:
            self._scanned.append(number + 1)
        if any(ocr.ILLEGIBLE in line for line in lines):
            self._illegible.append(number + 1)
        return "\n".join(lines)

    def _remarks(self, page: Any, number: int) -> list[str]:
        """Text that lies over the page as annotations and is no part of it."""
        if not pdfium.FPDFPage_GetAnnotCount(page):
            return []
        notes = [note.get("contents") for note in self._plumber.pages[number].annots]
        return [f"[Remark] {' '.join(note.split())}" for note in notes if note and note.strip()]

    def form(self) -> str:
        """The filled fields of a form, which are no part of any page's text."""
        if self._pdf.get_formtype() == pdfium.FORMTYPE_NONE:
            return ""
        return "\n".join(_fields(self._plumber.doc.catalog.get("AcroForm"), "", 0))

    def notes(self) -> list[str]:
        notes = []
        if self._scanned:
            notes.append(
                f"{_pages(self._scanned)} scanned: the words were recognized from the picture. "
                "Compare them with the paper before you import."
            )
        if self._illegible:
            notes.append(f"On {_pages(self._illegible, '')} some words stand as {ocr.ILLEGIBLE}.")
        return notes


def _pages(numbers: list[int], verb: str = " is| are") -> str:
    one, _, many = verb.partition("|")
    listed = ", ".join(map(str, numbers))
    return f"page {listed}{one}".capitalize() if len(numbers) == 1 else f"pages {listed}{many}".capitalize()


def _clean(text: str) -> str:
    text = _HYPHEN.sub("-", text).replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def _objects(page: Any) -> tuple[int, float]:
    """How many drawn paths the page has, and which share of it pictures cover."""
    paths, covered = 0, 0.0
    width, height = page.get_size()
    for item in page.get_objects(max_depth=4):
        if item.type == pdfium.FPDF_PAGEOBJ_PATH:
            paths += 1
        elif item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = item.get_bounds()
            covered += max(0.0, (right - left) * (top - bottom)) / max(width * height, 1.0)
    return paths, covered


def _with_tables(page: Any, plain: str) -> str:
    """The page with each ruled table as rows, at its place; ``plain`` where there is none or letters got lost."""
    tables = [table for table in page.find_tables() if len(table.rows) > 1 and len(table.rows[0].cells) > 1]
    if not tables:
        return plain
    blocks = [(table.bbox[1], _rows(table.extract())) for table in tables]
    outside = page.filter(lambda item: not any(_is_inside(item, table.bbox) for table in tables))
    blocks += [(line["top"], line["text"]) for line in outside.extract_text_lines(return_chars=False)]
    text = "\n".join(text for _, text in sorted(blocks))
    return text if _letters(text.replace(CELL, "")) == _letters(plain) else plain


def _rows(table: list[list[str | None]]) -> str:
    rows = [[" ".join((cell or "").split()) for cell in row] for row in table]
    return "\n".join(CELL.join(row) for row in rows if any(row))


def _is_inside(item: dict[str, Any], box: tuple[float, float, float, float]) -> bool:
    middle_x, middle_y = (item["x0"] + item["x1"]) / 2, (item["top"] + item["bottom"]) / 2
    return bool(box[0] <= middle_x <= box[2] and box[1] <= middle_y <= box[3])


def _letters(text: str) -> Counter[str]:
    return Counter(character for character in text if not character.isspace())


def _fields(node: Any, path: str, depth: int) -> list[str]:
    from pdfminer.pdftypes import resolve1
    from pdfminer.utils import decode_text

    node = resolve1(node)
    if not isinstance(node, dict) or depth > 20:
        return []
    name, value = resolve1(node.get("T")), resolve1(node.get("V"))
    here = decode_text(name) if isinstance(name, bytes) else path
    lines = [f"{here}: {decode_text(value)}"] if isinstance(value, bytes) and value.strip() else []
    for child in [*(resolve1(node.get("Fields")) or []), *(resolve1(node.get("Kids")) or [])]:
        lines += _fields(child, here, depth + 1)
    return lines
