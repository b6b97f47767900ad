"""The engine as a process: real llama.cpp servers, tiny random models, real signals."""

import http.client
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from jobs.model_server import ModelNotServed, temporary_server
from summaries.engine import Completion, EngineClient, EngineUnavailable
from tests.jobs.running_engine import ROOT, RunningEngine, running_engine, sha256, wait_for
from tests.jobs.tiny_gguf import write_tiny_gguf

HELLO = [{"role": "user", "content": "hello"}]
SMOLLM2 = Path(os.environ.get("PRECIS_MODELS_DIR", "var/models")) / "smollm2-135m" / "model.gguf"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def blue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("blue") / "model.gguf", seed=1)


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("green") / "model.gguf", seed=2)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    with running_engine(tmp_path / "engine-var") as engine:
        yield engine


def say(engine: RunningEngine, sha: str, tokens: int = 20) -> Completion:
    return EngineClient(engine.var).summarize(sha, HELLO, max_new_tokens=tokens)


def post(address: dict[str, Any], body: bytes, key: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", address["port"], timeout=10)
    headers = {"Authorization": f"Bearer {key or address['api_key']}"}
    connection.request("POST", "/v1/chat/completions", body, headers)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def test_it_serves_what_is_deployed(engine: RunningEngine, blue: Path) -> None:
    (sha,) = engine.deploy(blue)
    engine.wait_for_models(sha)
    completion = say(engine, sha)
    assert completion.generated_tokens == 20
    assert engine.live()["pid"] == engine.process.pid
    assert engine.live()["errors"] == {}


def test_only_its_user_can_read_the_keys(
    engine: RunningEngine, blue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sha,) = engine.deploy(blue)
    key = engine.wait_for_models(sha)[sha]["api_key"]
    assert stat.S_IMODE((engine.folder / "live.json").stat().st_mode) == 0o600
    assert all(key not in " ".join(server.cmdline()) for server in engine.servers())


def test_a_wrong_key_is_refused(engine: RunningEngine, blue: Path) -> None:
    (sha,) = engine.deploy(blue)
    address = engine.wait_for_models(sha)[sha]
    body = json.dumps({"messages": HELLO, "max_tokens": 1}).encode()
    assert post(address, body, key="wrong")[0] == 401
    assert post(address, body)[0] == 200


def test_a_server_knows_no_secret_of_the_platform(
    tmp_path: Path, blue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "canary")
    monkeypatch.setenv("DATABASE_URL", "canary")
    with running_engine(tmp_path / "engine-var") as engine:
        engine.wait_for_models(*engine.deploy(blue))
        (server,) = engine.servers()
        assert "canary" not in server.environ().values()


def test_a_swap_under_load_drops_no_request(engine: RunningEngine, blue: Path, green: Path) -> None:
    old, new = sha256(blue), sha256(green)
    engine.wait_for_models(*engine.deploy(blue))
    texts = {old: say(engine, old).text}
    current, failures, answers, stop = [old], [], [], threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            sha = current[0]
            try:
                answers.append((sha, say(engine, sha).text))
            except Exception as error:
                failures.append((sha, error))

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    for path in (green, blue, green):
        current[0] = engine.deploy(path)[0]
        engine.wait_for_models(current[0])
        time.sleep(1)
    wait_for(lambda: len(engine.servers()) == 1)
    stop.set()
    for thread in threads:
        thread.join()
    texts[new] = say(engine, new).text
    assert failures == []
    assert texts[old] != texts[new]
    assert {sha for sha, _ in answers} == {old, new}
    assert all(text == texts[sha] for sha, text in answers)
    assert len(answers) > 30


def test_a_long_request_outlives_the_swap_that_overtakes_it(
    engine: RunningEngine, blue: Path, green: Path
) -> None:
    (old,) = engine.deploy(blue)
    engine.wait_for_models(old)
    (old_server,) = engine.servers()
    pieces: list[str] = []
    result: list[Completion] = []

    def ask() -> None:
        client = EngineClient(engine.var)
        result.append(client.summarize(old, HELLO, max_new_tokens=4000, on_text=pieces.append))

    thread = threading.Thread(target=ask)
    thread.start()
    wait_for(lambda: bool(pieces))
    old_server.suspend()
    engine.wait_for_models(*engine.deploy(green))
    time.sleep(7)  # longer than an idle server is kept
    seen = len(pieces)
    old_server.resume()
    thread.join()
    assert seen < 4000, "the request was done before the old server might have stopped"
    assert result[0].generated_tokens == 4000
    psutil.wait_procs([old_server], timeout=10)
    wait_for(lambda: len(engine.servers()) == 1)


def test_a_killed_server_is_back_within_30_seconds(engine: RunningEngine, blue: Path) -> None:
    (sha,) = engine.deploy(blue)
    engine.wait_for_models(sha)
    text = say(engine, sha).text
    (server,) = engine.servers()
    server.kill()
    killed_at = time.monotonic()
    with pytest.raises(EngineUnavailable) as caught:
        say(engine, sha)
    assert 0 < caught.value.retry_after_seconds < 30
    wait_for(lambda: bool(engine.live()["errors"]))
    engine.wait_for_models(sha)
    assert say(engine, sha).text == text
    assert time.monotonic() - killed_at < 30
    assert engine.live()["errors"] == {}


def test_kill_9_of_the_engine_leaves_no_server(engine: RunningEngine, blue: Path, green: Path) -> None:
    engine.wait_for_models(*engine.deploy(blue, green))
    servers = engine.servers()
    assert len(servers) == 2
    engine.process.kill()
    engine.process.wait()
    assert psutil.wait_procs(servers, timeout=5)[1] == []


def test_sigterm_lets_a_request_finish_and_leaves_nothing_behind(engine: RunningEngine, blue: Path) -> None:
    (sha,) = engine.deploy(blue)
    engine.wait_for_models(sha)
    servers, pieces, result = engine.servers(), [], []

    def ask() -> None:
        client = EngineClient(engine.var)
        result.append(client.summarize(sha, HELLO, max_new_tokens=3000, on_text=pieces.append))

    thread = threading.Thread(target=ask)
    thread.start()
    wait_for(lambda: bool(pieces))
    assert engine.stop() == 0
    thread.join()
    assert result[0].generated_tokens == 3000
    assert psutil.wait_procs(servers, timeout=5)[1] == []
    assert not (engine.folder / "live.json").exists()
    with pytest.raises(EngineUnavailable, match="no engine is running"):
        say(engine, sha)


def test_another_file_than_the_one_deployed_is_refused_and_the_old_stays(
    engine: RunningEngine, blue: Path, green: Path
) -> None:
    (old,) = engine.deploy(blue)
    engine.wait_for_models(old)
    wrong = "0" * 64
    engine.deploy(green, sha256=wrong)
    wait_for(lambda: engine.live()["errors"] == {wrong: "refused: sha256"})
    assert list(engine.live()["models"]) == [old]
    assert say(engine, old).text
    with pytest.raises(EngineUnavailable, match="refused: sha256"):
        say(engine, wrong)
    engine.wait_for_models(*engine.deploy(green))
    assert engine.live()["errors"] == {}


def test_a_truncated_or_missing_file_does_not_cost_the_old_one(
    engine: RunningEngine, blue: Path, tmp_path: Path
) -> None:
    (old,) = engine.deploy(blue)
    engine.wait_for_models(old)
    truncated = tmp_path / "truncated.gguf"
    truncated.write_bytes(blue.read_bytes()[:50_000])
    (half,) = engine.deploy(truncated)
    wait_for(lambda: engine.live()["errors"].get(half, "").startswith("ended with code"))
    assert list(engine.live()["models"]) == [old]
    engine.deploy(blue, path=str(tmp_path / "nowhere.gguf"), sha256="1" * 64)
    wait_for(lambda: engine.live()["errors"] == {"1" * 64: "the file cannot be read"})
    assert list(engine.live()["models"]) == [old]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"models": [{"path": "relative", "sha256": "x"}]}'])
