"""Whether a student may learn from a teacher's summary, and if not, why. Knows no files and no server."""

import re

from grounding.detector import get_detector
from jobs.copying import copied_ngrams, words_of
from jobs.specs import TeachSpec
from privacy.engine import ScrubError, get_scrubber
from privacy.placeholders import PLACEHOLDER

_WORD = re.compile(r"\w+")
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
    return "ungrounded" if judged.flagged or judged.flagged_sentences else ""


def names_somebody_else(source: str, summary: str) -> bool:
    """Whether ``summary`` holds an identifier, or a placeholder, that ``source`` does not; or cannot be scrubbed."""
    try:
        found = [summary[span.start : span.end] for span in get_scrubber().find(summary)]
    except ScrubError:
        return True
    known = _spaced(source)
    return not set(PLACEHOLDER.findall(summary)) <= set(PLACEHOLDER.findall(source)) or any(
        _spaced(words) not in known for words in found
    )


def _spaced(text: str) -> str:
    """Its words alone, each between spaces, so that no name is found inside another word."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "
