"""Where a planted word may not turn up after a request: the database, and the files under the state folder."""

from pathlib import Path

from django.apps import apps


def rows_holding(word: str) -> list[str]:
    """Rows with the word in any column, bytes included."""
    return [
        f"{row!r}"
        for model in apps.get_models()
        for row in model._default_manager.values()
        if any(word in _text(value) for value in row.values())
    ]


def files_holding(word: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def _text(value: object) -> str:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
