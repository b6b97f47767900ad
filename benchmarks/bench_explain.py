"""Explanations that still contradict the detector after filtering, with a small model as explainer, and what was filtered.

    python benchmarks/bench_explain.py [--json] [--base smollm2-135m | --model FILE.gguf] [--asked 500] [--seed 5] [--words FILE]

Sentences: errors of the detector's twelve kinds put into true sentences of ACI-Bench valid and MTS-Dialog valid, in wordings
that none is trained on (as bench_grounding), of which the detector flags ``--asked``. Each is asked about as the product
asks: same prompt, same schema, greedily.

An explanation that was kept counts as contradicting where one of these holds, judged by what was planted and by plain
words, not by the filter's own tables:
  kind    its category names another sort of error than the planted one, or none ("the record does not say it" is true of every
          planted error: the record holds none of them);
  value   it holds a number in digits, a placeholder or a drug's name that neither sentence nor evidence holds;
  agrees  it says in plain words that the sentence is supported, correct, consistent, accurate or confirmed, without "not" before.
``--words`` keeps every answer beside its sentence, to be read by a person. The open data holds no real patient.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT), str(ROOT / "benchmarks")]

from bench_grounding import sources  # noqa: E402

from grounding import explaining  # noqa: E402
from grounding.explaining import Flagged, Kind  # noqa: E402
from grounding.filtering import Explanation, judge_explanation  # noqa: E402
from grounding.findings import Category  # noqa: E402
from grounding.quantities import held  # noqa: E402
from grounding.training import unseen_claims  # noqa: E402
from jobs import catalogue  # noqa: E402
from jobs.model_server import temporary_server  # noqa: E402
from privacy import lexicon  # noqa: E402
from summaries.checking import check, flagged  # noqa: E402
from summaries.engine import EngineClient, Prompt  # noqa: E402

AMOUNT = {Kind.NUMBER}
PLANTED: dict[Category, set[Kind]] = {
    Category.NUMBER: AMOUNT,
    Category.DOSE: AMOUNT,
    Category.UNIT: AMOUNT,
    Category.FREQUENCY: AMOUNT,
    Category.DATE: AMOUNT,
    Category.AGE: AMOUNT,
    Category.SIDE: {Kind.MIXED_UP},
    Category.NEGATION: {Kind.AFFIRMED, Kind.DENIED},
    Category.CERTAINTY: {Kind.INCOMPLETE, Kind.AFFIRMED},
    Category.MEDICATION: {Kind.MIXED_UP},
    Category.PERSON: {Kind.PERSON, Kind.MIXED_UP},
    Category.ADDITION: set(),
}
ALWAYS = {Kind.MISSING, Kind.CONTRADICTED}
PLAINLY = re.compile(
    r"(?<!not )(?<!not the )\b(?:supported|correct|consistent|accurate|confirmed)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Row:
    """What was planted, what was asked, and what came of it."""

    planted: Category
    flagged: Flagged
    explanation: Explanation
    seconds: float

    @property
    def contradiction(self) -> str:
        """Why a kept explanation contradicts the detector; empty where it does not."""
        text, kind = self.explanation.text, self.explanation.kind
        if kind not in PLANTED[self.planted] | ALWAYS:
            return "kind"
        if values(text) - values(self.flagged.known) - heard(self.flagged.known):
            return "value"
        return "agrees" if PLAINLY.search(text) else ""


def values(text: str) -> set[str]:
    words = set(re.findall(r"[a-z]+", text.lower()))
    return {*re.findall(r"\d+(?:\.\d+)?|\[[A-Z_]+_\d+\]", text), *(words & lexicon.words("drugs"))}


def heard(text: str) -> set[str]:
    """Numbers that were spoken: a record says "forty", an explanation 40."""
    return {reading for each in held(text) for reading in each.readings}


def questions(count: int, seed: int) -> Iterator[tuple[Category, Flagged]]:
    """Flagged sentences with the error that was put into them; every kind of error has its share."""
    claims = unseen_claims(sources(), seed=seed, each=max(10, count // 6))
    wrong = [(source, claim.text, claim.category) for source, claim in claims if claim.category]
    Random(seed).shuffle(wrong)
    found = 0
    for source, text, category in wrong:
        checked = check(source, text, is_whole=False)
        worst = checked.worst_first if checked else []
        if checked and worst and found < count:
            found += 1
            yield category, flagged(worst[0], checked.lines, source=source, text=text)


def ask(client: EngineClient, planted: Category, about: Flagged) -> Row:
    prompt = Prompt(
        explaining.messages(about), explaining.MAX_NEW_TOKENS, json_schema=explaining.schema(about)
    )
    began = time.perf_counter()
    answer = "".join(client.stream("", prompt))
    return Row(planted, about, judge_explanation(answer, about), time.perf_counter() - began)


def figures(rows: list[Row]) -> dict[str, Any]:
    kept = [row for row in rows if row.explanation.is_kept]
    contradicting = Counter(row.contradiction for row in kept if row.contradiction)
    return {
        "asked": len(rows),
        "kept": len(kept),
        "filtered_share": round(1 - len(kept) / len(rows), 4),
        "contradicting_after_filter": sum(contradicting.values()),
        "contradicting_after_filter_share": round(sum(contradicting.values()) / max(1, len(kept)), 4),
        "contradicting_of_asked_share": round(sum(contradicting.values()) / len(rows), 4),
        "contradicting_by": dict(contradicting),
        "by_reason": dict(Counter(row.explanation.fault.value for row in rows if row.explanation.fault)),
        "by_category": dict(Counter(str(row.explanation.kind) for row in rows)),
        "seconds_per_explanation": round(sum(row.seconds for row in rows) / len(rows), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--asked", type=int, default=500)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--words", type=Path)
    arguments = parser.parse_args()
    base = catalogue.installed(arguments.base, ROOT / "var" / "models")
    model = arguments.model or base.gguf
    asked = list(questions(arguments.asked, arguments.seed))
    with (
        tempfile.TemporaryDirectory() as var,
        temporary_server(model, var=Path(var), chat_template=base.chat_template) as (port, key),
    ):
        client = EngineClient.at(port, key)
        rows = [ask(client, *each) for each in asked]
    if arguments.words:
        lines = [{**asdict(row), "contradiction": row.contradiction} for row in rows]
        arguments.words.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = {"explainer": model.parent.name, **figures(rows)}
    print(json.dumps(found) if arguments.json else "\n".join(f"{k:<34}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
