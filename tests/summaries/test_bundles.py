"""A model taken to a machine without any network: what goes along, and that it answers there as it does here."""

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.models import AuditEntry
from dashboard.services.erasure import erase_records
from jobs import prompts
from jobs.decoding import PARAMETERS
from jobs.model_server import temporary_server
from records.models import Split
from summaries import bundles
from summaries.deployments import NotDeployable, read_at_once
from summaries.engine import EngineClient
from summaries.styles import DEFAULT
from tests.jobs.tiny_gguf import write_tiny_gguf
from training.models import ModelArtifact
from training.services.folders import artifact_path

ClientFor = Callable[[User], Client]
RECORD = "  Chest pain since Tuesday.   \nNo fever. <|im_end|> Aspirin 81 mg daily.\n"


@pytest.fixture
def model(artifact: ModelArtifact) -> ModelArtifact:
    """The artifact's file is a real, tiny model."""
    path = write_tiny_gguf(artifact_path(artifact), seed=3)
    artifact.sha256, artifact.bytes = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
    artifact.save()
    return artifact


@pytest.fixture
def bundle(model: ModelArtifact, tmp_path: Path) -> Path:
    call_command("export_bundle", model.name, out=tmp_path / "packed")
    return tmp_path / "packed"


def run(
    folder: Path, record: str = RECORD, *arguments: str, without_network: bool = False
) -> subprocess.CompletedProcess[str]:
    """The runner in an empty environment, without this installation's packages; the record comes on standard input."""
    shut = ["unshare", "-rn"] if without_network else []
    command = [*shut, sys.executable, "-I", "-S", str(folder / "summarize.py"), *arguments]
    one_core = {
        min(os.sched_getaffinity(0))
    }  # on a busy machine a tiny model waits for a second thread without end
    return subprocess.run(
        command,
        input=record,
        text=True,
        capture_output=True,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        preexec_fn=lambda: os.sched_setaffinity(0, one_core),
        timeout=120,
        check=False,
    )


def can_unshare() -> bool:
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0


def engine_says(model: ModelArtifact, own_var: Path, record: str, section: str = "") -> str:
    prompt = DEFAULT.prompt(record, section)
    with temporary_server(artifact_path(model), var=own_var) as (port, api_key):
        asked = EngineClient.at(port, api_key)
        return asked.summarize("", prompt.messages, max_new_tokens=prompt.max_new_tokens).text  # type: ignore[arg-type]


def beginning(text: str) -> str:
    """Of random weights two tokens are sometimes all but as likely, and sums in another order settle that otherwise."""
    assert len(text) > 80
    return text.strip()[:80]


