"""What the engine saves by keeping its key-value cache in 8 bits, and whether greedy answers stay the same.

    python benchmarks/bench_kv_cache.py MODEL.gguf ROWS.jsonl [--rows 20] [--context-tokens 4096]

Serves the file as the engine does (four requests' room), once for each type of cache in a process of its own, and asks
it the first rows one after the other. Prints memory and time, how many answers differ from the 16-bit cache's, and
ROUGE-1 against the rows' summaries.
"""

import argparse
import json
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import xllamacpp

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

from jobs.decoding import PARAMETERS  # noqa: E402
from jobs.metrics import rouge  # noqa: E402
from jobs.model_server import PARALLEL_REQUESTS  # noqa: E402
from jobs.prompts import messages, tidy  # noqa: E402

ON = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
AUTO = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_AUTO
F16, Q8_0 = xllamacpp.ggml_type.GGML_TYPE_F16, xllamacpp.ggml_type.GGML_TYPE_Q8_0
CACHES = {
    "f16": (F16, F16, AUTO),
    "f16 again": (F16, F16, AUTO),
    "keys q8_0": (Q8_0, F16, AUTO),
    "both q8_0": (Q8_0, Q8_0, ON),
}
"""Types of keys and values, and flash attention: values in 8 bits need it."""


def ask(arguments: argparse.Namespace) -> dict[str, Any]:
    """In a process of its own: what the file answers with one type of cache, and what that took."""
    keys, values, flash = CACHES[arguments.cache]
    params = xllamacpp.CommonParams()
    params.model.path = arguments.model
    params.n_parallel = PARALLEL_REQUESTS
    params.n_ctx = PARALLEL_REQUESTS * arguments.context_tokens
    params.cache_type_k, params.cache_type_v = keys, values
    params.flash_attn_type = flash
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = len(
        psutil.Process().cpu_affinity() or [0]
    )
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [secrets.token_urlsafe(32)]
    params.fit_params = params.ui = False
    params.cache_ram_mib = 0
    params.verbosity = 1
    serving = xllamacpp.Server(params)
    memory = psutil.Process().memory_info
    headers = {"Authorization": f"Bearer {params.api_keys[0]}"}
    loaded, texts, began = memory().rss, [], time.monotonic()
    with httpx.Client(base_url=serving.listening_address, headers=headers, timeout=600) as client:
        for row in read(arguments):
            chat = messages(tidy(row["source"]), row.get("section", ""))
            asked = {"messages": chat, "max_tokens": arguments.max_new_tokens, **PARAMETERS}
            said = client.post("/v1/chat/completions", json=asked).raise_for_status().json()
            texts.append(said["choices"][0]["message"]["content"])
    return {
        "texts": texts,
        "rouge1": rouge(
            [
                {"reference": row["target"], "prediction": text}
                for row, text in zip(read(arguments), texts, strict=True)
            ]
        )["rouge1"],
        "loaded_mb": loaded / 1e6,
        "after_mb": memory().rss / 1e6,
        "seconds": time.monotonic() - began,
    }


def read(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    lines = Path(arguments.rows_file).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[: arguments.rows]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("rows_file")
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--context-tokens", type=int, default=4096)
    parser.add_argument("--max-new-tokens", type=int, default=96)
    parser.add_argument("--cache", choices=CACHES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cache:
        print(json.dumps(ask(arguments)))
        return
    before: list[str] = []
    for cache in CACHES:
        command = [sys.executable, __file__, *sys.argv[1:], "--cache", cache]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        before = before or found["texts"]
        differ = sum(ours != theirs for ours, theirs in zip(before, found["texts"], strict=True))
        print(
            f"{cache:<10} {found['loaded_mb']:6.0f} MB loaded, {found['after_mb']:6.0f} MB after, "
            f"{found['seconds']:6.0f} s, {differ} of {len(before)} answers differ, "
            f"ROUGE-1 {found['rouge1']:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
