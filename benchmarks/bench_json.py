"""Whether a real model's problem lists hold to their schema: the style as the endpoint asks for it, on real records.

    python benchmarks/bench_json.py ROWS.jsonl… [--model FILE.gguf] [--limit 200] [--json]

Each line of the files holds {source}. Every answer is parsed and validated by jsonschema-rs, not by the code that asked for
it. Prints {asked, held, cut_off, problems, seconds_per_answer}.
"""

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

import jsonschema_rs  # noqa: E402

from jobs.model_server import PARALLEL_REQUESTS, temporary_server  # noqa: E402
from summaries.engine import Completion, EngineClient  # noqa: E402
from summaries.styles import STYLES  # noqa: E402

STYLE = STYLES["problem-list"]
MODEL = ROOT / "var" / "models" / "smollm2-135m" / "model.gguf"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.rows, arguments.model, arguments.limit)
    print(json.dumps(figures) if arguments.json else "\n".join(f"{k:<20} {v}" for k, v in figures.items()))


def measure(files: list[Path], model: Path, limit: int) -> dict[str, Any]:
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    sources = [json.loads(line)["source"] for line in lines[:limit]]
    with (
        tempfile.TemporaryDirectory() as scratch,
        temporary_server(model, var=Path(scratch)) as (port, key),
        ThreadPoolExecutor(PARALLEL_REQUESTS) as pool,
    ):
        client = EngineClient.at(port, key, timeout_seconds=600)
        began = time.monotonic()
        answers = list(pool.map(lambda source: ask(client, source), sources))
        seconds = time.monotonic() - began
    problems = [len(held["problems"]) for held in map(parsed, answers) if held is not None]
    return {
        "asked": len(answers),
        "held": len(problems),
        "cut_off": sum(answer.finish_reason == "length" for answer in answers),
        "problems": sum(problems),
        "seconds_per_answer": round(seconds / len(answers), 2),
    }


def ask(client: EngineClient, source: str) -> Completion:
    pieces = client.stream("", STYLE.prompt(source))
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            answer: Completion = end.value
            return answer


def parsed(answer: Completion) -> dict[str, Any] | None:
    """None for an answer that is no JSON, or not of the schema."""
    try:
        held: dict[str, Any] = json.loads(answer.text)
    except ValueError:
        return None
    return held if jsonschema_rs.is_valid(dict(STYLE.json_schema or {}), held) else None


if __name__ == "__main__":
    main()
