"""``kill -9`` of a worker's whole process group during training: the run resumes and finishes once."""

import json
from pathlib import Path

import pytest

from jobs.progress import read_new
from jobs.rundir import RunDir
from tests.e2e.conftest import visits
from tests.e2e.installation import Installation, wait_for

pytestmark = pytest.mark.slow

QUEUE_A_RUN = """
import json, sys
from config.commandline import ready_member
from records.services import datasets, review, scrubbing, uploads
from training.options import RunOptions
from training.services import runs
member = ready_member()
upload, _ = uploads.receive_upload(clinic=member.membership.clinic, user=member, name="rows.jsonl", data=open({rows!r}, "rb").read())
records = uploads.confirm_upload(upload=upload, user=member).records
scrubbing.scrub_upload(upload=upload)
review.approve_records(clinic=member.membership.clinic, records=records, reviewer=member, reason="test")
dataset = datasets.freeze_dataset(clinic=member.membership.clinic, name="visits", user=member, attestation="test")
run = runs.start_run(clinic=member.membership.clinic, user=member, name="killed", dataset=dataset, base="local:tiny",
                     options=RunOptions(epochs={epochs}, evaluate_rows=2, types=("Q8_0",)))
print(run.uuid)
"""
STATE = """
import json
from audit.models import AuditEntry
from training.models import ModelArtifact, TrainingRun
run = TrainingRun.objects.get(name="killed")
print(json.dumps({
    "status": run.status, "error": run.error,
    "attempts": {stage.name: stage.attempts for stage in run.stages.all()},
    "finished": [entry.facts["stage"] for entry in AuditEntry.objects.filter(action="finish_stage").order_by("sequence")],
    "artifacts": sorted(ModelArtifact.objects.values_list("name", flat=True)),
}))
"""


def steps(train: RunDir) -> list[float]:
    return [line.metrics["step"] for line in read_new(train.progress)[0] if "step" in line.metrics]


def test_a_killed_worker_s_run_resumes_from_its_checkpoint_and_finishes_once(
    installation: Installation, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in visits(60)))
    run = installation.shell(QUEUE_A_RUN.format(rows=str(rows), epochs=40))
    train = RunDir(installation.var / "runs" / run / "1-train")

    worker = installation.start_worker()
    wait_for(lambda: list(train.path.glob("checkpoints/step-*/manifest.json")), 120, "a checkpoint")
    installation.kill(worker)
    wait_for(lambda: not installation.processes("jobs.stages"), 10, "the stage to die with its worker")
    before = steps(train)
    assert not train.result.exists(), "the stage was to be killed midway; give it more epochs"

    installation.start_worker("cpu,stages", "--beat", "--schedule", str(installation.var / "beat"))
    wait_for(
        lambda: list(installation.var.glob(f"runs/{run}/3-evaluate/result.json")), 240, "the run to finish"
    )
    state: dict[str, object] = {}

    def over() -> bool:
        state.update(json.loads(installation.shell(STATE)))
        return state["status"] == "succeeded"

    wait_for(over, 60, "the run's row to say so")

    resumed = steps(train)[len(before) :]
    assert resumed[0] > 1, "the second attempt began anew"
    assert resumed[0] <= before[-1] + 1
    assert state["finished"] == ["prepare", "train", "quantize", "evaluate"]
    assert state["artifacts"] == ["killed", "killed-adapter"]
    assert state["attempts"] == {"prepare": 1, "train": 2, "quantize": 1, "evaluate": 1}
