"""Styles: how a summary is to be written, as named presets of prompt and schema.

The empty name is the prompt that the model was trained with, to the token. Every other style adds its instruction to
the system message, behind the words of that prompt: the engine then keeps their part of its cache.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jobs import prompts
from jobs.decoding import CAREFUL_DRAFTS
from summaries.engine import Prompt

MAX_NEW_TOKENS = 256
READING_GRADES = range(3, 13)
DEFAULT_READING_GRADE = 6

# Bounded everywhere, so that the longest answer still ends within its tokens and parses.
PROBLEM_LIST: dict[str, Any] = {
    "type": "object",
    "properties": {
        "problems": {
            "type": "array",
            "maxItems": 8,
            "items": {
                "type": "object",
                "properties": {
                    "problem": {"type": "string", "minLength": 1, "maxLength": 60},
                    "status": {"enum": ["active", "resolved", "unclear"]},
                },
                "required": ["problem", "status"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["problems"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Style:
    """A preset. ``instruction`` may name ``{grade}``; ``section`` stands where the caller names no other."""

    name: str
    label: str
    instruction: str = ""
    section: str = ""
    json_schema: Mapping[str, Any] | None = None
    max_new_tokens: int = MAX_NEW_TOKENS
    is_whole: bool = True
    """It tells all of the record that matters; what it leaves out is worth a look."""

    @property
    def is_for_patients(self) -> bool:
        return "{grade}" in self.instruction

    def prompt(
        self, source: str, section: str = "", reading_grade: int | None = None, *, careful: bool = False
    ) -> Prompt:
        """What the model is asked. ``source`` and ``section`` are scrubbed. JSON is written once, however careful."""
        asked = prompts.messages(source, section or self.section)
        if self.instruction:
            wanted = self.instruction.format(grade=reading_grade or DEFAULT_READING_GRADE)
            asked[0] = {**asked[0], "content": f"{asked[0]['content']} {wanted}"}
        schema = dict(self.json_schema) if self.json_schema else None
        drafts = CAREFUL_DRAFTS if careful and not schema else 1
        return Prompt(asked, self.max_new_tokens, json_schema=schema, drafts=drafts)

    def readable(self, text: str) -> str:
        """The answer for a person to read: a line for each problem where the style is one of JSON."""
        if not self.json_schema:
            return text
        problems = json.loads(text)["problems"]
        return (
            "\n".join(f"{each['problem']} ({each['status']})" for each in problems) or "No problems listed."
        )


DEFAULT = Style("", "As the model was trained")
STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        DEFAULT,
        Style(
            "one-liner",
            "One line",
            "Write one sentence only: age and sex if stated, the main problem, and the plan.",
            max_new_tokens=80,
            is_whole=False,
        ),
        Style(
            "hospital-course",
            "Hospital course",
            "Tell the stay in the order of time, from admission to discharge, in short paragraphs.",
            section="Hospital course",
            max_new_tokens=384,
        ),
        Style(
            "referral-letter",
            "Referral letter",
            "Write a letter to the colleague who takes over: reason for referral, history, findings, treatment "
            "so far, and the question asked.",
            max_new_tokens=384,
        ),
        Style(
            "patient-friendly",
            "For the patient",
            "Write to the patient as “you”, in short sentences and plain words that a reader of school grade "
            "{grade} understands. Explain each medical word.",
        ),
        Style(
            "problem-list",
            "Problem list",
            "List the problems of this record as JSON.",
            json_schema=PROBLEM_LIST,
            is_whole=False,
            # Eight problems of sixty characters, were each character a token.
            max_new_tokens=960,
        ),
    )
}


def style_of(name: str) -> Style:
    """The style of a saved summary; one in the caller's own words (a chat) is read as it is."""
    return STYLES.get(name, DEFAULT)


class Styled(Protocol):
    """A saved summary, as far as it tells how it was asked for."""

    style: str
    section: str


def is_whole(summary: Styled) -> bool:
    """Whether it was asked to tell all of its record: not one section of it, a single line, or a chat of the caller's own."""
    style = STYLES.get(summary.style)
    return style is not None and style.is_whole and summary.section in ("", style.section)
