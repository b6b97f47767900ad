"""A llama.cpp server for a stage's own use: what a model file answers is measured as the engine will serve it.

Knows the engine's library, nothing of torch.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx
import psutil
import xllamacpp

from jobs.adapters import Weights
from jobs.model_server import ModelNotServed, temporary_server
from jobs.prompts import messages
from jobs.stages.entry import StageRefusal

PARALLEL_REQUESTS = 4
REQUEST_SECONDS = 600.0


class Served(Protocol):
    """What a stage's spec says of the serving."""

    @property
    def context_tokens(self) -> int: ...
    @property
    def threads(self) -> int: ...


@contextmanager
def server(weights: Weights, spec: Served) -> Iterator[httpx.Client]:
    """A client of a llama.cpp server of our own for one model, on a loopback port behind a random key."""
    params = xllamacpp.CommonParams()
    params.model.path = str(weights.path)
    if weights.adapter:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(weights.adapter), 1.0)]
    params.n_parallel = PARALLEL_REQUESTS
    params.n_ctx = PARALLEL_REQUESTS * spec.context_tokens  # The library divides it among the slots.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = spec.threads
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [secrets.token_urlsafe(32)]
    params.chat_template = weights.chat_template or ""
    params.fit_params = params.ui = False
    params.cache_ram_mib = 0  # By default up to 8 GiB of old prompts stay in memory.
    params.verbosity = 1  # A warning may quote the request.
    serving = xllamacpp.Server(params)
    headers = {"Authorization": f"Bearer {params.api_keys[0]}"}
    with httpx.Client(base_url=serving.listening_address, headers=headers, timeout=REQUEST_SECONDS) as client:
        yield client
    del serving


@contextmanager
def server_alone(
    weights: Weights, context_tokens: int, scratch: Path
) -> Iterator[tuple[httpx.Client, psutil.Process]]:
    """The endpoint's own serving process with one model, so that its memory can be told. Raises StageRefusal."""
    try:
        with temporary_server(
            weights.path,
            var=scratch,
            context_tokens=context_tokens,
            chat_template=weights.chat_template,
            adapter=weights.adapter,
        ) as (port, key):
            (process,) = psutil.Process().children()
            address, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {key}"}
            with httpx.Client(base_url=address, headers=headers, timeout=REQUEST_SECONDS) as client:
                yield client, process
    except ModelNotServed as error:
        print((scratch / "log" / "engine.log").read_text(errors="replace"))
        raise StageRefusal(
            f"The engine cannot load {(weights.adapter or weights.path).name}; the stage's log says why."
        ) from error


def count_tokens(client: httpx.Client, text: str) -> int:
    """Of a bare text, without prompt or markers around it."""
    asked = {"content": text, "add_special": False, "parse_special": False}
    return len(client.post("/tokenize", json=asked).raise_for_status().json()["tokens"])


def prompt_tokens(client: httpx.Client, source: str, section: str) -> list[int]:
    """The token ids the engine makes of a prompt."""
    chat = {"messages": messages(source, section)}
    prompt = client.post("/apply-template", json=chat).raise_for_status().json()["prompt"]
    # As for a chat request: markers in the text count as such, and a BOS is added where the model wants one.
    asked = {"content": prompt, "add_special": True, "parse_special": True}
    return client.post("/tokenize", json=asked).raise_for_status().json()["tokens"]
