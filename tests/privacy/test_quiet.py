"""What is passed over: plain talk, and nothing that could be anybody's."""

import json
from pathlib import Path

import pytest

from privacy.labels import gold_spans
from privacy.quiet import Excerpt, Stretch, around, loud_words


def _loud(text: str) -> list[str]:
    return [text[word.start : word.end] for word in loud_words(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Doctor: So how is your knee doing today?\nPatient: It hurts when I climb stairs.",
        "[doctor] okay , let's take a look at your back and see what's going on",
        "She has had two episodes of chest pain in the last 3 weeks.",
    ],
)
def test_plain_talk_is_quiet(text: str) -> None:
    assert _loud(text) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("so how are you today zofia", "zofia"),
        ("I saw Rose at the store.", "Rose"),
        ("Rose came along.", "Rose"),
        ("it began in 1987", "1987"),
        ("he is 93 now", "93"),
        ("since the third week of may", "of may"),
        ("call me at five five five one two", "five five five one two"),
        ("they're at 71-33-52", "1-3"),
        ("ask mr brown", "mr"),
        ("room on the third", "on the third"),
        ("reach me under a/b", "/"),
        ("O.R., here for her knee", "O"),
    ],
)
def test_what_could_identify_is_loud(text: str, word: str) -> None:
    assert word in _loud(text)


def test_stretches_are_cut_between_words_and_hold_what_stands_around() -> None:
    text = "this is only talk " * 20 + "and here is zofia again " + "more of the same talk " * 20
    (stretch,) = around(text, loud_words(text), before=30, after=20)
    words = text[stretch.start : stretch.end]
    assert "here is zofia again" in words
    assert len(words) < 90
    assert text[stretch.start - 1] == " "
    assert text[stretch.end] == " "


def test_a_text_that_is_mostly_loud_is_read_whole() -> None:
    text = "Zofia Nowak, Łódź 1987"
    assert around(text, loud_words(text), before=100, after=60) == [Stretch(0, len(text))]


def test_ranges_of_an_excerpt_lead_back_and_are_parted_where_stretches_meet() -> None:
    text = "aaaa bbbb cccc dddd"
    excerpt = Excerpt(text, [Stretch(0, 4), Stretch(10, 14)])
    assert excerpt.words == "aaaa\n\ncccc"
    assert [text[a:b] for a, b in excerpt.ranges(6, 10)] == ["cccc"]
    assert [text[a:b] for a, b in excerpt.ranges(2, 8)] == ["aa", "cc"]


@pytest.mark.parametrize("name", ["asq-phi.dev", "presidio-synth-v2"])
def test_no_gold_identifier_is_passed_over(shared_data: Path, name: str) -> None:
    passed_over = 0
    with (shared_data / "phi" / f"{name}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            stretches = around(row["text"], loud_words(row["text"]), before=80, after=50)
            passed_over += sum(
                not any(stretch.start <= span.start and span.end <= stretch.end for stretch in stretches)
                for span in gold_spans(row["text"], row["spans"])
            )
    assert passed_over == 0
