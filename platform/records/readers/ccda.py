"""C-CDA documents (ClinicalDocument XML): one record, its sections with their titles, tables with bars.

The narrative is read, which the standard makes the part that was signed; coded entries repeat it and are left out.
"""

from records.readers import attachments
from records.readers.attachments import UnreadableAttachment
from records.readers.markup import one_line, text_of
from records.readers.rows import Reading, Row, UnreadableFile, label
from records.readers.trees import Element, name_of, xml_tree


def read(data: bytes, encoding: str) -> Reading:
    root = xml_tree(data, encoding)
    if name_of(root) != "clinicaldocument":
        raise UnreadableFile(
            "Of XML only C-CDA documents are read. Save FHIR as .json, anything else as text."
        )
    reading = Reading()
    title = _text(_child(root, "title"))
    try:
        blocks = [title, *_body(root, encoding, reading.notes)]
    except UnreadableAttachment as fault:
        reading.refuse(1, str(fault))
        return reading
    text = "\n\n".join(block for block in blocks if block)
    if text and text != title:
        reading.add(Row(1, text, patient=_patient(root), kind=label(_kind(root) or title)))
    else:
        reading.refuse(1, "The document has no section with text. Export it with its narrative.")
    return reading


def _body(root: Element, encoding: str, notes: list[str]) -> list[str]:
    blocks: list[str] = []
    for component in _children(root, "component"):
        body = _child(component, "structuredbody")
        if body is not None:
            blocks += _sections(body)
        bare = _child(component, "nonxmlbody")
        text = _child(bare, "text") if bare is not None else None
        if text is not None:
            blocks.append(_unstructured(text, encoding, notes))
    return blocks


def _sections(parent: Element) -> list[str]:
    """Each section's title and narrative, the sections inside it after it."""
    blocks: list[str] = []
    for component in _children(parent, "component"):
        for section in _children(component, "section"):
            title, text = _text(_child(section, "title")), _child(section, "text")
            narrative = text_of(text) if text is not None else ""
            blocks.append("\n".join(part for part in (title, narrative) if part))
            blocks += _sections(section)
    return blocks


def _unstructured(text: Element, encoding: str, notes: list[str]) -> str:
    words = text.text or ""
    if _child(text, "reference") is not None:
        raise UnreadableAttachment(
            "The document only points to a file elsewhere. Export it with the file inside."
        )
    media_type = text.get("mediaType", "text/plain")
    raw = attachments.from_base64(words) if text.get("representation") == "B64" else words.strip().encode()
    found, said = attachments.text_of(media_type, raw, encoding)
    notes += said
    return found


def _patient(root: Element) -> str:
    """The number (extension) of the patient, or the whole of it where a document has only that (root)."""
    for target in _children(root, "recordtarget"):
        role = _child(target, "patientrole")
        for number in _children(role, "id") if role is not None else []:
            if value := number.get("extension") or number.get("root"):
                return str(value)
    return ""


def _kind(root: Element) -> str:
    code = _child(root, "code")
    return str(code.get("displayName", "")) if code is not None else ""


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element if name_of(child) == name]


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if name_of(child) == name), None)


def _text(element: Element | None) -> str:
    return one_line(element) if element is not None else ""
