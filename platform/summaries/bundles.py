"""A model to take along: its file, what it is asked with, its evidence, licences, and a small program that runs it.

For a machine without any network (docs/bundle.md). What may not be deployed is not packed either. Nothing in a bundle is a
patient's: no row, no sample, no name; ids, hashes and figures only.
"""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User
from audit import log
from jobs import bundle_runner, catalogue, prompts
from jobs.bundle_runner import FACTS, MODEL, RUNTIME, SUMS
from jobs.decoding import PARAMETERS
from jobs.gguf_header import read_header
from summaries.deployments import check_servable, read_at_once
from summaries.styles import DEFAULT
from training.models import Evaluation, ModelArtifact
from training.services.folders import artifact_path
from training.services.memory import memory_of

LIBRARY = "xllamacpp"
LICENCE_NAMES = ("LICENSE", "LICENCE", "NOTICE", "USE_POLICY", "COPYING")
EVIDENCE = ("rows", "in_pieces", "base", "tuned", "reference", "differences", "lengths")
"""Of an evaluation's figures. Not its sections: their names are the clinic's own words."""
CHUNK_BYTES = 1 << 20

Contents = dict[str, bytes | Path]
"""By path in the bundle: bytes, or the file that holds them."""


class NotPacked(Exception):
    """No bundle; the message says why."""


def pack(*, artifact: ModelArtifact, user: User, wheel: Path | None = None) -> Contents:
    """What the bundle holds, SHA256SUMS the last; an audit entry with the hash of that. Raises ``NotDeployable``, ``NotPacked``.

    ``wheel`` is the engine's library for another kind of machine than this one.
    """
    check_servable(artifact, user, "export_bundle")
    if artifact.shares_base:
        raise NotPacked(
            "An adapter is nothing without its base. Pack a whole file, such as Q8_0, of this run."
        )
    library, platform = _library(wheel)
    facts = _facts(artifact, platform)
    contents: Contents = {
        "README.txt": _readme(artifact, facts),
        "summarize.py": Path(bundle_runner.__file__),
        FACTS: _json(facts),
        "evidence.json": _json(_evidence(artifact)),
        MODEL: artifact_path(artifact),
        "chat_template.jinja": _chat_template(artifact_path(artifact)).encode(),
        f"{RUNTIME}/jobs/__init__.py": b"",
        f"{RUNTIME}/jobs/prompts.py": Path(prompts.__file__),
        **library,
        **_licences(artifact.stage.run.base),
    }
    sums = "".join(f"{_sha256(content)}  {name}\n" for name, content in contents.items()).encode()
    with transaction.atomic():
        log.record(
            clinic=artifact.clinic,
            actor=user,
            action="export_bundle",
            subject=artifact,
            sha256=artifact.sha256,
            sums_sha256=hashlib.sha256(sums).hexdigest(),
        )
    return {**contents, SUMS: sums}


