"""What a model is trained on, token by token: read from a run's folder, or made for records before any run.

Only the prepare stage knows the tokens; here its file is read. A preview made beforehand leaves nothing behind.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import transaction

from accounts.models import User
from audit import log
from jobs.rundir import RunDir, file_sha256, write_json_atomic
from jobs.sealing import RowSealer
from jobs.specs import PrepareSpec
from jobs.supervisor import run_stage
from training.models import TrainingRun
from training.services.folders import stage_folder
from training.services.row_files import write_sealed

PREVIEW = "preview.json"


class PreviewRefused(Exception):
    """There is nothing to show; the message says why and what to do."""


@dataclass(frozen=True)
class Piece:
    """Tokens in a row of one ``kind``: bos, masked, trained, end or cut."""

    kind: str
    tokens: list[str]

    @property
    def visible(self) -> list[str]:
        """The tokens with line feeds that can be seen."""
        return [token.replace("\n", "↵\n") for token in self.tokens]


@dataclass(frozen=True)
class Example:
    """A row, or a part of a long one, as the trainer gets it."""

    id: str
    split: str
    why: list[str]
    prompt_tokens: int
    summary_tokens: int
    pieces: list[Piece]

    @property
    def cut_tokens(self) -> int:
        return sum(len(piece.tokens) for piece in self.pieces if piece.kind == "cut")


@dataclass(frozen=True)
class Preview:
    """``findings`` are {what, to_do, ids, can_leave_out}: rows that are not trained on, or stopped the run."""

    limit: int
    findings: list[dict[str, Any]]
    examples: list[Example]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        examples = [
            Example(**{**each, "pieces": [Piece(**piece) for piece in each["pieces"]]})
            for each in stored["examples"]
        ]
        return cls(stored["limit"], stored["findings"], examples)


@transaction.atomic
def open_preview(*, run: TrainingRun, user: User) -> Preview | None:
    """The rows of a run that its prepare stage picked; each look is an audit entry. None before there are any."""
    log.record(clinic=run.clinic, actor=user, action="view_token_preview", subject=run)
    path = RunDir(stage_folder(run.trained_in.stages.get(name="prepare"))).artifact / PREVIEW
    try:
        return Preview.of(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def preview_rows(rows: Iterable[dict[str, str]], *, base: str, max_tokens: int, seed: int) -> Preview:
    """A preview of rows {id, split, source, target, section, patient} by the prepare stage; nothing of it stays.

    Raises ``PreviewRefused`` where the stage did not come so far as to look at tokens.
    """
    Path(settings.VAR).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".preview-", dir=settings.VAR) as scratch:
        path, stage, sealer = Path(scratch) / "rows.jsonl", RunDir(Path(scratch)), RowSealer(os.urandom(32))
        write_sealed(path, rows, sealer)
        spec = PrepareSpec(
            base=base,
            models_dir=str(settings.MODELS_DIR),
            rows=str(path),
            rows_sha256=file_sha256(path),
            rows_key=sealer.public_key,
            max_tokens=max_tokens,
            seed=seed,
        )
        write_json_atomic(stage.spec, spec.to_json())
        outcome = run_stage("prepare", stage.path, on_progress=lambda _: True)
        made = stage.artifact / PREVIEW
        if not made.exists():
            raise PreviewRefused(outcome.advice or f"The stage “prepare” ended with {outcome.error_type}.")
        return Preview.of(json.loads(made.read_text(encoding="utf-8")))