def test_a_bad_pointer_changes_nothing(engine: RunningEngine, blue: Path, content: str) -> None:
    (sha,) = engine.deploy(blue)
    engine.wait_for_models(sha)
    (engine.folder / "deployed.json").write_text(content)
    wait_for(lambda: engine.live()["errors"] == {"deployed.json": "unreadable"})
    assert say(engine, sha).text


def test_what_is_no_longer_deployed_is_stopped(engine: RunningEngine, blue: Path) -> None:
    engine.wait_for_models(*engine.deploy(blue))
    engine.deploy()
    wait_for(lambda: engine.live()["models"] == {})
    wait_for(lambda: engine.servers() == [])


def test_a_second_engine_says_so_and_ends(engine: RunningEngine, blue: Path) -> None:
    engine.wait_for_models(*engine.deploy(blue))
    command = [sys.executable, "-m", "jobs.engine", "--var", str(engine.var)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert second.returncode == 1
    assert "Another engine already serves" in second.stderr
    assert engine.live()["pid"] == engine.process.pid


def test_no_log_holds_a_prompt_or_a_summary(engine: RunningEngine, blue: Path) -> None:
    (sha,) = engine.deploy(blue)
    address = engine.wait_for_models(sha)[sha]
    canary = "CANARYPATIENT"
    messages = [{"role": "user", "content": f"{canary} has gout"}]
    summary = EngineClient(engine.var).summarize(sha, messages, max_new_tokens=60).text
    bodies = [
        b'{"messages": [{"role": "user", "content": "CANARYPATIENT \xff"}]}',
        rb'{"messages": [{"role": "user", "content": "CANARYPATIENT \ud800"}]}',
        b'{"messages": [{"rol": "user", "content": "CANARYPATIENT"}]}',
        b'{"messages": [{"role": "user", "content": "CANARYPATIENT',
        json.dumps({"messages": HELLO, "max_tokens": 1, "grammar": canary}).encode(),
    ]
    assert [post(address, body)[0] for body in bodies] == [400, 400, 500, 400, 400]
    assert post(address, json.dumps({"messages": messages * 500}).encode())[0] == 400
    engine.stop()
    written = [path for path in engine.var.rglob("*") if path.is_file()]
    assert engine.log in written
    for path in written:
        content = path.read_bytes()
        assert canary.encode() not in content, path
        assert summary.encode() not in content, path


def test_the_parent_stays_small() -> None:
    program = "import jobs.engine, sys; print({'torch', 'django', 'xllamacpp', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_a_temporary_server_is_gone_after_its_block(tmp_path: Path, blue: Path) -> None:
    with temporary_server(blue, var=tmp_path) as (port, api_key):
        client = EngineClient.at(port, api_key)
        assert client.summarize("", HELLO, max_new_tokens=5).generated_tokens == 5
    assert client.health() == {"": "not answering"}


def test_a_temporary_server_says_when_a_file_is_no_model(tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF nonsense")
    with (
        pytest.raises(ModelNotServed, match=r"bad\.gguf could not be served"),
        temporary_server(bad, var=tmp_path),
    ):
        pass
    assert (tmp_path / "log" / "engine.log").stat().st_size > 0


def test_kill_9_of_a_command_leaves_no_temporary_server(tmp_path: Path, blue: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from jobs.model_server import temporary_server\n"
        "with temporary_server(Path(sys.argv[1]), var=Path(sys.argv[2])):\n"
        "    print('up', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(blue), str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        (server,) = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([server], timeout=5)[1] == []


@pytest.mark.weights
def test_real_weights_answer_in_words(tmp_path: Path) -> None:
    if not SMOLLM2.exists():
        pytest.skip("smollm2-135m is not fetched: manage.py fetch_model smollm2-135m")
    with temporary_server(SMOLLM2, var=tmp_path, context_tokens=1024) as (port, api_key):
        question = [{"role": "user", "content": "What is the capital of France? Answer in one sentence."}]
        completion = EngineClient.at(port, api_key).summarize("", question, max_new_tokens=40)
    assert "Paris" in completion.text
    assert completion.finish_reason == "stop"