def write_folder(contents: Contents, goal: Path) -> None:
    """Whole or not at all. ``goal`` does not exist yet."""
    draft = goal.with_name(f".{goal.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        for name, content in contents.items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.writelines(_chunks(content))
        draft.rename(goal)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_zip(contents: Contents, goal: Path) -> None:
    """Whole or not at all."""
    draft = goal.with_name(f".{goal.name}.part")
    goal.parent.mkdir(parents=True, exist_ok=True)
    try:
        with draft.open("wb") as file:
            file.writelines(zipped(contents, goal.stem))
        draft.rename(goal)
    finally:
        draft.unlink(missing_ok=True)


def zipped(contents: Contents, folder: str) -> Iterator[bytes]:
    """The bundle as a zip file with one folder in it, piece by piece: no bundle is held in memory."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", timezone.localtime().timetuple()[:6])
            # Weights hardly shrink.
            entry.compress_type = zipfile.ZIP_STORED if name == MODEL else zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                for chunk in _chunks(content):
                    file.write(chunk)
                    yield pipe.take()
            yield pipe.take()
    yield pipe.take()


class _Pipe(io.RawIOBase):
    """Holds what was written until it is taken."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def take(self) -> bytes:
        taken, self._held = bytes(self._held), bytearray()
        return taken


def _chunks(content: bytes | Path) -> Iterator[bytes]:
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _sha256(content: bytes | Path) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(content):
        digest.update(chunk)
    return digest.hexdigest()


def _json(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode()


def _facts(artifact: ModelArtifact, platform: str) -> dict[str, Any]:
    """What the runner needs, and any other program that runs the file."""
    return {
        "model_sha256": artifact.sha256,
        "context_tokens": read_at_once(artifact),
        "max_new_tokens": DEFAULT.max_new_tokens,
        "decoding": PARAMETERS,
        "messages": prompts.messages("{record}"),
        "library": {"name": LIBRARY, "version": metadata.version(LIBRARY), "platform": platform},
    }


def _evidence(artifact: ModelArtifact) -> dict[str, Any]:
    """Where the model comes from and how it was found to be."""
    run, evaluation = artifact.stage.run, Evaluation.objects.filter(artifact=artifact).first()
    dataset, metrics = run.dataset, evaluation.metrics if evaluation else {}
    return {
        "artifact": {
            "uuid": str(artifact.uuid),
            "sha256": artifact.sha256,
            "bytes": artifact.bytes,
            "quantization": artifact.quantization,
            "made_of": artifact.parent and artifact.parent.sha256,
        },
        "base": run.base,
        "dataset": {
            "uuid": str(dataset.uuid),
            "content_hash": dataset.content_hash,
            "train": dataset.train_count,
            "valid": dataset.valid_count,
            "test": dataset.test_count,
        },
        "run": {"uuid": str(run.uuid), "options": run.options},
        "stages": [
            {
                "uuid": str(stage.uuid),
                "name": stage.name,
                "status": stage.status,
                "finished_at": stage.finished_at and stage.finished_at.isoformat(),
            }
            for stage in run.stages.all()
        ],
        "parity": artifact.stage.metrics.get("parity", {}).get(artifact.quantization),
        "evaluation": {name: metrics[name] for name in EVIDENCE if name in metrics} or None,
        "memory_test": memory_of(run).found,
    }


def _chat_template(model: Path) -> str:
    """The one inside the file, which the engine uses. Raises ``NotPacked``."""
    try:
        template = read_header(model).facts["tokenizer.chat_template"]
    except (ValueError, KeyError):
        raise NotPacked("The model's file holds no chat template. Compress the model again.") from None
    return str(template)


def _readme(artifact: ModelArtifact, facts: Mapping[str, Any]) -> bytes:
    evaluation = Evaluation.objects.filter(artifact=artifact).first()
    context = {
        "artifact": artifact,
        "base": artifact.stage.run.base,
        "platform": facts["library"]["platform"],
        "words": facts["context_tokens"] // 2 // 100 * 100,
        "evaluation": evaluation.metrics if evaluation else None,
        "notice": bundle_runner.NOTICE,
        "today": timezone.localdate(),
    }
    return render_to_string("summaries/bundle_readme.txt", context).encode()


def _licences(base: str) -> Contents:
    known = catalogue.BASES.get(base)
    licence, notice = (
        (known.licence, known.notice) if known else ("the clinic's own", "Brought by the clinic.")
    )
    texts: Contents = {}
    try:
        folder = catalogue.installed(base, settings.MODELS_DIR).path
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name.startswith(LICENCE_NAMES):
                texts[f"licences/base/{path.name}"] = path
    except catalogue.NotFetched:
        pass  # The base's weights may be deleted once a model was made of them.
    told = f"The model is made of {base}.\n{notice}\nLicence: {licence}.\n"
    if not texts:
        told += "Its text is not among the base's files here: get it from its makers before you hand this bundle on.\n"
    own = settings.BASE_DIR / "LICENSE"
    return {"licences/base/NOTICE-of-the-base.txt": told.encode(), **texts, "licences/precis/LICENSE": own}


def _library(wheel: Path | None) -> tuple[Contents, str]:
    """The engine's library, from here or from a wheel, and the platform that it is made for. Raises ``NotPacked``."""
    try:
        distribution = metadata.distribution(LIBRARY)
    except metadata.PackageNotFoundError:
        raise NotPacked(
            "The engine's library is not installed beside these pages. On the worker's machine, run: manage.py export_bundle"
        ) from None
    if wheel:
        return _from_wheel(wheel, f"{LIBRARY}-{distribution.version}-")
    files: Contents = {
        _library_path(file.as_posix()): Path(str(distribution.locate_file(file)))
        for file in distribution.files or ()
        if _is_wanted(file.as_posix())
    }
    return files, _platform(distribution.read_text("WHEEL") or "")


def _from_wheel(wheel: Path, wanted: str) -> tuple[Contents, str]:
    """The version must be the one that is installed here: another may answer otherwise."""
    if not wheel.name.startswith(wanted) or not zipfile.is_zipfile(wheel):
        raise NotPacked(f"{wheel.name} is not a wheel of this version: its name begins with {wanted}")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        files: Contents = {_library_path(name): archive.read(name) for name in names if _is_wanted(name)}
        (told,) = [name for name in names if name.endswith(".dist-info/WHEEL")]
        return files, _platform(archive.read(told).decode())


def _is_wanted(name: str) -> bool:
    """The package itself, and its licences."""
    if ".dist-info/" in name:
        return Path(name).name.startswith(LICENCE_NAMES)
    return name.startswith(f"{LIBRARY}/") and "__pycache__" not in name and not name.endswith("/")


def _library_path(name: str) -> str:
    return f"licences/{LIBRARY}/{Path(name).name}" if ".dist-info/" in name else f"{RUNTIME}/{name}"


def _platform(told: str) -> str:
    """Of a wheel's tag such as ``cp310-abi3-manylinux_2_17_x86_64``, the last part."""
    tags = [line.rpartition("-")[2] for line in told.splitlines() if line.startswith("Tag:")]
    return tags[0] if tags else "this kind of machine"
