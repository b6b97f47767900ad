"""The measures of an evaluation as people read them: what each is called, what it means, which way is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SIGNIFICANT = 0.05
CLEAR_ROWS = 5
"""A section with fewer records than this tells nothing about a model."""


LIKENESS, ALARMS, COPYING, FORM = (
    "Like the clinician's summary?",
    "Invented?",
    "Copied?",
    "Long or short?",
)


@dataclass(frozen=True)
class Measure:
    key: str
    label: str
    meaning: str
    group: str
    better: int = 0
    """1: more is better; -1: less is; 0: neither, look at the clinicians' own."""
    digits: int = 1


MEASURES = (
    Measure("rouge1", "ROUGE-1", "Words shared with the clinician's summary, 0 to 100.", LIKENESS, 1),
    Measure("rouge2", "ROUGE-2", "Pairs of neighbouring words shared with it, 0 to 100.", LIKENESS, 1),
    Measure("rougeL", "ROUGE-L", "Words shared with it in the same order, 0 to 100.", LIKENESS, 1),
    Measure("rougeLsum", "ROUGE-Lsum", "The same line by line, for notes with several parts.", LIKENESS, 1),
    Measure(
        "similarity",
        "Closeness in meaning",
        "How near it is to it in topic, whatever the words, 0 to 100. Blind to a missing “no”.",
        LIKENESS,
        1,
    ),
    Measure(
        "unsupported",
        "Sentences the record does not bear out",
        "Of 100 in a summary, those that the check flags. It flags some true ones too: look at the clinicians' own.",
        ALARMS,
        -1,
    ),
    Measure(
        "with_novel_numbers",
        "Summaries with a number not in the record",
        "Of 100. Units and placeholders count too. Each may be invented: look it up.",
        ALARMS,
        -1,
    ),
    Measure("novel_numbers", "Numbers not in the record", "How many of these a summary has.", ALARMS, -1, 2),
    Measure(
        "foreign_identifiers",
        "Identifiers not in the record",
        "Names, dates, numbers and the like that the scrubber finds in a summary and not in its record. They may come "
        "from the records that the model learned.",
        ALARMS,
        -1,
        2,
    ),
    Measure(
        "coverage",
        "Words from the record",
        "Of 100 words, those that the record holds too. Low: own words, or inventions.",
        COPYING,
    ),
    Measure(
        "copied_4grams",
        "Copied passages",
        "Of 100 runs of four words, those that stand so in the record. High: it copies instead of summarizing.",
        COPYING,
    ),
    Measure("density", "Length of copied pieces", "In words. Whole sentences copied make it large.", COPYING),
    Measure("words", "Words in a summary", "How long it is.", FORM),
    Measure("abstained", "Nothing to say", "Of 100 summaries, those left empty or saying “none”.", FORM),
)


@dataclass(frozen=True)
class Scored:
    """One measure of two models on the same records; the test is None where there were too few."""

    measure: Measure
    first: Mapping[str, float]
    second: Mapping[str, float]
    reference: Mapping[str, float] | None
    test: Mapping[str, float] | None

    @property
    def gain(self) -> float:
        return self.second["value"] - self.first["value"]

    @property
    def is_sure(self) -> bool:
        """The paired test finds a difference; without one, the intervals do not overlap."""
        if self.test is not None:
            return self.test["p"] < SIGNIFICANT
        return self.second["low"] > self.first["high"] or self.first["low"] > self.second["high"]

    @property
    def verdict(self) -> str:
        """“better”, “worse”, “may be chance”, or nothing for a measure that has no better."""
        if not self.is_sure:
            return "may be chance" if self.gain else ""
        return {1: "better", 0: "", -1: "worse"}[self.measure.better * (1 if self.gain > 0 else -1)]


def scored(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    reference: Mapping[str, Any],
    tests: Mapping[str, Any],
) -> list[Scored]:
    """The measures that both have; earlier versions of Precis measured fewer."""
    return [
        Scored(measure, first[key], second[key], reference.get(key), tests.get(key))
        for measure in MEASURES
        if (key := measure.key) in first and key in second
    ]
