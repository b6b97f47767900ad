"""Which server has a model: ours, found in ``live.json``, or the one elsewhere in the clinic."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from summaries.engine.errors import EngineError, EngineUnavailable, KeyRefused, ServerGone, readable, refusal
from summaries.engine.servers import LlamaServer, OpenAIServer, Server
from summaries.engine.wire import Address, Wire

STARTING_SECONDS = 20.0
POLL_SECONDS = 0.2
LISTED_SECONDS = 5.0
"""So long a server's list of models is believed. Counting a chart's lines asks thousands of times."""
READY, SILENT, LOCKED, NOT_SERVED = (
    "ready",
    "not answering",
    "refuses the key",
    "does not serve this model",
)
PREFIX, DIGITS = "precis-", 12
LLAMA_CPP = "llamacpp"
"""What llama.cpp calls itself as the owner of the models that it lists."""


class Engine(Protocol):
    def server(self, sha256: str) -> Server:
        """Where the model whose file has this hash is served. Raises ``EngineUnavailable`` and ``ServerGone``."""
        ...

    def state(self, sha256: str) -> str:
        """``READY``, or why not."""
        ...

    def states(self) -> dict[str, str]:
        """By model hash, or the first twelve digits of it. Empty: nothing is served."""
        ...


class OwnEngine:
    """``jobs.engine`` on this machine. Its servers are swapped, so each is looked up for every request."""

    def __init__(self, var: Path, wire: Wire) -> None:
        self._live = var / "engine" / "live.json"
        self._wire = wire

    def server(self, sha256: str) -> Server:
        """One deployed a moment ago is waited for, one that failed is not."""
        give_up_at = time.monotonic() + STARTING_SECONDS
        while True:
            live = self._read_live()
            if entry := live.get("models", {}).get(sha256):
                return _of(entry)
            failure = live.get("errors", {}).get(sha256)
            if failure or not live or time.monotonic() > give_up_at:
                reason = failure or ("it is still starting" if live else "no engine is running")
                raise EngineUnavailable(f"The model is not being served: {reason}.")
            time.sleep(POLL_SECONDS)

    def state(self, sha256: str) -> str:
        live = self._read_live()
        if entry := live.get("models", {}).get(sha256):
            return state_of(_of(entry), self._wire)
        return str(live.get("errors", {}).get(sha256, SILENT))

    def states(self) -> dict[str, str]:
        live = self._read_live()
        models = live.get("models", {}).items()
        ready = {sha256: state_of(_of(entry), self._wire) for sha256, entry in models}
        return {**live.get("errors", {}), **ready}

    def _read_live(self) -> dict[str, Any]:
        try:
            live: dict[str, Any] = json.loads(self._live.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return live


class OneServer:
    """One of ours whose address is known, whatever the model."""

    def __init__(self, server: LlamaServer, wire: Wire) -> None:
        self._server, self._wire = server, wire

    def server(self, sha256: str) -> Server:
        return self._server

    def state(self, sha256: str) -> str:
        return state_of(self._server, self._wire)

    def states(self) -> dict[str, str]:
        return {"": self.state("")}


@dataclass(frozen=True)
class Listed:
    """A model as its server lists it."""

    owner: str
    context_tokens: int | None
    """What it reads and writes at once, where the server says."""


class OutsideEngine:
    """A server that the clinic runs elsewhere. It is asked for a model by name, and must list that name first:
    llama.cpp answers with whatever model it has, whichever it is asked for."""

    def __init__(self, address: Address, wire: Wire, model: str = "") -> None:
        self._address, self._wire, self._model = address, wire, model
        self._listed: dict[str, Listed] = {}
        self._listed_at = -LISTED_SECONDS

    def server(self, sha256: str) -> Server:
        if time.monotonic() - self._listed_at > LISTED_SECONDS:
            self._listed, self._listed_at = self._models(), time.monotonic()
        name = self._model or served_name(sha256)
        listed = self._listed.get(name)
        if listed is None:
            raise EngineUnavailable(f"The model is not being served: the engine does not list {name}.")
        if listed.owner == LLAMA_CPP:
            return LlamaServer(self._address, name, listed.context_tokens)
        return OpenAIServer(self._address, name, listed.context_tokens, listed.owner)

    def state(self, sha256: str) -> str:
        states = self.states()
        return states.get("", states.get(self._model or sha256[:DIGITS], NOT_SERVED))

    def states(self) -> dict[str, str]:
        try:
            models = self._models()
        except KeyRefused:
            return {"": LOCKED}
        except (EngineError, ServerGone):
            return {"": SILENT}
        if self._model:
            return {self._model: READY} if self._model in models else {}
        ours = [name.removeprefix(PREFIX) for name in models if name.startswith(PREFIX)]
        return dict.fromkeys(ours, READY)

    def _models(self) -> dict[str, Listed]:
        """By every name that a model has."""
        response = self._wire.get(self._address, "/v1/models")
        if response.status_code != 200:
            raise refusal(response)
        with readable():
            models = response.json()["data"]
            return {
                name: Listed(str(model.get("owned_by")), _context_tokens(model, models))
                for model in models
                for name in (model["id"], *model.get("aliases", []))
            }


def _context_tokens(model: dict[str, Any], models: Sequence[dict[str, Any]]) -> int | None:
    """vLLM says it of an adapter's base alone, llama.cpp in a place of its own, others not at all."""
    bases = [other for other in models if other["id"] == model.get("parent")]
    for each in (model, *bases):
        if tokens := each.get("max_model_len") or (each.get("meta") or {}).get("n_ctx"):
            return int(tokens)
    return None


def served_name(sha256: str) -> str:
    """What a server elsewhere calls the model whose file has this hash."""
    return PREFIX + sha256[:DIGITS]


def state_of(server: LlamaServer, wire: Wire) -> str:
    try:
        # Unlike /health this asks for the key, so a stranger on the port is not taken for the engine.
        answer = wire.get(server.address, "/slots")
    except (EngineError, ServerGone):
        return SILENT
    return READY if answer.status_code == 200 else SILENT


def on_loopback(port: int, api_key: str, adapter: int | None = None) -> LlamaServer:
    return LlamaServer(Address(f"http://127.0.0.1:{port}", api_key), adapter=adapter)


def _of(entry: dict[str, Any]) -> LlamaServer:
    return on_loopback(entry["port"], entry["api_key"], entry.get("adapter"))
