"""A tree of HTML, or of the narrative in C-CDA and FHIR, to text: headings and paragraphs on lines, tables with bars."""

import re

from records.readers.trees import Element, name_of

CELL = " | "

# What a browser does not show as text, and what it runs.
_SKIPPED = {
    "script", "style", "head", "template", "noscript", "iframe", "object", "embed", "applet", "svg", "math",
    "canvas", "audio", "video", "datalist", "rendermultimedia", "colgroup", "col",
}  # fmt: skip
_PARAGRAPHS = {
    "p", "div", "section", "article", "header", "footer", "main", "aside", "nav", "address", "blockquote", "pre",
    "figure", "figcaption", "form", "fieldset", "legend", "ul", "ol", "dl", "dt", "dd", "hr", "details", "summary",
    "paragraph", "list", "caption", "center", "body", "html", "title", "text", "footnote",
}  # fmt: skip
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_ITEMS = {"li", "item"}
_SPACE = re.compile(r"[ \t\r\n\f]+")


def text_of(root: Element) -> str:
    """Its text in document order. White space collapses as in a browser, except in ``pre``."""
    writer = _Writer()
    writer.children(root)
    return writer.text()


class _Writer:
    """Collects lines. ``_line`` is the one being written."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line = ""

    def text(self) -> str:
        self.end_line()
        text = "\n".join(self._lines)
        return re.sub(r"\n{3,}", "\n\n", text).strip("\n")

    def words(self, text: str | None, keep: bool) -> None:
        if not text:
            return
        if keep:
            first, *others = text.replace("\r\n", "\n").split("\n")
            self._line += first
            for line in others:
                self.end_line(always=True)
                self._line = line
            return
        text = _SPACE.sub(" ", text)
        if not self._line or self._line.endswith(" "):
            text = text.lstrip(" ")
        self._line += text

    def end_line(self, always: bool = False) -> None:
        line, self._line = self._line.rstrip(" "), ""
        if line or always:
            self._lines.append(line)

    def blank(self) -> None:
        self.end_line()
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def children(self, element: Element, keep: bool = False) -> None:
        keep = keep or name_of(element) == "pre" or "preserve" in element.values()
        self.words(element.text, keep)
        for child in element:
            self.element(child, keep)
            self.words(child.tail, keep)

    def element(self, element: Element, keep: bool) -> None:
        name = name_of(element)
        if not name or name in _SKIPPED or _is_hidden(element):
            return
        if name == "br":
            self.end_line(always=True)
        elif name in {"input", "select"}:
            self.words(_chosen(element), keep)
        elif name == "table":
            self.table(element)
        elif name in _HEADINGS:
            self.blank()
            self.children(element, keep)
            self.end_line()
        elif name in _ITEMS:
            self.end_line()
            self._line = "- "
            self.children(element, keep)
            self.end_line()
        elif name in _PARAGRAPHS:
            self.end_line()
            self.children(element, keep)
            self.end_line()
        else:
            self.children(element, keep)

    def table(self, table: Element) -> None:
        self.blank()
        for part in table.iter():
            if name_of(part) == "caption" and _table_of(part) is table:
                self.children(part)
                self.end_line()
            elif name_of(part) == "tr" and _table_of(part) is table:
                cells = [one_line(cell) for cell in part if name_of(cell) in {"td", "th"}]
                if any(cells):
                    self._lines.append(CELL.join(cells))
        self.blank()


def one_line(element: Element) -> str:
    """An element's text on one line, as a table's cell."""
    return " ".join(text_of(element).split())


def _table_of(element: Element) -> Element | None:
    above = element.getparent()
    while above is not None and name_of(above) != "table":
        above = above.getparent()
    return above


def _chosen(control: Element) -> str:
    """What a form's field shows: the words typed or the option chosen."""
    if name_of(control) == "select":
        return ", ".join(one_line(option) for option in control.iter() if option.get("selected") is not None)
    if control.get("type", "text").lower() in {"checkbox", "radio"}:
        return "[x] " if control.get("checked") is not None else "[ ] "
    is_shown = control.get("type", "text").lower() in {
        "text",
        "number",
        "date",
        "time",
        "tel",
        "email",
        "search",
        "url",
    }
    return control.get("value", "") if is_shown else ""


def _is_hidden(element: Element) -> bool:
    style = element.get("style", "").replace(" ", "").lower()
    return "display:none" in style or element.get("hidden") is not None
