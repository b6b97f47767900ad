"""The file of examples that the tagger learns from: composed texts and woven ones, some held out, the same for a seed."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from privacy.kinds import Span
from sample_clinic.annotated.sources import Sources
from sample_clinic.annotated.texts import Find, compose, weave
from sample_clinic.clinic import generate

HELD_OUT_EVERY = 50
REVIEWED_TIMES = 5
_STEP, _STRETCH = 1500, 1800
_SAMPLE_RECORDS = 400


def write_examples(
    path: Path,
    *,
    seed: int,
    composed: int,
    woven: int,
    sources: Sources,
    open_texts: Iterable[str],
    find: Find,
    reviewed: Sequence[Mapping[str, Any]] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """JSON lines of {text, spans, held_out}: ``composed`` texts of carriers and ``woven`` ones of open texts, mixed.

    ``reviewed`` rows {text, spans}, what people corrected, follow a few times each. ``open_texts`` are read with those of the sample clinic; ``find`` marks what identifiers they hold already.
    """
    rng = Random(seed)
    texts = [*open_texts, *(record.source for record in generate(seed=99, count=_SAMPLE_RECORDS))]
    stretches = [text[at : at + _STRETCH] for text in texts for at in range(0, len(text), _STEP)]
    remembered = lru_cache(None)(find)
    total = composed + woven
    with path.open("w", encoding="utf-8") as file:
        for number in range(total):
            if rng.random() < composed / total:
                text, spans = compose(rng, sources)
            else:
                text, spans = weave(rng, sources, rng.choice(stretches), remembered)
            file.write(json.dumps(_row(text, spans, number % HELD_OUT_EVERY == 0), ensure_ascii=False) + "\n")
            on_progress(number + 1, total)
        for row in [*reviewed] * REVIEWED_TIMES:
            learned = {"text": row["text"], "spans": row["spans"], "held_out": False}
            file.write(json.dumps(learned, ensure_ascii=False) + "\n")


def _row(text: str, spans: Sequence[Span], held_out: bool) -> dict[str, object]:
    marked = [{"start": span.start, "end": span.end, "label": span.kind.value} for span in spans]
    return {"text": text, "spans": marked, "held_out": held_out}
