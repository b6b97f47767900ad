"""Words as they are compared: folded, stemmed, and a patient's word put for the clinic's ("high blood pressure" = hypertension)."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from grounding.word_lists import lines

TOKEN = re.compile(r"\[[A-Z][A-Z_]*_\d+\]|[A-Za-zµ]+(?:['’][a-z]+)?|\d+(?:\.\d+)?")
_SUFFIXES = (("ization", "ize"), ("ational", "ate"), ("iness", "y"), ("fulness", ""), ("ously", ""), ("ies", "y"), ("ied", "y"), ("ying", "y"),
             ("ations", ""), ("ation", ""), ("ings", ""), ("ing", ""), ("edly", ""), ("ness", ""), ("ment", ""), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"),
             ("xes", "x"), ("ed", ""), ("ly", ""), ("es", ""), ("s", ""), ("e", ""), ("y", "i"))  # fmt: skip
_FEW = 3


@dataclass(frozen=True, slots=True)
class Term:
    """A content word in its comparable form, at ``start`` to ``end`` of its text."""

    form: str
    start: int
    end: int


@cache
def stop_words() -> frozenset[str]:
    return frozenset(" ".join(lines("stop")).split())


@cache
def _phrases() -> dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]]:
    """First word → (all words, stems of the name they count as) of every spelling in ``words/same.txt``, the longest first."""
    found: dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
    for line in lines("same"):
        head, *others = (each.strip() for each in line.split(","))
        for other in others:
            words = tuple(match.group() for match in TOKEN.finditer(other))
            found.setdefault(words[0], []).append((words, tuple(stem(word) for word in head.split())))
    for each in found.values():
        each.sort(key=lambda phrase: -len(phrase[0]))
    return found


@lru_cache(50_000)
def stem(word: str) -> str:
    """A light stemmer: "breathing" and "breathes" meet; it need not be right, only the same on both sides."""
    folded = word.lower().replace("’", "'").split("'")[0]
    for suffix, instead in _SUFFIXES:
        if folded.endswith(suffix) and len(folded) - len(suffix) >= _FEW:
            folded = folded[: len(folded) - len(suffix)] + instead
            break
    if len(folded) > _FEW and folded[-1] == folded[-2] and folded[-1] not in "ls":
        folded = folded[:-1]
    return folded


def terms(text: str) -> list[Term]:
    """Content words of a text in order; a phrase that has one name counts as that name, placed over the whole phrase."""
    tokens = [(match.group(), match.start(), match.end()) for match in TOKEN.finditer(text)]
    small = [word.lower() for word, *_ in tokens]
    found: list[Term] = []
    at = 0
    while at < len(tokens):
        word, start, end = tokens[at]
        length, forms = _named(small, at)
        if length:
            found += [Term(form, start, tokens[at + length - 1][2]) for form in forms]
        elif word[0] == "[":
            found.append(Term(word, start, end))
        elif word[0].isdigit() or (len(word) > 1 and small[at] not in stop_words()):
            found.append(Term(stem(word), start, end))
        at += length or 1
    return found


def _named(words: list[str], at: int) -> tuple[int, tuple[str, ...]]:
    """How many words from ``at`` on are another spelling of a name, and the name's stems."""
    for phrase, forms in _phrases().get(words[at], ()):
        if tuple(words[at : at + len(phrase)]) == phrase:
            return len(phrase), forms
    return 0, ()
