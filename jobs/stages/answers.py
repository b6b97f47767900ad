"""Whether a student may learn from a teacher's summary, and if not, why. Knows no files and no server."""

from grounding.detector import Judgement, Verdict, get_detector
from grounding.findings import How
from jobs.copying import copied_ngrams, words_of
from jobs.foreign_identifiers import foreign_identifiers
from jobs.specs import TeachSpec
from privacy.engine import ScrubError
from privacy.placeholders import PLACEHOLDER

JUDGED_FOR_COPYING = 20
"""Words. A short summary may well be a phrase of its record; of 678 longer ones that people wrote none copies half."""


def fault(source: str, summary: str, *, is_whole: bool, spec: TeachSpec) -> str:
    """The first of ``jobs.specs.FAULTS`` that ``summary`` has, "" for one to learn from.

    ``is_whole``: the teacher came to an end by itself. The scrubber reads the summary again, since a model may remember
    a name or invent one; what it finds must stand in the scrubbed ``source``, such as a surrogate does.
    """
    words, read = len(words_of(summary)), len(words_of(source))
    if not words:
        return "empty"
    if not is_whole:
        return "cut_off"
    if words < spec.least_words:
        return "too_short"
    if words > read:
        return "too_long"
    if words >= JUDGED_FOR_COPYING and copied_ngrams(source, summary) > spec.most_copied:
        return "copied"
    if names_somebody_else(source, summary):
        return "identifier"
    judged = get_detector().judge(source, summary)
    if judged.flagged or judged.flagged_sentences:
        return "ungrounded"
    return "doubtful" if any(map(_is_doubted, judged.sentences)) else ""


def _is_doubted(sentence: Judgement) -> bool:
    """The check cannot tell, and found something that the record may not hold. A person would look; here nobody does."""
    found = {finding.how for finding in sentence.findings}
    return sentence.verdict is Verdict.UNSURE and bool(found & {How.ABSENT, How.CONTRADICTED, How.LIKELY})


def names_somebody_else(source: str, summary: str) -> bool:
    """Whether ``summary`` holds an identifier, or a placeholder, that ``source`` does not; or cannot be scrubbed."""
    try:
        foreign = foreign_identifiers(source, summary)
    except ScrubError:
        return True
    return bool(foreign) or not set(PLACEHOLDER.findall(summary)) <= set(PLACEHOLDER.findall(source))
