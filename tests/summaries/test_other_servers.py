"""What a llama.cpp server cannot show: vLLM's counting and refusals, and a server that refuses a field it does not know.

The forms are those of vLLM's own sources (entrypoints/serve/tokenize/protocol.py, renderers/params.py) and of OpenAI.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from jobs.decoding import PARAMETERS, draft_parameters
from summaries.engine import EngineClient, EngineUnavailable, Prompt, PromptTooLong, served_name
from summaries.styles import PROBLEM_LIST

SHA = "ab" * 32
HELLO = [{"role": "user", "content": "hello"}]
CANARY = "CANARYPATIENT"
SECRET = [{"role": "user", "content": CANARY}]
OPENAI = {
    *("model", "messages", "prompt", "max_tokens", "stream", "stream_options", "response_format"),
    *("temperature", "top_p", "seed", "stop"),
}
KNOWN = {"vllm": OPENAI | {"top_k", "min_p", "repetition_penalty"}, "system": OPENAI}
VLLM_SAYS = (
    "You passed 5000 input tokens and requested 5 output tokens. However, the model's context length is only 4096 "
    "tokens, resulting in a maximum input length of 4091 tokens. Please reduce the length of the input prompt."
)
VLLM_SAID = (
    "This model's maximum context length is 4096 tokens. However, you requested 5005 tokens (5000 in the messages, 5 in "
    "the completion). Please reduce the length of the messages or completion."
)


@dataclass
class OtherServer:
    owner: str
    url: str = ""
    refusal: tuple[int, Any] | None = None
    """Of a completion."""
    has_tokenizer: bool = True
    counts_usage: bool = True
    says: list[bytes] = field(default_factory=list)
    """Lines of the stream instead of an answer."""
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def answer(self, path: str, asked: dict[str, Any]) -> tuple[int, Any]:
        if path == "/tokenize" and self.has_tokenizer:
            return 200, _counted(asked)
        if path not in {"/v1/chat/completions", "/v1/completions"}:
            return 404, {"detail": "Not Found"}
        if unknown := set(asked) - KNOWN[self.owner]:
            return 400, {"error": {"message": f"Unrecognized: {unknown}, in {json.dumps(asked)}"}}
        return self.refusal or (200, self.says or self._stream())

    def _stream(self) -> list[bytes]:
        events: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
            {"choices": [{"index": 0, "delta": {"content": "A "}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {"content": "cough."}, "finish_reason": "stop"}]},
        ]
        if self.counts_usage:
            events.append({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})
        return [*(f"data: {json.dumps(event)}".encode() for event in events), b"data: [DONE]"]


def _counted(asked: dict[str, Any]) -> dict[str, Any]:
    """Four letters are a token; a template takes seven."""
    assert asked["model"] == served_name(SHA)
    if "messages" in asked:
        count = 7 + sum(len(message["content"]) // 4 for message in asked["messages"])
    else:
        count = len(asked["prompt"]) // 4 + bool(asked["add_special_tokens"])
    return {"count": count, "max_model_len": 4096, "tokens": [1] * count, "token_strs": None}


@pytest.fixture
def vllm() -> Iterator[OtherServer]:
    yield from _running("vllm")


@pytest.fixture
def strict() -> Iterator[OtherServer]:
    yield from _running("system")


def _running(owner: str) -> Iterator[OtherServer]:
    other = OtherServer(owner)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/v1/models"
            adapter = {"id": served_name(SHA), "owned_by": owner, "parent": "base", "max_model_len": None}
            models = [{"id": "base", "owned_by": owner, "max_model_len": 4096}, adapter]
            self._send(200, json.dumps({"object": "list", "data": models}).encode())

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            other.received.append((self.path, asked))
            status, answer = other.answer(self.path, asked)
            lines = isinstance(answer, list)
            self._send(status, b"\n\n".join(answer) if lines else json.dumps(answer).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if status == 307:
                self.send_header("Location", f"{other.url}/v1/chat/completions/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: a test reads its own output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    other.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield other
    finally:
        server.shutdown()
        server.server_close()


def client_of(server: OtherServer) -> EngineClient:
    return EngineClient.outside(server.url, "")


def test_a_strict_server_is_sent_no_field_that_openai_does_not_name(strict: OtherServer) -> None:
    prompt = Prompt(HELLO, 5, json_schema=PROBLEM_LIST, sampling={**draft_parameters(3), "stop": ["\n"]})
    assert "".join(client_of(strict).stream(SHA, prompt)) == "A cough."
    ((_, asked),) = strict.received
    assert (asked["temperature"], asked["top_p"], asked["seed"]) == (0.6, 0.95, 4)
    assert asked["response_format"]["json_schema"]["schema"] == PROBLEM_LIST
    assert asked["model"] == served_name(SHA)


def test_vllm_is_told_to_decode_as_evaluation_did_as_far_as_it_can(vllm: OtherServer) -> None:
    """Above all no penalty of its own: it would take in the record, and punish the copying of a dose."""
    client_of(vllm).summarize(SHA, HELLO, max_new_tokens=5)
    ((_, asked),) = vllm.received
    assert (asked["temperature"], asked["seed"]) == (PARAMETERS["temperature"], PARAMETERS["seed"])
    assert (asked["repetition_penalty"], asked["top_k"], asked["min_p"]) == (1.0, 40, 0.05)


def test_vllm_counts_texts_and_chats(vllm: OtherServer) -> None:
    client = client_of(vllm)
    with client.counting(SHA) as count:
        assert count("x" * 400) == 100
    assert client.count_prompt_tokens(SHA, [{"role": "user", "content": "x" * 400}]) == 107


def test_an_adapter_reads_as_much_as_its_base(vllm: OtherServer) -> None:
    assert client_of(vllm).context_tokens(SHA) == 4096


def test_where_nothing_counts_a_byte_is_taken_for_a_token(vllm: OtherServer, strict: OtherServer) -> None:
    vllm.has_tokenizer = False  # a proxy that lets only /v1 pass
    for server in (vllm, strict):
        client = client_of(server)
        with client.counting(SHA) as count:
            assert count("5 µg") == 5
        assert client.count_prompt_tokens(SHA, [{"role": "user", "content": "x" * 400}]) > 400
    assert strict.received == []


def test_a_server_that_does_not_count_what_it_wrote_still_answers(strict: OtherServer) -> None:
    strict.counts_usage = False
    completion = client_of(strict).summarize(SHA, HELLO, max_new_tokens=5)
    assert (completion.text, completion.finish_reason) == ("A cough.", "stop")
    assert completion.generated_tokens == 2


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": VLLM_SAYS, "type": "BadRequestError", "param": "input_tokens", "code": 400}},
        {"error": {"message": "Too long.", "type": "BadRequestError", "param": "input_text", "code": 400}},
        {"object": "error", "message": VLLM_SAID, "type": "BadRequestError", "param": None, "code": 400},
        {"error": {"message": VLLM_SAID, "type": "invalid_request_error", "code": None}},
        {"error": {"message": CANARY, "code": "context_length_exceeded"}},
    ],
)
def test_a_record_that_is_too_long_is_known_by_any_of_their_words(vllm: OtherServer, body: Any) -> None:
    vllm.refusal = 400, body
    with pytest.raises(PromptTooLong) as caught:
        client_of(vllm).summarize(SHA, SECRET, max_new_tokens=5)
    assert str(caught.value) == "The text is longer than the model reads at once."


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (
            400,
            {"error": {"message": f"bad role in {CANARY}", "type": "BadRequestError", "param": "messages"}},
        ),
        (400, {"error": CANARY}),
        (404, {"error": {"message": CANARY, "type": "NotFoundError", "code": 404}}),
        (422, CANARY),
        (429, {"error": {"message": CANARY}}),
        (500, {"detail": CANARY}),
        (307, {}),
    ],
)
def test_a_refusal_is_told_by_its_number_alone(vllm: OtherServer, status: int, body: Any) -> None:
    vllm.refusal = status, body
    with pytest.raises(EngineUnavailable) as caught:
        client_of(vllm).summarize(SHA, SECRET, max_new_tokens=5)
    assert str(caught.value) == f"The engine refused the request (HTTP {status})."
    assert caught.value.__context__ is None
    assert len(vllm.received) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"data: {CANARYPATIENT",
        b'data: ["CANARYPATIENT"]',
        b'data: {"choices": [{"text": 5, "delta": "CANARYPATIENT"}]}',
        b'data: {"error": {"message": "CANARYPATIENT"}}',
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error_without_its_text(strict: OtherServer, line: bytes) -> None:
    strict.says = [line]
    with pytest.raises(EngineUnavailable) as caught:
        client_of(strict).summarize(SHA, HELLO, max_new_tokens=5)
    error: BaseException | None = caught.value
    while error:
        assert CANARY not in repr(error)
        error = error.__cause__ or error.__context__
