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
    needs_digit: bool = False
    """No match is without a digit, so it is looked for near digits only."""

    def matches(self, text: str, near_digits: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Character ranges of group ``phi`` in every accepted match. ``near_digits``: see the function of that name."""
        windows = near_digits if self.needs_digit else ((0, len(text)),)
        return [
            match.span("phi")
            for start, end in windows
            for match in self.pattern.finditer(text, start, end)
            if self.check is None or self.check(match)
        ]


_DIGITS = re.compile(r"\d")
_BEFORE, _AFTER = 160, 200


def near_digits(text: str) -> list[tuple[int, int]]:
    """Stretches of ``text`` that hold every digit with what a rule may match around it, cut at white space."""
    windows: list[tuple[int, int]] = []
    for match in _DIGITS.finditer(text):
        at = match.start()
        if windows and at + _AFTER // 2 < windows[-1][1]:
            continue
        start, end = max(0, at - _BEFORE), min(len(text), at + _AFTER)
        while start and not text[start - 1].isspace():
            start -= 1
        while end < len(text) and not text[end].isspace():
            end += 1
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((start, end))
    return windows


def _must_hold_digit(parsed: Any) -> bool:
    """True where nothing that ``parsed`` (a parsed pattern) matches or asserts is without a digit."""
    return any(_item_holds_digit(kind, value) for kind, value in parsed)


def _item_holds_digit(kind: Any, value: Any) -> bool:
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return value[0] > 0 and _must_hold_digit(value[2])
    if kind is sre.BRANCH:
        return all(map(_must_hold_digit, value[1]))
    if kind is sre.SUBPATTERN:
        return _must_hold_digit(value[3])
    if kind is sre.ASSERT:
        return value[0] > 0 and _must_hold_digit(value[1])
    if kind is sre.LITERAL:
        return chr(value).isdigit()
    if kind is sre.IN:
        return all(_member_is_digit(*member) for member in value)
    return False


def _member_is_digit(kind: Any, value: Any) -> bool:
    if kind is sre.LITERAL:
        return chr(value).isdigit()
    if kind is sre.RANGE:
        return chr(value[0]).isdigit() and chr(value[1]).isdigit()
    return kind is sre.CATEGORY and value is sre.CATEGORY_DIGIT


def rule(kind: Kind, pattern: str, *, score: float = 0.8, flags: int = 0, check: Check | None = None) -> Rule:
    """Compile ``pattern`` (verbose syntax); without a group ``phi`` the whole match is the identifier."""
    if "(?P<phi>" not in pattern:
        pattern = f"(?P<phi>{pattern})"
    flags |= re.VERBOSE
    needs_digit = _must_hold_digit(re._parser.parse(pattern, flags))
    return Rule(kind, re.compile(pattern, flags), score, check, needs_digit)


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
        windows = near_digits(text)
        return [
            (start, end, rule.kind, rule.score)
            for rule in self.rules
            for start, end in rule.matches(text, windows)
        ]
