"""The rows that the prepare stage left, as a model is trained on them."""

import json
from pathlib import Path

from jobs.stages.packing import IGNORED, Row


def read_prepared(folder: Path, split: str) -> list[Row]:
    """Rows {input_ids, labels}; the label is -100 on the prompt's tokens."""
    lines = (folder / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        {
            "input_ids": row["prompt"] + row["completion"],
            "labels": [IGNORED] * len(row["prompt"]) + row["completion"],
        }
        for row in rows
    ]
