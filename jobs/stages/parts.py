"""A row as token ids: one of its own, or several where record and summary together are longer than a model reads."""

from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from jobs.long_records import LEAST_TOKENS, PIECE, split
from jobs.long_summaries import deal
from jobs.stages.checks import Encoded
from jobs.stages.rows import Row
from jobs.stages.tokens import encode


@dataclass(frozen=True)
class Parts:
    """What is trained on of a row, and what had to be left out of it."""

    rows: list[Encoded]
    without_summary: int = 0
    """Pieces of the record that no sentence of the summary comes from: there is nothing to learn from them."""
    unsupported_sentences: int = 0
    """Sentences of the summary that come from nowhere in the record: they would teach to invent."""

    @property
    def is_split(self) -> bool:
        return self.rows[0].id != self.rows[0].of

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "parts": len(self.rows),
            "without_summary": self.without_summary,
            "unsupported_sentences": self.unsupported_sentences,
        }


def encode_in_parts(tokenizer: PreTrainedTokenizerBase, row: Row, limit: int) -> Parts:
    """The row in as many parts of at most ``limit`` tokens as it takes, each with its share of the summary.

    Where even small pieces do not make it fit, because one of them supports too much of a long summary, the row
    comes back whole: it is for ``checks.too_long`` to name it.
    """
    whole = _encoded(tokenizer, row, row["id"], row["source"], row["target"])
    if len(whole) <= limit:
        return Parts([whole])
    around = len(encode(tokenizer, "", row["target"], row["section"])[0])
    for share in (PIECE, PIECE / 2, PIECE / 4):
        room = int(limit * share) - around
        if room < LEAST_TOKENS:
            break
        pieces = split(
            row["source"], lambda text: len(tokenizer(text, add_special_tokens=False).input_ids), room
        )
        shares, unsupported = deal(row["target"], pieces)
        dealt = [(piece, summary) for piece, summary in zip(pieces, shares, strict=True) if summary]
        rows = [
            _encoded(tokenizer, row, f"{row['id']}/{number}", piece, summary)
            for number, (piece, summary) in enumerate(dealt, start=1)
        ]
        if rows and max(map(len, rows)) <= limit:
            return Parts(rows, len(pieces) - len(rows), len(unsupported))
    return Parts([whole])


def _encoded(tokenizer: PreTrainedTokenizerBase, row: Row, id: str, source: str, target: str) -> Encoded:
    prompt, completion = encode(tokenizer, source, target, row["section"])
    read_back = tokenizer.decode(completion, clean_up_tokenization_spaces=False)
    return Encoded(id, row["id"], row["split"], prompt, completion, target, read_back)
