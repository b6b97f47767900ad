from pathlib import Path

from jobs.stages.checkpoints import newest_valid, publish


def written(tmp_path: Path, step: int) -> Path:
    folder = tmp_path / "scratch" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "adapter.safetensors").write_bytes(bytes([step]) * 1000)
    (folder / "optimizer.pt").write_bytes(bytes([step]) * 500)
    return folder


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    for step in (3, 20, 100):
        publish(written(tmp_path, step), tmp_path / "checkpoints", step)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["step-0000020", "step-0000100"]
    newest = newest_valid(tmp_path / "checkpoints")
    assert newest is not None
    assert (newest / "adapter.safetensors").read_bytes() == bytes([100]) * 1000


def test_a_truncated_checkpoint_is_passed_over(tmp_path: Path) -> None:
    older, newer = (publish(written(tmp_path, step), tmp_path / "checkpoints", step) for step in (1, 2))
    for name in ("adapter.safetensors", "optimizer.pt", "manifest.json"):
        whole = (newer / name).read_bytes()
        for length in range(0, len(whole), 37):
            (newer / name).write_bytes(whole[:length])
            assert newest_valid(tmp_path / "checkpoints") == older
        (newer / name).write_bytes(whole)
    assert newest_valid(tmp_path / "checkpoints") == newer


def test_a_checkpoint_without_a_file_is_passed_over(tmp_path: Path) -> None:
    only = publish(written(tmp_path, 1), tmp_path / "checkpoints", 1)
    (only / "optimizer.pt").unlink()
    assert newest_valid(tmp_path / "checkpoints") is None


def test_before_the_first_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert newest_valid(tmp_path / "checkpoints") is None
