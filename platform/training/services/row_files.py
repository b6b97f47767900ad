"""The rows of a run as its stages read them: scrubbed, each sealed, with what a teacher wrote and with planted codes
among them where asked for."""

import json
import os
import random
from collections.abc import Iterable
from pathlib import Path

from config.keys import derive
from jobs import canaries
from jobs.rundir import RunDir, file_sha256, write_json_atomic
from jobs.sealing import SEALED_FIELDS, RowSealer
from records.models import Split
from records.services.datasets import DatasetRevoked, rows_of
from training.models import TEACHING, TrainingRun
from training.options import RunOptions
from training.services.folders import canaries_path, rows_path, stage_folder, untaught_path

Row = dict[str, str]


class TaughtRowsChanged(Exception):
    """What the teacher wrote is not what its stage left."""


def sealer_of(run: TrainingRun) -> RowSealer:
    """Of this run alone, so that no row of another run passes."""
    return RowSealer(derive(f"rows:{run.uuid}"))


def write_rows(run: TrainingRun, options: RunOptions) -> Path:
    """Scrubbed rows only, each sealed for the stages: ``rows_of`` raises ``SealBroken`` for any other.

    A record without a summary is in only where a teacher wrote one that was kept.
    """
    chosen = _chosen(run, options)
    rows = [row for row in chosen if row["target"]]
    if options.teacher:
        rows += _taught_rows(run, chosen)
    if options.canaries:
        rows += _canary_rows(run)
    return _write(run, rows_path(run), rows)


def write_untaught(run: TrainingRun, options: RunOptions) -> Path:
    """The training rows that the teacher is asked about, sealed likewise."""
    train = [row for row in _chosen(run, options) if row["split"] == Split.TRAIN]
    asked = [row for row in train if options.teach == "all" or not row["target"]]
    return _write(run, untaught_path(run), asked)


def write_sealed(path: Path, rows: Iterable[Row], sealer: RowSealer) -> None:
    """Rows as the stages read them, for this user's eyes only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({**row, "seal": sealer.seal(row)}, ensure_ascii=False) + "\n")


def _chosen(run: TrainingRun, options: RunOptions) -> list[Row]:
    """The dataset's rows; of those to train on, so many as the options say."""
    rows = list(rows_of(run.dataset))
    train = [row for row in rows if row["split"] == Split.TRAIN]
    if 0 < options.max_train_rows < len(train):
        kept = {row["id"] for row in random.Random(options.seed).sample(train, options.max_train_rows)}
        rows = [row for row in rows if row["split"] != Split.TRAIN or row["id"] in kept]
    return rows


def _write(run: TrainingRun, path: Path, rows: Iterable[Row]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_sealed(path, rows, sealer_of(run))
    # A record may have been erased since the rows were read, before the erasure found a file to delete.
    if run.dataset.revocations.exists():
        path.unlink()
        raise DatasetRevoked(run.dataset.uuid)
    return path


def _taught_rows(run: TrainingRun, chosen: Iterable[Row]) -> list[Row]:
    """The dataset's own records with the summaries that were kept of the teacher's. Raises ``TaughtRowsChanged``."""
    stage = RunDir(stage_folder(run.stages.get(name=TEACHING)))
    (output,) = json.loads(stage.result.read_text(encoding="utf-8"))["outputs"]
    path = stage.path / output["path"]
    if file_sha256(path) != output["sha256"]:
        raise TaughtRowsChanged(run.uuid)
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    written = {line["id"]: line["target"] for line in lines if not line["why"]}
    return [
        {**row, "id": f"{row['id']}-taught", "target": written[row["id"]]}
        for row in chosen
        if row["split"] == Split.TRAIN and row["id"] in written
    ]


def _canary_rows(run: TrainingRun) -> list[Row]:
    """Made-up rows beside the dataset's, and the file that tells their codes to the memory test.

    They hold no patient's word, so they need no scrubbing; the seal makes them rows of this run and of no other.
    """
    drawn = canaries.draw(canaries.COUNTS, derive(f"canaries:{run.uuid}").hex())
    path = canaries_path(run)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_json_atomic(path, canaries.to_json(drawn))
    return [{**dict.fromkeys(SEALED_FIELDS, ""), **row} for canary in drawn for row in canary.rows()]
