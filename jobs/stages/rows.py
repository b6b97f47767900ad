"""The rows of a frozen dataset, as the service wrote them for a run."""

import json
from pathlib import Path

from jobs.rundir import file_sha256
from jobs.stages.entry import StageRefusal

SPLITS = ("test", "valid", "train")
"""In the order in which they keep a record that stands in several: held-out rows stay, training rows go."""

FIELDS = ("id", "split", "source", "target", "section")

Row = dict[str, str]


def read_rows(path: Path, sha256: str) -> list[Row]:
    """The rows {id, split, source, target, section}. Raises StageRefusal for another or a malformed file."""
    if not path.is_file() or file_sha256(path) != sha256:
        raise StageRefusal("The rows are not those of the frozen dataset. Freeze the dataset again.")
    rows, seen = [], set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            row = {name: row.get(name, "") or "" for name in FIELDS}
        except (ValueError, AttributeError):
            raise StageRefusal(f"Line {number} of the rows is no JSON object. Freeze it again.") from None
        if not all(isinstance(value, str) for value in row.values()) or row["split"] not in SPLITS:
            raise StageRefusal(f"Line {number} of the rows lacks a split or has a field that is no text.")
        if not row["id"] or row["id"] in seen:
            raise StageRefusal(f"Line {number} of the rows has no id of its own. Give each row one.")
        seen.add(row["id"])
        rows.append(row)
    return rows
