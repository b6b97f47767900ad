"""FHIR's bulk export (NDJSON): one resource a line. They are read together, since they refer to one another."""

import json
from typing import Any

from records.readers import fhir
from records.readers.decoding import decode
from records.readers.rows import Reading, UnreadableFile


def read(data: bytes, encoding: str) -> Reading:
    resources: list[dict[str, Any]] = []
    for number, line in enumerate(decode(data, encoding).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            resource = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UnreadableFile(f"Line {number} is not a JSON object. Export the file again.") from error
        if not isinstance(resource, dict) or "resourceType" not in resource:
            raise UnreadableFile(f"Line {number} is no FHIR resource. Records of your own go into .jsonl.")
        resources.append(resource)
    return fhir.read_resources(resources, encoding) if resources else Reading()
