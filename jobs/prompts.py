"""The prompt a summarizer is trained with and asked with: one place, so both are the same to the token."""

import re

SYSTEM = (
    "You write clinical summaries. Use only facts stated in the record; never guess. "
    "Keep placeholders such as [NAME_1] exactly as they are."
)

MARKER = re.compile(r"<(?=\|[^|<>]*\|>|/?(?:start_of_turn|end_of_turn|bos|eos|pad|unk|s)>)")
"""The "<" of what a model takes for the end of a turn: a record may not pass for the one who asks."""


def messages(source: str, section: str = "") -> list[dict[str, str]]:
    """The chat for one record: a system and a user message. ``section`` names the part of the note wanted.

    Every token here is paid again for each record trained on, hence the brevity.
    """
    asked = f"Section: {section.strip()}\n" if section.strip() else ""
    user = MARKER.sub("< ", f"{asked}Record:\n{tidy(source)}")
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": user}]


def tidy(text: str) -> str:
    """The text without white space at line ends and around it: tokens that say nothing."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
