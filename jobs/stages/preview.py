"""What is trained, masked and cut, token by token, for a few rows: the file that a page and a command show.

The ids are those of the prepared rows, turned back into text one by one, so that it shows what the trainer gets and
not what somebody meant. Knows nothing of pages.
"""

import random
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from tokenizers.decoders import DecodeStream
from transformers import PreTrainedTokenizerBase

from jobs.rundir import write_json_atomic
from jobs.stages.checks import Encoded, Finding, Marks

NAME = "preview.json"
RANDOM_ROWS = 3
FAULTY_ROWS = 4


def write_preview(
    folder: Path,
    shown: Sequence[tuple[Encoded, list[str]]],
    findings: Sequence[Finding],
    *,
    tokenizer: PreTrainedTokenizerBase,
    marks: Marks,
    limit: int,
) -> Path:
    """{limit, findings, examples: [{id, split, why, prompt_tokens, summary_tokens, pieces: [{kind, tokens}]}]}.

    ``kind`` is "bos", "masked", "trained", "end" or, for what is beyond ``limit``, "cut". A token that is only a part
    of a letter has an empty text; the letter stands at its last one.
    """
    examples = [
        {
            "id": row.id,
            "split": row.split,
            "why": why,
            "prompt_tokens": len(row.prompt),
            "summary_tokens": len(row.completion),
            "pieces": _pieces(row, tokenizer, marks, limit),
        }
        for row, why in shown
    ]
    told = [
        {"what": each.what, "to_do": each.to_do, "ids": list(each.found), "can_leave_out": each.can_leave_out}
        for each in findings
    ]
    path = folder / NAME
    write_json_atomic(path, {"limit": limit, "findings": told, "examples": examples})
    return path


def choose(
    rows: Sequence[Encoded], trained: Sequence[Encoded], findings: Sequence[Finding], seed: int
) -> list[tuple[Encoded, list[str]]]:
    """A few rows worth a look, and why: of all ``rows`` those at fault, then some of those that are trained on.

    Faults that are found before there are tokens have no row here.
    """
    faults = {id: finding.what for finding in findings for id in finding.found}
    chosen = [(row, faults[row.id]) for row in rows if row.id in faults][:FAULTY_ROWS]
    if trained:
        chosen += [
            (trained[0], "the first"),
            (max(trained, key=len), "the longest"),
            (min(trained, key=len), "the shortest"),
        ]
        chosen += [(row, "a part of a long record") for row in trained if row.id != row.of][:1]
        drawn = random.Random(seed).sample(trained, min(RANDOM_ROWS, len(trained)))
        chosen += [(row, "drawn at random") for row in drawn]
    reasons: dict[str, tuple[Encoded, list[str]]] = {}
    for row, why in chosen:
        reasons.setdefault(row.id, (row, []))[1].append(why)
    return list(reasons.values())


def _pieces(
    row: Encoded, tokenizer: PreTrainedTokenizerBase, marks: Marks, limit: int
) -> list[dict[str, Any]]:
    kinds = [
        *("bos" if id == marks.bos else "masked" for id in row.prompt[:1]),
        *["masked"] * len(row.prompt[1:]),
    ]
    kinds += ["end" if id in marks.ends else "trained" for id in row.completion]
    kinds = [kind if place < limit else "cut" for place, kind in enumerate(kinds)]
    # Apart, as they were made: a letter does not reach from one into the other.
    texts = [*_texts(row.prompt, tokenizer), *_texts(row.completion, tokenizer)]
    grouped = groupby(zip(kinds, texts, strict=True), key=lambda pair: pair[0])
    return [{"kind": kind, "tokens": [text for _, text in pairs]} for kind, pairs in grouped]


def _texts(ids: Iterable[int], tokenizer: PreTrainedTokenizerBase) -> list[str]:
    stream = DecodeStream(skip_special_tokens=False)
    return [stream.step(tokenizer.backend_tokenizer, id) or "" for id in ids]
