"""Whether a model's explanation may be shown: what contradicts the detector, or the record, is taken out.

The rules are rather too strict than too mild: an explanation too few costs less than one that calms wrongly.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from grounding.checks.dates import read_dates
from grounding.checks.medications import read_drugs
from grounding.explaining import MAX_CHARACTERS, Flagged, Kind
from grounding.pieces import sentences
from grounding.quantities import held, quantities
from grounding.terms import terms


class Fault(StrEnum):
    """Why an explanation is not shown."""

    UNREADABLE = "unreadable"
    SUPPORTED = "calls it supported"
    KIND = "another kind of error"
    AGREES = "says that the record agrees"
    WORDS = "names what nobody said"
    EMPTY = "explains nothing"

    @property
    def is_disagreement(self) -> bool:
        """The model holds the detector to be wrong, rather than having nothing fit to say."""
        return self in (Fault.SUPPORTED, Fault.KIND, Fault.AGREES)


@dataclass(frozen=True)
class Explanation:
    """``kind`` is None where the answer could not be read. ``text`` is for the reader only where ``is_kept``."""

    kind: Kind | None
    text: str
    fault: Fault | None = None

    @property
    def is_kept(self) -> bool:
        return self.fault is None


def judge_explanation(answer: str, flagged: Flagged) -> Explanation:
    """What the model answered, and whether it stands beside what the detector found."""
    try:
        said = json.loads(answer)
        kind, text = Kind(said["category"]), " ".join(said["explanation"].split())
    except (ValueError, KeyError, TypeError, AttributeError):
        return Explanation(None, "", Fault.UNREADABLE)
    first = sentences(text)[0].text if sentences(text) else ""
    return Explanation(kind, first, _fault(kind, first, len(text) >= MAX_CHARACTERS, flagged))


def _fault(kind: Kind, text: str, is_cut_off: bool, flagged: Flagged) -> Fault | None:
    if _is_garbled(text) or (is_cut_off and text[-1] not in ".!?\"”'"):
        return Fault.UNREADABLE
    if kind is Kind.SUPPORTED:
        return Fault.SUPPORTED
    if kind not in flagged.fitting:
        return Fault.KIND
    if _agrees(text) or _swaps(text, flagged):
        return Fault.AGREES
    if names_more(text, flagged.known):
        return Fault.WORDS
    return Fault.EMPTY if _explains_nothing(text, flagged) else None


def _is_garbled(text: str) -> bool:
    """Too few words, a loop, or signs that belong in no sentence."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    looped = any(words[at] == words[at + 1] == words[at + 2] for at in range(len(words) - 2))
    few = len(words) > 8 and len(set(words)) < len(words) / 2
    return len(words) < 3 or looped or few or not text.isprintable() or bool(re.search(r"[{}<>|\\�]", text))


_EXPLAINING = (
    "record records recorded sentence summary claim statement note evidence says said saying states stated gives given names named mention "
    "mentions mentioned tells told speaks reports reported shows shown lists listed contains number dose date time age unit value "
    "amount frequency drug drugs medication medicine name side part person patient patients doctor wrong incorrect different difference differs "
    "differ other another error mistake contradicts contradicted contradiction denies denied affirms affirmed missing absent found word words "
    "nothing anything instead correct agree supported support confirm consistent true opposite certain perhaps little"
)
"""What an explanation is made of, beside the words of sentence and evidence."""
_NOT = (
    r"\b(?:not|no|never|neither|nor|nothing|nowhere|cannot|without|fails?|lacks?|instead|rather|than|unlike|while|whereas|but"
    r"|contradicts?|differs?|wrong(?:ly)?|incorrect(?:ly)?|different)\b|n['’]t\b"
)
_PLAIN = rf"(?:(?!{_NOT})[^.;])"
"""A character of what comes before any word that turns it round."""
_SENTENCE = r"\b(?:sentence|summary|claim|statement)\b"
_ANYTHING = rf"(?:{_SENTENCE}|\b(?:it|this|that|which)\b)"
_TEXT = r"\b(?:record|evidence|chart|transcript|conversation)\b"
_RECORD = rf"(?:{_TEXT}|^(?:the )?(?:patient|doctor|he|she)\b)"
"""The record, or somebody of whom it is told: behind "the sentence says" he is the sentence's."""
_BACKED = r"(?:supported|confirmed|consistent|correct|accurate|true|right|backed|justified|borne out|stated|mentioned|found|documented|recorded|present)"
_AGREEMENT = re.compile(
    rf"{_ANYTHING}{_PLAIN}{{0,30}}?\b(?:is|are|was|were|be|seems|appears|has been){_PLAIN}{{0,20}}?\b{_BACKED}\b"
    rf"|{_RECORD}{_PLAIN}{{0,30}}?\b(?:supports?|confirms?|agrees?|bears? (?:it|this|that) out|backs|matches|verif(?:y|ies)|also says)\b"
    r"|\b(?:sentence|summary|claim|statement)\s+(?:agrees|matches)\b"
    r"|\b(?:no|without(?: any| an)?|not an?|not any) (?:error|mistake|contradiction|discrepancy|disagreement|inconsistency|hallucination|problem)"
    r"|\bnothing (?:is |was )?wrong\b|\bnot (?:wrong|incorrect|a mistake)\b",
    re.IGNORECASE,
)


