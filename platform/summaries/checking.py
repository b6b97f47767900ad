"""Each sentence of a summary held against its record, for the page and the API: what stands, what does not, and where to look.

Everything here is scrubbed text. It is judged anew whenever it is shown: the same texts give the same verdicts, and a
detector that has learned since is heard at once.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from grounding.detector import Detector, Judgement, Verdict, get_detector
from grounding.evidence import Record, forms
from grounding.explaining import Flagged
from grounding.findings import EXACT, Category, Finding, How
from grounding.omissions import Omission, omissions
from grounding.repair import repair

MOST_LINES = 3
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckedSentence:
    """Characters ``start`` to ``end`` of the summary. ``lines`` are numbers of the record's lines, from 1, the first the
    likeliest; ``reason`` is for a person, "" where the sentence stands.
    """

    start: int
    end: int
    text: str
    verdict: Verdict
    probability: float
    category: Category | None
    reason: str
    lines: tuple[int, ...]
    suggestion: str | None
    """The sentence put right from the record; None where nobody but a person can."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Checked:
    """``lines``: (start, end) of each of the record's lines, its sentences, in the scrubbed source."""

    probability: float
    flagged: bool
    sentences: tuple[CheckedSentence, ...]
    lines: tuple[tuple[int, int], ...]
    omissions: tuple[Omission, ...]
    """Their lines count from 0, as ``lines`` do."""

    @property
    def worst_first(self) -> list[CheckedSentence]:
        """The flagged ones; what the record contradicts before what it does not hold."""
        flagged = [each for each in self.sentences if each.verdict.is_flagged]
        return sorted(flagged, key=lambda each: (each.verdict is Verdict.ABSENT, -each.probability))

    @property
    def unsure(self) -> int:
        return sum(each.verdict is Verdict.UNSURE for each in self.sentences)

    @property
    def figures(self) -> dict[str, int]:
        """Without words, to be kept beside a decision."""
        return {
            "sentences": len(self.sentences),
            "flagged": len(self.worst_first),
            "unsure": self.unsure,
            "omissions": len(self.omissions),
        }


def check(source: str, text: str, *, is_whole: bool) -> Checked | None:
    """``text`` held against ``source``; None where the check itself failed: a summary must not be lost for that.

    Only of a summary that ``is_whole``, not one of a section or a single line, is told what it leaves out.
    """
    try:
        record, detector = Record(source), get_detector()
        judged = detector.judge_against(record, text)
        sentences = tuple(_checked(each, record, text, detector) for each in judged.sentences)
        left_out = omissions(record, text) if is_whole else ()
    except Exception as error:  # whatever it is, the message may quote the record
        logger.error("A summary could not be checked: %s.", type(error).__name__)
        return None
    lines = tuple((line.start, line.end) for line in record.lines)
    return Checked(judged.probability, judged.flagged, sentences, lines, left_out)


def _checked(judgement: Judgement, record: Record, text: str, detector: Detector) -> CheckedSentence:
    sentence = judgement.sentence
    return CheckedSentence(
        start=sentence.start,
        end=sentence.end,
        text=sentence.text,
        verdict=judgement.verdict,
        probability=judgement.probability,
        category=judgement.category,
        reason=_reason(judgement, record, text),
        lines=_lines(judgement, record),
        suggestion=repair(record, judgement, detector) if judgement.flagged else None,
        findings=judgement.findings,
    )


def flagged(
    sentence: CheckedSentence, lines: Sequence[tuple[int, int]], *, source: str, text: str
) -> Flagged:
    """What a model is told of a flagged sentence of ``text``; ``lines`` are those of its ``Checked``."""
    wrong = [each for each in sentence.findings if each.how is How.CONTRADICTED and each.category in EXACT]
    return Flagged(
        sentence.text,
        evidence=tuple(source[slice(*lines[number - 1])] for number in sentence.lines),
        reason=sentence.reason,
        verdict=sentence.verdict,
        findings=sentence.findings,
        said=tuple(
            text[each.start : each.end]
            for each in sentence.findings
            if each in wrong or each.how is How.ABSENT
        ),
        told=tuple(source[slice(*place)] for each in wrong for place in each.record),
    )


def _lines(judgement: Judgement, record: Record) -> tuple[int, ...]:
    """Where the record says otherwise, if it does; else the lines that say most of it: what speaks a little is no help."""
    disagreeing = [place for finding in judgement.findings for place in finding.record]
    if judgement.verdict is Verdict.ABSENT and not disagreeing:
        return ()
    numbers = [
        number
        for start, _ in disagreeing or judgement.evidence
        for number, line in enumerate(record.lines)
        if line.start <= start < line.end
    ]
    if not disagreeing:
        scores = record.scores(forms(judgement.sentence.text))
        best = max((scores[number] for number in numbers), default=0.0)
        numbers = sorted((n for n in numbers if scores[n] >= best / 2), key=lambda n: -scores[n])
    return tuple(number + 1 for number in dict.fromkeys(numbers))[:MOST_LINES]


def _reason(judgement: Judgement, record: Record, text: str) -> str:
    if judgement.verdict is Verdict.SUPPORTED:
        return ""
    ranked = sorted(judgement.findings, key=lambda finding: list(How).index(finding.how))
    if not ranked:
        return "Little in the record speaks for this."
    return _in_words(ranked[0], record, text)


def _in_words(finding: Finding, record: Record, text: str) -> str:
    said = text[finding.start : finding.end]
    if finding.category is Category.NEGATION:
        may = "says" if finding.how is How.CONTRADICTED else "may say"
        return f"The record {may} the opposite about “{said}”."
    if finding.category is Category.CERTAINTY:
        return f"The record is less, or more, certain about “{said}”."
    if finding.how is How.CONTRADICTED and finding.record:
        told = dict.fromkeys(record.source[start:end] for start, end in finding.record)
        return f"The record says {' or '.join(f'“{each}”' for each in told)}, not “{said}”."
    if finding.how is How.ELSEWHERE:
        return f"“{said}” is in the record, but perhaps not said of this."
    return f"“{said}” is not in the record."
