"""Which words the record tells and which it denies, line by line, read twice: surely, by the reach of a negation, and possibly, near one.

Words weigh the more, the rarer they are in the record.
"""

import math
import re
from bisect import bisect
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grounding.evidence import Record
from grounding.quantities import Quantity, quantities
from grounding.scopes import ANSWERS, Stand, answered, is_no, stands
from grounding.terms import Term, terms

_LISTS = r"no|nor|none|neither|without|den(?:y|ies|ied|ying)|negative|absent|free"
_ASKS = re.compile(
    r"\b(?:any|anything|ever|have you|do you|did you|are you|how about|what about)\b|\?", re.IGNORECASE
)
"""What leaves a word near it open."""
_SAYS_NOTHING = re.compile(
    r"\b(?:why do ?n['’]?t (?:we|you|i)|if you do ?n['’]?t mind|(?:do|did|is|are|was|have|has|ca|could) ?n['’]?t (?:you|it|we|they|he|she)(?=\W*(?:[?.,]|$))|no (?:problem|worries))\b",
    re.IGNORECASE,
)
"""A negation that denies nothing."""
_MAYBE_DENIES = re.compile(
    rf"\b(?:(?P<list>{_LISTS})|not|never|nothing|nope|nah|unlikely|un(?:able|aware|sure|changed)|lack\w*"
    r"|stop\w*|quit\w*|rid|fail\w*|refus\w*|declin\w*|against|hardly|rarely|barely|except|instead|avoid\w*|rul\w+ out|n't|\w+n't|cannot|besides|off|hold"
    r"|gone|away|if|hate|less|only|trouble|difficult\w*|problems? with|hard|los[st]|loss|limit\w*|died|forb\w+|non\w+)\b",
    re.IGNORECASE,
)
"""What may deny a word near it: a list of many words, or a few."""
_ENDS = re.compile(
    r"\b(?:but|however|although|there (?:is|are|was|were)|(?:you|he|she|they|i) (?:do )?ha(?:ve|s|d)|positive for|reports?|complains?|endorses?)\b",
    re.IGNORECASE,
)
"""Where something else is told."""
_AHEAD, _FAR, _BEHIND = 10, 25, 1
"""So many words after and before such a cue may be meant."""
_ANSWERS = 2
"""A "no" among so many lines after a line may be its answer."""
Lines = Mapping[str, Collection[int]]


@dataclass(frozen=True, slots=True)
class Told:
    """Form → the lines that hold it so. What is asked and not answered, or doubted, is neither affirmed nor denied."""

    affirmed: Lines
    denied: Lines
    not_denied: Lines
    """Not even possibly, nor asked of."""
    maybe_denied: Lines
    weights: Mapping[str, float]
    unheard: float
    """What a word weighs that the record lacks."""

    def share(self, forms: Collection[str], lines: Lines, together: int = 1) -> tuple[float, int]:
        """The largest share of ``forms``, by weight, that so many lines hold ``together``; and the first of them."""
        found: dict[int, float] = {}
        for form in forms:
            held = lines.get(form, ())
            for n in {n - step for n in held for step in range(together)}:
                found[n] = found.get(n, 0.0) + self.weights[form]
        if not found:
            return 0.0, 0
        best = max(found, key=lambda n: (found[n], -n))
        return found[best] / sum(self.weights.get(form, self.unheard) for form in forms), max(best, 0)

    def told_more(self, forms: Collection[str]) -> float:
        """By how much more of ``forms`` two lines tell without a "no" anywhere near than with one."""
        return self.share(forms, self.not_denied, 2)[0] - self.share(forms, self.maybe_denied, 2)[0]

    def surely_told_more(self, forms: Collection[str]) -> float:
        """By how much more of ``forms`` a line affirms than a line denies, as far as a negation surely reaches."""
        return self.share(forms, self.affirmed)[0] - self.share(forms, self.denied)[0]


