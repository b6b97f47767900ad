"""Generated tokens a second and the time to the first token: the bare xllamacpp server, and the same one behind Precis.

    python benchmarks/bench_serving.py [--json] [--model FILE.gguf] [--requests 32] [--clients 1 4 16]

One model server answers both sides, so that the same weights, threads and cache count. The bare side asks it at its own
port with the prompts that Precis would send; ours goes through the key, the scrubber, the queue, the audit entry and the
saved summary, over HTTP to gunicorn, with OpenAI's streaming chat. The sides take turns, a round of requests each, so
that a busy machine favours neither; every request has a record of its own, so that only the instruction can be cached.

Prompts of both sides are scrubbed, so that they are equally long; the bare side's before its clock starts. Answers end at
``--tokens`` or where the model ends them.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT), str(ROOT / "tests")]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pytest_settings")

import django  # noqa: E402
import httpx  # noqa: E402

django.setup()

from jobs.decoding import PARAMETERS  # noqa: E402
from jobs.prompts import messages  # noqa: E402
from privacy.engine import get_scrubber  # noqa: E402
from privacy.placeholders import replace  # noqa: E402
from sample_clinic import generate  # noqa: E402
from tests.e2e.installation import Installation, wait_for  # noqa: E402
from tests.e2e.serving import deploy_model, web_server  # noqa: E402

MODEL = ROOT / "var" / "models" / "smollm2-135m" / "model.gguf"
PORT = 8765
SCRUBBED_WORDS = 1000
SCRUB_ROUNDS, PREFIX_ROUNDS = 20, 5


@dataclass
class Side:
    """One way to ask: where, with which headers, and what to send for a record."""

    url: str
    headers: dict[str, str]
    body: Callable[[str], dict[str, Any]]
    """Made of a record before the clock starts."""
    tokens: int = 0
    seconds: float = 0.0
    first_ms: list[float] = field(default_factory=list)

    def round(self, records: list[str], clients: int) -> None:
        bodies = [self.body(record) for record in records]
        started = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            answers = list(pool.map(self._ask, bodies))
        self.seconds += time.perf_counter() - started
        self.tokens += sum(tokens for tokens, _ in answers)
        self.first_ms += [first_ms for _, first_ms in answers]

    def _ask(self, body: dict[str, Any]) -> tuple[int, float]:
        """Generated tokens, and milliseconds until the first piece of text."""
        started, first_ms, tokens = time.perf_counter(), 0.0, 0
        with (
            httpx.Client(trust_env=False, timeout=300) as client,
            client.stream("POST", self.url, json=body, headers=self.headers) as answer,
        ):
            answer.raise_for_status()
            for line in answer.iter_lines():
                if not line.startswith("data: {"):
                    continue
                event = json.loads(line.removeprefix("data: "))
                if not first_ms and any(choice["delta"].get("content") for choice in event["choices"]):
                    first_ms = 1000 * (time.perf_counter() - started)
                tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
        return tokens, first_ms


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--requests", type=int, default=64, help="a side, for each number of clients")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--tokens", type=int, default=96, help="the longest answer")
    arguments = parser.parse_args()
    with serving(arguments.model) as (engine, web, key):
        figures = {
            "clients": {
                str(clients): compare(engine, web, key, clients, arguments.requests, arguments.tokens)
                for clients in arguments.clients
            },
            "scrub_1000_words_ms": round(scrub_ms(), 1),
            "prefix_saving": round(prefix_saving(engine), 3),
        }
    print(json.dumps(figures) if arguments.json else json.dumps(figures, indent=2))


@contextmanager
def serving(model: Path) -> Iterator[tuple[dict[str, Any], str, str]]:
    """An installation of its own: the address of its model server, that of its web server, and a key."""
    with tempfile.TemporaryDirectory(prefix="precis-serving-") as folder:
        var = Path(folder)
        environment = {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
            "PRECIS_VAR": str(var),
            "PRECIS_ENGINE_QUEUE": "64",
            "DATABASE_URL": f"sqlite:///{var / 'bench.sqlite3'}",
            "BROKER_URL": f"folder://{var / 'broker'}",
        }
        installation = Installation(var, environment)
        try:
            key, sha256 = deploy_model(installation, model)
            installation.start("engine", "-m", "jobs.engine", "--var", str(var))
            live = var / "engine" / "live.json"
            wait_for(
                lambda: live.exists() and sha256 in json.loads(live.read_text())["models"], 120, "the model"
            )
            with web_server(installation, PORT) as web:
                yield json.loads(live.read_text())["models"][sha256], web, key
        finally:
            installation.close()


def compare(
    engine: dict[str, Any], web: str, key: str, clients: int, requests: int, tokens: int
) -> dict[str, float]:
    """Both sides in turn, ``clients`` at a time, rounds of four requests a client."""
    stream = {"max_tokens": tokens, "stream": True, "stream_options": {"include_usage": True}}
    bare = Side(
        f"http://127.0.0.1:{engine['port']}/v1/chat/completions",
        {"Authorization": f"Bearer {engine['api_key']}"},
        lambda record: {**PARAMETERS, **stream, "messages": messages(scrubbed(record))},
    )
    ours = Side(
        f"{web}/v1/chat/completions",
        {"Authorization": f"Bearer {key}"},
        lambda record: {**stream, "model": "precis", "messages": [{"role": "user", "content": record}]},
    )
    size = max(clients, min(requests, 4 * clients))
    for side in (bare, ours):  # connections, caches and the scrubber warm up outside the count
        side.round(records(clients, f"warm {side.url}"), clients)
        side.tokens, side.seconds, side.first_ms = 0, 0.0, []
    for number in range(max(1, requests // size)):
        pair = (bare, ours) if number % 2 == 0 else (ours, bare)
        for side in pair:
            name = "bare" if side is bare else "ours"
            side.round(records(size, f"{name} {clients} {number}"), clients)
            print(f"{clients} clients, round {number + 1}, {name}", file=sys.stderr)
    bare_speed, our_speed = bare.tokens / bare.seconds, ours.tokens / ours.seconds
    return {
        "bare_tokens_per_s": round(bare_speed, 1),
        "ours_tokens_per_s": round(our_speed, 1),
        "ratio": round(our_speed / bare_speed, 3),
        "bare_ttft_ms_p50": round(statistics.median(bare.first_ms), 1),
        "ours_ttft_ms_p50": round(statistics.median(ours.first_ms), 1),
    }


@cache
def sample_texts() -> list[str]:
    return [sample.source for sample in generate(count=60)]


def scrubbed(text: str) -> str:
    return replace([text], [get_scrubber().find(text)]).texts[0]


def records(count: int, mark: str) -> list[str]:
    """Records nobody was asked about before: the mark stands first, so that nothing after it is cached."""
    samples = sample_texts()
    return [f"Visit {mark} {number}.\n{samples[number % len(samples)]}" for number in range(count)]


def scrub_ms() -> float:
    scrubber = get_scrubber()
    words = " ".join(sample_texts()).split()
    text = " ".join((words * (SCRUBBED_WORDS // len(words) + 1))[:SCRUBBED_WORDS])
    taken = []
    for number in range(SCRUB_ROUNDS):
        started = time.perf_counter()
        scrubber.find(f"{number} {text}")
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


def prefix_saving(engine: dict[str, Any]) -> float:
    """The part of the instruction's prompt time that a second request saves, by the server's own clock.

    The quickest of several tries on both sides: other work on the machine can only slow one down.
    """
    cold, warm = [], []
    for number in range(PREFIX_ROUNDS):
        # Words that share no beginning with the instruction push it out of every slot's cache.
        for slot in range(8):
            _prompt_ms(engine, [{"role": "user", "content": f"{number} {slot} zebra. " * 40}])
        cold.append(_prompt_ms(engine, messages(f"a{number}")))
        warm.append(_prompt_ms(engine, messages(f"b{number}")))
    return 1 - min(warm) / min(cold)


def _prompt_ms(engine: dict[str, Any], asked: list[dict[str, str]]) -> float:
    answer = httpx.post(
        f"http://127.0.0.1:{engine['port']}/v1/chat/completions",
        json={**PARAMETERS, "messages": asked, "max_tokens": 1},
        headers={"Authorization": f"Bearer {engine['api_key']}"},
        timeout=300,
        trust_env=False,
    )
    return float(answer.json()["timings"]["prompt_ms"])


if __name__ == "__main__":
    main()
