"""Rows the detector learns from and is tested on: true sentences, the same with an error, and sentences of other records.

Pure and seeded. A record's rows are all trained on or all held out.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TextIO

from grounding.evidence import Record
from grounding.features import read
from grounding.findings import Category
from grounding.perturb import Perturbed, Wording, perturb, true_sentences
from grounding.perturb.sentences import reference_sentences, told_sentences
from grounding.pieces import Piece, sentences
from grounding.terms import terms

_HELD_OUT = 0.14
_FIT_ALWAYS = (Category.NEGATION, Category.ADDITION)
_TOLD = 3
"""At most so many of a record's own sentences stand beside its summary's."""
_LABEL = {Category.ADDITION: "absent", Category.MEDICATION: "absent"}
_LENGTHS = (2, 3, 4, 6, 12)
"""Of the texts that are judged as a whole, in sentences."""
_WRONG = 1 / 4
"""The chance of each of their sentences to be wrong: of texts of three, more than half are."""
_ROUNDS = 3
"""So often a summary is cut into texts, each time with other errors."""
_EVEN = 100
"""Errors of every kind among the rows that the probabilities are fitted on."""
_FOREIGN = 6
"""Other records that are drawn; the one most like the record gives it false sentences."""
Source = Mapping[str, str]
"""``source`` and ``target``."""


@dataclass(frozen=True)
class Claim:
    """A sentence to be judged, right (``category`` None) or wrong."""

    text: str
    category: Category | None

    @property
    def label(self) -> str:
        return _LABEL.get(self.category, "contradicted") if self.category else "supported"


def write_rows(
    path: Path,
    sources: Sequence[Source],
    *,
    seed: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """JSON lines of {evidence, claim, label, category, features, held_out, text, even} from records and their summaries.

    ``text`` numbers the sentences of one text of several, among held-out rows only; -1 for sentences that stand alone.
    ``even``: every kind of error as often as another, beside its untouched sentences, among held-out rows only.
    """
    texts = 0
    held_out: list[Source] = []
    with path.open("w", encoding="utf-8") as file:
        for number, source in enumerate(sources):
            rng = Random(f"{seed} {number}")
            record = Record(source["source"])
            foreign = _most_alike(record, [rng.choice(sources)["target"] for _ in range(_FOREIGN)])
            # By the summary, so that two wordings of one record are on one side.
            aside = Random(f"{seed} {source['target']}").random() < _HELD_OUT
            for claim in claims_of(record, source["target"], foreign, rng, Wording.TRAIN):
                _write(file, record, claim, held_out=aside)
            if aside:
                held_out.append(source)
                for text in _texts(record, source["target"], foreign, rng):
                    for claim in text:
                        _write(file, record, claim, held_out=True, text=texts)
                    texts += 1
            on_progress(number + 1, len(sources))
        for record, claim in even_claims(held_out, seed=seed, each=_EVEN, wording=Wording.TRAIN):
            _write(file, record, claim, held_out=True, even=True)


def _write(
    file: TextIO, record: Record, claim: Claim, *, held_out: bool, text: int = -1, even: bool = False
) -> None:
    lines, _, features = read(Piece(0, len(claim.text), claim.text), record)
    row = {
        "evidence": record.shown(lines), "claim": claim.text, "label": claim.label, "category": claim.category,
        "features": [round(each, 4) for each in features], "held_out": held_out, "text": text, "even": even,
    }  # fmt: skip
    file.write(json.dumps(row, ensure_ascii=False) + "\n")


def claims_of(record: Record, summary: str, foreign: str, rng: Random, wording: Wording) -> Iterator[Claim]:
    """True sentences, each with an error put into it, and as many of ``foreign``, another record's summary."""
    true = true_sentences(record, summary)
    told = told_sentences(record)
    told = rng.sample(told, min(_TOLD, len(told)))
    for text in [piece.text for piece in reference_sentences(record, summary)] + told:
        yield Claim(text, None)
    for text in [piece.text for piece in true] + told:
        for changed in _errors(text, record, rng, wording):
            yield Claim(changed.text, changed.category)
    others = [piece.text for piece in sentences(foreign) if len(piece.text.split()) > 3]
    for text in rng.sample(others, min(len(others), max(1, len(true) // 3))):
        if not _stands(text, record):
            yield Claim(text, Category.ADDITION)


def _most_alike(record: Record, summaries: Sequence[str]) -> str:
    return max(
        summaries, key=lambda each: sum(t.form in record.where for t in terms(each)) / (5 + len(each.split()))
    )


def _stands(text: str, record: Record) -> bool:
    """Another patient's sentence may be true of this one: "No known drug allergies."."""
    return bool(true_sentences(record, text))


def _errors(text: str, record: Record, rng: Random, wording: Wording) -> list[Perturbed]:
    """Up to two errors of the rarer categories, where they fit, or else more of those that always fit."""
    rare = [each for each in Category if each not in _FIT_ALWAYS]
    found = [each for c in rng.sample(rare, len(rare)) if (each := perturb(text, c, record, rng, wording))][
        :2
    ]
    more = [c for c in _FIT_ALWAYS if rng.random() < (0.25 if found else 0.5)]
    return found + [each for c in more if (each := perturb(text, c, record, rng, wording))]


def _texts(record: Record, summary: str, foreign: str, rng: Random) -> Iterator[list[Claim]]:
    """Runs of a summary's true sentences, some of which are wrong or another record's."""
    left = _ROUNDS * [Claim(piece.text, None) for piece in reference_sentences(record, summary)]
    others = [piece.text for piece in sentences(foreign) if not _stands(piece.text, record)]
    while len(left) > 1:
        length = rng.choice(_LENGTHS)
        text, left = left[:length], left[length:]
        yield [_spoilt(claim, others, record, rng) if rng.random() < _WRONG else claim for claim in text]


def _spoilt(claim: Claim, others: Sequence[str], record: Record, rng: Random) -> Claim:
    """The claim with an error, or another record's in its place; as it was where neither can be made."""
    if others and rng.random() < 0.5:
        return Claim(rng.choice(others), Category.ADDITION)
    changed = _errors(claim.text, record, rng, Wording.TRAIN)
    return Claim(changed[0].text, changed[0].category) if changed else claim


def unseen_claims(sources: Iterable[Source], *, seed: int, each: int = 100) -> list[tuple[str, Claim]]:
    """(record, claim) as ``even_claims`` makes them, in wordings that none is trained on."""
    made = even_claims(sources, seed=seed, each=each, wording=Wording.TEST)
    return [(record.source, claim) for record, claim in made]


def even_claims(
    sources: Iterable[Source], *, seed: int, each: int, wording: Wording
) -> list[tuple[Record, Claim]]:
    """``each`` errors of every category, as far as they can be made, and the untouched sentences they were put into."""
    rng = Random(seed)
    pool = []
    for source in sources:
        record = Record(source["source"])
        pool += [(record, piece.text) for piece in true_sentences(record, source["target"])]
    rng.shuffle(pool)
    chosen: list[tuple[Record, Claim]] = []
    used: set[int] = set()
    for category in Category:
        found = 0
        for number, (record, text) in enumerate(pool):
            if found < each and (changed := perturb(text, category, record, rng, wording)):
                chosen.append((record, Claim(changed.text, category)))
                used.add(number)
                found += 1
    return chosen + [(pool[number][0], Claim(pool[number][1], None)) for number in sorted(used)]
