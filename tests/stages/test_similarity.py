"""Closeness in meaning, with the encoder's real weights where they have been fetched."""

from pathlib import Path

import numpy as np
import pytest

from jobs.catalogue import NotFetched, installed
from jobs.stages.closeness import closeness
from jobs.stages.similarity import WINDOW_TOKENS, Embedder

MODELS = Path(__file__).parents[2] / "var" / "models"
pytestmark = [pytest.mark.slow, pytest.mark.weights]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    try:
        return Embedder(installed("minilm-l6", MODELS).hf)
    except NotFetched as error:
        pytest.skip(str(error))


def test_other_words_for_the_same_are_closer_than_another_matter(embedder: Embedder) -> None:
    said = "The patient has had chest pain for three days."
    same, other = embedder.similarity([said] * 2, ["Three days of thoracic pain.", "The weather is nice."])
    assert same > 60 > 30 > other


def test_a_text_is_like_itself_and_an_empty_one_like_nothing(embedder: Embedder) -> None:
    assert embedder.similarity(["A cough."] * 2, ["A cough.", ""]) == pytest.approx([100, 0], abs=1e-3)


def test_vectors_do_not_depend_on_what_else_is_in_the_batch(embedder: Embedder) -> None:
    texts = ["A cough.", "Pain in the left knee after a fall from a ladder, worse on stairs.", "x"] * 20
    alone = np.concatenate([embedder.embed([text]) for text in texts[:3]])
    assert np.abs(embedder.embed(texts)[:3] - alone).max() < 1e-5


def test_a_long_text_is_read_to_its_end(embedder: Embedder) -> None:
    long = "No fever. " * (WINDOW_TOKENS // 2)
    before, after = embedder.embed([long, long + "Metastatic melanoma of the liver. " * 40])
    assert float(before @ after) < 0.9


def test_the_stage_measures_it_where_the_encoder_is_and_says_so_where_not(
    embedder: Embedder, tmp_path: Path
) -> None:
    measure, missing = closeness(MODELS)
    assert measure is not None
    assert (measure(["A cough."], ["A cough."]), missing) == (pytest.approx([100], abs=1e-3), {})
    measure, missing = closeness(tmp_path)
    assert measure is None
    assert "fetch_model minilm-l6" in missing["similarity"]
