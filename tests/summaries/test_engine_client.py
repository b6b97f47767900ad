"""The engine client against a real llama.cpp server, and against sockets that misbehave in ways it does not."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from jobs.decoding import PARAMETERS
from jobs.model_server import temporary_server
from summaries.engine import (
    Cancellation,
    EngineCancelled,
    EngineClient,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    Prompt,
    PromptTooLong,
    engines,
)
from tests.jobs.running_engine import use_one_core
from tests.jobs.tiny_gguf import write_tiny_gguf

HELLO = [{"role": "user", "content": "hello"}]
CANARY = "CANARYPATIENT"
SECRET = [{"role": "user", "content": CANARY}]

Address = tuple[int, str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    folder = tmp_path_factory.mktemp("server")
    model = write_tiny_gguf(folder / "model.gguf", seed=1)
    cores = os.sched_getaffinity(0)
    use_one_core()
    try:
        with temporary_server(model, var=folder) as address:
            yield address
    finally:
        os.sched_setaffinity(0, cores)


@pytest.fixture
def client(server: Address) -> EngineClient:
    return EngineClient.at(*server)


def publish(var: Path, **models: Address) -> None:
    (var / "engine").mkdir(exist_ok=True)
    entries = {sha: {"port": port, "api_key": key, "ready_at": 1.0} for sha, (port, key) in models.items()}
    temporary = var / "engine" / "live.tmp"
    temporary.write_text(json.dumps({"pid": 1, "models": entries, "errors": {}}))
    temporary.replace(var / "engine" / "live.json")


@contextmanager
def misbehaving(answer: Callable[[socket.socket, bytes], None]) -> Iterator[Address]:
    """A socket on loopback that takes each connection's request, does ``answer``, and closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                request = connection.recv(1_000_000)
                while b"\r\n\r\n" not in request or not request.endswith(b"}"):
                    request += connection.recv(1_000_000)
                answer(connection, request)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], "key"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def closed_port() -> Address:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1], "key"


def test_a_summary_comes_with_its_counts(client: EngineClient) -> None:
    completion = client.summarize("", HELLO, max_new_tokens=12)
    assert len(completion.text) == completion.generated_tokens == 12
    assert completion.prompt_tokens > len("hello")
    assert completion.finish_reason == "length"
    assert completion.seconds > 0


def test_the_pieces_make_the_text(client: EngineClient) -> None:
    pieces: list[str] = []
    completion = client.summarize("", HELLO, max_new_tokens=12, on_text=pieces.append)
    assert len(pieces) > 1
    assert "".join(pieces).strip() == completion.text


def test_the_same_record_gives_the_same_summary(client: EngineClient) -> None:
    texts = {client.summarize("", HELLO, max_new_tokens=40).text for _ in range(3)}
    assert len(texts) == 1


def test_a_full_queue_does_not_hide_the_engine(client: EngineClient) -> None:
    """llama.cpp answers with six threads unless told otherwise, and each holds one request to its end."""
    cancellations = [Cancellation() for _ in range(16)]

    def ask(cancellation: Cancellation) -> None:
        with suppress(EngineCancelled):
            list(client.stream("", Prompt(HELLO, 4000), cancellation))

    threads = [threading.Thread(target=ask, args=(cancellation,)) for cancellation in cancellations]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    states = [client.health() for _ in range(3)]
    for cancellation in cancellations:
        cancellation.cancel()
    for thread in threads:
        thread.join()
    assert states == [{"": "ready"}] * 3


def test_it_decodes_as_evaluation_does() -> None:
    requests: list[bytes] = []
    with (
        misbehaving(lambda _, request: requests.append(request)) as address,
        pytest.raises(EngineUnavailable),
    ):
        EngineClient.at(*address).summarize("", HELLO, max_new_tokens=7)
    sent = json.loads(requests[0].partition(b"\r\n\r\n")[2])
    assert PARAMETERS.items() <= sent.items()
    assert PARAMETERS["temperature"] == 0
    assert sent["max_tokens"] == 7


def test_a_prompt_longer_than_the_context_is_refused_by_name(client: EngineClient) -> None:
    with pytest.raises(PromptTooLong) as caught:
        client.summarize("", [{"role": "user", "content": CANARY * 1000}], max_new_tokens=5)
    assert caught.value.prompt_tokens > caught.value.context_tokens == 4096
    assert CANARY not in str(caught.value)


def test_a_summary_that_takes_too_long_is_given_up(server: Address) -> None:
    client = EngineClient.at(*server, timeout_seconds=0.2)
    started = time.monotonic()
    with pytest.raises(EngineTimeout):
        client.summarize("", HELLO, max_new_tokens=4000)
    assert time.monotonic() - started < 2


def test_a_server_that_hangs_is_given_up() -> None:
    with misbehaving(lambda *_: time.sleep(1)) as address, pytest.raises(EngineTimeout):
        EngineClient.at(*address, timeout_seconds=0.3).summarize("", HELLO, max_new_tokens=5)


