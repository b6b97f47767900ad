"""Promises about the layout: who may import whom, and which names are free. See docs/architecture.md.

The checks are functions of a root folder, so that each can be shown to fail on a tree that breaks it.
"""

import ast
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ["accounts", "audit", "records", "training", "summaries", "dashboard"]
LIBRARIES = {"privacy", "grounding", "sample_clinic"}
CONTRACTS = {
    f"jobs.{name}"
    for name in (
        "specs",
        "progress",
        "rundir",
        "catalogue",
        "shapes",
        "machine",
        "prompts",
        "sealing",
        "canaries",
        "decoding",
        "long_records",
        "long_summaries",
        "metrics",
        "lifeline",
        "fetch",
        "gguf_header",
        "adapters",
        "deployed",
        "bundle_runner",
        "devices",
    )
}
DOORS = {
    "views",
    "artifact_views",
    "sweep_views",
    "smaller_views",
    "review_views",
    "correction_views",
    "explain_views",
    "shadow_views",
    "bundle_views",
    "staff_views",
    "forms",
    "api",
    "api_auth",
    "api_batches",
    "api_errors",
    "api_explanations",
    "api_fhir",
    "api_schemas",
    "openai_schemas",
    "openai_api",
    "sse",
    "admin",
    "urls",
    "management",
}
SERVICES = {
    "services",
    "deployments",
    "questions",
    "reviewing",
    "corrections",
    "disagreements",
    "explaining",
    "exports",
    "log",
    "staff",
    "engine",
    "admission",
    "batches",
    "bundles",
    "shadows",
    "shadow_reports",
    "regression",
    "leases",
    "idempotency",
    "tokens",
}
# Supervision is the one part of jobs that services use; the app is how config.queue sends a nudge.
JOBS_FOR_SERVICES = CONTRACTS | {"jobs.supervisor"}
# A teacher is asked as a request for a summary is, by modules that know neither Django nor any row.
ASKING = ("summaries.asking", "summaries.engine", "config.private_network")
JOBS_FOR_CONFIG = {"jobs.app", "jobs.broker", "jobs.catalogue", "jobs.fetch", "jobs.lifeline"}


