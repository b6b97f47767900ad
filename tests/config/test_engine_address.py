"""Where the engine may be: on this machine or at a private address of the clinic's, and nowhere else."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import checks, env
from config.management.commands import up
from config.private_network import is_inside

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("172.31.255.254", True),
        ("192.168.178.20", True),
        ("::1", True),
        ("fd12:3456::1", True),
        ("::ffff:10.0.0.1", True),
        ("8.8.8.8", False),
        ("172.32.0.1", False),
        ("192.169.0.1", False),
        ("::ffff:8.8.8.8", False),
        ("2001:4860:4860::8888", False),
        ("169.254.169.254", False),  # where clouds tell a machine its secrets
        ("100.64.0.1", False),  # a provider's own network
        ("0.0.0.0", False),
        ("fe80::1%eth0", False),
    ],
)
def test_inside_is_what_no_router_passes_on(address: str, inside: bool) -> None:
    assert is_inside(address) is inside


@pytest.mark.parametrize(
    ("value", "means"),
    [
        ("", ""),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://10.0.0.5:8000/v1", "http://10.0.0.5:8000"),
        ("https://llm.clinic.lan/engine/v1/", "https://llm.clinic.lan/engine"),
        ("http://[fd00::5]:8000/", "http://[fd00::5]:8000"),
    ],
)
def test_an_address_is_taken_with_openai_s_ending_or_without(
    monkeypatch: pytest.MonkeyPatch, value: str, means: str
) -> None:
    monkeypatch.setenv("PRECIS_X", value)
    assert env.inside_url("PRECIS_X") == means


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("https://8.8.8.8/v1", "out of the building"),
        ("http://[2001:4860:4860::8888]:8000", "out of the building"),
        ("ftp://10.0.0.5", "http://HOST:PORT"),
        ("10.0.0.5:8000", "http://HOST:PORT"),
        ("http://10.0.0.5:99999", "http://HOST:PORT"),
        ("http://", "http://HOST:PORT"),
        ("http://10.0.0.5/?to=elsewhere", "http://HOST:PORT"),
    ],
)
def test_what_is_no_address_inside_is_refused(monkeypatch: pytest.MonkeyPatch, value: str, hint: str) -> None:
    monkeypatch.setenv("PRECIS_X", value)
    with pytest.raises(ImproperlyConfigured, match=hint):
        env.inside_url("PRECIS_X")


def test_a_password_in_the_address_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECIS_X", "http://user:hush@10.0.0.5")
    with pytest.raises(ImproperlyConfigured, match="without a password") as caught:
        env.inside_url("PRECIS_X")
    assert "hush" not in str(caught.value)


def test_the_key_may_be_left_out_and_may_come_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PRECIS_X", "")
    assert env.given_secret("PRECIS_X") == ""
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.setenv("PRECIS_X_FILE", str(tmp_path / "key"))
    assert env.given_secret("PRECIS_X") == "from a file"
    monkeypatch.setenv("PRECIS_X", "given")
    assert env.given_secret("PRECIS_X") == "given"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"PRECIS_ENGINE_URL": "https://8.8.8.8/v1"}, "PRECIS_ENGINE_URL leads out of the building"),
        (
            {"PRECIS_EXPLAINER_URL": "https://8.8.8.8/v1", "PRECIS_EXPLAINER_MODEL": "large"},
            "PRECIS_EXPLAINER_URL leads out of the building",
        ),
        ({"PRECIS_EXPLAINER_URL": "http://10.0.0.5"}, "PRECIS_EXPLAINER_MODEL do not stand together"),
    ],
)
def test_a_server_that_must_not_be_asked_stops_the_start(
    tmp_path: Path, told: dict[str, str], said: str
) -> None:
    environment = {
        **os.environ,
        **told,
        "PRECIS_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize(
    ("leads_to", "said"),
    [
        (["10.0.0.5"], []),
        (["10.0.0.5", "8.8.8.8"], ["precis.E004"]),
        (["2001:4860:4860::8888"], ["precis.E004"]),
        ([], ["precis.W002"]),
    ],
)
def test_a_name_is_looked_up_at_the_start(
    settings: Any, monkeypatch: pytest.MonkeyPatch, leads_to: list[str], said: list[str]
) -> None:
    def known(host: str, *_: object, **__: object) -> list[Any]:
        assert host == "llm.clinic.lan"
        if not leads_to:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in leads_to]

    monkeypatch.setattr(socket, "getaddrinfo", known)
    settings.ENGINE_URL = "http://llm.clinic.lan:8000"
    assert [message.id for message in checks.the_engine_is_in_the_clinic(None)] == said


@pytest.mark.parametrize(
    ("named", "check"),
    [("TEACHER", checks.the_teacher_is_in_the_clinic), ("EXPLAINER", checks.the_explainer_is_in_the_clinic)],
)
@pytest.mark.parametrize(
    ("url", "model", "said"),
    [
        ("", "", []),
        ("http://10.0.0.5:8000", "llama-3.1-8b", []),
        ("http://134744072", "llama-3.1-8b", ["precis.E004"]),
        ("http://10.0.0.5:8000", "", ["precis.E005"]),
        ("", "llama-3.1-8b", ["precis.E005"]),
    ],
)
def test_the_server_of_a_larger_model_is_looked_up_too_and_needs_a_name(
    settings: Any, named: str, check: Any, url: str, model: str, said: list[str]
) -> None:
    setattr(settings, f"{named}_URL", url)
    setattr(settings, f"{named}_MODEL", model)
    found = check(None)
    assert [message.id for message in found] == said
    assert all(f"PRECIS_{named}_URL" in f"{message.msg} {message.hint}" for message in found)


@pytest.mark.parametrize("url", ["http://134744072", "http://0x08080808", "http://010.010.010.010"])
def test_a_public_address_in_disguise_is_found_at_the_start(settings: Any, url: str) -> None:
    settings.ENGINE_URL = url
    assert [message.id for message in checks.the_engine_is_in_the_clinic(None)] == ["precis.E004"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", []),
        ("http://127.0.0.1:8000", []),
        ("https://10.0.0.5", []),
        ("http://10.0.0.5", ["precis.W003"]),
    ],
)
def test_plain_http_over_the_network_is_remarked_on(settings: Any, url: str, said: list[str]) -> None:
    settings.ENGINE_URL = url
    assert [message.id for message in checks.the_engine_is_asked_over_https(None)] == said
    settings.TEACHER_URL = settings.EXPLAINER_URL = url
    assert [message.id for message in checks.the_engine_is_asked_over_https(None)] == 3 * said


def test_our_own_engine_is_started_only_where_none_is_elsewhere(settings: Any) -> None:
    def started() -> list[str]:
        return [process.name for process in up._processes(first_run=False)]

    assert started() == ["web", "worker", "stages", "engine"]
    settings.ENGINE_URL = "http://10.0.0.5:8000"
    assert started() == ["web", "worker", "stages"]
