"""What of a summary is copied: Grusky's fragments, worked out by hand."""

import pytest

from jobs.copying import copied_ngrams, copying, fragment_lengths


def test_fragments_are_the_longest_shared_runs_from_left_to_right() -> None:
    source = ["the", "cat", "sat", "on", "the", "mat", "and", "the", "dog", "sat", "on", "the", "rug"]
    summary = ["a", "dog", "sat", "on", "the", "mat"]
    # "dog sat on the" is longer than "sat on the mat", and the reading goes on after it.
    assert fragment_lengths(source, summary) == [4, 1]


def test_coverage_counts_words_and_density_weighs_long_passages() -> None:
    coverage, density = copying("The dog sat on the mat.", "A dog sat on the MAT!")
    assert coverage == pytest.approx(5 / 6)
    assert density == pytest.approx(25 / 6)


def test_a_summary_in_its_own_words_copies_nothing_and_an_empty_one_neither() -> None:
    assert copying("chest pain for days", "thoracic ache since Monday") == (0, 0)
    assert copying("chest pain", "") == (0, 0)
    assert copied_ngrams("chest pain for days", "") == 0


def test_a_whole_copy_has_the_density_of_its_length() -> None:
    text = "no fever and no cough since Monday"
    assert copying(text, text) == (1, 7)
    assert copied_ngrams(text, text) == 1


def test_four_words_in_a_row_are_counted_in_the_summary() -> None:
    assert copied_ngrams("she has no fever and no cough", "Today she has no fever") == pytest.approx(1 / 2)


def test_a_long_record_full_of_one_word_is_read_in_a_moment() -> None:
    assert fragment_lengths(["no"] * 3000, ["no"] * 300) == [300]
