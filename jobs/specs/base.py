"""What all specs share: how one travels as JSON, and how a wrong one is refused."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


def require(holds: bool, advice: str) -> None:
    """Raises ValueError with the advice where it does not hold."""
    if not holds:
        raise ValueError(advice)


def require_sealed(rows_sha256: str, rows_key: str) -> None:
    require(len(rows_sha256) == 64, "Give rows_sha256 as the file's 64 hex digits.")
    require(len(rows_key) == 64, "Give rows_key as the run's public key, 64 hex digits.")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Shared by all stages: how a spec travels as JSON."""

    base: str
    """The base model's name in the catalogue; its weights have been fetched."""
    models_dir: str
    """Where fetched base models stand."""

    def __post_init__(self) -> None:
        require(bool(self.base), "Name a base model, for example smollm2-135m.")
        require(self.models_dir.startswith("/"), "Give models_dir as an absolute path.")

    def to_json(self) -> dict[str, Any]:
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> Self:
        """The spec again; raises ValueError for a field that is missing or unknown."""
        unknown = set(obj) - {field.name for field in fields(cls)}
        require(not unknown, f"Remove the unknown fields {sorted(unknown)} from the {cls.__name__}.")
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in obj.items()}
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"The {cls.__name__} lacks a field: {error}") from error
