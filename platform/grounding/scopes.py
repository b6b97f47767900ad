"""What a text denies, doubts and affirms, word by word, by cues and how far they reach (ConText: Harkema et al. 2009).

A question affirms nothing until it is answered: "Any fever? – No." denies fever.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from grounding.pieces import Piece
from grounding.terms import Term


class Stand(StrEnum):
    AFFIRMED = "affirmed"
    DENIED = "denied"
    DOUBTED = "doubted"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Scope:
    stand: Stand
    start: int
    end: int


_NO_CUE = re.compile(
    r"\b(?:no (?:change|increase|doubt|problem|worries|later|longer than|matter)|not (?:only|just|sure|certain|too bad|a problem)|why not|can'?t (?:wait|complain|remember)|if not|or not)\b",
    re.IGNORECASE,
)
_DENY = re.compile(
    r"\b(?:no(?!\s*,)|not|never|unaware of|without|denie[sd]|deny|denying|negative for|free of|absence of|nor|neither|lacks?|rules? out|ruled out|fails? to"
    r"|cannot|don'?t|doesn'?t|didn'?t|isn'?t|wasn'?t|aren'?t|weren'?t|won'?t|can'?t|couldn'?t|haven'?t|hasn'?t|hadn'?t|wouldn'?t|nothing|nontender)\b"
    r"|\b(?:do|does|did|is|was|are|were|ca|could|have|has|wo) n't\b",
    re.IGNORECASE,
)
_LONG = re.compile(
    r"\b(?:denie[sd]|deny|denying|no|negative for|without|free of|absence of|nor|neither|lacks?|ruled out)\b",
    re.IGNORECASE,
)
_NOT_THERE = re.compile(
    r"\s*(?:(?:really|actually|currently|appreciably|even|ever)\s+)?(?:ha(?:ve|s|d)|having|been having|had any|notic\w*|fe(?:el|lt)\w*|think|believe|experienc\w*|seen?|any|been any|report\w*"
    r"|complain\w*|appreciat\w*|hear\w*|find|found|observ\w*|detect\w*|palpat\w*|appear in|(?:\w+\s+){0,3}any)\b",
    re.IGNORECASE,
)
"""After "not": what follows is absent. After any other verb, "did not relieve the pain", only the verb is denied."""
_DENY_BEFORE = re.compile(
    r"\b(?:(?:is|are|was|were|been)\s+(?:absent|negative|ruled out|denied|unlikely)|absent|negative|none)\b(?! that| of)",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\b(?:possibl[ey]|probabl[ey]|likely|may(?: be| have)?|might|could be|suspect(?:ed|s)?|suspicious for|concern(?:ed|ing)? for|rule out|r/o|questionable|perhaps|maybe"
    r"|appears? to|seems? to|presumed|presumably|apparent(?:ly)?|consider|versus|potential(?:ly)?|unclear|not sure|i think|thinks?|cannot exclude|consistent with|suggestive of|suggests?)\b|\?",
    re.IGNORECASE,
)
_STOP = re.compile(
    r"[;:]|\.(?=\s|$)|\b(?:but|however|except|although|though|yet|because|since|which|who|until|otherwise|besides|apart from|other than)\b",
    re.IGNORECASE,
)
_SHORT_STOP = re.compile(r",|\band\b|\bso\b|\bwhen\b|\bif\b|\bwith\b", re.IGNORECASE)
_VERB_STOP = re.compile(r",?\s+(?:and\s+)?(?:he|she|they|i|we|it|the patient|does|has|is|was|had|reports|states|takes|will|there)\b", re.IGNORECASE)  # fmt: skip
_YES = re.compile(
    r"\W*(?:well\W+|um\W+|uh\W+|oh\W+|so\W+|i mean\W+)*(?:yes|yeah|yep|yup|mm-?hmm?|uh-?huh|sure|correct|right|absolutely|definitely|of course|exactly|i (?:do|have|am|did|was|can)\s*(?:[.,!]|$)|a (?:little|bit)|sometimes|unfortunately|occasionally|just|it does\b(?! n't| not)|he does|she does)",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\W*(?:(?:well|um|uh|oh|so|i mean|hm+|ah|okay|yeah|actually|honestly|sorry|thankfully|fortunately|luckily|thank goodness|i (?:would|'d) say|i think|i guess|yeah)\W+)*(?:no\b|(?:absolutely|definitely|certainly|of course|probably) not\b|nope|nah|not\b|never|none|nothing|neither|i (?:do|have|am|did|was|ca|can) ?(?:n't|not)|i don'?t|i haven'?t|i'?m not|negative|uh-uh|nuh|n-no|i (?:do|did|would|could|can) ?n[o']t|denies|decided against)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"^\W*(?:(?:and|so|okay|ok|um|uh|all right|alright|good|great|now|well)\W+)*(?:any|do|does|did|have|has|are|is|was|were|can|could|what|when|where|how|who|which|why|anything)\b",
    re.IGNORECASE,
)  # fmt: skip
_ASKS_WITHIN = re.compile(
    r"\b(?:(?:do|did|have|has|are|were|can|could) (?:you|your|they|he|she|it|there)\b|how about\b|what about\b|any (?:other )?[a-z]+\b|is there\b|was there\b)",
    re.IGNORECASE,
)
"""A question somewhere in a line that dictation left without its mark."""
_EMPTY = re.compile(r"\W*(?:(?:um+|uh+|hm+|oh|well|so|let me (?:think|see)|i see)\W*)+", re.IGNORECASE)
ANSWERS = 3
"""So many lines after a question may hold its answer."""
_WORDS_OF_LIST, _WORDS_OF_VERB = 40, 2


def scopes(text: str) -> list[Scope]:
    """What is denied or doubted in a sentence, in its own places."""
    passed = [match.span() for match in _NO_CUE.finditer(text)]
    found = [
        Scope(Stand.DENIED, match.end(), _reach(text, match.end(), _kind(match, text)))
        for match in _DENY.finditer(text)
        if not any(start <= match.start() < end for start, end in passed)
    ]
    found += [
        Scope(Stand.DENIED, _back(text, match.start()), match.start())
        for match in _DENY_BEFORE.finditer(text)
        if not text[match.end() :].lstrip().lower().startswith("for")
    ]
    found += [
        Scope(Stand.DOUBTED, max(0, match.start() - 25), _reach(text, match.end(), _WORDS_OF_LIST))
        for match in _DOUBT.finditer(text)
    ]
    return found


def _kind(cue: re.Match[str], text: str) -> int:
    """How many words a cue may reach: a list's, or one verb's."""
    if _LONG.match(cue.group()) or _NOT_THERE.match(text, cue.end()):
        return _WORDS_OF_LIST
    return _WORDS_OF_VERB


def _reach(text: str, at: int, most: int) -> int:
    """Where a cue's scope ends: a list goes on over commas, a verb's denial does not."""
    stop = _STOP.search(text, at)
    end = stop.start() if stop else len(text)
    if verb := _VERB_STOP.search(text, at, end):
        end = verb.start()
    if most == _WORDS_OF_VERB and (short := _SHORT_STOP.search(text, at, end)):
        end = short.start()
    words = list(re.finditer(r"\S+", text[at:end]))
    return at + words[most - 1].end() if len(words) > most else end


def _back(text: str, at: int) -> int:
    """Where the clause begins that a cue behind its words closes."""
    stops = [match.end() for match in _STOP.finditer(text, 0, at)] + [
        match.end() for match in re.finditer(",", text[:at])
    ]
    return max(stops, default=0)


def stands(text: str, terms: Iterable[Term], offset: int = 0) -> Iterator[tuple[Term, Stand]]:
    """Each term of a sentence with how it stands; ``offset`` is what the terms' places are ahead of the text's."""
    found = scopes(text)
    for term in terms:
        at = term.start - offset
        around = {scope.stand for scope in found if scope.start <= at < scope.end}
        if Stand.DENIED in around:
            yield term, Stand.DENIED
        else:
            yield term, Stand.DOUBTED if Stand.DOUBTED in around else Stand.AFFIRMED


def answered(line: Piece, after: Sequence[Piece]) -> Stand | None:
    """How a question's words stand once it is answered in the lines ``after``; None where it asks nothing, or is borne out as it is put."""
    answer = _answer(line, after)
    if not _asks(line):
        return Stand.DENIED if _is_unmarked_and_denied(line, answer) else None
    if answer is None:
        return Stand.ASKED
    if _NO.match(answer.text):
        return Stand.DENIED
    if not _YES.match(answer.text):
        return Stand.ASKED
    # "You walk without any problems?" and a yes bears out what the question denies.
    return None if _DENY.search(line.text) else Stand.AFFIRMED


def _asks(line: Piece) -> bool:
    text = line.text.rstrip()
    return text.endswith("?") or (
        line.speaker == "doctor" and bool(_ASKS.match(text)) and len(text.split()) < 14
    )


def _answer(line: Piece, after: Sequence[Piece]) -> Piece | None:
    """What somebody else says next: past another question or two of the same person, and past a mere "um"."""
    for other in after:
        if other.speaker == line.speaker:
            if not _asks(other):
                return None
        elif not _EMPTY.fullmatch(other.text):
            return other
    return None


def is_no(text: str) -> bool:
    """An answer that begins with a no."""
    return bool(_NO.match(text))


def _is_unmarked_and_denied(line: Piece, answer: Piece | None) -> bool:
    """The doctor asked somewhere in the line, and somebody else says no. A yes needs no such care: it affirms, as the line does."""
    if answer is None or line.speaker != "doctor" or answer.speaker in {"", "doctor"}:
        return False
    return bool(_ASKS_WITHIN.search(line.text) and _NO.match(answer.text))
