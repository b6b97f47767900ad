"""What an evaluation says of two models' answers: scores of each row, their means with intervals, and tables.

Values in, values out: knows nothing of engines, run folders or torch.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from grounding.detector import get_detector
from jobs.abstention import abstains
from jobs.copying import copied_ngrams, copying, words_of
from jobs.foreign_identifiers import foreign_identifiers
from jobs.metrics import FEWEST_TO_TEST, bootstrap, paired, rouge_per_row
from jobs.novel_numbers import novel_numbers
from jobs.stages.rows import Row

Scores = dict[str, list[float]]
"""Metric → one value per row, in the rows' order."""
Similarity = Callable[[Sequence[str], Sequence[str]], list[float]]
"""Closeness in meaning of each (reference, summary), x 100."""

IN_TABLES = ("rouge1", "rouge2", "rougeL", "similarity", "unsupported", "novel_numbers", "words")
"""What is told of each section and of each third of the lengths."""
MODELS = ("base", "tuned")
SAMPLES = 20


def score_rows(rows: list[Row], texts: dict[str, list[str]], similarity: Similarity | None) -> dict[str, Any]:
    """The scores of each row: {ids, digests, sections, source_words, base, tuned, reference}.

    ``texts`` are the answers of ``base`` and ``tuned`` in the rows' order. A digest tells whether two evaluations
    saw the same record and reference under an id.
    """
    sources, references = [row["source"] for row in rows], [row["target"] for row in rows]
    return {
        "ids": [row["id"] for row in rows],
        "digests": [digest(row) for row in rows],
        "sections": [row["section"] for row in rows],
        "source_words": [len(words_of(source)) for source in sources],
        **{name: score_texts(rows, texts[name], similarity) for name in MODELS},
        "reference": _rounded(_of_text(sources, references)),
    }


def score_texts(rows: list[Row], texts: list[str], similarity: Similarity | None) -> Scores:
    """One model's answers, in the rows' order."""
    references = [row["target"] for row in rows]
    scores = _of_text([row["source"] for row in rows], texts)
    scores |= rouge_per_row(list(zip(references, texts, strict=True)))
    if similarity is not None:
        scores["similarity"] = similarity(references, texts)
    return _rounded(scores)


def summarize(per_row: dict[str, Any], seed: int) -> dict[str, Any]:
    """What the pages show: means with intervals, differences between the models, and the tables."""
    every = list(range(len(per_row["ids"])))
    facts: dict[str, Any] = {
        name: _means(per_row[name], every, seed) | {"abstention": _abstention(per_row, name)}
        for name in (*MODELS, "reference")
    }
    facts["differences"] = differences(per_row["base"], per_row["tuned"], seed)
    facts["sections"] = [
        {"section": section} | _group(per_row, where, seed)
        for section, where in sorted(_by_section(per_row).items(), key=lambda each: (-len(each[1]), each[0]))
    ]
    facts["lengths"] = [
        {"from_words": per_row["source_words"][where[0]], "to_words": per_row["source_words"][where[-1]]}
        | _group(per_row, where, seed)
        for where in _thirds(per_row["source_words"])
    ]
    return facts


def differences(first: Scores, second: Scores, seed: int) -> dict[str, dict[str, float]]:
    """The paired test of each metric that both have; none when there are too few rows to tell."""
    if len(first["words"]) < FEWEST_TO_TEST:
        return {}
    return {name: paired(first[name], second[name], seed=seed) for name in first if name in second}


def draw_samples(rows: list[Row], texts: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Some rows side by side, by a draw that falls the same in every evaluation, so that two share many."""
    drawn = sorted(range(len(rows)), key=lambda at: hashlib.sha256(rows[at]["id"].encode()).digest())
    return [_sample(rows[at], {name: said[at] for name, said in texts.items()}) for at in drawn[:SAMPLES]]


def _of_text(sources: list[str], texts: list[str]) -> Scores:
    """What can be told of a summary and its record alone, without the reference."""
    scores: Scores = defaultdict(list)
    for source, text in zip(sources, texts, strict=True):
        coverage, density = copying(source, text)
        novel = len(novel_numbers(source, text))
        scores["unsupported"].append(100 * unsupported(source, text))
        scores["words"].append(len(text.split()))
        scores["coverage"].append(100 * coverage)
        scores["density"].append(density)
        scores["copied_4grams"].append(100 * copied_ngrams(source, text))
        scores["novel_numbers"].append(novel)
        scores["with_novel_numbers"].append(100 * (novel > 0))
        scores["foreign_identifiers"].append(len(foreign_identifiers(source, text)))
        scores["abstained"].append(100 * abstains(text))
    return dict(scores)


def unsupported(source: str, text: str) -> float:
    """The share of a summary's sentences that the grounding check flags."""
    judged = get_detector().judge(source, text)
    return judged.flagged_sentences / max(1, len(judged.sentences))


def _rounded(scores: Scores) -> Scores:
    return {name: [round(value, 4) for value in values] for name, values in scores.items()}


def digest(row: Row) -> str:
    """Of record, reference and section."""
    text = "\0".join(row[name] for name in ("source", "target", "section"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _means(scores: Scores, where: list[int], seed: int) -> dict[str, Any]:
    return {name: bootstrap([values[at] for at in where], seed=seed) for name, values in scores.items()}


def _abstention(per_row: dict[str, Any], name: str) -> dict[str, int]:
    """{said, rightly, expected}: rows that were left empty or said "none", also by the reference, and the reference's."""
    said = [value > 0 for value in per_row[name]["abstained"]]
    expected = [value > 0 for value in per_row["reference"]["abstained"]]
    rightly = sum(mine and due for mine, due in zip(said, expected, strict=True))
    return {"said": sum(said), "rightly": rightly, "expected": sum(expected)}


def _group(per_row: dict[str, Any], where: list[int], seed: int) -> dict[str, Any]:
    shown = {
        name: {metric: values for metric, values in per_row[name].items() if metric in IN_TABLES}
        for name in MODELS
    }
    return {"rows": len(where), **{name: _means(shown[name], where, seed) for name in MODELS}}


def _by_section(per_row: dict[str, Any]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for at, section in enumerate(per_row["sections"]):
        places[section].append(at)
    return places


def _thirds(lengths: list[int]) -> list[list[int]]:
    """The rows from the shortest to the longest record, in three parts of like size."""
    ordered = sorted(range(len(lengths)), key=lambda at: (lengths[at], at))
    bounds = [round(part * len(ordered) / 3) for part in range(4)]
    return [ordered[low:high] for low, high in pairwise(bounds) if low < high]


def _sample(row: Row, said: dict[str, str]) -> dict[str, Any]:
    said = {"reference": row["target"], **said}
    return {
        "id": row["id"],
        "section": row["section"],
        "source": row["source"],
        **said,
        "novel_numbers": {name: novel_numbers(row["source"], text) for name, text in said.items()},
    }
