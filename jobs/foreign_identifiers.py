"""Identifiers in a summary that its record does not hold: a model may have them from the records that it learned.

Found by the scrubber as it is shipped. One stands in the record if each of its words does, in whatever order or case; a
date that is written in another way counts as foreign, and so does what the scrubber takes for a name and is none.
"""

import re

from privacy.engine import get_scrubber

_WORD = re.compile(r"\w+")
_TITLES = frozenset(("dr", "doctor", "mr", "mrs", "ms", "miss", "prof"))
"""The scrubber may take one for part of a name. Alone it tells nobody."""


def foreign_identifiers(source: str, summary: str) -> list[str]:
    """Each place where one stands, in the summary's words. Raises ScrubError where the text cannot be read."""
    held = _words(source)
    # A model may write any character; the scrubber reads no NUL.
    spans = get_scrubber().find(summary.replace("\0", " "))
    found = (summary[span.start : span.end] for span in spans)
    return [identifier for identifier in found if not _words(identifier) <= held]


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)} - _TITLES
