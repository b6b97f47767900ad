"""The client and a server elsewhere in the clinic: a real one, llama.cpp under a name, in a process of its own.

Each test asks it twice over: as the llama.cpp that it says it is, and as a server of whom nothing is known but that it
speaks OpenAI's language.
"""

import json
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config import private_network
from jobs.model_server import temporary_server
from jobs.prompts import messages
from sample_clinic.clinic import generate
from summaries import asking
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
    served_name,
    wire,
)
from summaries.styles import STYLES
from tests.jobs.running_engine import wait_for
from tests.jobs.tiny_gguf import write_tiny_gguf
from tests.outside_server import KEY, OutsideServer, encrypted, outside_server

SHA, OTHER_SHA = "ab" * 32, "cd" * 32
HELLO = [{"role": "user", "content": "hello"}]
CANARY = "CANARYPATIENT"
SECRET = [{"role": "user", "content": CANARY}]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("outside") / "model.gguf", seed=1)


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[OutsideServer]:
    with outside_server(model, served_name(SHA)) as running:
        yield running


@pytest.fixture
def mortal(model: Path) -> Iterator[OutsideServer]:
    """One that may be killed."""
    with outside_server(model, served_name(SHA)) as running:
        yield running


@pytest.fixture(params=["llama.cpp", "a stranger"], autouse=True)
def known_as(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "a stranger":
        monkeypatch.setattr(engines, "LLAMA_CPP", "nobody")
    return str(request.param)


@pytest.fixture
def client(server: OutsideServer) -> EngineClient:
    return EngineClient.outside(server.url, KEY)


def slots_at_work(server: OutsideServer) -> int:
    answer = httpx.get(
        f"{server.url}/slots", headers={"Authorization": f"Bearer {KEY}"}, trust_env=False, timeout=5
    )
    return sum(slot["is_processing"] for slot in answer.json())


def test_a_summary_comes_in_pieces_with_its_counts(client: EngineClient) -> None:
    pieces: list[str] = []
    completion = client.summarize(SHA, HELLO, max_new_tokens=12, on_text=pieces.append)
    assert len(pieces) > 1
    assert "".join(pieces).strip() == completion.text
    assert len(completion.text) == completion.generated_tokens == 12
    assert completion.prompt_tokens > len("hello")
    assert completion.finish_reason == "length"


def test_as_llama_cpp_it_writes_what_our_own_engine_writes(
    client: EngineClient, model: Path, tmp_path: Path, known_as: str
) -> None:
    with temporary_server(model, var=tmp_path) as address:
        ours = EngineClient.at(*address).summarize("", HELLO, max_new_tokens=100)
    theirs = client.summarize(SHA, HELLO, max_new_tokens=100)
    # Not as a stranger: nobody but llama.cpp knows our penalty for repeating.
    assert (theirs.text == ours.text) is (known_as == "llama.cpp")


def test_a_bare_text_is_gone_on_from(client: EngineClient) -> None:
    assert len("".join(client.stream(SHA, Prompt("The patient", 9)))) == 9


def test_a_model_that_is_not_listed_is_not_asked_for(client: EngineClient) -> None:
    """llama.cpp would answer with the model that it has."""
    with pytest.raises(EngineUnavailable, match=f"does not list {served_name(OTHER_SHA)}"):
        client.summarize(OTHER_SHA, HELLO, max_new_tokens=5)
    assert client.state(OTHER_SHA) == "does not serve this model"
    assert client.state(SHA) == "ready"
    assert client.health() == {SHA[:12]: "ready"}


def test_a_wrong_key_is_told_from_a_server_that_is_down(server: OutsideServer) -> None:
    stranger = EngineClient.outside(server.url, "wrong")
    with pytest.raises(EngineUnavailable, match="HTTP 401"):
        stranger.summarize(SHA, HELLO, max_new_tokens=5)
    assert stranger.state(SHA) == "refuses the key"


def test_a_server_that_is_killed_in_the_middle_never_repeats_what_was_shown(mortal: OutsideServer) -> None:
    client = EngineClient.outside(mortal.url, KEY)
    pieces = client.stream(SHA, Prompt(HELLO, 3500))
    next(pieces)
    mortal.process.kill()
    with pytest.raises(EngineUnavailable, match="in the middle"):
        list(pieces)
    assert client.state(SHA) == "not answering"
    with pytest.raises(EngineUnavailable, match="does not answer"):
        EngineClient.outside(mortal.url, KEY).summarize(SHA, HELLO, max_new_tokens=5)


def test_a_server_that_hangs_is_given_up(mortal: OutsideServer) -> None:
    client = EngineClient.outside(mortal.url, KEY, timeout_seconds=0.5)
    client.summarize(SHA, HELLO, max_new_tokens=2)
    mortal.process.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(EngineTimeout):
        client.summarize(SHA, HELLO, max_new_tokens=5)
    assert client.state(SHA) == "not answering"
    assert time.monotonic() - started < 5
    mortal.process.send_signal(signal.SIGCONT)


def test_a_cancelled_request_frees_the_server(server: OutsideServer, client: EngineClient) -> None:
    cancellation = Cancellation()
    pieces = client.stream(SHA, Prompt(HELLO, 3500), cancellation)
    next(pieces)
    cancellation.cancel()
    with pytest.raises(EngineCancelled):
        list(pieces)
    wait_for(lambda: slots_at_work(server) == 0, seconds=10)


def test_a_problem_list_parses_and_has_its_form(client: EngineClient) -> None:
    pieces = client.stream(SHA, STYLES["problem-list"].prompt("Cough and fever."))
    assert set(json.loads("".join(pieces))) == {"problems"}


def test_a_long_record_is_split_so_that_every_piece_fits(client: EngineClient) -> None:
    source = "\n\n".join(record.source for record in generate(seed=5)[:60])[:15_000]
    told: list[asking.Progress] = []
    pieces = asking.stream(
        client,
        SHA,
        Prompt(messages(source), 16),
        source=source,
        section="",
        context_tokens=4096,
        on_progress=told.append,
    )
    words = "".join(pieces).split("\n")
    assert all(words)
    assert len(words) == told[-1].part == told[-1].parts > 4


@pytest.mark.parametrize("text", ["", "cough", "[NAME_1], 12/03/2021: 5 µg", "½ 🩺 naïve\n\n§", "\ud800"])
def test_tokens_are_never_counted_too_few(client: EngineClient, text: str) -> None:
    """A letter is a token of this model, and any other sign as many as it has bytes."""
    asked = [{"role": "system", "content": "Summarize."}, {"role": "user", "content": text}]
    counted = client.count_prompt_tokens(SHA, asked)
    assert counted >= client.summarize(SHA, asked, max_new_tokens=1).prompt_tokens
    with client.counting(SHA) as count:
        assert count(text) >= len(text)
        assert counted > count(text)


def test_a_record_that_is_too_long_is_refused_by_name(client: EngineClient) -> None:
    with pytest.raises(PromptTooLong) as caught:
        client.summarize(SHA, [{"role": "user", "content": CANARY * 1000}], max_new_tokens=5)
    assert caught.value.prompt_tokens > caught.value.context_tokens == 4096


def test_no_error_and_no_log_line_carries_the_text(
    server: OutsideServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)

    def client(key: str = KEY, **more: Any) -> EngineClient:
        return EngineClient.outside(server.url, key, **more)

    attempts: list[Callable[[], object]] = [
        lambda: client("wrong").summarize(SHA, SECRET, max_new_tokens=5),
        lambda: client().summarize(OTHER_SHA, SECRET, max_new_tokens=5),
        lambda: client(timeout_seconds=0.1).summarize(SHA, SECRET, max_new_tokens=4000),
        lambda: client().summarize(SHA, SECRET * 500, max_new_tokens=5),
        lambda: client().summarize(SHA, [{"rol": CANARY}], max_new_tokens=5),
        lambda: EngineClient.outside("http://127.0.0.1:1", KEY).summarize(SHA, SECRET, max_new_tokens=5),
    ]
    for attempt in attempts:
        with pytest.raises(EngineError) as caught:
            attempt()
        error: BaseException | None = caught.value
        while error:
            assert CANARY not in repr(error)
            error = error.__cause__ or error.__context__
    assert CANARY not in caplog.text


def test_nothing_is_sent_over_a_connection_that_leads_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name in the settings may lead elsewhere than it did at the start. Here even loopback counts as outside."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(2)
                    received.append(connection.recv(1000))

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        monkeypatch.setattr(private_network, "NETWORKS", [])
        client = EngineClient.outside(f"http://127.0.0.1:{listener.getsockname()[1]}", KEY)
        with pytest.raises(EngineUnavailable, match="out of the clinic"):
            client.summarize(SHA, SECRET, max_new_tokens=5)
        assert client.state(SHA) == "not answering"
        own = EngineClient.at(listener.getsockname()[1], KEY)
        with pytest.raises(EngineUnavailable, match="out of the clinic"):
            own.summarize("", SECRET, max_new_tokens=5)
        wait_for(lambda: len(received) == 3)
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    assert set(received) == {b""}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of 127.0.0.1, signed by itself, as a clinic's would be by an authority of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "engine")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "certificate.pem", folder / "key.pem"


def test_https_needs_a_certificate_that_this_machine_trusts(
    server: OutsideServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with encrypted(server.port, *certificate) as port:
        url = f"https://127.0.0.1:{port}"
        wire.verifying.cache_clear()
        with pytest.raises(EngineUnavailable, match="does not answer"):
            EngineClient.outside(url, KEY).summarize(SHA, HELLO, max_new_tokens=5)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        wire.verifying.cache_clear()
        try:
            client = EngineClient.outside(url, KEY)
            assert client.state(SHA) == "ready"
            assert client.summarize(SHA, HELLO, max_new_tokens=5).generated_tokens == 5
            with client.counting(SHA) as count:
                assert count("cough") >= 5
            with pytest.raises(EngineUnavailable):
                EngineClient.outside(url.replace("127.0.0.1", "localhost"), KEY).summarize(
                    SHA, HELLO, max_new_tokens=5
                )
        finally:
            wire.verifying.cache_clear()


def test_a_request_over_https_is_cancelled_too(
    server: OutsideServer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with encrypted(server.port, *certificate) as port:
        monkeypatch.setattr("summaries.engine.client.verifying", lambda: trusting)
        client = EngineClient.outside(f"https://127.0.0.1:{port}", KEY)
        cancellation = Cancellation()
        pieces = client.stream(SHA, Prompt(HELLO, 3500), cancellation)
        next(pieces)
        threading.Timer(0.05, cancellation.cancel).start()
        started = time.monotonic()
        with pytest.raises(EngineCancelled):
            list(pieces)
        assert time.monotonic() - started < 5
        wait_for(lambda: slots_at_work(server) == 0, seconds=10)
