"""The detector's speed and memory, and its recall of errors put into sentences it has not seen.

    python benchmarks/bench_grounding.py [--json] [--rounds 9] [--each 100] [--seed 5] [--write GOLD.jsonl]

Speed: 20 sentences of a note against a record of 1,500 words, the record read anew each time, the median of the rounds.
Memory is the process's own peak after that. Recall: 12 kinds of error, ``--each`` of every kind, in wordings that none is
trained on, made from ACI-Bench valid and MTS-Dialog valid where the open data is there, else from the sample clinic;
beside them their untouched sentences. ``--write`` keeps that set as a file for manage.py score_grounding.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "summaries"
VALID = ("aci-bench.valid.jsonl", "mts-dialog.valid.jsonl")
WORDS, SENTENCES = 1500, 20
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

from grounding.detector import Detector, get_detector  # noqa: E402
from grounding.evidence import Record  # noqa: E402
from grounding.pieces import sentences  # noqa: E402
from grounding.scoring import area_under_curve, calibration_error  # noqa: E402
from grounding.training import Claim, unseen_claims  # noqa: E402
from sample_clinic.clinic import generate  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    detector, rows = get_detector(), sources()
    figures: dict[str, Any] = speed(detector, rows, arguments.rounds)
    claims = unseen_claims(rows, seed=arguments.seed, each=arguments.each)
    if arguments.write:
        write(arguments.write, claims)
    figures |= recall(detector, claims)
    print(json.dumps(figures) if arguments.json else "\n".join(f"{k:<28}{v:>12}" for k, v in figures.items()))


def sources() -> list[dict[str, str]]:
    files = [DATA / name for name in VALID if (DATA / name).is_file()]
    if not files:
        print("The open data is not there; the sample clinic's records stand in.", file=sys.stderr)
        return [{"source": each.source, "target": each.target} for each in generate(99, 120)]
    return [json.loads(line) for file in files for line in file.open(encoding="utf-8")]


def speed(detector: Detector, rows: list[dict[str, str]], rounds: int) -> dict[str, float]:
    words = " ".join(row["source"] for row in rows).split(" ")[:WORDS]
    record = " ".join(words)
    texts = [piece.text for row in rows for piece in sentences(row["target"])][:SENTENCES]
    summary = "\n".join(texts)
    taken = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        detector.judge(record, summary)
        taken.append(time.perf_counter() - began)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"milliseconds": round(1000 * statistics.median(taken[1:])), "peak_mb": round(memory)}


def recall(detector: Detector, claims: list[tuple[str, Claim]]) -> dict[str, float]:
    flags: dict[str, list[bool]] = defaultdict(list)
    chances, wrong = [], []
    record = Record("")
    for source, claim in claims:
        record = record if record.source == source else Record(source)
        judged = detector.judge_against(record, claim.text)
        flags[claim.category.value if claim.category else "untouched"].append(judged.flagged)
        chances.append(judged.probability)
        wrong.append(float(claim.category is not None))
    untouched = flags.pop("untouched")
    errors = [flag for each in flags.values() for flag in each]
    return {
        "errors": len(errors),
        "untouched": len(untouched),
        **{f"recall {name}": round(statistics.fmean(each), 4) for name, each in flags.items()},
        "recall": round(statistics.fmean(errors), 4),
        "untouched flagged": round(statistics.fmean(untouched), 4),
        "auroc": round(area_under_curve(chances, wrong), 4),
        "ece": round(calibration_error(chances, wrong), 4),
    }


def write(path: Path, claims: list[tuple[str, Claim]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for source, claim in claims:
            row = {"source": source, "claim": claim.text, "hallucinated": int(claim.category is not None)}
            file.write(json.dumps({**row, "type": claim.category or "untouched"}) + "\n")


if __name__ == "__main__":
    main()
