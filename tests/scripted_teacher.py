"""A server elsewhere in the clinic whose model says what a test wrote for it: real HTTP, a key, OpenAI's language."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "the teacher's own key"
NAME = "llama-3.1-8b"


@dataclass
class ScriptedTeacher:
    says: Callable[[str], str]
    """Its answer to a prompt; one that ends in "…" is cut off."""
    url: str = ""
    dies_after: int = 10**9
    """So many answers, and then nothing but errors."""
    prompts: list[str] = field(default_factory=list)


@contextmanager
def scripted_teacher(says: Callable[[str], str]) -> Iterator[ScriptedTeacher]:
    teacher = ScriptedTeacher(says)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listed = {"data": [{"id": NAME, "owned_by": "somebody", "max_model_len": 1024}]}
            self._send(200 if self._may() else 401, json.dumps(listed).encode())

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self._may() or len(teacher.prompts) >= teacher.dies_after:
                self._send(500, b"{}")
                return
            assert asked["model"] == NAME
            teacher.prompts.append(asked["messages"][-1]["content"])
            self._send(200, _stream(teacher.says(teacher.prompts[-1])))

        def _may(self) -> bool:
            return self.headers["Authorization"] == f"Bearer {KEY}"

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: a test reads its own output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    teacher.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield teacher
    finally:
        server.shutdown()
        server.server_close()


def _stream(answer: str) -> bytes:
    reason = "length" if answer.endswith("…") else "stop"
    events: list[dict[str, Any]] = [
        {"choices": [{"delta": {"content": answer}, "finish_reason": None}]},
        {"choices": [{"delta": {}, "finish_reason": reason}]},
    ]
    return b"\n\n".join([*(f"data: {json.dumps(event)}".encode() for event in events), b"data: [DONE]"])
