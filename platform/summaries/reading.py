"""How hard a text is to read: the school grade by Flesch and Kincaid.

Kincaid et al., "Derivation of new readability formulas for Navy enlisted personnel", 1975. The libraries for it count
syllables by a dictionary that they fetch from the network; groups of vowels come within half a grade.
"""

import re

_SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_VOWELS = re.compile(r"[aeiouy]+")


def grade(text: str) -> float | None:
    """The grade of an English text, .1 exact and 0 at least; None for a text without words."""
    words = _WORD.findall(text)
    if not words:
        return None
    sentences = max(1, len(_SENTENCE_END.findall(text)))
    syllables = sum(map(_syllables, words))
    return max(0.0, round(0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59, 1))


def _syllables(word: str) -> int:
    lower = word.lower()
    silent = lower.endswith("e") and not lower.endswith(("le", "ee"))
    return max(1, len(_VOWELS.findall(lower)) - silent)
