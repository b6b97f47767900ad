"""XML and HTML to trees. No entity is resolved, nothing is fetched, and no document nests without end."""

import re
from typing import Any, TypeAlias

from lxml import etree, html

from records.readers.decoding import decode
from records.readers.rows import UnreadableFile

MAX_DEPTH = 200

_DECLARATION = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_META = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_XML_HEAD = re.compile(r"^\s*<\?xml.*?\?>", re.DOTALL)

# lxml ships no types.
Element: TypeAlias = Any


def xml_tree(data: bytes, encoding: str = "") -> Element:
    """The root element. Raises ``UnreadableFile`` for what is not well-formed or brings a DOCTYPE."""
    declared = _DECLARATION.match(data[:1000])
    text = decode(data, encoding, declared[1].decode() if declared else "")
    text = _XML_HEAD.sub("", text, count=1)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UnreadableFile(
            "The XML file defines entities of its own (DOCTYPE), which can hide text. Export it without them."
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError) as error:
        if "memory" in str(error).lower():
            raise MemoryError from error
        raise UnreadableFile("The XML is damaged or breaks off. Export it from its program again.") from error
    return _bounded(root)


def html_tree(data: bytes, encoding: str = "") -> Element:
    """The root element of a page, however carelessly it is written."""
    declared = _META.search(data[:2048]) or _DECLARATION.match(data[:1000])
    text = _XML_HEAD.sub("", decode(data, encoding, declared[1].decode() if declared else ""), count=1)
    if "\0" in text or not text.strip():
        raise UnreadableFile("The file is empty: it holds no record. Choose the file again after saving it.")
    try:
        root = html.document_fromstring(
            text.encode(), parser=html.HTMLParser(encoding="utf-8", no_network=True)
        )
    except (etree.LxmlError, UnicodeEncodeError) as error:
        raise UnreadableFile("The page holds no text. Open it in a browser and save it again.") from error
    return _bounded(root)


def name_of(element: Element) -> str:
    """A tag's name without its namespace, in lower case; nothing for comments."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _bounded(root: Element) -> Element:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise UnreadableFile("The file nests deeper than any document. Export it from its program again.")
    return root
