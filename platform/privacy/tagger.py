"""The learned tagger: a small BERT encoder in int8 ONNX that reads words in their sentence and says which identify.

Pure inference on onnxruntime and tokenizers, without torch. ``jobs/stages/train_tagger.py`` makes the weights and shares
``encode`` and ``LABELS`` with this module, so that what is served is what was trained. The folder of a Hugging Face model for
token classification works as well, once ``jobs/stages/export_tagger.py`` has made an ONNX of it.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from privacy.kinds import Kind
from privacy.onnx import WeightsError, checked_card, session
from privacy.rules import Recognizer

TAGGED = (Kind.NAME, Kind.LOCATION, Kind.ORGANIZATION, Kind.DATE, Kind.AGE, Kind.PHONE, Kind.URL, Kind.ID)
"""The families of kinds that can be told apart by reading; a number's exact kind is told by its cue, which rules know."""
LABELS = ("O", *(f"{place}-{kind}" for kind in TAGGED for place in "BI"))
_FAMILY = {Kind.FAX: Kind.PHONE, Kind.EMAIL: Kind.URL, Kind.IP: Kind.URL}
# What other models call the same: those of the i2b2 corpora and of general entity recognition.
_FOREIGN = {
    "PATIENT": Kind.NAME, "HCW": Kind.NAME, "DOCTOR": Kind.NAME, "STAFF": Kind.NAME, "PERSON": Kind.NAME, "PER": Kind.NAME,
    "HOSPITAL": Kind.ORGANIZATION, "HOSP": Kind.ORGANIZATION, "VENDOR": Kind.ORGANIZATION, "ORG": Kind.ORGANIZATION, "PATORG": Kind.ORGANIZATION,
    "LOC": Kind.LOCATION, "GPE": Kind.LOCATION, "FAC": Kind.LOCATION, "EMAIL": Kind.URL, "WEB": Kind.URL, "OTHERPHI": Kind.ID,
}  # fmt: skip
CASES = 6
WINDOW, OVERLAP = 160, 24
"""In tokens. Each token is judged in the window where it stands farther from the edge."""
_BATCH = 8
_MOST_THREADS = 4
"""For one text: somebody waits for its summary. A process that may use one core only has one."""
THRESHOLD = 0.03
"""A word identifies when its probabilities of all kinds add up to this. Low on purpose: a name left standing harms, a
word too many is put back by a reviewer; `plausible` keeps medicine out."""

_WORD = re.compile(r"\w+")
__all__ = [
    "LABELS",
    "TAGGED",
    "Tagger",
    "TaggerRecognizer",
    "WeightsError",
    "encode",
    "family",
    "kind_of",
    "load_tokenizer",
]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def family(kind: Kind) -> Kind:
    """The kind under which the tagger knows ``kind``."""
    return _FAMILY.get(kind, kind if kind in TAGGED else Kind.ID)


@dataclass(frozen=True)
class Encoded:
    """A text as the encoder sees it, without special tokens: three arrays of one length, offsets in characters."""

    ids: Ints
    cases: Ints
    starts: Ints
    ends: Ints


