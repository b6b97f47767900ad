"""What the commands share: a database that is ready, the member in whose name they act, bars, JSON Lines."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command
from tqdm import tqdm

from accounts.models import Clinic, Role, User
from audit import staff

BAR = "{desc:<24} {percentage:3.0f}% |{bar:28}| {n_fmt}/{total_fmt} {unit}, {remaining} left {postfix}"


def ready_member(clinic_name: str | None = None) -> User:
    """Bring the database up to date and return the member in whose name this machine's shell acts."""
    call_command("migrate", verbosity=0, interactive=False)
    clinic = _clinic(clinic_name)
    username = f"command-line-{clinic.pk}"
    if user := User.objects.filter(username=username).first():
        return user
    user, _ = staff.add_member(clinic=clinic, username=username, role=Role.ADMIN, by=None)
    # Whoever has the shell has the keys; nobody signs in to the web under this name.
    user.set_unusable_password()
    user.must_change_password = False
    user.save(update_fields=["password", "must_change_password"])
    return user


def _clinic(name: str | None) -> Clinic:
    if name:
        try:
            return Clinic.objects.get(name=name)
        except Clinic.DoesNotExist:
            names = ", ".join(Clinic.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no clinic of that name. Clinics here: {names}.") from None
    if Clinic.objects.count() > 1:
        raise CommandError("Several clinics live here. Say which with --clinic NAME.")
    return Clinic.objects.first() or staff.create_clinic(name="My clinic")


def read_json_lines(path: str, *required: str) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file; a line that is none, or lacks a required text, is named by its number."""
    return [row for row, _ in each_json_line(path, *required)]


def each_json_line(path: str, *required: str) -> Iterator[tuple[dict[str, Any], int]]:
    """One object at a time, however long the file, with the bytes read so far."""
    done = rows = 0
    try:
        with Path(path).open("rb") as file:
            for number, line in enumerate(file, start=1):
                row = _json_line(path, number, line, done, required)
                done += len(line)
                if row is not None:
                    rows += 1
                    yield row, done
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.") from error
    if not rows:
        raise CommandError(f"{path}: the file is empty.")


def _json_line(
    path: str, number: int, line: bytes, before: int, required: tuple[str, ...]
) -> dict[str, Any] | None:
    """None for an empty line. ``before`` counts the bytes of the lines before it."""
    try:
        text = line.decode("utf-8").strip()
        row = json.loads(text) if text else None
    except UnicodeDecodeError as error:
        place = before + error.start + 1
        raise CommandError(f"{path}: not UTF-8 (byte {place}). Save it as UTF-8.") from error
    except ValueError as error:
        raise CommandError(f"{path}, line {number}: not a JSON object.") from error
    if not text:
        return None
    missing = [name for name in required if not isinstance(row, dict) or not isinstance(row.get(name), str)]
    if missing:
        raise CommandError(f"{path}, line {number}: needs the text “{missing[0]}”.")
    return row


@contextmanager
def writing_json_lines(path: str) -> Iterator["JsonLines"]:
    """A writer whose file appears under its name only when it is whole."""
    goal = Path(path)
    draft = goal.with_name(f".{goal.name}.part")
    try:
        with draft.open("w", encoding="utf-8") as file:
            yield JsonLines(file)
        draft.replace(goal)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def new_json_lines(path: str) -> Iterator["JsonLines"]:
    """A writer of a file that only its owner may read; raises CommandError where one of that name is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yield JsonLines(file)


class JsonLines:
    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, row: dict[str, Any]) -> None:
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")


def bar(items: Iterable[Any], *, label: str, unit: str, total: int | None = None) -> Any:
    return tqdm(items, desc=label, unit=unit, total=total, bar_format=BAR, mininterval=0.5)


class StepBar:
    """A bar over something whose total is learned on the way, such as a stage's steps or a download's bytes."""

    def __init__(self, label: str, unit: str = "", scale: bool = False) -> None:
        self._bar = tqdm(desc=label, total=1, unit=unit, unit_scale=scale, bar_format=BAR, mininterval=0.5)

    def to(self, done: float, total: float, unit: str = "", note: str = "") -> None:
        self._bar.total, self._bar.unit = total or 1, unit or self._bar.unit
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)

    def finish(self) -> None:
        self._bar.update(self._bar.total - self._bar.n)
        self._bar.close()

    def close(self) -> None:
        self._bar.close()


def table(rows: list[list[str]]) -> str:
    """Rows in columns; the first row is the header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
