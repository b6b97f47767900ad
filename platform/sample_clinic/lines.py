"""Reading a script's lines: numbers drawn once, wordings chosen, pronouns put in last."""

import re
from random import Random

_SLOT = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"([\d.]+)\.\.([\d.]+)")
_ONE = re.compile(
    r"(?<![\d.,/-])(1 (?:[a-z]+ )?(?:time|spell|pad|bottle|unit|shirt|hour|liter|mile|day|night|month|week|attack|visit|use"
    r"|reading|void))(s)\b"
)
_THIRD = {
    "F": {"he": "she", "his": "her", "him": "her", "He": "She", "His": "Her"},
    "M": {"he": "he", "his": "his", "him": "him", "He": "He", "His": "His"},
}
_SECOND = {"he": "you", "his": "your", "him": "you", "He": "You", "His": "Your"}


def drawn(line: str, rng: Random, side: str) -> tuple[str, ...]:
    """The wordings of a line, every slot but the pronouns filled; equal slots are filled alike."""
    known = {"side": side}

    def fill(slot: re.Match[str]) -> str:
        body = slot[1]
        if body in _SECOND:
            return slot[0]
        name, _, choice = body.rpartition("=")
        if body not in known:
            known[body] = known[name or body] = _draw(choice, rng)
        return known[body]

    return tuple(_ONE.sub(r"\1", wording) for wording in _SLOT.sub(fill, line).split(" => "))


def _draw(choice: str, rng: Random) -> str:
    found = _RANGE.fullmatch(choice)
    if found is None:
        return rng.choice(choice.split("|"))
    low, high = found[1], found[2]
    if "." in low:
        return f"{rng.uniform(float(low), float(high)):.{len(low.partition('.')[2])}f}"
    return str(rng.randint(int(low), int(high))).zfill(len(low))


def of_person(text: str, sex: str) -> str:
    """The text with its pronouns, as said of a patient of this sex ("F" or "M")."""
    return _SLOT.sub(lambda slot: _THIRD[sex][slot[1]], text)


def to_person(text: str) -> str:
    """The text with its pronouns, as said to the patient."""
    return _SLOT.sub(lambda slot: _SECOND[slot[1]], text)