def _agrees(text: str) -> bool:
    """Says that the sentence stands."""
    return _AGREEMENT.search(text) is not None


def _swaps(text: str, flagged: Flagged) -> bool:
    """Says that the record has the sentence's wrong words, or the sentence the record's."""
    sides = ((_RECORD, flagged.said, flagged.evidence), (_SENTENCE, flagged.told, (flagged.sentence,)))
    return any(
        holds(text, value, f"{who}(?:(?!{_NOT})[^.;,])*?")
        for who, values, where in sides
        for value in values
        if not any(holds(each, value) for each in where)
    )


def holds(text: str, value: str, before: str = "") -> bool:
    """``value`` as whole words, after what the pattern ``before`` matches."""
    return re.search(rf"{before}(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE) is not None


def names_more(text: str, known: str) -> bool:
    """A number, drug, date or any other word that stands neither in the sentence nor in the evidence."""
    numbers = {reading for each in held(known) for reading in each.readings}
    if any(not numbers & set(each.readings) for each in quantities(text)):
        return True
    if {name for name, *_ in read_drugs(text)} - {name for name, *_ in read_drugs(known)}:
        return True
    dates = frozenset().union(*(parts for _, parts, *_ in read_dates(known, 0)))
    if any(not parts <= dates for _, parts, *_ in read_dates(text, 0)):
        return True
    return bool(_invented(text, known))


def _invented(text: str, known: str) -> set[str]:
    """Content words, placeholders among them, that are neither known nor needed to explain; numbers aside."""
    spoken = [range(each.start, each.end) for each in quantities(text)]
    found = {term.form for term in terms(text) if not any(term.start in place for place in spoken)}
    return found - {term.form for term in terms(f"{known} {_EXPLAINING}")}


def _explains_nothing(text: str, flagged: Flagged) -> bool:
    """Repeats the sentence, speaks of neither sentence nor record, or does not name what is missing, or told instead."""
    named = {term.form for term in terms(text)}
    missed = {term.form for said in flagged.said for term in terms(said)}
    if named <= {term.form for term in terms(flagged.sentence)}:
        return True
    # Without either word it is no more than another claim about the patient.
    if not re.search(rf"{_SENTENCE}|{_TEXT}", text, re.IGNORECASE):
        return True
    if flagged.told:
        return not any(holds(text, told) or _same(text, told) for told in flagged.told)
    return bool(missed) and (not named & missed or _is_silent_on_more(text, missed))


def _is_silent_on_more(text: str, missed: set[str]) -> bool:
    """Says that the record is silent on something else than what was missed in it."""
    denied = re.finditer(
        r"\b(?:nothing|no mention|not mention|never mentions?) (?:of |about )?([^.,;]+)", text, re.IGNORECASE
    )
    return any(not missed & {term.form for term in terms(match[1])} for match in denied)


def _same(text: str, told: str) -> bool:
    """A number of ``told`` and its unit, written or spoken."""
    named = {(reading, each.unit) for each in held(text) for reading in each.readings}
    return any(named & {(reading, each.unit) for reading in each.readings} for each in quantities(told))
