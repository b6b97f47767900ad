"""Typed readers for settings from the environment. Nonsense stops the start with a hint; nothing is guessed."""

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import private_network

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str) -> str:
    return os.environ.get(name, "").strip() or default


def boolean(name: str, default: bool) -> bool:
    value = text(name, str(default)).lower()
    if value in _TRUE | _FALSE:
        return value in _TRUE
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no. Write {name}=yes or {name}=no.")


def integer(name: str, default: int, *, low: int, high: int) -> int:
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise ImproperlyConfigured(f"{name}={value!r} must be a whole number from {low} to {high}.")
    return number


def words(name: str, default: str) -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def folder(name: str, default: Path) -> Path:
    path = Path(text(name, str(default))).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ImproperlyConfigured(f"{name}={str(path)!r} is a file. Name a folder, or a path that is free.")
    return path


def inside_url(name: str) -> str:
    """The address of a server in the clinic without "/v1" at its end, or "".

    A public address is refused here; what a name leads to, by a system check, and again at every connection.
    """
    url = text(name, "").rstrip("/").removesuffix("/v1").rstrip("/")
    if url and not _is_plain(url):
        raise ImproperlyConfigured(
            f"{name} is no address of a server. Write it as http://HOST:PORT or https://HOST:PORT, without a password."
        )
    if url and private_network.is_public(urlsplit(url).hostname or ""):
        raise ImproperlyConfigured(
            f"{name} leads out of the building, and patient text with it. Name this machine, or a private address: "
            "10.…, 172.16.… to 172.31.…, 192.168.…, fc00:: or fd00::."
        )
    return url


def _is_plain(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port is what finds a wrong one.
        is_bare = not (parts.username or parts.password or parts.query or parts.fragment) and parts.port != 0
    except ValueError:
        return False
    return is_bare and parts.scheme in {"http", "https"} and bool(parts.hostname)


def given_secret(name: str) -> str:
    """A secret of somebody else's, from ``NAME`` or the file that ``NAME_FILE`` names; "" where there is none."""
    if (path := os.environ.get(f"{name}_FILE")) and not os.environ.get(name):
        return secret(name, Path(path))
    return text(name, "")


def secret(name: str, default_file: Path, *, length: int = 50) -> str:
    """A secret from ``NAME``, from the file that ``NAME_FILE`` names, or made once and kept in ``default_file``."""
    if value := os.environ.get(name):
        return value
    path = Path(os.environ.get(f"{name}_FILE") or default_file)
    if not path.exists():
        if f"{name}_FILE" in os.environ:
            raise ImproperlyConfigured(f"{name}_FILE names {str(path)!r}, which is not there.")
        _create_once(path, secrets.token_urlsafe(length))
    value = path.read_text().strip()
    if not value:
        raise ImproperlyConfigured(
            f"{str(path)!r} is empty. Restore it from a backup, or delete it for a new {name}."
        )
    return value


def _create_once(path: Path, value: str) -> None:
    """Write ``value`` whole or not at all; when two processes start at once, the first one's value stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(value)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
