"""Where a model runs: what it takes, and how fast it can write at best."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs import devices, machine
from jobs.devices import DEVICES, Device, model_of, needed_bytes, seconds, tokens_per_s
from jobs.gguf_header import Header, Tensor, read_header
from jobs.stages.serving import PARALLEL_REQUESTS
from tests.jobs.tiny_gguf import write_tiny_gguf
from training.services.devices import EVALUATED_AT_ONCE

SMOLLM2 = Path(os.environ.get("PRECIS_MODELS_DIR", "var/models")) / "smollm2-135m" / "model.gguf"
LAPTOP, PI, PHONE = DEVICES


def header(*, gigabytes: float = 1.0, tied: bool = True, layers: int = 24) -> Header:
    """A model of the llama family whose table of embeddings is a tenth of it."""
    size = int(gigabytes * 1e9)
    tensors = {
        "token_embd.weight": Tensor(size // 10, size // 10),
        "blk.0.ffn_up.weight": Tensor(size - size // 10, size - size // 10),
    }
    if not tied:
        tensors["output.weight"] = Tensor(1, 1)
    facts = {
        "general.architecture": "llama",
        "llama.block_count": layers,
        "llama.embedding_length": 2048,
        "llama.feed_forward_length": 8192,
        "llama.attention.head_count": 32,
        "llama.attention.head_count_kv": 8,
        "llama.context_length": 8192,
    }
    return Header(facts, tensors)


def test_what_is_remembered_of_a_token_is_two_vectors_a_layer_in_16_bits() -> None:
    assert model_of(header()).remembered_bytes == 2 * 24 * 8 * (64 + 64)


def test_heads_of_another_width_are_told_apart() -> None:
    wide = header()
    wide.facts.update({"llama.attention.key_length": 256, "llama.attention.value_length": 128})
    assert model_of(wide).remembered_bytes == 2 * 24 * 8 * (256 + 128)


def test_a_table_of_embeddings_of_its_own_is_not_read_for_each_token() -> None:
    assert model_of(header()).read_bytes == 1_000_000_000
    assert model_of(header(tied=False)).read_bytes == 900_000_001
    assert model_of(header(tied=False)).file_bytes == 1_000_000_001


def test_the_next_token_is_chosen_only_behind_the_last_one_read() -> None:
    assert model_of(header()).layer_weights == model_of(header(tied=False)).layer_weights == 900_000_000
    assert model_of(header()).read_weights == 1_000_000_000


def test_memory_grows_with_the_context_and_with_requests() -> None:
    model = model_of(header())
    one = needed_bytes(model, 2048)
    assert needed_bytes(model, 4096) - one == 2048 * model.remembered_bytes
    assert needed_bytes(model, 2048, requests=4) - one == 3 * 2048 * model.remembered_bytes
    assert one > model.file_bytes + 2048 * model.remembered_bytes


def test_writing_is_bound_by_the_memory_s_speed() -> None:
    model = model_of(header())
    assert tokens_per_s(model, PI, 0) == pytest.approx(11e9 / 1e9)
    assert tokens_per_s(model, PI, 4000) < tokens_per_s(model, PI, 0)
    twice = replace(PI, bytes_per_s=2 * PI.bytes_per_s)
    assert tokens_per_s(model, twice, 100) == pytest.approx(2 * tokens_per_s(model, PI, 100))


def test_a_measured_machine_is_bound_by_what_its_cores_take() -> None:
    told = {"free_bytes": 8e9, "operations_per_s": 1e11}
    assert devices.measured("few", bytes_per_s=100e9, cores=2, **told).bytes_per_s == 25e9
    assert devices.measured("many", bytes_per_s=100e9, cores=32, **told).bytes_per_s == 100e9


def test_and_by_arithmetic_where_that_is_slower() -> None:
    slow = Device("a slow one", 8e9, bytes_per_s=1e12, operations_per_s=1e9)
    assert tokens_per_s(model_of(header()), slow, 0) == pytest.approx(1e9 / 2e9)


def test_several_requests_share_the_reading_of_the_weights() -> None:
    model = model_of(header())
    one, four = tokens_per_s(model, LAPTOP, 1000), tokens_per_s(model, LAPTOP, 1000, requests=4)
    assert 3 * one < four < 4 * one


def test_a_summary_takes_the_reading_and_the_writing() -> None:
    model = model_of(header())
    reading = devices.RECORD_TOKENS * 1.8e9 / PI.operations_per_s
    writing = devices.SUMMARY_TOKENS / tokens_per_s(model, PI, devices.RECORD_TOKENS)
    assert seconds(model, PI) == pytest.approx(reading + writing)


@pytest.mark.parametrize(
    ("gigabytes", "fits"), [(0.1, "laptop pi phone"), (3.2, "laptop phone"), (4.5, "laptop"), (8, "")]
)
def test_a_model_fits_where_the_memory_is(gigabytes: float, fits: str) -> None:
    model = model_of(header(gigabytes=gigabytes))
    found = [
        name
        for name, device in zip(("laptop", "pi", "phone"), DEVICES, strict=True)
        if devices.budget(model, device, 2048).fits
    ]
    assert " ".join(found) == fits


def test_a_file_that_is_no_model_that_writes_is_not_guessed_at() -> None:
    encoder = header()
    del encoder.facts["llama.block_count"]
    with pytest.raises(KeyError):
        model_of(encoder)


def test_a_real_file_is_understood(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "model.gguf", context_tokens=512)
    model = model_of(read_header(path))
    assert model.context_tokens == 512
    assert model.file_bytes == pytest.approx(path.stat().st_size, rel=0.2)
    assert model.remembered_bytes == 2 * 2 * 4 * 16  # two layers, four heads of eight


def test_an_evaluation_asks_as_many_at_once_as_is_said_of_it() -> None:
    assert EVALUATED_AT_ONCE == PARALLEL_REQUESTS


def test_this_machine_is_measured() -> None:
    assert 5e8 < machine.memory_bytes_per_s() < 2e12
    assert 1e8 < machine.matrix_operations_per_s() < 1e14


FACTOR = 4
"""How far a small model may stay below its limit on one core, where no threads wait for one another. It may be above it by
two, since cores differ.
"""


@pytest.fixture
def one_core() -> Iterator[None]:
    """For this thread and what it starts, the engine and the measuring alike."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.alone
