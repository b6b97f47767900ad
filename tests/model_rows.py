"""Records, a dataset, runs and models for tests of pages: made by the services, with real files in the run folder."""

import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any

from accounts.models import Clinic, User
from jobs.progress import Progress, report
from jobs.rundir import RunDir
from jobs.stages.scoring import draw_samples, score_rows, summarize
from jobs.supervisor import Outcome
from records.models import Dataset, Record
from records.readers import Row
from records.services.datasets import freeze_dataset
from records.services.review import approve_records
from records.services.scrubbing import scrub_record
from records.services.uploads import import_rows
from training.models import ModelArtifact, RunStage, TrainingRun
from training.options import RunOptions, SmallerOptions
from training.services.folders import stage_folder
from training.services.runs import start_run
from training.services.smaller import start_smaller
from training.services.stages import claim, heartbeat, settle

BASE = "smollm2-135m"
# The number stands in three places, so that no two notes are near-duplicates.
NOTE = (
    "Patient Mary Ellsworth, SSN 521-44-9832, phone 617-555-0143, reports chest pain for {days} days. No fever. "
    "Walks {days} blocks, sleeps {days} hours."
)
REFERENCE = "Mary Ellsworth has had chest pain for {days} days."
EVALUATION: dict[str, Any] = {
    "rows": 24,
    "in_pieces": 0,
    "base": {
        "rouge1": {"value": 9.7, "low": 7.1, "high": 12.4},
        "rouge2": {"value": 2.2, "low": 1.1, "high": 3.5},
        "rougeL": {"value": 8.3, "low": 6.0, "high": 10.9},
        "rougeLsum": {"value": 8.5, "low": 6.1, "high": 11.0},
        "mean_words": 96.0,
        "tokens_per_s": 61.0,
    },
    "tuned": {
        "rouge1": {"value": 31.9, "low": 27.0, "high": 36.2},
        "rouge2": {"value": 10.1, "low": 6.8, "high": 13.9},
        "rougeL": {"value": 26.4, "low": 22.3, "high": 30.8},
        "rougeLsum": {"value": 26.9, "low": 22.5, "high": 31.0},
        "mean_words": 31.0,
        "tokens_per_s": 60.0,
    },
    "samples": [
        {
            "id": f"R-00000{number}",
            "section": "History of present illness",
            "source": f"[NAME_1] is a 54 year old patient with chest pain for {number} days. The pain <b>radiates</b> "
            "to the left arm and comes with effort. No fever, no cough. Aspirin was given.",
            "reference": f"Chest pain for {number} days, radiating to the left arm on effort.",
            "base": "The patient is a patient who is a patient. The record says that the patient has a record.",
            "tuned": f"[NAME_1] has had exertional chest pain for {number} days, radiating to the left arm.",
        }
        for number in (3, 4, 5)
    ],
}


NAMED = " Dr. Zebulon Quarrington was called."


def scored_evaluation(
    *, invents: int = 2, rows: int = 24, since: int = 0, forgets: int = 0, adds: str = "", names: int = 0
) -> dict[str, Any]:
    """A whole evaluation, really scored: a tuned model that gives every ``invents``-th record another number.

    Of the first ``forgets`` records it says next to nothing; to all others it ``adds`` a sentence. Of the last
    ``names`` records it names somebody whom no record holds.
    """
    asked = [_asked(number) for number in range(since, since + rows)]
    texts = {
        "base": ["The patient is a patient who is a patient." for _ in asked],
        "tuned": [
            "Pain."
            if number < forgets
            else f"Chest pain for {number + 50 * (number % invents == 0)} days, radiating to the left arm.{adds}"
            f"{NAMED * (number >= since + rows - names)}"
            for number in range(since, since + rows)
        ],
    }
    per_row = score_rows(asked, texts, None)
    facts = summarize(per_row, seed=7)
    for name, said in texts.items():
        words = sum(len(text.split()) for text in said) / rows
        facts[name] |= {"mean_words": words, "length_ratio": words / 10, "tokens_per_s": 60.0}
    not_measured = {
        "similarity": "The weights of minilm-l6 are not here. Run: manage.py fetch_model minilm-l6"
    }
    counts = {"rows": rows, "in_pieces": 1, "not_measured": not_measured}
    return {**counts, **facts, "per_row": per_row, "samples": draw_samples(asked, texts)}


