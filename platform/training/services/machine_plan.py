"""What machine a base needs, worked out by a stage that reads no weights."""

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from jobs import catalogue
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import MachinePlanSpec
from jobs.supervisor import run_stage


class PlanRefused(Exception):
    """The plan cannot be made; the message says why and what to do."""


def plannable_bases() -> list[str]:
    """Every generator of the catalogue, also those whose weights are not here, and the clinic's own."""
    known = [name for name, base in catalogue.BASES.items() if base.kind == "generator"]
    folders = sorted(Path(settings.MODELS_DIR).glob("local-*"))
    return known + [folder.name.replace("-", ":", 1) for folder in folders]


def plan_machine(*, base: str, lora_rank: int = 16, rows: int = 1, tokens: int = 2048) -> dict[str, Any]:
    """The plan of ``jobs.stages.machine_plan``: ten seconds the first time. Raises ``PlanRefused``."""
    try:
        spec = MachinePlanSpec(
            base=base,
            models_dir=str(settings.MODELS_DIR),
            lora_rank=lora_rank,
            rows=rows,
            tokens=tokens,
            completion_tokens=max(1, tokens // 8),
        )
    except ValueError as error:
        raise PlanRefused(str(error)) from error
    return _plan_in_child(spec)


@lru_cache(maxsize=64)
def _plan_in_child(spec: MachinePlanSpec) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="precis-plan-") as scratch:
        run = RunDir(Path(scratch))
        write_json_atomic(run.spec, spec.to_json())
        outcome = run_stage("machine_plan", run.path, on_progress=lambda _: True, poll_seconds=0.1)
    if outcome.result is None:
        raise PlanRefused(outcome.advice or f"The plan ended with {outcome.error_type}.")
    plan: dict[str, Any] = outcome.result["metrics"]
    return plan