def words(text: str) -> list[Term]:
    """The content words of a text, and its numbers as "#5"."""
    return sorted(
        [term for term in terms(text) if term.form[0].isalpha()] + list(_numbers(quantities(text))),
        key=lambda term: term.start,
    )


def told(record: Record) -> Told:
    return record.once("told", lambda: _read(record))


def stands_in(record: Record, number: int, held: Sequence[Term]) -> list[tuple[Term, Stand]]:
    """How ``held``, terms of a line, stand there: a question's by its answer."""
    if (asked := answer_to(record, number)) is not None:
        return [(term, asked) for term in held]
    line = record.lines[number]
    return list(stands(line.text, held, line.start))


def answer_to(record: Record, number: int) -> Stand | None:
    """How a line's words stand by the answer that follows; None where it asks nothing."""
    return answered(record.lines[number], record.lines[number + 1 : number + 1 + ANSWERS])


def _numbers(found: Sequence[Quantity]) -> Iterator[Term]:
    return (Term(f"#{each.value}", each.start, each.end) for each in found if not each.implied)


def _read(record: Record) -> Told:
    lines: dict[str, dict[str, set[int]]] = {
        each: {} for each in ("affirmed", "denied", "open", "maybe", "any")
    }
    maybe, open_ = _near(record, _MAYBE_DENIES), _near(record, _ASKS)
    for number in range(len(record.lines)):
        held = record.terms[number] + list(_numbers(record.quantities[number]))
        yes = answer_to(record, number) is Stand.AFFIRMED
        for term, stand in stands_in(record, number, held):
            near = not yes and any(start <= term.start < end for start, end in maybe[number])
            asked = not yes and any(start <= term.start < end for start, end in open_[number])
            kind = (
                "maybe"
                if near or stand is Stand.DENIED
                else "asked"
                if asked or stand is Stand.ASKED
                else "open"
            )
            for each in ("any", kind, stand.value):
                lines.setdefault(each, {}).setdefault(term.form, set()).add(number)
    count = len(record.lines)
    return Told(
        lines["affirmed"],
        lines["denied"],
        lines["open"],
        lines["maybe"],
        {form: math.log(1 + count / len(held)) for form, held in lines["any"].items()},
        math.log(1 + 2 * count),
    )


def _near(record: Record, cues: re.Pattern[str]) -> list[list[tuple[int, int]]]:
    """Of each line, what in the source is near such a cue. A long sentence was cut into lines: a denial in one may reach into the next."""
    found: list[list[tuple[int, int]]] = []
    for first, last in _whole_sentences(record):
        start, end = record.lines[first].start, record.lines[last].end
        reaches = [
            (start + since, start + until) for since, until in _reaches(record.source[start:end], cues)
        ]
        for number in range(first, last + 1):
            line = record.lines[number]
            answered = cues is _MAYBE_DENIES and _no_follows(record, number)
            found.append([(line.start, line.end)] if answered else reaches)
    return found


def _whole_sentences(record: Record) -> Iterator[tuple[int, int]]:
    """The first and the last line of each."""
    first = 0
    for number, line in enumerate(record.lines):
        following = record.lines[number + 1] if number + 1 < len(record.lines) else None
        if following is None or following.start > line.end + 1 or line.text[-1] in ".?!":
            yield first, number
            first = number + 1


def _reaches(text: str, cues: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    passed = [match.span() for match in _SAYS_NOTHING.finditer(text)]
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    starts = [start for start, _ in spans]
    for cue in cues.finditer(text):
        if any(start <= cue.start() < end for start, end in passed):
            continue
        at = bisect(starts, cue.start()) - 1
        last = spans[min(len(spans) - 1, at + (_FAR if cues is _ASKS or cue["list"] else _AHEAD))][1]
        end = _ENDS.search(text, cue.end(), last)
        yield starts[max(0, at - _BEHIND)], end.start() if end else last


def _no_follows(record: Record, number: int) -> bool:
    return any(is_no(answer.text) for answer in record.lines[number + 1 : number + 1 + _ANSWERS])
