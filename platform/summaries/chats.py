"""What callers of the OpenAI-compatible endpoint ask, as questions to our engine. Scrubbed here, always."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from accounts.models import ApiToken
from jobs.prompts import MARKER
from records.services.scrubbing import harmless
from summaries import questions
from summaries.engine import Prompt
from summaries.questions import Asked, TextRefused
from summaries.styles import DEFAULT, Style

CHAT, COMPLETION = "chat", "completion"
"""What stands on the summary as its style."""

# JSON Schema's own words that the scrubber would take for names.
_SCHEMA_WORDS = {
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "additionalProperties",
    "anyOf",
    "oneOf",
    "allOf",
}
_BETWEEN_WORDS = re.compile(r"_|(?<=[a-z])(?=[A-Z])")
_LARGEST_HARMLESS = 9_999


def ask_for_summary(*, token: ApiToken, text: str, style: Style, max_new_tokens: int | None) -> Asked:
    """The record alone, without words of the caller's own around it: asked as the model was trained."""
    asked = questions.asked_of_text(clinic=token.clinic, text=text, style=style, token=token)
    if max_new_tokens is None or style is not DEFAULT:
        return asked
    return replace(asked, prompt=replace(asked.prompt, max_new_tokens=max_new_tokens))


def ask_in_own_words(
    *,
    token: ApiToken,
    texts: list[str],
    roles: list[str] | None,
    max_new_tokens: int,
    sampling: dict[str, Any],
    json_schema: dict[str, Any] | None = None,
) -> Asked:
    """A chat of the caller's own, or without ``roles`` one text to go on from. Raises ``TextRefused``."""
    if not any(text.strip() for text in texts):
        raise TextRefused("There is no text. Send some.")
    if not _is_harmless(sampling.get("stop"), json_schema):
        raise TextRefused("An identifier stands in “stop” or in the schema. Leave it out.")
    replacement = questions.scrub_texts(texts)
    # A text may not pass for the end of its turn.
    clean = [MARKER.sub("< ", text) for text in replacement.texts]
    messages: Any = clean[0]
    if roles is not None:
        messages = [{"role": role, "content": text} for role, text in zip(roles, clean, strict=True)]
    prompt = Prompt(messages, max_new_tokens, json_schema=json_schema, sampling=sampling)
    source, style = "\n\n".join(replacement.texts), COMPLETION if roles is None else CHAT
    return Asked(token.clinic, source, prompt, replacement.originals, style=style, token=token)


def _is_harmless(*parts: Any) -> bool:
    """Word by word: the scrubber takes the punctuation of JSON, and names written in one, for more than they are."""
    return all(harmless(word) == word for part in parts for word in _words(part))


def _words(value: Any) -> Iterator[str]:
    match value:
        case dict():
            yield from _words([key for key in value if key not in _SCHEMA_WORDS])
            yield from _words(list(value.values()))
        case list():
            yield from (word for part in value for word in _words(part))
        case str():
            yield _BETWEEN_WORDS.sub(" ", value)
        case int() if value > _LARGEST_HARMLESS:
            yield str(value)
