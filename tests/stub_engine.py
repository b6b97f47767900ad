"""A model server in a few lines: real HTTP on loopback, real ``live.json``; it keeps every prompt it is sent."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KEY = "stub-key"


@dataclass
class StubEngine:
    """Answers every chat with ``answer``, or with ``refusal`` (status, JSON) where one is set."""

    answer: str = "[NAME_1] has chest pain."
    refusal: tuple[int, dict[str, object]] | None = None
    generated_tokens: int = 9
    received: list[str] = field(default_factory=list)


@contextmanager
def stub_engine(var: Path, sha256: str) -> Iterator[StubEngine]:
    """Serve the model of that hash until the block ends."""
    engine = StubEngine()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, b"[]", "application/json")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            engine.received.append(body)
            if engine.refusal:
                status, answer = engine.refusal
                self._send(status, json.dumps(answer).encode(), "application/json")
            else:
                self._send(200, _events(engine), "text/event-stream")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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


def _events(engine: StubEngine) -> bytes:
    usage = {"prompt_tokens": 50, "completion_tokens": engine.generated_tokens}
    events = [
        {"choices": [{"delta": {"content": engine.answer}, "finish_reason": None}]},
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": usage},
    ]
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()
