"""Dialogues with identifiers of all eighteen Safe Harbor kinds inserted, and how many of them the scrubber finds.

    python benchmarks/phi_inserted.py --seed 7 [--unseen] --score [--misses 20] [--out FILE]

Reads the 40 visits of ACI-Bench test1 and the 100 dialogues of MTS-Dialog valid from the open data folder, adds turns
and sentences with invented identifiers, and medical words that must stay, and writes {text, spans} rows. Half of the
ACI-Bench visits keep their own style in what is added: lower case, a space before each punctuation mark. Names that
stood in the dialogues already are not in the gold spans, so precision means nothing here; the share of other letters
that is redacted is printed as the most that could be wrong.
Two files hold the carriers; ``--unseen`` takes the second, of which no miss is ever printed, so no rule can have been
fitted to it. It knows nothing of the rules, the word lists or the tagger's training text: carriers and values are its own.
"""

import argparse
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT / "benchmarks")]

from phi_values import SLOTS, Values, read_sections  # noqa: E402

from privacy.kinds import Span  # noqa: E402
from privacy.labels import gold_spans  # noqa: E402
from privacy.scoring import Score, missed, score  # noqa: E402

HERE = Path(__file__).parent
DATA = ROOT.parent / "shared" / "data"
LEAST, MOST = 9, 14  # a text has between these, and one or two more where its last carrier holds several
COMMON = ("NAME", "LOCATION", "DATE")  # come twice as often as the other kinds
PLAIN_STYLE = 0.5
_TURN = re.compile(r"\s*\[?(?P<speaker>[A-Za-z_ ]{2,20})(?:\]|:)")
_SLOT = re.compile(r"\{(\w*)\}")
_MARK = re.compile(r"\s*([,.?!;])(?=\s|$)")


@dataclass
class Piece:
    """A stretch of a text and the spans in it."""

    text: str = ""
    spans: list[tuple[int, int, str]] = field(default_factory=list)

    def add(self, text: str, label: str = "") -> None:
        if label:
            self.spans.append((len(self.text), len(self.text) + len(text), label))
        self.text += text

    def extend(self, other: "Piece") -> None:
        self.spans += [
            (start + len(self.text), end + len(self.text), label) for start, end, label in other.spans
        ]
        self.text += other.text


@dataclass(frozen=True)
class Turn:
    """What one speaker (D or P) says, and what the other answers."""

    speaker: str
    pieces: list[Piece]


@dataclass(frozen=True)
class Gold:
    """A text, its inserted identifiers as (start, end, kind), and the medical words inserted in it."""

    text: str
    spans: list[tuple[int, int, str]]
    medical: list[str]

    def row(self) -> dict[str, Any]:
        spans = [{"start": start, "end": end, "label": label} for start, end, label in self.spans]
        return {"text": self.text, "spans": spans, "medical": self.medical}


def read_dialogues(data: Path) -> list[str]:
    """The sources: ACI-Bench test1 without the turn numbers DocLens gave them, then MTS-Dialog valid."""
    visits = _rows(data / "grounding" / "aci-test1-reference-claims.jsonl")
    short = _rows(data / "summaries" / "mts-dialog.valid.jsonl")
    return [re.sub(r"(?m)^\[\d+\]", "", row["source"]) for row in visits] + [row["source"] for row in short]


def insert(dialogues: Sequence[str], seed: int, unseen: bool = False) -> list[Gold]:
    """Each dialogue with LEAST or more identifiers, the kinds in turn, and an equal share of the medical words."""
    rng = random.Random(seed)
    values, kinds, carriers = Values(seed), _kinds_in_turn(rng), _carriers(unseen)
    words = [(section, word) for section, entries in medical_words().items() for word in entries]
    rng.shuffle(words)
    made = []
    for number, dialogue in enumerate(dialogues):
        own = words[number :: len(dialogues)]
        plain = dialogue == dialogue.lower() and rng.random() < PLAIN_STYLE
        turns: list[Turn] = []
        wanted = rng.randint(LEAST, MOST)
        while sum(len(piece.spans) for turn in turns for piece in turn.pieces) < wanted:
            speaker, carrier = rng.choice(carriers[next(kinds)])
            turns.append(_fill(speaker, carrier, lambda slot: (values.make(slot), SLOTS[slot]), plain))
        for section, word in own:
            speaker, carrier = rng.choice(carriers[section])
            turns.append(_fill(speaker, carrier, lambda _, word=word: (word, ""), plain))
        rng.shuffle(turns)
        piece = _weave(dialogue, turns, rng)
        made.append(Gold(piece.text, piece.spans, [word for _, word in own]))
    return made


def medical_words() -> dict[str, list[str]]:
    return read_sections(HERE / "medical_words.txt", ";")


def touched_words(texts: Iterable[Gold], find: Callable[[str], Sequence[Span]]) -> list[str]:
    """The medical words of which ``find`` covers a letter or digit anywhere outside the inserted identifiers."""
    words = sorted((word for entries in medical_words().values() for word in entries), key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)
    by_folded = {word.lower(): word for word in words}
    touched = set()
    for gold in texts:
        inserted = {i for start, end, _ in gold.spans for i in range(start, end)}
        found = {i for span in find(gold.text) for i in range(span.start, span.end)} - inserted
        for match in pattern.finditer(gold.text):
            if any(i in found and gold.text[i].isalnum() for i in range(*match.span())):
                touched.add(by_folded[match.group().lower()])
    return sorted(touched)


