"""What the model wrote, and what it was told: decrypted, and held against its seal."""

import json

from config import vault
from config.keys import derive
from privacy.seal import is_intact
from records import store
from summaries.models import Summary


class MalformedAnswer(Exception):
    """A style promises JSON, and the model's answer is none."""


def opened(summary: Summary) -> tuple[str, str]:
    """Source and text, for a service that writes the audit entry itself."""
    blob = vault.decrypt(summary.clinic.wrapped_key, f"summary:{summary.uuid}", summary.blob)
    source, text = json.loads(blob)
    # Summaries of before there were seals have none.
    if summary.source_seal and not is_intact(derive("prompts"), summary.source_seal, source):
        raise store.SealBroken(summary.uuid)
    return source, text


def check_json(text: str) -> None:
    """Raises ``MalformedAnswer``."""
    try:
        json.loads(text)
    except ValueError:
        raise MalformedAnswer("The model's answer broke off before it was whole.") from None
