"""Whether closeness in meaning can be measured here, and by what."""

from pathlib import Path

from jobs.catalogue import NotFetched, installed
from jobs.stages.scoring import Similarity

SIMILARITY_BASE = "minilm-l6"


def closeness(models_dir: Path) -> tuple[Similarity | None, dict[str, str]]:
    """The measure of closeness, or what to do to have it."""
    try:
        encoder = installed(SIMILARITY_BASE, models_dir)
    except NotFetched as error:
        return None, {"similarity": str(error)}
    # Only now, when the engines are gone: torch costs seconds and hundreds of megabytes.
    from jobs.stages.similarity import Embedder

    return Embedder(encoder.hf).similarity, {}
