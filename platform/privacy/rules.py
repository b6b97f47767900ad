"""A rule is a compiled pattern whose group ``phi`` is an identifier; a RuleRecognizer runs a table of them."""

import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser  # type: ignore[import-not-found]
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from privacy.kinds import Kind
from privacy.presidio import EntityRecognizer, RecognizerResult

Check = Callable[[re.Match[str]], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One way of writing an identifier. ``check`` refuses a match that the pattern alone cannot judge."""

    kind: Kind
    pattern: re.Pattern[str]
    score: float = 0.8
    check: Check | None = None
    needs: str = ""
    """"digit" or "capital" where no match is without one, so that it is looked for near those only."""

    def matches(self, text: str, windows: "Windows") -> list[tuple[int, int]]:
        """Character ranges of group ``phi`` in every accepted match. ``windows`` are those of ``text``."""
        return [
            match.span("phi")
            for start, end in windows.of(self.needs)
            for match in self.pattern.finditer(text, start, end)
            if self.check is None or self.check(match)
        ]


Ranges = Sequence[tuple[int, int]]
_NEEDED = {"digit": re.compile(r"\d"), "capital": re.compile(r"[^\W\d_a-zß-öø-ÿ]")}
_BEFORE, _AFTER = 160, 200


class Windows:
    """Where in a text a rule may match: everywhere, or around its digits or capitals."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[str, Ranges] = {"": ((0, len(text)),)}

    def of(self, needs: str) -> Ranges:
        if needs not in self._known:
            self._known[needs] = _near(self._text, _NEEDED[needs])
        return self._known[needs]


def _near(text: str, needed: re.Pattern[str]) -> Ranges:
    """Stretches that hold every match with what a rule may match around it, cut at white space."""
    windows: list[tuple[int, int]] = []
    at = 0
    while match := needed.search(text, at):
        at = match.start()
        start, end = max(0, at - _BEFORE), min(len(text), at + _AFTER)
        while start and not text[start - 1].isspace():
            start -= 1
        while end < len(text) and not text[end].isspace():
            end += 1
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((start, end))
        at = max(at + 1, end - _AFTER // 2)  # what lies nearer has room enough in this window
    return windows


Member = Callable[[Any, Any], bool]


def _must_hold(parsed: Any, is_one: Member) -> bool:
    """True where nothing that ``parsed`` (a parsed pattern) matches or asserts is without a character that ``is_one``."""
    return any(_item_holds(kind, value, is_one) for kind, value in parsed)


def _item_holds(kind: Any, value: Any, is_one: Member) -> bool:
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return value[0] > 0 and _must_hold(value[2], is_one)
    if kind is sre.BRANCH:
        return all(_must_hold(each, is_one) for each in value[1])
    if kind is sre.SUBPATTERN:
        return not value[1] & re.IGNORECASE.value and _must_hold(value[3], is_one)
    if kind is sre.ASSERT:
        return value[0] > 0 and _must_hold(value[1], is_one)
    if kind is sre.IN:
        return is_one(kind, value) or all(is_one(*member) for member in value)
    return is_one(kind, value)


def _is_digit(kind: Any, value: Any) -> bool:
    if kind is sre.LITERAL:
        return chr(value).isdigit()
    if kind is sre.RANGE:
        return chr(value[0]).isdigit() and chr(value[1]).isdigit()
    return kind is sre.CATEGORY and value is sre.CATEGORY_DIGIT


_CAPITALS = re._parser.parse(_NEEDED["capital"].pattern)[0][1]


def _is_capital(kind: Any, value: Any) -> bool:
    if kind is sre.LITERAL:
        return chr(value).isupper()
    if kind is sre.RANGE:
        return chr(value[0]).isupper() and chr(value[1]).isupper()
    return kind is sre.IN and value == _CAPITALS


def _needs(pattern: str, flags: int) -> str:
    parsed = re._parser.parse(pattern, flags)
    if _must_hold(parsed, _is_digit):
        return "digit"
    return "capital" if not flags & re.IGNORECASE and _must_hold(parsed, _is_capital) else ""


def rule(kind: Kind, pattern: str, *, score: float = 0.8, flags: int = 0, check: Check | None = None) -> Rule:
    """Compile ``pattern`` (verbose syntax); without a group ``phi`` the whole match is the identifier."""
    if "(?P<phi>" not in pattern:
        pattern = f"(?P<phi>{pattern})"
    flags |= re.VERBOSE
    return Rule(kind, re.compile(pattern, flags), score, check, _needs(pattern, flags))


class Recognizer(EntityRecognizer):
    """Presidio's recognizer with our kinds: subclasses give ``ranges(text)`` and nothing else."""

    def __init__(self, name: str, kinds: Sequence[Kind]) -> None:
        super().__init__(supported_entities=[str(kind) for kind in kinds], name=name)

    def load(self) -> None:
        """Presidio calls this when it is built; there is nothing to load."""

    def ranges(self, text: str) -> list[tuple[int, int, Kind, float]]:
        """Start, end, kind and score of everything this recognizer sees in ``text``."""
        raise NotImplementedError

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        return [
            RecognizerResult(entity_type=kind, start=start, end=end, score=score)
            for start, end, kind, score in self.ranges(text)
        ]


class RuleRecognizer(Recognizer):
    def __init__(self, name: str, rules: Sequence[Rule]) -> None:
        super().__init__(name, sorted({rule.kind for rule in rules}))
        self.rules = rules

    def ranges(self, text: str) -> list[tuple[int, int, Kind, float]]:
        windows = Windows(text)
        return [
            (start, end, rule.kind, rule.score)
            for rule in self.rules
            for start, end in rule.matches(text, windows)
        ]
