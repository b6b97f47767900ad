"""Whole training texts: several carriers after one another, or an open text with carriers woven between its sentences."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random

from privacy.kinds import Span
from sample_clinic.annotated.noise import roughen
from sample_clinic.annotated.slots import Slots
from sample_clinic.annotated.sources import Sources
from sample_clinic.marks import mark, read_marks

Annotated = tuple[str, tuple[Span, ...]]
Find = Callable[[str], Sequence[Span]]

_JOINTS = (" ", " ", "\n", "\n\n", "  ")
_SENTENCE = re.compile(r"(?<=[.?!])\s+|\n+")
_OPEN, _CLOSE = "\ue000", "\ue002"


@cache
def carriers() -> tuple[str, ...]:
    text = (Path(__file__).parent / "carriers.txt").read_text(encoding="utf-8")
    return tuple(
        line.replace("\\n", "\n").replace("\\t", "\t")
        for line in text.splitlines()
        if line and not line.startswith("#")
    )


def compose(rng: Random, sources: Sources) -> Annotated:
    """One to three carriers, filled, joined and roughened."""
    slots = Slots(rng, sources)
    parts = [slots.fill(rng.choice(carriers())) for _ in range(rng.choice((1, 1, 1, 2, 2, 3)))]
    text = rng.choice(_JOINTS).join(parts)
    return read_marks(roughen(rng, text))


def weave(rng: Random, sources: Sources, text: str, find: Find) -> Annotated:
    """A stretch of ``text`` with its own identifiers (by ``find``) swapped for surrogates, and a carrier put in between.

    What ``find`` misses stays unmarked, so it should be a careful scrubber: the rules without the tagger.
    """
    slots = Slots(rng, sources)
    sentences = _SENTENCE.split(_swapped(slots, text, find))
    first = rng.randrange(len(sentences))
    chosen = sentences[first : first + rng.choice((2, 3, 4, 5))]
    if rng.random() < 0.5:
        chosen.insert(rng.randrange(len(chosen) + 1), slots.fill(rng.choice(carriers())))
    return read_marks(roughen(rng, rng.choice((" ", "\n")).join(chosen)))


_SLOT_OF = {
    "NAME": "given", "LOCATION": "town", "ORGANIZATION": "employer", "DATE": "date", "AGE": "oldage", "PHONE": "phone", "FAX": "phone",
    "EMAIL": "email", "URL": "url", "IP": "ip", "SSN": "ssn", "VEHICLE": "plate", "PHOTO": "filename",
}  # fmt: skip


def _swapped(slots: Slots, text: str, find: Find) -> str:
    done, parts = 0, []
    for span in find(text):
        words = text[span.start : span.end]
        if span.kind == "NAME":
            new = (
                slots.draw("given" if " " not in words else "name")
                if slots.rng.random() < 0.8
                else mark(span.kind, words)
            )
        elif span.kind in ("LOCATION", "DATE") and slots.rng.random() < 0.5:
            new = mark(span.kind, words)
        else:
            new = slots.draw(_SLOT_OF.get(span.kind, "idnumber"))
        parts += [text[done : span.start], new]
        done = span.end
    return "".join([*parts, text[done:]])
