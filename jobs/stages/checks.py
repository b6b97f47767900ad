"""What must not be trained on: one function for each fault, over rows and token ids alone.

A fault of a row can be cured by correcting it or by leaving it out. A fault of the tokens comes from the base's
tokenizer or chat template and spoils every row alike, so nothing is gained by leaving rows out.
Knows no tokenizer, no files.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from jobs.stages.rows import SPLITS, Row

NAMED = 20
"""So many rows of one fault are named in a refusal; the report beside the tokens names all."""

Found = dict[str, str]
"""Ids of the rows at fault; each with the id of the row it clashes with, or "" where there is none."""


@dataclass(frozen=True)
class Encoded:
    """A row as the trainer will see it: it learns ``completion`` and reads ``prompt`` without learning it."""

    id: str
    of: str
    """The id of the row it was made of: ``id`` itself, but for a part of a long row."""
    split: str
    prompt: list[int]
    completion: list[int]
    target: str
    read_back: str
    """``completion`` turned back into text."""

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True)
class Marks:
    """The tokens of a base that mean something to the engine."""

    bos: int | None
    wants_bos: bool
    """The engine puts ``bos`` before a prompt that has none."""
    ends: frozenset[int]
    """The engine stops at any of these."""


def empty_side(rows: Sequence[Row]) -> Found:
    return {row["id"]: "" for row in rows if not row["source"].strip() or not row["target"].strip()}


def summary_longer_than_record(rows: Sequence[Row]) -> Found:
    """By words; such a summary holds more than its record says, and teaches to invent."""
    return {row["id"]: "" for row in rows if len(row["target"].split()) > len(row["source"].split())}


def duplicate_across_splits(rows: Sequence[Row]) -> Found:
    """Rows whose record, but for case and spaces, stands in a split that is held out before theirs."""
    return _across_splits(rows, lambda row: " ".join(row["source"].lower().split()))


def patient_across_splits(rows: Sequence[Row]) -> Found:
    """Rows whose patient is in a split that is held out before theirs. Rows of unknown patients pass."""
    return _across_splits(rows, lambda row: row.get("patient", ""))


def no_end_of_turn(rows: Sequence[Encoded], marks: Marks) -> Found:
    """Rows whose summary does not close with a token at which the engine stops: it would never stop by itself."""
    return {row.id: "" for row in rows if not row.completion or row.completion[-1] not in marks.ends}


def double_bos(rows: Sequence[Encoded], marks: Marks) -> Found:
    return {row.id: "" for row in rows if marks.bos is not None and row.prompt[:2] == [marks.bos] * 2}


def no_bos(rows: Sequence[Encoded], marks: Marks) -> Found:
    """Rows without the token that the engine will put first when the model is served."""
    return {row.id: "" for row in rows if marks.wants_bos and row.prompt[:1] != [marks.bos]}


def no_labels(rows: Sequence[Encoded], marks: Marks) -> Found:
    """Rows in which nothing but the end of turn is learned."""
    return {row.id: "" for row in rows if not set(row.completion) - marks.ends}


def end_inside_summary(rows: Sequence[Encoded], marks: Marks) -> Found:
    """Rows whose summary writes an end of turn as a word: the model would learn to stop there."""
    return {row.id: "" for row in rows if marks.ends & set(row.completion[:-1])}


def too_long(rows: Sequence[Encoded], limit: int) -> Found:
    """Rows of more than ``limit`` tokens: a trainer would cut the summary, which comes last."""
    return {row.id: "" for row in rows if len(row) > limit}


def summary_not_whole(rows: Sequence[Encoded]) -> Found:
    """Rows whose tokens do not say the whole summary: the template or the tokenizer cut it."""
    return {row.id: "" for row in rows if _letters(row.target) not in _letters(row.read_back)}


def _across_splits(rows: Sequence[Row], key: Callable[[Row], str]) -> Found:
    first: dict[str, Row] = {}
    found: Found = {}
    for row in sorted(rows, key=lambda row: SPLITS.index(row["split"])):
        if not key(row):
            continue
        other = first.setdefault(key(row), row)
        if other["split"] != row["split"]:
            found[row["id"]] = other["id"]
    return found


def _letters(text: str) -> str:
    """Spaces do not survive every tokenizer, nor do the forms of letters that look alike."""
    return "".join(unicodedata.normalize("NFKC", text).split())


Checked = TypeVar("Checked", Row, Encoded)


@dataclass(frozen=True)
class Check(Generic[Checked]):
    """A fault in words for whoever has to do something about it."""

    what: str
    to_do: str
    find: Callable[[Sequence[Checked]], Found]
    can_leave_out: bool = True


@dataclass(frozen=True)
class Finding:
    what: str
    to_do: str
    found: Found
    can_leave_out: bool

    def __str__(self) -> str:
        clashes = [f"{id} (as {other})" if other else id for id, other in self.found.items()]
        more = f" and {len(clashes) - NAMED} more" if len(clashes) > NAMED else ""
        return f"{self.what}: {', '.join(clashes[:NAMED])}{more}. {self.to_do}"


ROW_CHECKS: tuple[Check[Row], ...] = (
    Check("The record or its summary is empty", "Fill in the empty side.", empty_side),
    Check(
        "The summary is longer than the record",
        "Shorten the summary, or see whether the two sides were swapped.",
        summary_longer_than_record,
    ),
    Check(
        "The same record stands in a held-out split",
        "Keep it in one split only: freeze the dataset again.",
        duplicate_across_splits,
    ),
    Check(
        "One patient stands in two splits",
        "Keep a patient's records in one split: freeze the dataset again.",
        patient_across_splits,
    ),
)


def token_checks(marks: Marks, limit: int) -> tuple[Check[Encoded], ...]:
    """In the order in which they are told; a row is named for the first fault it has."""
    template = "Correct the base's chat template, or choose another base."
    return (
        Check(
            "No token of the summary would be learned",
            template,
            partial(no_labels, marks=marks),
            can_leave_out=False,
        ),
        Check(
            "The end of turn is missing, so the model could not learn to stop",
            template,
            partial(no_end_of_turn, marks=marks),
            can_leave_out=False,
        ),
        Check(
            "The beginning of text (BOS) stands twice",
            template,
            partial(double_bos, marks=marks),
            can_leave_out=False,
        ),
        Check(
            "The beginning of text (BOS) is missing",
            template,
            partial(no_bos, marks=marks),
            can_leave_out=False,
        ),
        Check(
            "The summary would be cut by an end-of-turn marker inside it",
            "Take the marker out of the summary.",
            partial(end_inside_summary, marks=marks),
        ),
        Check(
            "The summary would be cut by its tokens: they do not say all of it",
            template,
            summary_not_whole,
            can_leave_out=False,
        ),
        Check(
            f"The summary would be cut at {limit} tokens",
            "Shorten the summary, or raise max_tokens up to what the base can read.",
            partial(too_long, limit=limit),
        ),
    )


def sift(rows: Sequence[Checked], checks: Sequence[Check[Checked]]) -> tuple[list[Checked], list[Finding]]:
    """The rows without a fault, and what was found in the others; each row is named once."""
    kept, findings = list(rows), []
    for check in checks:
        if found := check.find(kept):
            findings.append(Finding(check.what, check.to_do, found, check.can_leave_out))
            kept = [row for row in kept if _id(row) not in found]
    return kept, findings


def _id(row: Row | Encoded) -> str:
    return row.id if isinstance(row, Encoded) else row["id"]
