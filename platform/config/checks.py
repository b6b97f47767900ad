"""System checks: a wrong configuration stops the start, with a hint."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from config import private_network
from privacy import chosen


@register()
def var_is_writable(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    settings.VAR.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.access(settings.VAR, os.W_OK):
        return []
    hint = "Give this user write access, or set PRECIS_VAR to another folder."
    return [Error("The state folder cannot be written.", hint=hint, id="precis.E001")]


@register()
def keys_are_long_enough(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if len(settings.MASTER_KEY) >= 32 and len(settings.SECRET_KEY) >= 32:
        return []
    hint = 'Make one with: python -c "import secrets; print(secrets.token_urlsafe(50))"'
    return [
        Error("SECRET_KEY and PRECIS_MASTER_KEY need 32 characters or more.", hint=hint, id="precis.E002")
    ]


@register(deploy=True)
def the_network_sees_https_only(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.HTTPS or settings.WEB_HOST in {"127.0.0.1", "localhost", "::1"}:
        return []
    hint = "Put a TLS proxy in front and set PRECIS_HTTPS=yes, or set PRECIS_HOST=127.0.0.1."
    return [Warning("Precis answers on the network without HTTPS.", hint=hint, id="precis.W001")]


@register()
def the_tagger_is_there(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    choice = settings.TAGGER
    if choice == chosen.EMBEDDED or choice.startswith("spacy:") or (Path(choice) / "card.json").is_file():
        return []
    hint = 'Use "embedded", "spacy:NAME" for an installed pipeline, or the folder that manage.py adopt_tagger names.'
    return [Error("PRECIS_TAGGER names no tagger.", hint=hint, id="precis.E003")]


@register()
def the_engine_is_in_the_clinic(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return _leads_inside("PRECIS_ENGINE_URL", settings.ENGINE_URL)


@register()
def the_teacher_is_in_the_clinic(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    return _is_named_inside("PRECIS_TEACHER", settings.TEACHER_URL, settings.TEACHER_MODEL)


@register()
def the_explainer_is_in_the_clinic(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    return _is_named_inside("PRECIS_EXPLAINER", settings.EXPLAINER_URL, settings.EXPLAINER_MODEL)


@register(deploy=True)
def the_engine_is_asked_over_https(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    asked = {
        "PRECIS_ENGINE_URL": settings.ENGINE_URL,
        "PRECIS_TEACHER_URL": settings.TEACHER_URL,
        "PRECIS_EXPLAINER_URL": settings.EXPLAINER_URL,
    }
    return [_is_plain(name) for name, url in asked.items() if _goes_over_the_network_in_the_clear(url)]


def _is_named_inside(prefix: str, url: str, model: str) -> list[CheckMessage]:
    if bool(url) == bool(model):
        return _leads_inside(f"{prefix}_URL", url)
    hint = f"Set {prefix}_URL to the server, and {prefix}_MODEL to what it calls the model; or neither."
    return [Error(f"{prefix}_URL and {prefix}_MODEL do not stand together.", hint=hint, id="precis.E005")]


def _leads_inside(name: str, url: str) -> list[CheckMessage]:
    host = urlsplit(url).hostname
    if host is None:
        return []
    addresses = private_network.addresses_of(host)
    if not all(map(private_network.is_inside, addresses)):
        hint = "Name a server inside: patient text must not leave the building."
        return [Error(f"{name} leads to a public address.", hint=hint, id="precis.E004")]
    if not addresses:
        hint = "Summaries wait until it is. Whatever it leads to then, nothing is sent to a public address."
        return [Warning(f"The name in {name} is not known just now.", hint=hint, id="precis.W002")]
    return []


def _goes_over_the_network_in_the_clear(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}


def _is_plain(name: str) -> CheckMessage:
    hint = f"The texts are scrubbed, but still: give the server a certificate, and {name} https://."
    return Warning("A model is asked over the network without HTTPS.", hint=hint, id="precis.W003")