def sources(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """(dotted module, syntax tree) of all code, migrations aside."""
    for top, base in ((root / "platform", root / "platform"), (root / "jobs", root)):
        for path in sorted(top.rglob("*.py")):
            if "migrations" not in path.parts:
                name = ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")
                yield name, ast.parse(path.read_text())


def imports(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def wrong_imports(root: Path) -> list[str]:
    return [
        f"{module} imports {imported}"
        for module, tree in sources(root)
        for imported in sorted(imports(tree))
        if not _allowed(module, imported)
    ]


def _allowed(module: str, imported: str) -> bool:
    top, target = module.split(".")[0], imported.split(".")[0]
    if target == "django" and (top in LIBRARIES or _is_stage_side(module) or _asks(module)):
        return False
    if target in {"torch", "transformers", "peft", "trl"}:
        return module.startswith("jobs.stages")
    if target == "jobs":
        return _may_import_jobs(module, imported)
    if target in {*APPS, "config"}:
        return _may_import_app(module, target, imported)
    return True


def _asks(module: str) -> bool:
    return any(f"{module}.".startswith(f"{each}.") for each in ASKING)


def _is_stage_side(module: str) -> bool:
    return module.startswith("jobs.") and module not in {"jobs.app", "jobs.tasks"}


def _may_import_jobs(module: str, imported: str) -> bool:
    parts = module.split(".")
    wanted = ".".join(imported.split(".")[:2])
    if parts[0] == "jobs":
        if parts[1:2] == ["stages"]:
            # A rehearsal makes the steps of the stage it rehearses; distilling makes them with another loss.
            rehearses = parts[2:] in (["preflight"], ["distill"])
            rehearses = rehearses and imported.startswith("jobs.stages.train.")
            return wanted in CONTRACTS or rehearses or _stage_helper(imported)
        return module == "jobs.tasks" or wanted != "jobs.tasks"
    if parts[0] in LIBRARIES:
        return False
    if parts[0] == "config":
        return wanted in JOBS_FOR_CONFIG
    if "services" in parts or parts[0] in APPS:
        # A command may serve an artifact for its own time; pages and services ask the running engine.
        return wanted in JOBS_FOR_SERVICES or ("commands" in parts and wanted == "jobs.model_server")
    return False


def _stage_helper(imported: str) -> bool:
    """Stages share helpers but never import one another."""
    names = imported.split(".")
    return names[1] == "supervisor" or len(names) < 3 or names[2] not in STAGES


STAGES = {
    "teach",
    "prepare",
    "train",
    "distill",
    "prune",
    "importance",
    "preflight",
    "quantize",
    "evaluate",
    "measure",
    "extract",
    "train_tagger",
    "train_grounder",
}


def _may_import_app(module: str, target: str, imported: str) -> bool:
    parts = module.split(".")
    if parts[0] in LIBRARIES:
        return False
    if parts[0] == "jobs":
        teaches = module in {"jobs.stages.teach", "jobs.stages.teachers"}
        return module == "jobs.tasks" or (teaches and _asks(imported))
    if _asks(module):
        return _asks(imported)
    if parts[0] == "config" or target == "config":
        # The project's own folder: settings and urls name the apps, apps use its queue, keys and vault.
        return (
            target == "config"
            or parts[1:2] == ["urls"]
            or "management" in parts
            or parts[1:2] == ["commandline"]
        )
    if APPS.index(target) > APPS.index(parts[0]):
        return False
    below = set(imported.split(".")[1:])
    if "models" in parts:
        return not below & (DOORS | SERVICES)
    if parts[1:2] and parts[1] in SERVICES:
        return not below & DOORS
    return True


def loose_modules(root: Path) -> list[str]:
    """Python files directly in platform/, which would shadow the standard library's modules."""
    return [path.name for path in (root / "platform").glob("*.py")]


def shadowing_names(root: Path) -> list[str]:
    """Packages of ours that bear the name of an installed or standard-library module."""
    taken = set(sys.stdlib_module_names) | set(importlib.metadata.packages_distributions())
    folders = [
        path.name for path in (root / "platform").iterdir() if path.is_dir() and path.name != "__pycache__"
    ]
    return sorted(taken & {*folders, "jobs"})


def test_every_import_stays_on_its_floor() -> None:
    assert wrong_imports(ROOT) == []


def test_platform_holds_folders_only() -> None:
    assert loose_modules(ROOT) == []


def test_no_package_shadows_an_installed_or_standard_module() -> None:
    assert shadowing_names(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("platform/records/models.py", "from training.models import TrainingRun"),
        ("platform/records/models.py", "from records.services import uploads"),
        ("platform/records/services/uploads.py", "from records.views import upload"),
        ("platform/privacy/engine.py", "from django.conf import settings"),
        ("platform/privacy/engine.py", "from records.models import Record"),
        ("platform/summaries/views.py", "import torch"),
        ("platform/training/views.py", "from jobs.tasks import run_stage"),
        ("jobs/stages/train.py", "from training.models import TrainingRun"),
        ("jobs/stages/train.py", "from jobs.stages.prepare import main"),
        ("jobs/stages/train.py", "from summaries.engine import EngineClient"),
        ("jobs/stages/teachers.py", "from summaries.models import Summary"),
        ("platform/summaries/engine/wire.py", "from django.conf import settings"),
        ("platform/summaries/asking.py", "from summaries.models import Summary"),
        ("jobs/supervisor.py", "from django.db import models"),
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, file: str, line: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(line + "\n")
    assert len(wrong_imports(tmp_path)) == 1


def test_a_loose_module_is_found(tmp_path: Path) -> None:
    (tmp_path / "platform").mkdir()
    (tmp_path / "platform" / "queue.py").touch()
    assert loose_modules(tmp_path) == ["queue.py"]


@pytest.mark.parametrize("name", ["datasets", "profile", "tokenizers"])
def test_a_shadowing_name_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "platform" / name).mkdir(parents=True)
    assert shadowing_names(tmp_path) == [name]


def test_the_standard_platform_module_still_works() -> None:
    import platform

    assert platform.system()


def test_templates_name_no_host() -> None:
    """Pages load nothing from elsewhere: no CDN, no font service. (Vendored files live under static/vendor.)"""
    named = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / "templates").rglob("*")
        if path.is_file() and "vendor" not in path.parts and path.suffix in {".html", ".js", ".css"}
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if "http://" in line or "https://" in line
    ]
    assert named == []
