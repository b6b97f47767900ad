"""A Word document is one record: headers, then paragraphs, lists and tables in order, then footnotes and footers."""

import zipfile

from records.readers import archives
from records.readers.markup import CELL
from records.readers.rows import Reading, Row, UnreadableFile
from records.readers.trees import Element, name_of, xml_tree

# Of a document's parts only XML is read; 60 MB of it is more than any note, and takes less than a gigabyte as a tree.
MAX_PART_BYTES = 60 * 1024**2

# What Word does not print: deleted text, field instructions, fallbacks of what is there already.
_SKIPPED = {
    "del",
    "movefrom",
    "instrtext",
    "deltext",
    "delinstrtext",
    "fallback",
    "ppr",
    "rpr",
    "tblpr",
    "sectpr",
}
_MAIN = "word/document.xml"


def read(data: bytes, encoding: str) -> Reading:
    with archives.opened(data) as archive:
        if _MAIN not in archive.namelist():
            raise UnreadableFile("The file is no Word document. Save it from Word as .docx again.")
        writer = _Writer()
        blocks = [writer.blocks(root) for root in _parts(archive, "word/header")]
        blocks.append(writer.blocks(_part(archive, _MAIN)))
        for name in ("word/footnotes.xml", "word/endnotes.xml"):
            if name in archive.namelist():
                blocks.append(writer.notes(_part(archive, name)))
        blocks += [writer.blocks(root) for root in _parts(archive, "word/footer")]
    text = "\n\n".join(dict.fromkeys(block for block in blocks if block))
    notes = [f"{writer.symbols} signs of a special font stand as □."] if writer.symbols else []
    return Reading([Row(1, text)] if text else [], notes=notes)


def _parts(archive: zipfile.ZipFile, prefix: str) -> list[Element]:
    names = sorted(name for name in archive.namelist() if name.startswith(prefix) and name.endswith(".xml"))
    return [_part(archive, name) for name in names]


def _part(archive: zipfile.ZipFile, name: str) -> Element:
    return xml_tree(archives.member(archive, name, MAX_PART_BYTES))


class _Writer:
    def __init__(self) -> None:
        self.symbols = 0
        self._marks: dict[str, int] = {}

    def blocks(self, root: Element) -> str:
        return "\n".join(self._blocks(root)).strip()

    def _blocks(self, element: Element) -> list[str]:
        lines: list[str] = []
        for child in element:
            name = name_of(child)
            if name == "p":
                lines += self._paragraph(child)
            elif name == "tbl":
                lines += ["", *self._rows(child), ""]
            elif name not in _SKIPPED:
                lines += self._blocks(child)  # body, content controls, text boxes, insertions
        return lines

    def _paragraph(self, paragraph: Element) -> list[str]:
        is_heading, is_item = _look(paragraph)
        text = self._inline(paragraph).rstrip()
        boxes = [
            line
            for box in paragraph.iter()
            if name_of(box) == "txbxcontent" and not _is_fallback(box)
            for line in self._blocks(box)
        ]
        if is_heading and text:
            return ["", text, *boxes]
        return [f"- {text}" if is_item and text else text, *boxes]

    def _inline(self, element: Element) -> str:
        parts = []
        for child in element:
            name = name_of(child)
            if name == "t":
                parts.append(child.text or "")
            elif name in {"tab", "ptab"}:
                parts.append("\t")
            elif name in {"br", "cr"}:
                parts.append("\n")
            elif name == "nobreakhyphen":
                parts.append("\u2011")
            elif name == "sym":
                self.symbols += 1
                parts.append("□")
            elif name in {"footnotereference", "endnotereference"}:
                parts.append(f"[{self._mark(name, child)}]")
            elif name not in _SKIPPED and name != "txbxcontent":
                parts.append(self._inline(child))
        return "".join(parts)

    def _mark(self, name: str, reference: Element) -> int:
        key = name[: len("footnote") if name.startswith("foot") else len("endnote")] + _attribute(
            reference, "id"
        )
        return self._marks.setdefault(key, len(self._marks) + 1)

    def _rows(self, table: Element) -> list[str]:
        rows = [row for row in table.iter() if name_of(row) == "tr" and _table_of(row) is table]
        lines = [
            CELL.join(
                self._cell(cell) for cell in row.iter() if name_of(cell) == "tc" and _row_of(cell) is row
            )
            for row in rows
        ]
        return [line for line in lines if line.replace("|", "").strip()]

    def _cell(self, cell: Element) -> str:
        return " ".join(self.blocks(cell).split())

    def notes(self, root: Element) -> str:
        lines = []
        for note in root:
            mark = self._marks.get(name_of(note) + _attribute(note, "id"))
            if mark is not None:
                lines.append((mark, f"[{mark}] {self._cell(note)}"))
        return "\n".join(line for _, line in sorted(lines))


def _look(paragraph: Element) -> tuple[bool, bool]:
    """(is it a heading, is it an item of a list)."""
    is_heading = is_item = False
    for part in paragraph.iter():
        name = name_of(part)
        if name == "pstyle":
            style = _attribute(part, "val").lower()
            is_heading |= style.startswith(("heading", "title"))
            is_item |= style.startswith("list")
        elif name == "outlinelvl":
            is_heading = True
        elif name == "numpr":
            is_item = True
        elif name == "r":
            break
    return is_heading, is_item and not is_heading


def _attribute(element: Element, name: str) -> str:
    return next((value for key, value in element.items() if key.rpartition("}")[2] == name), "")


def _above(element: Element, name: str) -> Element | None:
    above = element.getparent()
    while above is not None and name_of(above) != name:
        above = above.getparent()
    return above


def _table_of(row: Element) -> Element | None:
    return _above(row, "tbl")


def _row_of(cell: Element) -> Element | None:
    return _above(cell, "tr")


def _is_fallback(element: Element) -> bool:
    return _above(element, "fallback") is not None