def test_a_real_model_stays_below_its_limits_and_not_far_below(tmp_path: Path, one_core: None) -> None:
    if not SMOLLM2.exists():
        pytest.skip("the weights of smollm2-135m are not here")
    import httpx
    import psutil

    from jobs.model_server import temporary_server

    here = devices.measured(
        "here",
        free_bytes=1e12,
        bytes_per_s=machine.memory_bytes_per_s(),
        cores=1,
        operations_per_s=machine.matrix_operations_per_s(),
    )
    asked = {
        "messages": [{"role": "user", "content": "word and " * 40}],
        "max_tokens": 48,
        "ignore_eos": True,
    }
    with temporary_server(SMOLLM2, var=tmp_path) as (port, api_key):
        url, headers = f"http://127.0.0.1:{port}/v1/chat/completions", {"Authorization": f"Bearer {api_key}"}
        (server,) = psutil.Process().children()
        answers = [httpx.post(url, json=asked, headers=headers, timeout=300).json() for _ in range(5)]
        held = server.memory_info().rss
    measured = max(answer["timings"]["predicted_per_second"] for answer in answers)
    model = model_of(read_header(SMOLLM2))
    limit = tokens_per_s(model, here, answers[0]["usage"]["prompt_tokens"])
    print(f"limit {limit:.0f}, measured {measured:.0f} tokens/s at {here.bytes_per_s / 1e9:.1f} GB/s")
    assert limit / FACTOR < measured < 2 * limit
    needed = needed_bytes(model, 4096, requests=PARALLEL_REQUESTS)
    assert needed / 2 < held < needed
