"""The summary of a record that was split: dealt out to the pieces for training, merged from theirs when served."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jobs.long_records import PIECE, SENTENCE_END, Count, is_heading, split

AROUND = 512
"""More tokens than any prompt has around a record."""
MAX_TITLE_WORDS = 8
STEM = 6
"""So many letters of a word tell where it comes from: "hypertension" from "hypertensive"."""
ALIKE = 0.8
"""From this share of common words on, two sentences of a merged summary are one."""
Path = tuple[str, str]
"""A heading of a summary, and a title over a list under it."""

_ITEM = re.compile(r"[•*–-]\s|\d{1,2}[.)]\s")
_WORD = re.compile(r"[^\W_]+")
_SAYS_OTHERWISE = frozenset(
    ["no", "not", "without", "never", "none", "denies", "denied", "negative", "left", "right"]
)
"""Two sentences that differ in one of these, or in a number, are never the same."""


@dataclass(frozen=True)
class _Line:
    """A line of a summary that is not empty."""

    text: str
    gap: str
    """The line feeds before it."""
    level: int
    """2 for a heading, 1 for a title right over a list or a sentence, both never the last line; 0 for what is said."""

    @property
    def sentences(self) -> list[str]:
        return [] if self.level else SENTENCE_END.split(self.text)


def pieces_to_ask(
    source: str, *, count: Count, count_prompt: Count, context_tokens: int, max_new_tokens: int
) -> list[str]:
    """``source`` itself or, where that leaves no room for the answer, its pieces; ``merge`` what they give.

    ``count`` counts a bare text, ``count_prompt`` the whole prompt that asks about one. Raises ValueError where not even
    a small piece would fit.
    """
    room = context_tokens - max_new_tokens
    # A token takes a byte at least, so most records need no counting, which costs a request each time.
    if len(source.encode("utf-8", "replace")) + AROUND <= room or count_prompt(source) <= room:
        return [source]
    return split(source, count, min(int(context_tokens * PIECE), room) - count_prompt(""))


def deal(summary: str, pieces: Sequence[str]) -> tuple[list[str], list[str]]:
    """What of ``summary`` each of ``pieces`` supports, in the same order, and the sentences that none supports.

    Each sentence goes to the piece that shares most of its words with it, where a word that stands in few pieces
    counts for more (a lexical oracle as in Nallapati et al., "SummaRuNNer", 2017); to the first of equal ones.
    Headings go along. A sentence that shares no word of four letters, or number, with any piece is supported by none.
    """
    words = [_telling(piece) for piece in pieces]
    spread = Counter(word for each in words for word in each)

    def best(sentence: str) -> int | None:
        scores = [sum(1 / spread[word] for word in _telling(sentence) & each) for each in words]
        return scores.index(max(scores)) if any(scores) else None

    shares, unsupported = [""] * len(pieces), []
    above: list[list[_Line]] = [[] for _ in pieces]
    for line in _lines(summary):
        for titles in above:
            titles[:] = (
                [*(title for title in titles if title.level > line.level), line] if line.level else titles
            )
        own = [(sentence, best(sentence)) for sentence in line.sentences]
        unsupported += [sentence for sentence, piece in own if piece is None]
        for number in sorted({piece for _, piece in own if piece is not None}):
            said = " ".join(sentence for sentence, piece in own if piece == number)
            shares[number] += "".join(title.gap + title.text for title in above[number]) + line.gap + said
            above[number].clear()
    return [share.strip() for share in shares], unsupported


def merge(summaries: Sequence[str]) -> str:
    """Summaries of a record's pieces as one: each heading and title once, no sentence that says the same again."""
    if len(summaries) == 1:
        return summaries[0]
    parsed = [_sections(summary) for summary in summaries]
    said: list[frozenset[str]] = []
    merged: dict[Path, list[_Line]] = {
        (heading, title): []
        for heading in _in_order([heading for heading, _ in sections] for sections in parsed)
        for title in _in_order(
            [title for above, title in sections if above == heading] for sections in parsed
        )
    }
    for sections in parsed:
        before = list(said)
        for path, lines in sections.items():
            for line in lines:
                fresh = [sentence for sentence in line.sentences if not _is_said(sentence, before)]
                said += [_words(sentence) for sentence in fresh]
                if fresh:
                    merged[path].append(replace(line, text=" ".join(fresh)))
    return _written(merged)


def _sections(summary: str) -> dict[Path, list[_Line]]:
    """What is said under each heading and title, ("", "") for none."""
    path: Path = ("", "")
    sections: dict[Path, list[_Line]] = {}
    for line in _lines(summary):
        if line.level:
            path = (line.text, "") if line.level == 2 else (path[0], line.text)
        else:
            sections.setdefault(path, []).append(line)
    return sections


def _in_order(listed: Iterable[Iterable[str]]) -> list[str]:
    """All names: one that is new goes before the next one of its list that is known, else to the end."""
    order: list[str] = []
    for names in listed:
        at = len(order)
        for name in reversed(list(dict.fromkeys(names))):
            if name in order:
                at = order.index(name)
            else:
                order.insert(at, name)
    return order


def _written(sections: Mapping[Path, Sequence[_Line]]) -> str:
    text, last = "", ""
    for (heading, title), lines in sections.items():
        if not lines:
            continue
        text += f"\n\n{heading}" if heading != last else ""
        text += f"\n\n{title}" if title else ""
        text += "".join(line.gap + line.text for line in lines)
        last = heading
    return text.strip()


def _lines(summary: str) -> Iterator[_Line]:
    lines = [line.strip() for line in summary.splitlines()]
    gap = ""
    for number, line in enumerate(lines):
        gap += "\n"
        if line:
            yield _Line(line, gap[:2], _level(line, lines[number + 1 :]))
            gap = ""


def _level(line: str, below: Sequence[str]) -> int:
    following = next(filter(None, below), "")
    if following and is_heading(line):
        return 0 if is_heading(following) else 2
    if not below or not below[0] or _ITEM.match(line) or len(line.split()) > MAX_TITLE_WORDS:
        return 0
    over_a_sentence = line[-1].isalpha() and below[0][-1] in ".!?"
    return 1 if _ITEM.match(below[0]) or over_a_sentence else 0


def _is_said(sentence: str, said: Sequence[frozenset[str]]) -> bool:
    words = _words(sentence)
    return any(
        len(words & each) >= ALIKE * len(words | each)
        and not any(word in _SAYS_OTHERWISE or word[0].isdigit() for word in words ^ each)
        for each in said
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _telling(text: str) -> frozenset[str]:
    """Words that may say where a sentence comes from."""
    return frozenset(word[:STEM] for word in _words(text) if len(word) > 3 or word.isdigit())
