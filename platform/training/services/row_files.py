"""The rows of a run as its stages read them: scrubbed, each sealed, with planted codes among them where asked for."""

import json
import os
import random
from collections.abc import Iterable
from pathlib import Path

from config.keys import derive
from jobs import canaries
from jobs.rundir import write_json_atomic
from jobs.sealing import SEALED_FIELDS, RowSealer
from records.models import Split
from records.services.datasets import DatasetRevoked, rows_of
from training.models import TrainingRun
from training.options import RunOptions
from training.services.folders import canaries_path, rows_path


def sealer_of(run: TrainingRun) -> RowSealer:
    """Of this run alone, so that no row of another run passes."""
    return RowSealer(derive(f"rows:{run.uuid}"))


def write_rows(run: TrainingRun, options: RunOptions) -> Path:
    """Scrubbed rows only, each sealed for the stages: ``rows_of`` raises ``SealBroken`` for any other."""
    rows = list(rows_of(run.dataset))
    train = [row for row in rows if row["split"] == Split.TRAIN]
    if 0 < options.max_train_rows < len(train):
        kept = {row["id"] for row in random.Random(options.seed).sample(train, options.max_train_rows)}
        rows = [row for row in rows if row["split"] != Split.TRAIN or row["id"] in kept]
    if options.canaries:
        rows += _canary_rows(run)
    path = rows_path(run)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_sealed(path, rows, sealer_of(run))
    # A record may have been erased since the rows were read, before the erasure found a file to delete.
    if run.dataset.revocations.exists():
        path.unlink()
        raise DatasetRevoked(run.dataset.uuid)
    return path


def write_sealed(path: Path, rows: Iterable[dict[str, str]], sealer: RowSealer) -> None:
    """Rows as the stages read them, for this user's eyes only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({**row, "seal": sealer.seal(row)}, ensure_ascii=False) + "\n")


def _canary_rows(run: TrainingRun) -> list[dict[str, str]]:
    """Made-up rows beside the dataset's, and the file that tells their codes to the memory test.

    They hold no patient's word, so they need no scrubbing; the seal makes them rows of this run and of no other.
    """
    drawn = canaries.draw(canaries.COUNTS, derive(f"canaries:{run.uuid}").hex())
    path = canaries_path(run)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_json_atomic(path, canaries.to_json(drawn))
    return [{**dict.fromkeys(SEALED_FIELDS, ""), **row} for canary in drawn for row in canary.rows()]
