"""The rows of a frozen dataset, as the service wrote and sealed them for a run."""

import json
from pathlib import Path

from jobs.rundir import file_sha256
from jobs.sealing import SEALED_FIELDS, SealChecker
from jobs.stages.entry import StageRefusal

SPLITS = ("test", "valid", "train")
"""In the order in which they keep a record that stands in several: held-out rows stay, training rows go."""

Row = dict[str, str]


def read_rows(path: Path, sha256: str, key: str) -> list[Row]:
    """The rows {id, split, source, target, section, patient}, each with the seal that ``key`` (public, in hex) opens.

    Raises StageRefusal for another or a malformed file, and for a row that was changed or slipped in.
    """
    if not path.is_file() or file_sha256(path) != sha256:
        raise StageRefusal("The rows are not those of the frozen dataset. Freeze the dataset again.")
    rows, seen, checker = [], set(), SealChecker(key)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            written = json.loads(line)
            row = {name: written.get(name, "") or "" for name in SEALED_FIELDS}
        except (ValueError, AttributeError):
            raise StageRefusal(f"Line {number} of the rows is no JSON object. Freeze it again.") from None
        if not all(isinstance(value, str) for value in row.values()) or row["split"] not in SPLITS:
            raise StageRefusal(f"Line {number} of the rows lacks a split or has a field that is no text.")
        if not row["id"] or row["id"] in seen:
            raise StageRefusal(f"Line {number} of the rows has no id of its own. Give each row one.")
        if not checker.holds(row, written.get("seal")):
            raise StageRefusal(
                f"Row {row['id']} does not bear the seal of this run's rows. Start the run again."
            )
        seen.add(row["id"])
        rows.append(row)
    return rows
