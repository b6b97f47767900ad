import hashlib
import json
from pathlib import Path

import pytest

from jobs.rundir import RunDir, file_sha256, read_result, spec_sha256, write_json_atomic


def finished_run(path: Path) -> RunDir:
    run = RunDir(path)
    spec = {"base": "smollm2-135m"}
    write_json_atomic(run.spec, spec)
    (path / "model.gguf").write_bytes(b"weights")
    output = {"kind": "gguf", "path": "model.gguf", "bytes": 7}
    result = {"stage": "quantize", "spec_sha256": spec_sha256(spec), "outputs": [output], "metrics": {}}
    write_json_atomic(run.result, result)
    return run


def test_json_is_written_for_this_user_only_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    write_json_atomic(tmp_path / "spec.json", {"über": 1})
    assert json.loads((tmp_path / "spec.json").read_text()) == {"über": 1}
    assert (tmp_path / "spec.json").stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("*spec*")) == [tmp_path / "spec.json"]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    write_json_atomic(tmp_path / "spec.json", {"version": 1})
    with pytest.raises(TypeError):
        write_json_atomic(tmp_path / "spec.json", {"version": object()})
    assert json.loads((tmp_path / "spec.json").read_text()) == {"version": 1}
    assert list(tmp_path.glob("*spec*")) == [tmp_path / "spec.json"]


def test_a_files_hash_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_a_whole_result_is_read(tmp_path: Path) -> None:
    result = read_result(finished_run(tmp_path), "quantize")
    assert result is not None
    assert result["outputs"][0]["path"] == "model.gguf"


def test_a_result_of_another_stage_does_not_count(tmp_path: Path) -> None:
    assert read_result(finished_run(tmp_path), "train") is None


def test_a_result_of_another_spec_does_not_count(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    write_json_atomic(run.spec, {"base": "gemma3-270m"})
    assert read_result(run, "quantize") is None


def test_a_result_without_its_output_does_not_count(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    (tmp_path / "model.gguf").write_bytes(b"weig")
    assert read_result(run, "quantize") is None


def test_a_result_cut_off_anywhere_does_not_count(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    whole = run.result.read_bytes()
    for length in range(len(whole) - 1):
        run.result.write_bytes(whole[:length])
        assert read_result(run, "quantize") is None
