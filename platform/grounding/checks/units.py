"""Units that cannot be: a pulse in mmHg, a blood pressure in beats. What is measured tells its unit, whatever the record says."""

import re
from collections.abc import Sequence

from grounding.evidence import Record
from grounding.findings import Category, Finding, How
from grounding.pieces import Piece
from grounding.quantities import UNITS

_RATE, _PRESSURE, _WARMTH = "bpm", "mmhg", "degree"
_MEASURED = {
    r"(?:systolic|diastolic)?\s*(?:blood pressure|\bbp\b)": {_PRESSURE},
    r"heart rate|\bpulse\b(?! ox)|\bhr\b": {_RATE},
    r"respirat(?:ory rate|ions?)": {_RATE},
    r"temperature|\btemp\b": {_WARMTH},
    r"oxygen saturation|\bspo2\b|pulse ox\w*|ejection fraction": {"%"},
}
_VITAL = frozenset((_RATE, _PRESSURE, _WARMTH, "%", "kg", "lb", "cm", "mm"))
_PATTERN = re.compile(
    r"(?:" + "|".join(f"(?P<m{n}>{each})" for n, each in enumerate(_MEASURED)) + r")[^\d.;]{0,40}(?<![\w.])"
    r"\d+(?:\.\d+)?(?:\s*/\s*\d+)?\s*(?:mm\s)?(?P<unit>[A-Za-z%°]+)",
    re.IGNORECASE,
)


def units(sentence: Piece, record: Record, evidence: Sequence[int]) -> list[Finding]:
    found = []
    for match in _PATTERN.finditer(sentence.text):
        unit = UNITS.get(match["unit"].lower(), "")
        wanted = next(each for n, each in enumerate(_MEASURED.values()) if match[f"m{n}"])
        if unit in _VITAL and unit not in wanted:
            start, end = (place + sentence.start for place in match.span("unit"))
            found.append(Finding(Category.UNIT, How.CONTRADICTED, start, end))
    return found
