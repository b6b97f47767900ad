"""The base models that are on this machine."""

from django.conf import settings

from jobs import catalogue


def base_choices() -> list[catalogue.Base]:
    """Generators whose weights are on this machine, the clinic's own folders among them."""
    own = settings.LOCAL_MODELS_DIR
    names = [f"local:{folder.name}" for folder in sorted(own.iterdir()) if folder.is_dir()] if own else []
    bases = [catalogue.find(name, own) for name in [*catalogue.BASES, *names] if _is_installed(name)]
    return [base for base in bases if base.kind == "generator"]


def _is_installed(name: str) -> bool:
    try:
        catalogue.installed(name, settings.MODELS_DIR)
    except (catalogue.NotFetched, catalogue.UnknownBase):
        return False
    return True
