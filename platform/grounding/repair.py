"""A flagged sentence put right from the record alone, where an exact check knows what the record says instead."""

from collections.abc import Iterator

from grounding.detector import Detector, Judgement, Verdict, get_detector
from grounding.evidence import Record
from grounding.findings import EXACT, How


def repair(record: Record, judgement: Judgement, detector: Detector | None = None) -> str | None:
    """The sentence with the record's own values, if the detector then bears it out; None: it is best left out.

    None too where two of the record's values would do: which one is meant is not for a program to say.
    """
    detector = detector or get_detector()
    repaired = [
        sentence
        for sentence in dict.fromkeys(_with_values_of(record, judgement))
        if all(
            each.verdict is Verdict.SUPPORTED for each in detector.judge_against(record, sentence).sentences
        )
    ]
    return repaired[0] if len(repaired) == 1 else None


def _with_values_of(record: Record, judgement: Judgement) -> Iterator[str]:
    """The sentence with each value that an exact check has for what is wrong; one error at a time is put right."""
    wrong = [each for each in judgement.findings if each.how is How.CONTRADICTED and each.category in EXACT]
    sentence = judgement.sentence
    for finding in wrong:
        first, last = finding.start - sentence.start, finding.end - sentence.start
        for start, end in finding.record:
            told = record.source[start:end]
            told = told if first else told[:1].upper() + told[1:]
            yield f"{sentence.text[:first]}{told}{sentence.text[last:]}"