def redacted_elsewhere(texts: Iterable[Gold], find: Callable[[str], Sequence[Span]]) -> float:
    """The share of letters and digits outside the inserted identifiers that ``find`` covers, rightly or wrongly."""
    redacted = whole = 0
    for gold in texts:
        inserted = {i for start, end, _ in gold.spans for i in range(start, end)}
        found = {i for span in find(gold.text) for i in range(span.start, span.end)}
        others = {i for i, character in enumerate(gold.text) if character.isalnum()} - inserted
        redacted += len(others & found)
        whole += len(others)
    return redacted / whole if whole else 0.0


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _carriers(unseen: bool) -> dict[str, list[tuple[str, str]]]:
    """(speaker, carrier) by the kind of each slot, and for medical words by section."""
    carriers: dict[str, list[tuple[str, str]]] = {}
    for line in _lines(HERE / ("phi_carriers_unseen.txt" if unseen else "phi_carriers.txt")):
        speaker, text = (part.strip() for part in line.split("|"))
        for kind in {SLOTS[slot] for slot in _SLOT.findall(text)} - {""}:
            carriers.setdefault(kind, []).append((speaker, text))
    for line in _lines(HERE / "medical_carriers.txt"):
        section, speaker, text = (part.strip() for part in line.split("|"))
        carriers.setdefault(section, []).append((speaker, text))
    return carriers


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def _kinds_in_turn(rng: random.Random) -> Iterator[str]:
    kinds = [*sorted(set(SLOTS.values()) - {""}), *COMMON]
    while True:
        rng.shuffle(kinds)
        yield from kinds


def _fill(speaker: str, carrier: str, value: Callable[[str], tuple[str, str]], plain: bool) -> Turn:
    """The carrier with ``value(slot)`` and its label in the slots, in the visit's plain style where asked."""
    pieces = []
    for part in map(str.strip, carrier.split("=>")):
        piece, at = Piece(), 0
        for slot in _SLOT.finditer(part):
            piece.add(_plain(part[at : slot.start()]) if plain else part[at : slot.start()])
            text, label = value(slot[1])
            piece.add(text.lower() if plain else text, label)
            at = slot.end()
        piece.add(_plain(part[at:]) if plain else part[at:])
        pieces.append(piece)
    return Turn(speaker, pieces)


def _plain(literal: str) -> str:
    return _MARK.sub(r" \1", literal.lower())


def _weave(dialogue: str, turns: Sequence[Turn], rng: random.Random) -> Piece:
    """The dialogue with our turns after its own, or at the end of one of the same speaker."""
    lines = dialogue.splitlines()
    speakers = _speakers(lines)
    places: dict[int, list[Turn]] = {}
    for turn in turns:
        places.setdefault(rng.randrange(len(lines)), []).append(turn)
    whole = Piece()
    for number, line in enumerate(lines):
        whole.add(line.rstrip())
        mark = _TURN.match(line)
        speaking = mark["speaker"].strip().lower() if mark else ""
        for turn in places.get(number, ()):
            who = turn.speaker
            for piece in turn.pieces:
                name = speakers[who].strip("[]: ").lower()
                ended = whole.text.endswith((".", "?", "!"))
                whole.add(" " if name == speaking and ended else f"\n{speakers[who]}")
                whole.extend(piece)
                speaking, who = name, "DP".replace(who, "")
        whole.add("\n")
    return whole


def _speakers(lines: Sequence[str]) -> dict[str, str]:
    """How this dialogue writes its two speakers."""
    if lines[0].lstrip().startswith("["):
        return {"D": "[doctor] ", "P": "[patient] "}
    return {"D": "Doctor: ", "P": "Patient: "}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of open data")
    parser.add_argument("--out", type=Path, help="write the rows here, one JSON object a line")
    parser.add_argument("--unseen", action="store_true", help="use the carriers no rule was fitted to")
    parser.add_argument("--score", action="store_true", help="score the scrubber on them")
    parser.add_argument(
        "--misses", type=int, default=0, metavar="N", help="print N missed identifiers with their text"
    )
    arguments = parser.parse_args()
    if arguments.unseen and arguments.misses:
        parser.error("the misses of unseen carriers stay unseen")
    if not arguments.data.is_dir():
        sys.exit(f"The open data is not at {arguments.data}; name its folder with --data.")
    texts = insert(read_dialogues(arguments.data), arguments.seed, arguments.unseen)
    if arguments.out:
        lines = (json.dumps(gold.row(), ensure_ascii=False) + "\n" for gold in texts)
        arguments.out.write_text("".join(lines), encoding="utf-8")
    if arguments.score or arguments.misses:
        report(texts, arguments.misses)


def report(texts: Sequence[Gold], misses: int) -> None:
    from privacy.engine import get_scrubber

    found = {gold.text: get_scrubber().find(gold.text) for gold in texts}
    pairs = [(gold.text, gold_spans(gold.text, gold.row()["spans"])) for gold in texts]
    result: Score = score(pairs, found.__getitem__)
    counts = Counter(str(span.kind) for _, spans in pairs for span in spans)
    print(f"{result.texts} texts, {result.spans} identifiers: recall {result.recall:.4f}")
    for kind, recall in result.recall_by_kind.items():
        print(f"  {kind:<14}{counts[kind]:>6}{recall:>9.4f}{result.partial_by_kind[kind]:>9.4f} partial")
    print(
        f"letters redacted outside them: {redacted_elsewhere(texts, found.__getitem__):.2%} (names the dialogues had too)"
    )
    touched = touched_words(texts, found.__getitem__)
    print(
        f"medical_touched {len(touched)} of {sum(map(len, medical_words().values()))}: {'; '.join(touched)}"
    )
    for text, span in list(missed(pairs, found.__getitem__))[:misses]:
        before, after = text[max(0, span.start - 40) : span.start], text[span.end : span.end + 25]
        print(f"  {span.kind:<13}{before!r} >>{text[span.start : span.end]}<< {after!r}")


if __name__ == "__main__":
    main()
