"""A chart of sixty pages is summarized piece by piece, shortened again where that is still long, and tells how far it is."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from stub_engine import StubEngine

from accounts.models import Scope
from audit.models import AuditEntry
from jobs.long_records import Count
from jobs.model_server import temporary_server
from jobs.prompts import messages
from sample_clinic.clinic import generate
from summaries import admission, asking
from summaries.engine import Completion, EngineClient, Prompt, PromptTooLong
from summaries.models import Summary
from tests.jobs.running_engine import use_one_core
from tests.jobs.tiny_gguf import write_tiny_gguf
from tests.summaries.conftest import IssueKey

SIXTY_PAGES = 160_000
CONTEXT_TOKENS = 1024


@pytest.fixture(scope="module")
def chart() -> str:
    """Notes of the made-up clinic, one after the other."""
    notes: list[str] = []
    for record in generate(seed=5):
        notes.append(record.source)
        if sum(map(len, notes)) > SIXTY_PAGES:
            return "\n\n".join(notes)[:SIXTY_PAGES]
    raise AssertionError("too few notes")


class Wordy:
    """A model without a network: four characters are a token; it answers with a sentence of its own for every piece."""

    def __init__(self, words: int = 12) -> None:
        self.asked: list[str] = []
        self._words, self._names = words, count(1)

    @contextmanager
    def counting(self, sha256: str) -> Iterator[Count]:
        yield lambda text: len(text) // 4 + 1

    def count_prompt_tokens(self, sha256: str, chat: list[dict[str, str]]) -> int:
        return sum(len(message["content"]) for message in chat) // 4 + 8

    def stream(self, sha256: str, prompt: Prompt, *_: object) -> Iterator[str]:
        used = self.count_prompt_tokens(sha256, prompt.messages)  # type: ignore[arg-type]
        if used > CONTEXT_TOKENS:
            raise PromptTooLong(used, CONTEXT_TOKENS)
        self.asked.append(prompt.messages[-1]["content"])  # type: ignore[index]
        number = next(self._names)
        answer = " ".join(f"finding{number}of{word}" for word in range(self._words)).capitalize() + "."
        yield answer
        return Completion(answer, used, self._words, 0.1, "stop")


def read(model: Wordy, source: str) -> tuple[list[str], Completion, list[asking.Progress]]:
    told: list[asking.Progress] = []
    pieces, shown = (
        asking.stream(
            model,  # type: ignore[arg-type]
            "sha",
            Prompt(messages(source), 128),
            source=source,
            section="",
            context_tokens=CONTEXT_TOKENS,
            on_progress=told.append,
        ),
        [],
    )
    while True:
        try:
            shown.append(next(pieces))
        except StopIteration as end:
            return shown, end.value, told


def test_every_piece_is_asked_about_once_in_the_chart_s_order(chart: str) -> None:
    model = Wordy()
    shown, completion, told = read(model, chart)
    first = [each for each in told if each.reading == 1]
    assert [each.part for each in first] == list(range(1, first[0].parts + 1))
    asked = model.asked[: len(first)]
    assert len(set(asked)) == len(asked) > 50
    # Each line of the chart stands in some piece, none before the piece that holds the line before it.
    at = 0
    for line in filter(None, map(str.strip, chart.splitlines())):
        at = next(number for number in range(at, len(asked)) if line[:60] in asked[number])
    assert at == len(asked) - 1
    assert completion.prompt_tokens > SIXTY_PAGES / 4
    assert "".join(shown).count("\n") == len(first) - 1


def test_what_is_still_long_is_read_again_until_the_model_could_read_it_at_once(chart: str) -> None:
    model = Wordy(words=12)
    shown, completion, told = read(model, chart)
    assert {each.reading for each in told} == {1, 2}
    again = [each for each in told if each.reading == 2]
    assert len(model.asked) == len(told)
    assert "".join(shown).count("Finding") == len(told) - len(again)
    # The end is what the last reading said, in its order, and nothing of the first.
    last = [f"Finding{number}of0" for number in range(len(told) - len(again) + 1, len(told) + 1)]
    assert [word for word in completion.text.split() if word.startswith("Finding")] == last
    assert len(completion.text) / 4 < CONTEXT_TOKENS


def test_a_model_that_makes_nothing_shorter_is_not_asked_for_ever(chart: str) -> None:
    model = Wordy(words=200)
    _, completion, told = read(model, chart[:20_000])
    assert {each.reading for each in told} == {1}
    assert completion.text.startswith("Finding1of0")


def test_a_record_that_fits_tells_of_no_parts() -> None:
    shown, _, told = read(Wordy(), "A cough for two days.")
    assert told == []
    assert len(shown) == 1


def test_forty_thousand_tokens_go_through_a_real_engine(chart: str, tmp_path: Path) -> None:
    chart = chart[:42_000]  # a letter is a token here
    cores = os.sched_getaffinity(0)
    use_one_core()
    told: list[asking.Progress] = []
    try:
        with temporary_server(write_tiny_gguf(tmp_path / "m.gguf", seed=1), var=tmp_path) as address:
            pieces = asking.stream(
                EngineClient.at(*address),
                "",
                Prompt(messages(chart), 16),
                source=chart,
                section="",
                context_tokens=4096,
                on_progress=told.append,
            )
            words = "".join(pieces).split("\n")
    finally:
        os.sched_setaffinity(0, cores)
    assert len(words) == told[-1].parts == told[-1].part > 12
    assert all(words)


def ask(key: str, text: str, **body: Any) -> Any:
    return Client().post(
        "/api/v1/summaries",
        json.dumps({"text": text, **body}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )


@pytest.fixture
def long_note(chart: str) -> str:
    return chart[:12_000]


def events_of(response: Any) -> list[tuple[str, Any]]:
    blocks = b"".join(response.streaming_content).decode().strip().split("\n\n")
    lines = [block.split("\n") for block in blocks]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


def test_a_stream_tells_which_part_of_how_many_is_being_written(
    engine: StubEngine, issue_key: IssueKey, long_note: str
) -> None:
    events = events_of(ask(issue_key(), long_note, stream=True))
    told = [data for name, data in events if name == "progress"]
    assert events[0][0] == "progress"
    assert [each["part"] for each in told] == list(range(1, told[0]["parts"] + 1))
    assert len(engine.received) == len(told) > 1
    assert events[-1][0] == "summary"


def test_a_long_chart_holds_one_place_of_the_queue_from_its_first_part_to_its_last(
    engine: StubEngine, issue_key: IssueKey, long_note: str, settings: Any, own_var: Path
) -> None:
    settings.ENGINE_QUEUE = 1
    stream = iter(ask(issue_key(), long_note, stream=True).streaming_content)
    next(stream)
    refused = ask(issue_key(), "A cough.")
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert b"event: summary" in list(stream)[-1]
    with admission.place(own_var / "engine" / "queue", 1):
        pass


@pytest.mark.django_db(transaction=True)  # closing the answer closes the connection
def test_whoever_stops_reading_ends_the_work_between_two_parts(
    engine: StubEngine, issue_key: IssueKey, long_note: str
) -> None:
    response = ask(issue_key(Scope.SUMMARIZE), long_note, stream=True)
    stream = iter(response.streaming_content)
    while b"event: piece" not in next(stream):
        pass
    asked = len(engine.received)
    response.close()
    assert len(engine.received) == asked
    assert not Summary.objects.exists()
    assert AuditEntry.objects.filter(action="cancel_summary").count() == 1
