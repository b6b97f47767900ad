"""FHIR R4 and R5 in JSON: a bundle or a single resource. One record for each composition, document, report, encounter.

References are followed inside the file only, and no address is ever asked. The patient is the id that resources name.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from records.readers import attachments
from records.readers.attachments import UnreadableAttachment
from records.readers.decoding import EncodingUnknown, decode
from records.readers.markup import CELL, text_of
from records.readers.rows import Reading, Row, UnreadableFile, label
from records.readers.trees import xml_tree

Json = dict[str, Any]
MAX_DEPTH = 20


def read(data: bytes, encoding: str) -> Reading:
    try:
        resource = json.loads(decode(data, encoding))
    except RecursionError as error:
        raise UnreadableFile(
            "The file nests deeper than any document. Export it from its program again."
        ) from error
    except json.JSONDecodeError as error:
        raise UnreadableFile(
            f"The JSON breaks off or is damaged at line {error.lineno}. Export it again."
        ) from error
    if not isinstance(resource, dict) or "resourceType" not in resource:
        raise UnreadableFile(
            "Of JSON only FHIR is read. Records of your own go into .jsonl, one object a line."
        )
    return read_resources([resource], encoding)


def read_resources(resources: list[Json], encoding: str) -> Reading:
    """Rows of resources and of bundles among them; they may refer to one another."""
    file = _File(resources, encoding)
    reading = Reading(notes=file.notes)
    number = 0
    for resource in file.resources:
        writer = _WRITERS.get(resource.get("resourceType", ""))
        if writer is None:
            continue
        number += 1
        try:
            text = writer(file, resource).strip()
            if not text:
                raise UnreadableAttachment("The resource holds no text.")
            reading.add(Row(number, text, patient=file.patient(resource), kind=label(_kind(resource))))
        except EncodingUnknown:
            raise
        except (UnreadableAttachment, UnreadableFile) as fault:
            # An encounter beside its notes usually has no words of its own; that is no fault of the file.
            if resource["resourceType"] != "Encounter":
                reading.refuse(number, str(fault))
    if not reading.rows and not reading.errors:
        raise UnreadableFile(
            "The file holds no Composition, DocumentReference, DiagnosticReport or Encounter with text. Export those."
        )
    return reading


class _File:
    """All resources of a file, and those that are found by what others call them."""

    def __init__(self, resources: list[Json], encoding: str) -> None:
        self.encoding = encoding
        self.notes: list[str] = []
        self.resources: list[Json] = []
        self._named: dict[str, Json] = {}
        for resource in resources:
            self._take(resource, "", 0)

    def _take(self, resource: Any, full_url: str, depth: int) -> None:
        if not isinstance(resource, dict) or depth > MAX_DEPTH:
            return
        if resource.get("resourceType") == "Bundle":
            for entry in _list(resource, "entry"):
                self._take(entry.get("resource"), _string(entry, "fullUrl"), depth + 1)
            return
        self.resources.append(resource)
        for name in (full_url, f"{_string(resource, 'resourceType')}/{_string(resource, 'id')}"):
            self._named.setdefault(name, resource)

    def find(self, reference: Any, inside: Json) -> Json | None:
        """What a reference names, if it is in this file."""
        name = _string(reference, "reference")
        if name.startswith("#"):
            return next((each for each in _list(inside, "contained") if each.get("id") == name[1:]), None)
        return self._named.get(name) or self._named.get("/".join(name.split("/")[-2:]))

    def patient(self, resource: Json) -> str:
        """The id that others call the patient by; the number on his chart where the id is made up for this file."""
        subject = resource.get("subject") or resource.get("patient")
        if isinstance(subject, list):
            subject = subject[0] if subject else None
        found, name = self.find(subject, resource), _string(subject, "reference")
        if found is None:
            return (
                name.rpartition("/")[2].partition(":uuid:")[2]
                or name.rpartition("/")[2]
                or _identifier(subject)
            )
        if name.startswith(("urn:", "#")):
            return _identifier(found) or _string(found, "id") or name
        return _string(found, "id") or _identifier(found)


def _composition(file: _File, composition: Json) -> str:
    blocks = [_string(composition, "title")]
    blocks += _sections(file, composition, composition, 0)
    if len([block for block in blocks if block]) < 2:
        blocks.append(_narrative(composition))
    return "\n\n".join(block for block in blocks if block)


def _sections(file: _File, composition: Json, parent: Json, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    for section in _list(parent, "section"):
        title = _string(section, "title") or _concept(section.get("code"))
        text = _narrative(section) or "\n".join(_entries(file, composition, section))
        yield "\n".join(part for part in (title, text) if part)
        yield from _sections(file, composition, section, depth + 1)


def _entries(file: _File, composition: Json, section: Json) -> Iterator[str]:
    """What a section without words of its own refers to."""
    for reference in _list(section, "entry"):
        found = file.find(reference, composition)
        if found is not None and (line := _narrative(found) or _observation(found)):
            yield line


def _document(file: _File, document: Json) -> str:
    """The first of its forms that can be read: they are the same document in several formats."""
    fault: Exception = UnreadableAttachment("The resource holds no document.")
    for content in _list(document, "content"):
        try:
            return _attachment(file, document, content.get("attachment"))
        except EncodingUnknown:
            raise
        except (UnreadableAttachment, UnreadableFile) as error:
            fault = error
    raise fault


def _report(file: _File, report: Json) -> str:
    results = [_observation(found) for each in _list(report, "result") if (found := file.find(each, report))]
    blocks = [_concept(report.get("code")), "\n".join(filter(None, results)), _string(report, "conclusion")]
    forms = _list(report, "presentedForm")
    if forms:
        blocks.append(_attachment(file, report, forms[0]))
    if not any(blocks[1:]):
        blocks = [blocks[0], _narrative(report)]
    return "\n\n".join(block for block in blocks if block) if any(blocks[1:]) else ""


def _encounter(file: _File, encounter: Json) -> str:
    reasons = [_concept(each) for each in _list(encounter, "reasonCode")]
    for reason in _list(encounter, "reason"):  # R5
        reasons += [_concept(value.get("concept")) for value in _list(reason, "value")]
    kinds = [_concept(each) for each in _list(encounter, "type")]
    lines = [
        f"{name}: {'; '.join(filter(None, words))}"
        for name, words in (("Type", kinds), ("Reason", reasons))
        if any(words)
    ]
    return "\n".join(filter(None, [_narrative(encounter), *lines]))


_WRITERS: dict[str, Callable[[_File, Json], str]] = {
    "Composition": _composition,
    "DocumentReference": _document,
    "DiagnosticReport": _report,
    "Encounter": _encounter,
}


def _attachment(file: _File, resource: Json, attachment: Any) -> str:
    data, media_type = _string(attachment, "data"), _string(attachment, "contentType")
    if not data and (binary := file.find({"reference": _string(attachment, "url")}, resource)):
        data, media_type = _string(binary, "data"), _string(binary, "contentType") or media_type
    if not data:
        raise UnreadableAttachment(
            "The document lies elsewhere and is only pointed to. Export it with its content."
        )
    text, notes = attachments.text_of(media_type, attachments.from_base64(data), file.encoding)
    file.notes += [note for note in notes if note not in file.notes]
    return text


def _narrative(resource: Any) -> str:
    """The words of ``text.div``, which is XHTML."""
    div = _string(resource.get("text"), "div") if isinstance(resource, dict) else ""
    return text_of(xml_tree(div.encode("utf-8", "surrogatepass"))) if div.strip() else ""


def _observation(resource: Json) -> str:
    """One line: what was measured or found, its value, the range of reference, and what was said of it."""
    name = _concept(resource.get("code")) or _concept(resource.get("medicationCodeableConcept"))
    limits = [_string(each, "text") for each in _list(resource, "referenceRange")]
    notes = [_string(each, "text") for each in _list(resource, "note")]
    parts = [_concept(each) + " " + _value(each) for each in _list(resource, "component")]
    cells = [name, _value(resource), *[f"reference {each}" for each in limits if each], *parts, *notes]
    return CELL.join(cell.strip() for cell in cells if cell.strip())


def _value(resource: Json) -> str:
    for name, value in resource.items():
        if name.startswith("value"):
            if isinstance(value, dict):
                quantity = (
                    f"{value.get('comparator', '')}{value.get('value', '')} {_string(value, 'unit')}".strip()
                )
                return quantity or _concept(value)
            return str(value)
    return ""


def _concept(value: Any) -> str:
    """The words of a coded value."""
    if not isinstance(value, dict):
        return ""
    if isinstance(value.get("code"), dict) and "coding" not in value:
        return _concept(value["code"])
    words = [_string(coding, "display") for coding in _list(value, "coding")]
    return _string(value, "text") or next(filter(None, words), "")


def _kind(resource: Json) -> str:
    coded = resource.get("code" if resource["resourceType"] == "DiagnosticReport" else "type")
    return _concept(coded if not isinstance(coded, list) else None) or _string(resource, "resourceType")


def _identifier(resource: Any) -> str:
    found = resource.get("identifier") if isinstance(resource, dict) else None
    numbers = found if isinstance(found, list) else [found]
    return next((value for each in numbers if (value := _string(each, "value"))), "")


def _string(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _list(value: Any, name: str) -> list[Json]:
    found = value.get(name) if isinstance(value, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
