import itertools
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from privacy import chosen
from privacy.engine import MAX_CHARACTERS, Scrubber, ScrubError, get_scrubber, resolve, scrubber_version
from privacy.kinds import Kind, Span
from privacy.recognizers import build_recognizers
from privacy.rules import Recognizer

NOTE = "Anna Smith (MRN 00482913) was seen at St. Mary's Hospital on May 3rd, 2021; call 415-555-0134. "


class Broken(Recognizer):
    def ranges(self, text: str) -> list[tuple[int, int, Kind, float]]:
        raise ValueError(f"cannot read {text}")


class OutOfBounds(Recognizer):
    def ranges(self, text: str) -> list[tuple[int, int, Kind, float]]:
        return [(0, len(text) + 5, Kind.NAME, 0.9)]


def test_a_raising_recognizer_stops_the_scrub_and_says_nothing_of_the_text() -> None:
    scrubber = Scrubber([*build_recognizers(), Broken("broken", [Kind.NAME])])
    with pytest.raises(ScrubError) as caught:
        scrubber.find(NOTE)
    assert str(caught.value) == "recognizer broken failed: ValueError"
    assert caught.value.__context__ is None


def test_a_recognizer_that_points_outside_the_text_stops_the_scrub() -> None:
    with pytest.raises(ScrubError, match="outside the text"):
        Scrubber([OutOfBounds("far", [Kind.NAME])]).find(NOTE)


@pytest.mark.parametrize("text", ["a" * (MAX_CHARACTERS + 1), "Anna\0Smith"])
def test_a_text_above_limits_or_with_nul_is_refused(text: str) -> None:
    with pytest.raises(ScrubError):
        get_scrubber().find(text)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_an_empty_text_has_no_identifiers(text: str) -> None:
    assert get_scrubber().find(text) == []


def test_spans_come_sorted_without_overlap_and_with_the_recognizer_that_found_them() -> None:
    spans = get_scrubber().find(NOTE * 3)
    assert spans == sorted(spans)
    assert all(left.end <= right.start for left, right in itertools.pairwise(spans))
    assert {span.recognizer for span in spans} >= {"names", "numbers", "places", "dates", "contacts"}


def test_the_surer_of_two_overlapping_spans_wins_and_nothing_is_uncovered() -> None:
    text = "Anna Springfield General"
    spans = [Span(0, 16, Kind.NAME, 0.6), Span(5, 24, Kind.ORGANIZATION, 0.9)]
    assert [(s.start, s.end, s.kind) for s in resolve(spans, text)] == [
        (0, 4, Kind.NAME),
        (5, 24, Kind.ORGANIZATION),
    ]


def test_a_placeholder_is_no_identifier() -> None:
    text = "Dr. [NAME_1] saw [NAME_12] on [DATE_3]; MRN [MRN_1]. Name: [NAME_2]"
    assert get_scrubber().find(text) == []


def test_threads_share_one_scrubber() -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: get_scrubber().find(NOTE * 20), range(16)))
    assert all(result == results[0] for result in results)
    assert get_scrubber() is get_scrubber()


def test_the_version_names_the_rules_in_use() -> None:
    assert scrubber_version().startswith("rules-")
    assert len(scrubber_version()) == len("rules-") + 12


def test_another_tagger_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = scrubber_version()
    monkeypatch.setattr(chosen, "tagger", "spacy:en_core_web_lg")
    assert scrubber_version() != before


def test_a_tagger_that_does_not_load_stops_every_scrub(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(chosen, "tagger", str(tmp_path))
    with pytest.raises(ScrubError, match="the tagger did not load: WeightsError"):
        get_scrubber()


def test_a_tagger_that_raises_stops_the_scrub() -> None:
    with pytest.raises(ScrubError, match="recognizer broken failed"):
        Scrubber(tagger=Broken("broken", [Kind.NAME])).find("Seen with Zzyzx Quux.")


def test_what_sticks_out_of_a_span_of_the_same_kind_becomes_part_of_it() -> None:
    text = "Anna Smith came."
    spans = [Span(0, 4, Kind.NAME, 0.9, "names"), Span(0, 10, Kind.NAME, 0.7, "tagger")]
    assert [(span.start, span.end) for span in resolve(spans, text)] == [(0, 10)]
    neighbours = [Span(0, 4, Kind.NAME, 0.9), Span(5, 10, Kind.NAME, 0.8)]
    assert resolve(neighbours, text) == neighbours


@pytest.mark.parametrize(
    "text",
    ["1" * 50_000, "A" * 50_000, "A. " * 15_000, "a@" * 25_000, "Anna " * 10_000, "1-" * 25_000, "1 " * 25_000,
     "\n" * 50_000, "the corner of " * 4_000, "St. " * 12_000, "Of A " * 10_000, "12/" * 17_000, "1.A " * 12_000,
     "John, " * 8_000, "patient " * 6_000, "(" * 50_000, "www." * 12_000, "5 Apt. " * 7_000, "é" * 50_000, "1, A\n" * 9_000],
    ids=lambda text: text[:8].strip() or "newlines",
)  # fmt: skip
def test_a_hostile_text_takes_no_longer_than_seconds(text: str) -> None:
    started = time.monotonic()
    get_scrubber().find(text)
    assert time.monotonic() - started < 10


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={"PYTHONPATH": "platform:.", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_scrub_loads_no_torch_and_opens_no_connection_and_says_nothing() -> None:
    said = _python(f"""
        import logging, socket, sys
        logging.basicConfig(level=logging.DEBUG)
        def refuse(*args, **kwargs): raise AssertionError("network")
        socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
        from privacy.engine import get_scrubber
        from privacy.placeholders import replace
        text = {NOTE!r}
        spans = get_scrubber().find(text)
        assert len(spans) == 5
        replace([text], [spans])
        assert "torch" not in sys.modules and "transformers" not in sys.modules
    """)
    assert not any(word in said for word in ("Anna", "Smith", "00482913", "415-555"))


def test_torch_can_be_imported_after_a_scrub_and_before_it() -> None:
    _python("""
        import privacy.engine
        import torch
        assert float(torch.ones(2).sum()) == 2.0
    """)
    _python("""
        import torch
        from privacy.engine import get_scrubber
        assert get_scrubber().find("Dr. Chen called.")
        assert float(torch.ones(2).sum()) == 2.0
    """)
