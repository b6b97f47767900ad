"""Laying out sections the way a writer does: under headings, in bullets, as paragraphs, in one breath."""

import re
from random import Random

from sample_clinic.marks import outside_marks
from sample_clinic.wording import lowered

Sections = list[tuple[str, list[str]]]

_SHORTHAND = {
    "patient": "pt", "with": "w/", "without": "w/o", "history": "hx", "treatment": "tx", "because": "bc", "follow-up": "f/u",
    "examination": "exam", "blood pressure": "BP", "shortness of breath": "SOB", "about": "~",
}  # fmt: skip
_SLIPS = {
    "the": "teh", "with": "wiht", "and": "adn", "which": "whcih", "again": "agian", "been": "beeen", "there": "ther",
    "before": "befor", "review": "reveiw", "since": "sicne", "reports": "reprots", "would": "woudl", "from": "form",
}  # fmt: skip
_DICTATED = (" and ", ", uh, ", ", okay, ", ". ", ". New sentence. ", ". Next. ")


def headed(sections: Sections, upper: bool) -> str:
    return "\n".join(
        f"{name.upper() if upper else name}: {' '.join(lines)}" for name, lines in sections if lines
    )


def blocks(sections: Sections) -> str:
    """Headings on their own lines."""
    return "\n\n".join(f"{name}\n{' '.join(lines)}" for name, lines in sections if lines)


def bulleted(sections: Sections, sign: str) -> str:
    parts = []
    for name, lines in sections:
        if lines:
            parts.append("\n".join([f"{name}:", *(f"{sign} {line.rstrip('.')}" for line in lines)]))
    return "\n".join(parts)


def paragraphs(sections: Sections) -> str:
    return "\n\n".join(" ".join(lines) for _, lines in sections if lines)


def terse(sections: Sections) -> str:
    return "\n".join(shorthand(" ".join(lines)) for _, lines in sections if lines)


def dictated(rng: Random, sections: Sections) -> str:
    """One breath for each section: sentences run into one another."""
    spoken = []
    for _, lines in sections:
        text = ""
        for line in lines:
            joint = rng.choice(_DICTATED) if text else ""
            text = text.rstrip(".") + joint + (line if not joint or joint.endswith(". ") else lowered(line))
        if text:
            spoken.append(text)
    return " ".join(spoken)


def shorthand(text: str) -> str:
    def shorten(plain: str) -> str:
        for word, short in _SHORTHAND.items():
            plain = re.sub(rf"\b{word}\b", short, plain)
        return plain

    return outside_marks(shorten, text)


def with_slips(rng: Random, text: str, chance: float) -> str:
    """The text with a few common words mistyped; identifiers, drugs and numbers are never touched."""

    def slip(word: re.Match[str]) -> str:
        return _SLIPS[word[0]] if rng.random() < chance else word[0]

    return outside_marks(lambda plain: re.sub(rf"(?<![\w-])({'|'.join(_SLIPS)})(?![\w-])", slip, plain), text)
