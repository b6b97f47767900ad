"""Several clinics' adapters upon one base: one process, the base in memory once, and no clinic gets another's model."""

import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs.model_server import temporary_server
from summaries.engine import EngineClient, EngineUnavailable
from tests.jobs.running_engine import RunningEngine, running_engine, sha256, use_one_core, wait_for
from tests.jobs.tiny_gguf import write_tiny_adapter, write_tiny_gguf

TOKENS = 40
RECORDS = [
    [{"role": "user", "content": f"{word} {'the patient was seen again ' * 20}"}]
    for word in ("gout", "asthma", "migraine")
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("base") / "model.gguf", seed=1)


@pytest.fixture
def adapters(base: Path, tmp_path: Path) -> list[Path]:
    """Of Alice's clinic, of Bob's, and of Carol's."""
    return [
        write_tiny_adapter(tmp_path / f"{name}.gguf", base, seed=seed)
        for seed, name in enumerate(("alice", "bob", "carol"))
    ]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    with running_engine(tmp_path / "engine-var") as engine:
        yield engine


def say(engine: RunningEngine, sha: str, record: int = 0) -> str:
    return EngineClient(engine.var).summarize(sha, RECORDS[record], max_new_tokens=TOKENS).text


@contextmanager
def on_one_core() -> Iterator[None]:
    """How many threads share a sum moves its last bits, and with them a word of a model of random weights."""
    before = os.sched_getaffinity(0)
    use_one_core()
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def alone(base: Path, adapter: Path | None, var: Path) -> list[str]:
    """What a model answers to each record when nothing else is served, on one core as the running engine is."""
    with on_one_core(), temporary_server(base, var=var, adapter=adapter) as (port, key):
        client = EngineClient.at(port, key)
        return [client.summarize("", record, max_new_tokens=TOKENS).text for record in RECORDS]


def test_clinics_that_ask_the_same_in_turn_and_at_once_get_what_each_gets_alone(
    engine: RunningEngine, base: Path, adapters: list[Path], tmp_path: Path
) -> None:
    wanted = {sha256(each): alone(base, each, tmp_path) for each in adapters}
    assert len({texts[0] for texts in wanted.values()}) == 3
    hashes = engine.deploy_upon(base, *adapters)
    engine.wait_for_models(*hashes)
    asked = [(sha, record) for record in range(len(RECORDS)) for _ in range(3) for sha in hashes]
    in_turn = [say(engine, *each) for each in asked]
    with ThreadPoolExecutor(8) as pool:  # more than the server has slots
        at_once = list(pool.map(lambda each: say(engine, *each), asked * 2))
    expected = [wanted[sha][record] for sha, record in asked]
    assert in_turn == expected
    assert at_once == expected * 2


def test_the_base_is_in_memory_once(engine: RunningEngine, base: Path, adapters: list[Path]) -> None:
    live = engine.wait_for_models(*engine.deploy_upon(base, *adapters))
    (server,) = engine.servers()
    assert len({entry["port"] for entry in live.values()}) == 1
    assert sorted(entry["adapter"] for entry in live.values()) == [0, 1, 2]
    assert sum(f"--adapter={each}" in server.cmdline() for each in adapters) == 3


def test_a_request_that_names_no_adapter_gets_the_base_and_not_all_clinics_together(
    engine: RunningEngine, base: Path, adapters: list[Path], tmp_path: Path
) -> None:
    live = engine.wait_for_models(*engine.deploy_upon(base, *adapters[:2]))
    entry = next(iter(live.values()))
    client = EngineClient.at(entry["port"], entry["api_key"])
    assert client.summarize("", RECORDS[0], max_new_tokens=TOKENS).text == alone(base, None, tmp_path)[0]


def test_a_whole_file_and_adapters_are_served_beside_each_other(
    engine: RunningEngine, base: Path, adapters: list[Path], tmp_path: Path
) -> None:
    whole = write_tiny_gguf(tmp_path / "whole.gguf", seed=2)
    wanted = {
        sha256(whole): alone(whole, None, tmp_path),
        sha256(adapters[0]): alone(base, adapters[0], tmp_path),
    }
    own = {
        "path": str(adapters[0]),
        "sha256": sha256(adapters[0]),
        "base": {"path": str(base), "sha256": sha256(base)},
    }
    entries = [{"path": str(whole), "sha256": sha256(whole)}, own]
    pointer = {"models": [{**entry, "context_tokens": 4096} for entry in entries]}
    (engine.folder / "deployed.json").write_text(json.dumps(pointer))
    engine.wait_for_models(*wanted)
    assert {sha: say(engine, sha) for sha in wanted} == {sha: texts[0] for sha, texts in wanted.items()}


def test_a_clinic_that_joins_drops_no_request_of_another(
    engine: RunningEngine, base: Path, adapters: list[Path]
) -> None:
    (alice,) = engine.deploy_upon(base, adapters[0])
    engine.wait_for_models(alice)
    text, answers, failures, stop = say(engine, alice), [], [], threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            try:
                answers.append(say(engine, alice))
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=keep_asking) for _ in range(3)]
    for thread in threads:
        thread.start()
    for count in (2, 3, 1):
        engine.wait_for_models(*engine.deploy_upon(base, *adapters[:count]))
        time.sleep(1)
    wait_for(lambda: len(engine.servers()) == 1)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(answers) == {text}
    assert len(answers) > 20


def test_one_clinics_damaged_adapter_costs_the_others_nothing_and_is_served_once_put_right(
    engine: RunningEngine, base: Path, adapters: list[Path]
) -> None:
    whole = adapters[1].read_bytes()
    alice, bob = engine.deploy_upon(base, *adapters[:2])
    engine.wait_for_models(alice, bob)
    text = say(engine, bob)
    adapters[1].write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    (server,) = engine.servers()
    server.kill()
    wait_for(lambda: engine.live()["errors"].get(bob) == "refused: sha256")
    engine.wait_for_models(alice)
    assert say(engine, alice)
    with pytest.raises(EngineUnavailable, match="refused: sha256"):
        say(engine, bob)
    adapters[1].write_bytes(whole)
    engine.deploy_upon(base, *adapters[:2])
    engine.wait_for_models(alice, bob)
    assert say(engine, bob) == text
    assert engine.live()["errors"] == {}


def test_another_base_than_the_one_that_an_adapter_was_checked_on_is_refused(
    engine: RunningEngine, base: Path, adapters: list[Path], tmp_path: Path
) -> None:
    other = write_tiny_gguf(tmp_path / "other.gguf", seed=9)
    shared = {"path": str(other), "sha256": sha256(base)}
    (alice,) = engine.deploy(adapters[0], base=shared)
    wait_for(lambda: engine.live()["errors"] == {alice: "refused: sha256"})
    assert engine.live()["models"] == {}
