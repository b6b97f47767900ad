import json
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Clinic, User
from records.models import Dataset
from records.services import datasets, review, scrubbing, uploads
from training.models import TrainingRun
from training.options import RunOptions
from training.services import runs


@pytest.fixture
def dataset(clinic: Clinic, officer: User) -> Dataset:
    lines = [
        json.dumps(
            {
                "text": f"Patient John Smith, cough for {n + 2} days, no fever, lungs clear, rest and fluids advised.",
                "summary": f"Cough for {n + 2} days; rest.",
                "section": "PLAN",
            }
        )
        for n in range(12)
    ]
    upload, _ = uploads.receive_upload(
        clinic=clinic, user=officer, name="a.jsonl", data="\n".join(lines).encode()
    )
    records = uploads.confirm_upload(upload=upload, user=officer).records
    scrubbing.scrub_upload(upload=upload)
    review.approve_records(clinic=clinic, records=records, reviewer=officer, reason="test")
    return datasets.freeze_dataset(clinic=clinic, name="coughs", user=officer, attestation="test")


@pytest.fixture
def base_is_here(settings: Any, own_var: Path) -> None:
    """A base model's folder and the converter as they look when fetched; nobody reads the weights here."""
    settings.MODELS_DIR, settings.TOOLS_DIR = own_var / "models", own_var / "tools"
    folder = settings.MODELS_DIR / "smollm2-135m"
    folder.mkdir(parents=True)
    (folder / "model.gguf").write_bytes(b"GGUF")
    manifest = {
        "name": "smollm2-135m",
        "licence": "Apache License 2.0",
        "context_tokens": 8192,
        "chat_template": None,
        "files": {"model.gguf": {"sha256": "0" * 64, "bytes": 4}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    settings.TOOLS_DIR.mkdir()
    (settings.TOOLS_DIR / "convert_hf_to_gguf.py").touch()


@pytest.fixture
def run(clinic: Clinic, alice: User, dataset: Dataset, base_is_here: None) -> TrainingRun:
    return runs.start_run(
        clinic=clinic, user=alice, name="first", dataset=dataset, base="smollm2-135m", options=RunOptions()
    )
