"""The main job, timed: sample records → scrub → train → quantize → evaluate, in a state folder of its own.

    python benchmarks/bench_main_job.py [--json]

Prints seconds for each part, tokens a second in training, characters a second in scrubbing, and ROUGE before and
after. Run nothing heavy beside it; the last figures stand in docs/benchmarks.md.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
SCRATCH = tempfile.TemporaryDirectory(prefix="precis-bench-")
os.environ |= {
    "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "PRECIS_VAR": SCRATCH.name,
    "PRECIS_MODELS_DIR": os.environ.get("PRECIS_MODELS_DIR", str(ROOT / "var" / "models")),
    "PRECIS_TOOLS_DIR": os.environ.get("PRECIS_TOOLS_DIR", str(ROOT / "var" / "tools")),
}

import django  # noqa: E402

django.setup()

from config.commandline import ready_member  # noqa: E402
from config.management.commands import first_run  # noqa: E402
from records.models import Record  # noqa: E402
from records.services import datasets, review, scrubbing, uploads  # noqa: E402
from sample_clinic import generate  # noqa: E402
from training.models import Evaluation  # noqa: E402
from training.services import runs  # noqa: E402
from training.services.stages import execute_stage  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure()
    print(
        json.dumps(figures) if arguments.json else "\n".join(f"{k:<28}{v:>10.1f}" for k, v in figures.items())
    )


def measure() -> dict[str, float]:
    member = ready_member()
    clinic = member.membership.clinic
    samples = generate()
    rows = [first_run.as_row(number, sample) for number, sample in enumerate(samples, start=1)]
    figures: dict[str, float] = {}
    started = time.monotonic()
    records = uploads.import_rows(clinic=clinic, user=member, rows=rows).records
    figures["import_s"] = time.monotonic() - started
    started = time.monotonic()
    for record in records:
        scrubbing.scrub_record(record=record)
    figures["scrub_s"] = time.monotonic() - started
    figures["scrub_chars_per_s"] = sum(len(row.source) + len(row.target) for row in rows) / figures["scrub_s"]
    review.approve_records(clinic=clinic, records=Record.objects.all(), reviewer=member, reason="benchmark")
    dataset = datasets.freeze_dataset(clinic=clinic, name="bench", user=member, attestation="benchmark")
    run = runs.start_run(
        clinic=clinic,
        user=member,
        name="bench",
        dataset=dataset,
        base=first_run.BASE,
        options=first_run.OPTIONS,
        nudge=False,
    )
    for stage in run.stages.order_by("number"):
        started = time.monotonic()
        execute_stage(stage.uuid)
        figures[f"{stage.name}_s"] = time.monotonic() - started
        stage.refresh_from_db()
        if stage.name == "train":
            figures["train_tokens_per_s"] = stage.metrics["tokens_per_s"]
    scores = Evaluation.objects.get(artifact__name="bench").metrics
    figures["rouge1_before"] = scores["base"]["rouge1"]["value"]
    figures["rouge1_after"] = scores["tuned"]["rouge1"]["value"]
    return figures


if __name__ == "__main__":
    main()
