"""The detector: does the record bear a sentence out? Checks and a small cross-encoder, joined by a logistic decision.

The cross-encoder reads evidence and sentence together (a MiniLM fine-tuned by ``jobs/stages/train_grounder.py``), after
arXiv:2407.15441 and the small detector of arXiv:2408.12748. Pure inference on onnxruntime, without torch.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from grounding.decision import Decision, unread
from grounding.evidence import Record
from grounding.features import read
from grounding.findings import Category, Finding, How, proof
from grounding.pieces import Piece, sentences
from privacy.onnx import WeightsError, checked_card, session

WEIGHTS = Path(__file__).parent / "weights"
CHECKS_CARD = "checks.json"
"""The decision of the checks alone, and how it was fitted."""
LABELS = ("supported", "contradicted", "absent")
"""What the cross-encoder tells apart."""
MAX_TOKENS = 224
_BATCH = 8
Floats = npt.NDArray[np.float32]


class Verdict(StrEnum):
    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    ABSENT = "not in the record"
    UNSURE = "cannot tell"

    @property
    def is_flagged(self) -> bool:
        """Somebody should look."""
        return self in (Verdict.CONTRADICTED, Verdict.ABSENT)


@dataclass(frozen=True)
class Judgement:
    """``probability`` that the record does not bear the sentence out. ``evidence``: (start, end) in the record, the
    places that disagree first. ``category`` is None where the sentence stands.
    """

    sentence: Piece
    verdict: Verdict
    probability: float
    category: Category | None
    evidence: tuple[tuple[int, int], ...]
    findings: tuple[Finding, ...]

    @property
    def flagged(self) -> bool:
        return self.verdict.is_flagged

    @property
    def proven(self) -> bool:
        """An exact check found the record to say otherwise, or to hold no such thing."""
        return bool(proof(self.findings))


@dataclass(frozen=True)
class Judged:
    """A text as a whole: the probability that anything in it is wrong, and its sentences one by one."""

    probability: float
    flagged: bool
    sentences: tuple[Judgement, ...]

    @property
    def flagged_sentences(self) -> int:
        return sum(each.flagged for each in self.sentences)


class CrossEncoder:
    """Weights in a folder. ``read`` gives log-probabilities of LABELS, (pairs, 3). Threads may share one; it keeps no text."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self.card = checked_card(folder, "grounder")
        self._session = session(folder / "model.onnx", threads=threads)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        prepare(self._tokenizer)

    def read(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """``pairs`` of (evidence, sentence)."""
        result = np.zeros((len(pairs), len(LABELS)), dtype=np.float32)
        # Of like length together, so that little is padded.
        encoded = [encode(self._tokenizer, *pair) for pair in pairs]
        order = sorted(range(len(pairs)), key=lambda n: len(encoded[n][0]))
        for first in range(0, len(order), _BATCH):
            part = order[first : first + _BATCH]
            result[part] = self._run([encoded[n] for n in part])
        return result

    def _run(self, rows: list[tuple[list[int], list[int]]]) -> Floats:
        width = max(len(ids) for ids, _ in rows)
        ids, types, seen = (np.zeros((len(rows), width), dtype=np.int64) for _ in range(3))
        for number, (row, kinds) in enumerate(rows):
            ids[number, : len(row)], types[number, : len(row)], seen[number, : len(row)] = row, kinds, 1
        feed = {"input_ids": ids, "attention_mask": seen, "token_type_ids": types}
        logits = np.asarray(self._session.run(None, feed)[0], dtype=np.float32)
        shifted = logits - logits.max(-1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)), dtype=np.float32)


def prepare(tokenizer: Tokenizer) -> None:
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS, strategy="only_first")


def encode(tokenizer: Tokenizer, evidence: str, sentence: str) -> tuple[list[int], list[int]]:
    """Token numbers and types of a pair; evidence that is too long is cut, a very long sentence too."""
    encoding = tokenizer.encode(evidence, " ".join(sentence.split()[:90]))
    return encoding.ids, encoding.type_ids


class Detector:
    """Without ``encoder`` the checks alone decide; each case has a decision fitted for it."""

    def __init__(self, encoder: CrossEncoder | None, decision: Decision) -> None:
        self._encoder = encoder
        self._decision = decision

    def judge(self, source: str, text: str) -> Judged:
        """Every sentence of ``text`` against ``source``. A text that says nothing is borne out."""
        return self.judge_against(Record(source), text)

    def judge_against(self, record: Record, text: str) -> Judged:
        """As ``judge``, for a record that several texts are held against."""
        pieces = sentences(text)
        reads = [read(piece, record) for piece in pieces]
        logs = self._logs(
            [(record.shown(lines), piece.text) for piece, (lines, *_) in zip(pieces, reads, strict=True)]
        )
        odds = self._decision.log_odds(np.array([row for *_, row in reads]), logs) if pieces else np.zeros(0)
        judged = tuple(
            self._judgement(piece, record, lines, found, log, float(odd))
            for piece, (lines, found, _), log, odd in zip(pieces, reads, logs, odds, strict=True)
        )
        whole = self._decision.whole(odds)
        flagged = any(each.proven for each in judged) or whole >= self._decision.whole_threshold
        if len(judged) == 1:
            flagged = judged[0].flagged
        return Judged(whole, flagged, judged)

    def _logs(self, pairs: list[tuple[str, str]]) -> Floats:
        if self._encoder is None or not pairs:
            return np.asarray(unread(len(pairs)), dtype=np.float32)
        return self._encoder.read(pairs)

    def _judgement(
        self, piece: Piece, record: Record, lines: list[int], found: list[Finding], log: Floats, odds: float
    ) -> Judgement:
        probability = float(1 / (1 + np.exp(-odds)))
        verdict = self._verdict(probability, found, log)
        shown = [place for finding in found for place in finding.record] + [
            (record.lines[n].start, record.lines[n].end) for n in lines
        ]
        category = _category(found) if verdict is not Verdict.SUPPORTED else None
        return Judgement(piece, verdict, probability, category, tuple(dict.fromkeys(shown)), tuple(found))

    def _verdict(self, probability: float, found: list[Finding], log: Floats) -> Verdict:
        contradicted = {each.category for each in found if each.how in (How.CONTRADICTED, How.LIKELY)}
        if exact := proof(found):
            return Verdict.CONTRADICTED if How.CONTRADICTED in exact else Verdict.ABSENT
        if probability < self._decision.unsure and not contradicted:
            return Verdict.SUPPORTED
        if probability < self._decision.threshold:
            return Verdict.UNSURE
        return Verdict.CONTRADICTED if contradicted or log[1] > log[2] else Verdict.ABSENT


def _category(found: list[Finding]) -> Category:
    """The surest finding's; an addition where no check names another."""
    ranked = sorted(found, key=lambda each: (list(How).index(each.how), each.category is Category.ADDITION))
    return ranked[0].category if ranked else Category.ADDITION


@cache
def get_detector() -> Detector:
    """The shipped detector, loaded once: with its cross-encoder where one stands in ``weights``, else the checks alone.

    Raises WeightsError for files that do not belong together.
    """
    encoder = CrossEncoder(WEIGHTS) if (WEIGHTS / "card.json").is_file() else None
    try:
        card = encoder.card if encoder else json.loads((WEIGHTS / CHECKS_CARD).read_text(encoding="utf-8"))
        return Detector(encoder, Decision.from_card(card["decision"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"the grounder's decision: {type(error).__name__}") from None
