"""A model server in a few lines: real HTTP on loopback, real ``live.json``; it keeps every prompt it is sent."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

KEY = "stub-key"
PROBLEMS = {"problems": [{"problem": "chest pain of [NAME_1]", "status": "active"}]}


@dataclass
class StubEngine:
    """Answers every chat with ``answer``, or with ``refusal`` (status, JSON) where one is set."""

    answer: str = "[NAME_1] has chest pain."
    drafts: dict[int, str] = field(default_factory=dict)
    """Other answers, by the seed they are asked for with."""
    refusal: tuple[int, dict[str, object]] | None = None
    generated_tokens: int = 9
    seconds: float = 0
    """How long it takes before it answers."""
    ignores_schemas: bool = False
    under_schema: dict[str, str] = field(default_factory=dict)
    """Its answers to a schema that has a property of that name, in the place of ``PROBLEMS``."""
    breaks_off: bool = False
    """It ends in the middle of its answer."""
    goes_on: threading.Event = field(default_factory=threading.Event)
    """Where a test clears it, the engine waits in the middle of its answer until it is set."""
    received: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.goes_on.set()


@contextmanager
def stub_engine(var: Path, sha256: str) -> Iterator[StubEngine]:
    """Serve the model of that hash until the block ends."""
    engine = StubEngine()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, "application/json", b"[]")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path in {"/apply-template", "/tokenize"}:
                self._send(200, "application/json", json.dumps(_counted(json.loads(body))).encode())
                return
            engine.received.append(body)
            time.sleep(engine.seconds)
            if engine.refusal:
                status, answer = engine.refusal
                self._send(status, "application/json", json.dumps(answer).encode())
            else:
                self._send(200, "text/event-stream", *_events(engine, json.loads(body)))

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # a client may hang up
                super().handle()

        def _send(self, status: int, kind: str, *halves: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            for number, half in enumerate(halves):
                if number:
                    engine.goes_on.wait(60)
                self.wfile.write(half)

        def log_message(self, *_: object) -> None:
            """Nothing: a test reads its own output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    live = var / "engine" / "live.json"
    live.parent.mkdir(parents=True, exist_ok=True)
    address = {"port": server.server_port, "api_key": KEY, "ready_at": time.time()}
    live.write_text(json.dumps({"pid": 1, "models": {sha256: address}, "errors": {}}))
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()
        live.unlink()


def serve_too(var: Path, sha256: str) -> None:
    """The running stub answers for this model as well."""
    live = var / "engine" / "live.json"
    state = json.loads(live.read_text())
    state["models"][sha256] = next(iter(state["models"].values()))
    live.write_text(json.dumps(state))


def _decoded(engine: StubEngine, asked: dict[str, Any]) -> str:
    properties = asked["response_format"]["json_schema"]["schema"]["properties"]
    named = [answer for name, answer in engine.under_schema.items() if name in properties]
    return named[0] if named else json.dumps(PROBLEMS)


def _counted(asked: dict[str, Any]) -> dict[str, Any]:
    """Four characters are a token."""
    if "messages" in asked:
        return {"prompt": "\n".join(message["content"] for message in asked["messages"])}
    return {"tokens": list(range(len(asked["content"]) // 4 + 1))}


def _events(engine: StubEngine, asked: dict[str, Any]) -> list[bytes]:
    """In two halves. A piece for every three letters, so that placeholders come in parts; JSON where a schema asks for it."""
    is_json = "response_format" in asked and not engine.ignores_schemas
    answer = _decoded(engine, asked) if is_json else engine.drafts.get(asked["seed"], engine.answer)
    is_chat = "messages" in asked
    usage = {"prompt_tokens": 50, "completion_tokens": engine.generated_tokens}
    ending = "length" if engine.generated_tokens >= asked["max_tokens"] else "stop"
    pieces = [answer[start : start + 3] for start in range(0, len(answer), 3)]
    choices = [{"delta": {"content": piece}} if is_chat else {"text": piece} for piece in pieces]
    events = [
        *({"choices": [{**choice, "finish_reason": None}]} for choice in choices),
        {"choices": [{**({"delta": {}} if is_chat else {"text": ""}), "finish_reason": ending}]},
        {"choices": [], "usage": usage},
    ]
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    first, second = lines[: len(pieces) // 2], [*lines[len(pieces) // 2 :], "data: [DONE]\n\n"]
    return ["".join(first).encode(), b"" if engine.breaks_off else "".join(second).encode()]
