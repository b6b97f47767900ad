"""A rule is a compiled pattern whose group ``phi`` is an identifier; a RuleRecognizer runs a table of them."""

import re
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

    def matches(self, text: str) -> list[tuple[int, int]]:
        """Character ranges of group ``phi`` in every accepted match."""
        found = self.pattern.finditer(text)
        return [match.span("phi") for match in found if self.check is None or self.check(match)]


def rule(kind: Kind, pattern: str, *, score: float = 0.8, flags: int = 0, check: Check | None = None) -> Rule:
    """Compile ``pattern`` (verbose syntax); without a group ``phi`` the whole match is the identifier."""
    if "(?P<phi>" not in pattern:
        pattern = f"(?P<phi>{pattern})"
    return Rule(kind, re.compile(pattern, flags | re.VERBOSE), score, check)


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
        return [
            (start, end, rule.kind, rule.score) for rule in self.rules for start, end in rule.matches(text)
        ]