def _asked(number: int) -> dict[str, str]:
    abstains = number % 12 == 0
    return {
        "id": f"R-{number:06}",
        "section": ("History of present illness", "Assessment", "Plan")[number % 8 // 3],
        "source": f"[NAME_1] has had chest pain for {number} days. The pain <b>radiates</b> to the left arm and "
        f"comes with effort.{' No fever, no cough.' * (number % 5)} Aspirin was given.",
        "target": "None."
        if abstains
        else f"Chest pain for {number} days, radiating to the left arm on effort.",
    }


def scrubbed_records(clinic: Clinic, user: User, count: int = 6) -> list[Record]:
    rows = [
        Row(days, NOTE.format(days=days), REFERENCE.format(days=days), patient=f"P{days}", kind="visit note")
        for days in range(2, 2 + count)
    ]
    records = import_rows(clinic=clinic, user=user, rows=rows).records
    for record in records:
        scrub_record(record=record)
        record.refresh_from_db()
    return records


def frozen_dataset(clinic: Clinic, user: User, name: str = "autumn") -> Dataset:
    records = scrubbed_records(clinic, user)
    approve_records(clinic=clinic, records=records, reviewer=user, reason="a test")
    return freeze_dataset(clinic=clinic, name=name, user=user, attestation="a test")


def pretend_installed(settings: Any, path: Path, base: str = BASE) -> None:
    """A base's manifest and the converter's name: enough to start a run, nothing to run it with."""
    settings.MODELS_DIR, settings.TOOLS_DIR = path / "models", path / "tools"
    (settings.MODELS_DIR / base).mkdir(parents=True)
    settings.TOOLS_DIR.mkdir()
    (settings.TOOLS_DIR / "convert_hf_to_gguf.py").touch()
    manifest = {"licence": "Apache License 2.0", "context_tokens": 8192, "chat_template": None, "files": {}}
    (settings.MODELS_DIR / base / "manifest.json").write_text(json.dumps(manifest))


def queued_run(clinic: Clinic, user: User, name: str = "summarizer-1") -> TrainingRun:
    """Needs a base that is, or pretends to be, installed."""
    dataset = Dataset.objects.filter(clinic=clinic).first() or frozen_dataset(clinic, user)
    return start_run(clinic=clinic, user=user, name=name, dataset=dataset, base=BASE, options=RunOptions())


def training_run(clinic: Clinic, user: User, name: str = "summarizer-1") -> TrainingRun:
    """A run in the middle of its train stage, with a loss curve up to step 30 of 120."""
    run = queued_run(clinic, user, name)
    begin_training(run)
    run.refresh_from_db()
    return run


def begin_training(run: TrainingRun) -> None:
    _finish(run.stages.get(name="prepare"))
    stage = _claimed(run.stages.get(name="train"))
    write_curve(stage, steps=30)
    metrics = {"loss": 2.1, "tokens_per_s": 229.0}
    progress = Progress(time.time(), 30, 120, "tokens", "step 30 of 120", 250.0, metrics)
    heartbeat(stage, progress)


def finished_run(
    clinic: Clinic, user: User, name: str = "summarizer-1", evaluation: dict[str, Any] | None = None
) -> TrainingRun:
    """A run with all four stages done, their artifacts and evaluation: by default one of an earlier version's."""
    run = training_run(clinic, user, name)
    train = run.stages.get(name="train")
    write_curve(train, steps=120, since=30)
    settle(train, _succeeded([_output(train, "adapter", "adapter.safetensors", b"adapter")]))
    quantize = _claimed(run.stages.get(name="quantize"))
    files = [
        _output(quantize, "gguf", f"model-{kind}.gguf", f"{name} {kind}".encode(), type=kind)
        for kind in ("Q8_0", "Q4_K")
    ]
    settle(quantize, _succeeded(files))
    evaluate = _claimed(run.stages.get(name="evaluate"))
    found = json.dumps(evaluation or EVALUATION).encode()
    settle(
        evaluate,
        _succeeded([_output(evaluate, "evaluation", "evaluation.json", found)]),
    )
    run.refresh_from_db()
    return run


def smaller_run(
    source: TrainingRun,
    user: User,
    name: str,
    evaluations: dict[str, dict[str, Any]],
    options: SmallerOptions = SmallerOptions(),  # noqa: B008 (frozen)
) -> TrainingRun:
    """A finished run that made the model of ``source`` smaller: a file for each type, with its evaluation."""
    run = start_smaller(source=source, user=user, name=name, options=options, nudge=False)
    finish_smaller(run, evaluations)
    return run


def finish_smaller(run: TrainingRun, evaluations: dict[str, dict[str, Any]]) -> None:
    name = run.name
    for stage in run.stages.exclude(name__in=("quantize", "measure")):
        _finish(stage)
    quantize = _claimed(run.stages.get(name="quantize"))
    files = [
        _output(quantize, "gguf", f"model-{kind}.gguf", f"{name} {kind}".encode() * 9 * (at + 1), type=kind)
        for at, kind in enumerate(reversed(evaluations))
    ]
    settle(quantize, _succeeded(files))
    measure = _claimed(run.stages.get(name="measure"))
    served = {"tokens_per_s": 80.4, "time_to_first_token_ms": 120.2, "ram_mb": 301.0}
    found = []
    for kind, evaluation in evaluations.items():
        own = f"{name}-{kind.lower()}"
        content = json.dumps({**evaluation, "served": served}).encode()
        found.append(_output(measure, "evaluation", f"{own}.json", content, artifact=own))
    names = [run.trained_in.name, *(output["artifact"] for output in found)]
    metrics = {"rows": 24, "served": dict.fromkeys(names, served)}
    settle(measure, Outcome("succeeded", result={"metrics": metrics, "outputs": found}))
    run.refresh_from_db()


def memory_test(run: TrainingRun, *, drawn_out: int = 0) -> RunStage:
    """The memory test of a finished run: of the two codes planted fifty times, so many were drawn out."""
    counts = [_of_count(0, 6), _of_count(1), _of_count(10), _of_count(50, drawn_out=drawn_out)]
    found = {
        "counts": counts,
        "summaries": {
            "train": 32,
            "train_verbatim": 3,
            "train_verbatim_by_base": 0,
            "held_out": 30,
            "held_out_verbatim": 2,
            "held_out_verbatim_by_base": 0,
            "chance": 0.53,
            "remembers": False,
        },
        "other_codes": 255,
        "threshold": 0.0025,
        "remembers": drawn_out > 0,
    }
    return run.stages.create(number=4, name="extract", status="succeeded", metrics=found)


def _of_count(count: int, codes: int = 2, *, drawn_out: int = 0) -> dict[str, Any]:
    return {
        "count": count,
        "codes": codes,
        "exposure": 8.0 if drawn_out else 1.6,
        "base_exposure": 1.3,
        "chance": 0.0002 if drawn_out else 0.44,
        "extracted": drawn_out,
        "base_extracted": 0,
        "served_extracted": drawn_out,
        "served_base_extracted": 0,
        "drawn_out": drawn_out,
        "remembers": drawn_out > 0,
    }


def write_preview(run: TrainingRun) -> None:
    """What the prepare stage leaves to be shown: a row that fits, and one that is too long."""
    read = [
        {"kind": "bos", "tokens": ["<s>"]},
        {"kind": "masked", "tokens": ["Record", ":", "\n", "Chest", " pain"]},
    ]
    said = {"kind": "trained", "tokens": ["Chest", " pain", "."]}
    row = {"split": "train", "prompt_tokens": 6, "summary_tokens": 4}
    examples = [
        {
            **row,
            "id": "R-000003",
            "why": ["the longest", "drawn at random"],
            "pieces": [*read, said, {"kind": "end", "tokens": ["<|im_end|>"]}],
        },
        {
            **row,
            "id": "R-000005",
            "why": ["too long"],
            "pieces": [*read, {"kind": "cut", "tokens": ["Chest", " pain"]}],
        },
    ]
    finding = {
        "what": "The summary is longer than the record",
        "to_do": "Shorten the summary, or see whether the two sides were swapped.",
        "ids": ["R-000004", "R-000009"],
        "can_leave_out": True,
    }
    folder = RunDir(stage_folder(run.stages.get(name="prepare"))).artifact
    folder.mkdir(parents=True, exist_ok=True)
    stored = {"limit": 2048, "findings": [finding], "examples": examples}
    (folder / "preview.json").write_text(json.dumps(stored))


def model_of(run: TrainingRun) -> ModelArtifact:
    return ModelArtifact.objects.get(clinic=run.clinic, name=run.name)


def write_curve(stage: RunStage, *, steps: int, since: int = 0) -> None:
    folder = RunDir(stage_folder(stage))
    folder.path.mkdir(parents=True, exist_ok=True)
    for step in range(since + 1, steps + 1):
        loss = 1.2 + 2.2 * math.exp(-step / 25) + 0.05 * math.sin(step)
        valid = {"valid_loss": 1.6 if step < 120 else 1.45} if step >= 60 else {}
        report(folder, done=step * 2000, total=240_000, unit="tokens", step=step, loss=loss, **valid)


def fail(run: TrainingRun, stage: str, error_type: str, advice: str = "") -> None:
    settle(run.stages.get(name=stage), Outcome("failed", error_type, advice))


def _claimed(stage: RunStage) -> RunStage:
    claimed = claim(stage.uuid)
    assert claimed is not None
    return claimed


def _finish(stage: RunStage) -> None:
    settle(_claimed(stage), _succeeded([]))


def _succeeded(outputs: list[dict[str, Any]]) -> Outcome:
    return Outcome("succeeded", result={"metrics": {}, "outputs": outputs})


def _output(stage: RunStage, kind: str, name: str, content: bytes, **facts: str) -> dict[str, Any]:
    path = RunDir(stage_folder(stage)).artifact / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    return {"kind": kind, "path": f"artifact/{name}", "sha256": sha256, "bytes": len(content), **facts}