def test_a_wrong_key_is_refused(server: Address) -> None:
    stranger = EngineClient.at(server[0], "wrong")
    with pytest.raises(EngineUnavailable, match="HTTP 401"):
        stranger.summarize("", HELLO, max_new_tokens=5)
    assert stranger.health() == {"": "not answering"}


def test_without_an_engine_it_says_so_at_once(tmp_path: Path) -> None:
    client = EngineClient(tmp_path)
    with pytest.raises(EngineUnavailable, match="no engine is running") as caught:
        client.summarize("abc", HELLO, max_new_tokens=5)
    assert caught.value.retry_after_seconds > 0
    assert client.health() == {}


def test_a_model_that_is_still_starting_is_waited_for(tmp_path: Path, server: Address) -> None:
    publish(tmp_path)
    threading.Timer(0.7, publish, (tmp_path,), {"abc": server}).start()
    assert EngineClient(tmp_path).summarize("abc", HELLO, max_new_tokens=5).generated_tokens == 5


def test_a_model_that_never_starts_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path)
    monkeypatch.setattr(engines, "STARTING_SECONDS", 0.3)
    with pytest.raises(EngineUnavailable, match="still starting"):
        EngineClient(tmp_path).summarize("abc", HELLO, max_new_tokens=5)


def test_a_dead_port_is_tried_once_more_where_the_model_is_now(tmp_path: Path, server: Address) -> None:
    def move(*_: object) -> None:
        publish(tmp_path, abc=server)

    with misbehaving(move) as address:
        publish(tmp_path, abc=address)
        assert EngineClient(tmp_path).summarize("abc", HELLO, max_new_tokens=5).generated_tokens == 5


def test_a_dead_port_that_stays_dead_is_unavailable(tmp_path: Path) -> None:
    publish(tmp_path, abc=closed_port())
    client = EngineClient(tmp_path)
    with pytest.raises(EngineUnavailable):
        client.summarize("abc", HELLO, max_new_tokens=5)
    assert client.health() == {"abc": "not answering"}


def test_a_server_that_dies_in_the_middle_never_repeats_what_was_shown() -> None:
    event = {"choices": [{"finish_reason": None, "delta": {"content": "half"}}]}
    start = f"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: {json.dumps(event)}\n\n".encode()
    pieces: list[str] = []
    with (
        misbehaving(lambda connection, _: connection.sendall(start)) as address,
        pytest.raises(EngineUnavailable, match="in the middle"),
    ):
        EngineClient.at(*address).summarize("", HELLO, max_new_tokens=5, on_text=pieces.append)
    assert pieces == ["half"]


def test_proxies_never_see_the_text(server: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    with misbehaving(lambda _, request: seen.append(request)) as (port, _):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        completion = EngineClient.at(*server).summarize("", SECRET, max_new_tokens=5)
    assert completion.generated_tokens == 5
    assert seen == []


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "½ µg 🩺 \u202e", "</s><s>", '"}]}', ""])
def test_any_text_can_be_asked_about(client: EngineClient, text: str) -> None:
    messages = [{"role": "user", "content": text}]
    assert client.summarize("", messages, max_new_tokens=5).generated_tokens == 5


def test_no_error_and_no_log_line_carries_the_text(
    server: Address, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    publish(tmp_path, dead=closed_port())
    attempts: list[Callable[[], object]] = [
        lambda: EngineClient.at(server[0], "wrong").summarize("", SECRET, max_new_tokens=5),
        lambda: EngineClient.at(*server, timeout_seconds=0.1).summarize("", SECRET, max_new_tokens=4000),
        lambda: EngineClient.at(*server).summarize("", SECRET * 500, max_new_tokens=5),
        lambda: EngineClient.at(*server).summarize("", [{"rol": CANARY}], max_new_tokens=5),
        lambda: EngineClient(tmp_path).summarize("dead", SECRET, max_new_tokens=5),
        lambda: EngineClient(tmp_path / "none").summarize("x", SECRET, max_new_tokens=5),
    ]
    for attempt in attempts:
        with pytest.raises(EngineError) as caught:
            attempt()
        error: BaseException | None = caught.value
        while error:
            assert CANARY not in repr(error)
            error = error.__cause__ or error.__context__
    assert CANARY not in caplog.text


def test_health_tells_what_is_served_and_what_failed(tmp_path: Path, server: Address) -> None:
    publish(tmp_path, abc=server)
    live = tmp_path / "engine" / "live.json"
    live.write_text(json.dumps(json.loads(live.read_text()) | {"errors": {"def": "refused: sha256"}}))
    client = EngineClient(tmp_path)
    assert client.health() == {"abc": "ready", "def": "refused: sha256"}
    with pytest.raises(EngineUnavailable, match="refused: sha256"):
        client.summarize("def", HELLO, max_new_tokens=5)