def everything(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_copied_to_a_machine_without_network_it_says_what_the_engine_says(
    bundle: Path, model: ModelArtifact, own_var: Path, tmp_path: Path
) -> None:
    if not can_unshare():
        pytest.skip("this machine gives no network namespace to try it in")
    there = tmp_path / "elsewhere" / "copied"
    there.parent.mkdir()
    bundle.rename(there)
    before = everything(there)
    done = run(there, without_network=True)
    assert done.returncode == 0, done.stderr
    assert beginning(done.stdout) == beginning(engine_says(model, own_var, RECORD))
    assert "nobody checked the summary" in done.stderr
    assert everything(there) == before  # not even a cache of compiled modules


@pytest.mark.slow
def test_a_section_is_asked_for_as_in_the_clinic(bundle: Path, model: ModelArtifact, own_var: Path) -> None:
    done = run(bundle, RECORD, "--section", "Plan")
    assert beginning(done.stdout) == beginning(engine_says(model, own_var, RECORD, "Plan"))
    assert beginning(done.stdout) != beginning(engine_says(model, own_var, RECORD))


@pytest.mark.slow
def test_a_record_is_read_from_a_file_too(bundle: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.txt"
    record.write_text(RECORD, encoding="utf-8")
    assert run(bundle, "", str(record)).stdout == run(bundle).stdout != ""


@pytest.mark.slow
def test_a_record_too_long_is_refused_by_its_length_with_advice(bundle: Path) -> None:
    done = run(bundle, "chest pain " * 3000)
    assert (done.returncode, done.stdout) == (1, "")
    assert "too long: 6000 words" in done.stderr
    assert "words at a time" in done.stderr
    assert "chest" not in done.stderr


@pytest.mark.slow
def test_a_record_that_fits_only_without_its_summary_is_refused_too(bundle: Path) -> None:
    """The tiny model takes a letter for a token: 1,900 of its 2,048 leave no room for 256 more."""
    done = run(bundle, "x" * 1650)
    assert (done.returncode, done.stdout) == (1, "")
    assert "too long: 1 words" in done.stderr


@pytest.mark.parametrize(
    "name", ["model.gguf", "bundle.json", "chat_template.jinja", "runtime/jobs/prompts.py", "README.txt"]
)
def test_a_changed_byte_is_refused_by_the_file_s_name(bundle: Path, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    done = run(bundle)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{name} is not the file that was packed.")


def test_a_chat_template_changed_inside_the_model_is_refused(bundle: Path) -> None:
    content = (bundle / "model.gguf").read_bytes()
    changed = content.replace(b"assistant: ", b"assistent: ", 1)
    assert changed != content
    (bundle / "model.gguf").write_bytes(changed)
    assert run(bundle).stderr.startswith("model.gguf is not the file that was packed.")


def test_a_missing_file_and_an_added_module_are_refused(bundle: Path) -> None:
    added = bundle / "runtime" / "re.py"
    added.touch()
    assert run(bundle).stderr.startswith("runtime/re.py was added")
    added.unlink()
    (bundle / "SHA256SUMS").write_text("")
    assert "is not the file that was packed" in run(bundle).stderr
    (bundle / "SHA256SUMS").unlink()
    assert run(bundle).stderr.startswith("SHA256SUMS is missing")


@pytest.mark.parametrize(
    ("record", "words"), [(" \n", "The record is empty"), ("caf\udce9", "not UTF-8 (byte 4)")]
)
def test_what_is_no_record_is_refused_in_words(bundle: Path, record: str, words: str) -> None:
    path = bundle / "record.txt"
    path.write_bytes(record.encode("utf-8", "surrogateescape"))
    done = run(bundle, "", str(path))
    assert done.returncode == 1
    assert words in done.stderr


def test_the_prompt_and_the_decoding_are_those_of_the_endpoint(bundle: Path, model: ModelArtifact) -> None:
    facts = json.loads((bundle / "bundle.json").read_text())
    assert facts["decoding"] == PARAMETERS
    assert facts["messages"] == prompts.messages("{record}")
    assert facts["context_tokens"] == read_at_once(model)
    assert facts["max_new_tokens"] == DEFAULT.max_new_tokens
    assert (bundle / "runtime/jobs/prompts.py").read_bytes() == Path(prompts.__file__).read_bytes()


def test_the_evidence_holds_figures_and_no_patient_s_word(bundle: Path, model: ModelArtifact) -> None:
    model_rows.memory_test(model.stage.run)
    contents = bundles.pack(artifact=model, user=model.stage.run.started_by)
    evidence = json.loads(contents["evidence.json"])  # type: ignore[arg-type]
    assert evidence["evaluation"]["tuned"]["rouge1"] == {"value": 31.9, "low": 27.0, "high": 36.2}
    assert evidence["dataset"]["content_hash"] == model.stage.run.dataset.content_hash
    assert [stage["name"] for stage in evidence["stages"]] == [
        *("prepare", "train", "quantize", "evaluate", "extract")
    ]
    assert evidence["memory_test"]["remembers"] is False
    told = (bundle / "evidence.json").read_text() + (bundle / "README.txt").read_text()
    assert not [word for word in ("chest pain", "Ellsworth", "autumn", "R-00000", "alice") if word in told]


def test_licences_go_along(bundle: Path) -> None:
    names = {str(path.relative_to(bundle / "licences")) for path in (bundle / "licences").rglob("*.*")}
    assert "base/NOTICE-of-the-base.txt" in names
    assert "SmolLM2 by Hugging Face" in (bundle / "licences/base/NOTICE-of-the-base.txt").read_text()
    assert (bundle / "licences/precis/LICENSE").is_file()
    assert (bundle / "licences/xllamacpp/LICENSE").is_file()


def test_packing_is_audited_with_the_hash_to_compare(bundle: Path, model: ModelArtifact) -> None:
    entry = AuditEntry.objects.get(action="export_bundle")
    sums = hashlib.sha256((bundle / "SHA256SUMS").read_bytes()).hexdigest()
    assert entry.subject_id == str(model.uuid)
    assert entry.facts == {"sha256": model.sha256, "sums_sha256": sums}


def test_what_may_not_be_deployed_is_not_packed(model: ModelArtifact, admin: User, tmp_path: Path) -> None:
    assert model.parent is not None
    with pytest.raises(NotDeployable, match="Only GGUF"):
        bundles.pack(artifact=model.parent, user=admin)
    model_rows.memory_test(model.stage.run, drawn_out=1)
    with pytest.raises(CommandError, match="fewer passes"):
        call_command("export_bundle", model.name, out=tmp_path / "packed")
    assert not (tmp_path / "packed").exists()
    entry = AuditEntry.objects.get(action="export_bundle")
    assert (entry.outcome, entry.facts) == ("DENY", {"reason": "memory test"})


def test_a_model_of_an_erased_record_is_not_packed(model: ModelArtifact, admin: User, officer: User) -> None:
    learned = model.stage.run.dataset.items.filter(split=Split.TRAIN).first()
    assert learned is not None
    erase_records(records=[learned.scrubbed_text.record], user=officer)
    with pytest.raises(NotDeployable, match="erased"):
        bundles.pack(artifact=model, user=admin)


def test_a_folder_that_exists_is_left_alone(model: ModelArtifact, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="exists already"):
        call_command("export_bundle", model.name, out=tmp_path)
    with pytest.raises(CommandError, match="no artifact of that name"):
        call_command("export_bundle", "nobody", out=tmp_path / "packed")


def test_the_zip_holds_the_same_files(bundle: Path, model: ModelArtifact, tmp_path: Path) -> None:
    call_command("export_bundle", model.name, out=tmp_path / "new" / "packed.zip")
    with zipfile.ZipFile(tmp_path / "new" / "packed.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "unpacked")
    assert everything(tmp_path / "unpacked" / "packed") == everything(bundle)


def test_the_page_s_download_is_streamed_and_whole(
    model: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    response: Any = client_for(admin).get(reverse("summaries:bundle", args=[model.uuid]))
    assert response.streaming
    assert response["Content-Disposition"] == f'attachment; filename="{model.name}-bundle.zip"'
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        assert archive.testzip() is None
        assert f"{model.name}-bundle/summarize.py" in archive.namelist()
    assert AuditEntry.objects.get(action="export_bundle").actor == admin


def test_the_page_says_why_there_is_no_download(
    model: ModelArtifact, admin: User, client_for: ClientFor
) -> None:
    model_rows.memory_test(model.stage.run, drawn_out=1)
    response = client_for(admin).get(reverse("summaries:bundle", args=[model.uuid]), follow=True)
    assert "fewer passes" in response.content.decode()


def test_a_wheel_for_another_machine_takes_the_library_s_place(
    model: ModelArtifact, admin: User, tmp_path: Path
) -> None:
    wheel = tmp_path / f"xllamacpp-{bundles.metadata.version('xllamacpp')}-cp310-abi3-linux_aarch64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("xllamacpp/__init__.py", "")
        archive.writestr("xllamacpp-1.dist-info/WHEEL", "Tag: cp310-abi3-manylinux_2_28_aarch64\n")
        archive.writestr("xllamacpp-1.dist-info/licenses/LICENSE", "MIT")
    contents = bundles.pack(artifact=model, user=admin, wheel=wheel)
    assert [name for name in contents if "xllamacpp" in name] == [
        "runtime/xllamacpp/__init__.py",
        "licences/xllamacpp/LICENSE",
    ]
    assert b"of this kind: manylinux_2_28_aarch64." in contents["README.txt"]  # type: ignore[operator]
    other = wheel.rename(tmp_path / "xllamacpp-1.0-cp310-abi3-linux_aarch64.whl")
    with pytest.raises(bundles.NotPacked, match="not a wheel of this version"):
        bundles.pack(artifact=model, user=admin, wheel=other)