def load_tokenizer(path: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def encode(tokenizer: Tokenizer, text: str) -> Encoded:
    """Word pieces of ``text`` and the case of the word each belongs to.

    The encoder's vocabulary is all small letters, and "Will" and "will" are one word to it: how the word was
    written goes in beside it, in the place of BERT's token types.
    """
    encoding = tokenizer.encode(text, add_special_tokens=False)
    offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    case_of = np.zeros(len(text) + 1, dtype=np.int64)
    for word in _WORD.finditer(text):
        case_of[word.start() : word.end()] = _case(word.group())
    starts, ends = offsets[:, 0], offsets[:, 1]
    return Encoded(np.array(encoding.ids, dtype=np.int64), case_of[starts], starts, ends)


def _case(word: str) -> int:
    """1 small, 2 Capitalized, 3 ALL CAPITALS, 4 with a digit, 5 mIxed; 0 is for everything that is no word."""
    if word.isalpha():
        if word.islower():
            return 1
        if word[0].isupper() and (len(word) == 1 or word[1:].islower()):
            return 2
        return 3 if word.isupper() else 5
    return 4


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    kind: Kind
    opens: bool
    score: float


def kind_of(label: str) -> Kind | None:
    """The kind that a label such as "B-NAME" or "PATIENT" stands for; None for "O" and for what Safe Harbor does not name."""
    name = re.sub(r"^[BIESLU]-", "", label).upper()
    return _FOREIGN.get(name) or (Kind(name) if name in TAGGED else None)


class Tagger:
    """Weights in a folder: ``model.onnx``, ``tokenizer.json`` and ``card.json``. Threads may share one; it keeps no text.

    Raises WeightsError when a file is missing or the model is not the one that the card names by its sha256.
    """

    def __init__(self, folder: Path, threshold: float = THRESHOLD) -> None:
        self.card = checked_card(folder, "tagger")
        self._session = session(
            folder / "model.onnx", threads=min(_MOST_THREADS, len(os.sched_getaffinity(0)))
        )
        self._inputs = {each.name for each in self._session.get_inputs()}
        self._tokenizer = load_tokenizer(folder / "tokenizer.json")
        self._first, self._last = map(self._token, self.card.get("ends", ("[CLS]", "[SEP]")))
        self._threshold = threshold
        self._columns = _Columns(self.card["labels"])

    def _token(self, word: str) -> int:
        number = self._tokenizer.token_to_id(word)
        if number is None:
            raise WeightsError("the tagger's vocabulary lacks the marks of a text's ends")
        return number

    def find(self, text: str) -> list[tuple[int, int, Kind, float]]:
        """Start, end, kind and probability of every identifier, in order, without overlaps."""
        encoded = encode(self._tokenizer, text)
        if not len(encoded.ids):
            return []
        return list(_joined(text, self._words(text, encoded, self._probabilities(encoded))))

    def _probabilities(self, encoded: Encoded) -> Floats:
        """Label probabilities, (tokens, labels)."""
        count = len(encoded.ids)
        starts = list(range(0, max(count - OVERLAP, 1), WINDOW - OVERLAP))
        result = np.empty((count, len(self.card["labels"])), dtype=np.float32)
        for first in range(0, len(starts), _BATCH):
            batch = starts[first : first + _BATCH]
            for start, rows in zip(batch, self._run(encoded, batch), strict=True):
                stop = min(start + WINDOW, count)
                # The overlap is parted in its middle; the first window keeps its beginning, the last its end.
                skip = OVERLAP // 2 if start else 0
                result[start + skip : stop] = rows[skip : stop - start]
        return result

    def _run(self, encoded: Encoded, starts: list[int]) -> Floats:
        width = min(WINDOW, max(len(encoded.ids) - start for start in starts)) + 2
        ids, cases, seen = (np.zeros((len(starts), width), dtype=np.int64) for _ in range(3))
        for row, start in enumerate(starts):
            part = slice(start, start + WINDOW)
            length = len(encoded.ids[part])
            ids[row, 0], ids[row, length + 1] = self._first, self._last
            ids[row, 1 : length + 1] = encoded.ids[part]
            if self.card.get("cases"):
                cases[row, 1 : length + 1] = encoded.cases[part]
            seen[row, : length + 2] = 1
        feed = {"input_ids": ids, "attention_mask": seen, "token_type_ids": cases}
        logits: Any = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        logits = logits[:, 1:-1]
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        return np.asarray(powers / powers.sum(-1, keepdims=True), dtype=np.float32)

    def _words(self, text: str, encoded: Encoded, probabilities: Floats) -> Iterator[_Word]:
        """The words that identify. A word's probabilities are its pieces' mean."""
        by_kind = self._columns.by_kind(probabilities)
        likely = by_kind.sum(1) > self._threshold / 3  # most words are far from any doubt
        if not likely.any():
            return
        words = [word.span() for word in _WORD.finditer(text)]
        starts, ends = np.array(words).T
        firsts = np.searchsorted(encoded.ends, starts, side="right")
        lasts = np.searchsorted(encoded.starts, ends, side="left")
        hits = np.concatenate(([0], likely.cumsum()))
        for number in np.flatnonzero(hits[lasts] > hits[firsts]):
            first, last = int(firsts[number]), int(lasts[number])
            mean = by_kind[first:last].mean(0)
            if mean.sum() >= self._threshold:
                best = int(mean.argmax())
                opens = self._columns.opens(probabilities[first], best)
                yield _Word(*words[number], TAGGED[best], opens, float(mean.sum()))


class _Columns:
    """Which of a model's labels stand for which kind."""

    def __init__(self, labels: Sequence[str]) -> None:
        kinds = [kind_of(label) for label in labels]
        self._matrix = np.array([[kind is each for each in TAGGED] for kind in kinds], dtype=np.float32)
        self._begins = [
            [n for n, k in enumerate(kinds) if k is kind and labels[n].startswith("B-")] for kind in TAGGED
        ]
        self._inside = [
            [n for n, k in enumerate(kinds) if k is kind and labels[n].startswith("I-")] for kind in TAGGED
        ]

    def by_kind(self, probabilities: Floats) -> Floats:
        """(tokens, labels) to (tokens, kinds)."""
        return np.asarray(probabilities @ self._matrix, dtype=np.float32)

    def opens(self, probabilities: Floats, kind: int) -> bool:
        """True where a token begins an identifier rather than going on with one."""
        begins, inside = self._begins[kind], self._inside[kind]
        return bool(probabilities[begins].sum() > probabilities[inside].sum())


def _joined(text: str, words: Iterator[_Word]) -> Iterator[tuple[int, int, Kind, float]]:
    """Neighbouring words of one kind as one identifier, unless the second opens a new one."""
    current: _Word | None = None
    for word in words:
        if current and word.kind == current.kind and not word.opens and word.start - current.end <= 3:
            current = _Word(current.start, word.end, current.kind, True, max(current.score, word.score))
            continue
        if current:
            yield current.start, current.end, current.kind, current.score
        current = word
    if current:
        yield current.start, current.end, current.kind, current.score


# A rule that fires knows the kind better than reading does, above all of a number; where both find something, it wins.
_TRUST = {Kind.NAME: 0.75, Kind.LOCATION: 0.75, Kind.ORGANIZATION: 0.7}


class TaggerRecognizer(Recognizer):
    def __init__(self, tagger: Tagger) -> None:
        super().__init__("tagger", TAGGED)
        self._tagger = tagger

    def ranges(self, text: str) -> list[tuple[int, int, Kind, float]]:
        return [
            (start, end, kind, score * _TRUST.get(kind, 0.55))
            for start, end, kind, score in self._tagger.find(text)
        ]
