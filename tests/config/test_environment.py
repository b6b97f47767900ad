"""Settings readers: nonsense stops the start with a hint, secrets are made once and kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("value", "means"), [("yes", True), ("1", True), ("No", False), ("off", False)])
def test_a_boolean_reads_as_people_write_it(monkeypatch: pytest.MonkeyPatch, value: str, means: bool) -> None:
    monkeypatch.setenv("PRECIS_X", value)
    assert env.boolean("PRECIS_X", not means) is means


def test_an_unset_value_is_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECIS_X", " ")
    assert env.integer("PRECIS_X", 7, low=1, high=9) == 7
    assert env.words("PRECIS_X", "a, b") == ["a", "b"]


@pytest.mark.parametrize("value", ["ja", "2", "truee"])
def test_a_boolean_that_is_none_is_refused_with_a_hint(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PRECIS_X", value)
    with pytest.raises(ImproperlyConfigured, match="PRECIS_X=yes or PRECIS_X=no"):
        env.boolean("PRECIS_X", False)


@pytest.mark.parametrize("value", ["many", "0", "99999", "1.5", "-3"])
def test_a_number_out_of_bounds_is_refused_with_the_bounds(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PRECIS_X", value)
    with pytest.raises(ImproperlyConfigured, match="from 1 to 65535"):
        env.integer("PRECIS_X", 8000, low=1, high=65535)


def test_a_folder_that_is_a_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    monkeypatch.setenv("PRECIS_X", str(tmp_path / "x"))
    with pytest.raises(ImproperlyConfigured, match="is a file"):
        env.folder("PRECIS_X", tmp_path)


def test_a_secret_is_made_once_kept_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    first = env.secret("PRECIS_NO_SUCH", path)
    assert first == env.secret("PRECIS_NO_SUCH", path)
    assert len(first) > 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["key"]


def test_a_secret_may_come_from_a_file_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("from a file\n")
    monkeypatch.setenv("PRECIS_X_FILE", str(tmp_path / "s"))
    assert env.secret("PRECIS_X", tmp_path / "unused") == "from a file"
    monkeypatch.setenv("PRECIS_X_FILE", str(tmp_path / "gone"))
    with pytest.raises(ImproperlyConfigured, match="not there"):
        env.secret("PRECIS_X", tmp_path / "unused")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("PRECIS_PORT", "http", "whole number"),
        ("DATABASE_URL", "mysql://x/y", "sqlite:/// or postgres://"),
        ("BROKER_URL", "kafka://x", "folder://, redis:// or amqp://"),
    ],
)
def test_a_wrong_setting_stops_the_start(tmp_path: Path, name: str, value: str, hint: str) -> None:
    environment = {
        **os.environ,
        name: value,
        "PRECIS_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert hint in done.stderr


def test_short_keys_stop_the_start_with_a_way_to_make_longer_ones(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PRECIS_MASTER_KEY": "short",
        "PRECIS_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "precis.E002" in done.stderr
    assert "secrets.token_urlsafe" in done.stderr
