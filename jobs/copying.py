"""How much of a summary is copied from its record, word for word."""

import re
from collections import defaultdict

_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def copying(source: str, summary: str) -> tuple[float, float]:
    """(coverage, density) of the fragments that the summary shares with its source.

    Coverage is the share of the summary's words that lie in a copied fragment, 0 to 1; density is the mean length
    of the fragment that a word lies in, in words. Both are 0 for an empty summary.
    Source: Grusky et al. 2018, "Newsroom", with words as runs of letters and digits.
    """
    words = words_of(summary)
    lengths = fragment_lengths(words_of(source), words)
    count = max(len(words), 1)
    return sum(lengths) / count, sum(length**2 for length in lengths) / count


def fragment_lengths(source: list[str], summary: list[str]) -> list[int]:
    """From left to right, the longest runs of summary words that stand so in the source."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, word in enumerate(source):
        places[word].append(place)
    lengths, at = [], 0
    while at < len(summary):
        longest = max((_run(source, place, summary, at) for place in places.get(summary[at], ())), default=0)
        if longest:
            lengths.append(longest)
        at += max(longest, 1)
    return lengths


def copied_ngrams(source: str, summary: str, n: int = 4) -> float:
    """The share of the summary's runs of ``n`` words that the source holds too, 0 to 1; 0 for a shorter summary."""
    wanted = _ngrams(words_of(summary), n)
    held = set(_ngrams(words_of(source), n))
    return sum(ngram in held for ngram in wanted) / len(wanted) if wanted else 0.0


def _run(source: list[str], place: int, summary: list[str], at: int) -> int:
    length = 0
    while (
        at + length < len(summary)
        and place + length < len(source)
        and source[place + length] == summary[at + length]
    ):
        length += 1
    return length


def _ngrams(words: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
