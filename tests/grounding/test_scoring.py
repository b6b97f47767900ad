"""The figures: known answers, and a decision that learns from findings and keeps its promise of few false flags."""

from dataclasses import replace

import numpy as np
import pytest

from grounding.decision import Decision, of_text, unread
from grounding.features import NAMES, PROVEN
from grounding.fitting import Parts, fit
from grounding.scoring import area_under_curve, balanced_accuracy, calibration_error, lexical


def test_the_area_under_the_curve_counts_pairs_and_ties_half() -> None:
    assert area_under_curve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]) == 0.75
    assert area_under_curve([0.5, 0.5], [0, 1]) == 0.5
    assert np.isnan(area_under_curve([0.5], [1]))


def test_balanced_accuracy_is_the_mean_over_both_kinds() -> None:
    assert balanced_accuracy([True, False, False, False], [1, 1, 0, 0]) == 0.75


def test_calibration_error_is_the_gap_between_chance_and_truth() -> None:
    assert calibration_error([0.9] * 10, [1] * 9 + [0]) == pytest.approx(0)
    assert calibration_error([0.9] * 10, [0] * 10) == pytest.approx(0.9)


def test_the_lexical_floor_is_the_share_of_words_the_source_lacks() -> None:
    assert lexical("The knee hurts.", "Knee pain.") == 0
    assert lexical("The knee hurts.", "Appendectomy.") == 1


def _fitted() -> tuple[Decision, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    wrong = rng.integers(0, 2, 4000)
    features = rng.normal(0, 0.3, (4000, len(NAMES)))
    features[:, NAMES.index("dose:sure")] = (wrong == 1) & (rng.random(4000) < 0.7)
    features[:, NAMES.index("side:sure")] = (wrong == 0) & (rng.random(4000) < 0.3)
    features[:, NAMES.index(PROVEN)] = rng.random(4000) < np.where(wrong == 1, 0.3, 0.03)
    decision = fit(features, unread(4000), wrong, _parts(), np.zeros(0))
    return decision, features, wrong


def _parts() -> Parts:
    """Of 4,000 rows half for the weights, a quarter for the thresholds and one for the probabilities; no texts."""
    at = np.arange(4000) % 4
    return Parts(at < 2, at == 2, at == 3, np.full(4000, -1))


def test_a_decision_is_calibrated_and_keeps_its_share_of_false_flags() -> None:
    decision, features, wrong = _fitted()
    chances = 1 / (1 + np.exp(-decision.log_odds(features, unread(4000))))
    assert calibration_error(chances.tolist(), wrong.tolist()) < 0.05
    flagged = (chances >= decision.threshold) | (features[:, NAMES.index(PROVEN)] > 0)
    assert 0.06 < flagged[wrong == 0].mean() < 0.1
    assert decision.unsure <= decision.threshold


def test_what_is_proven_is_likelier_wrong_and_leaves_the_other_weights_alone() -> None:
    decision, features, wrong = _fitted()
    proven = NAMES.index(PROVEN)
    assert decision.weights[proven] > 1
    features = features.copy()
    features[features[:, proven] > 0, NAMES.index("dose:sure")] = 1 - wrong[features[:, proven] > 0]
    other = fit(features, unread(4000), wrong, _parts(), np.zeros(0))
    assert np.allclose(np.delete(decision.weights, proven), np.delete(other.weights, proven))


def test_a_finding_never_speaks_for_a_sentence() -> None:
    decision, *_ = _fitted()
    assert decision.weights[NAMES.index("dose:sure")] > 1
    assert decision.weights[NAMES.index("side:sure")] == 0


def test_a_decision_s_card_gives_it_again() -> None:
    decision, *_ = _fitted()
    assert Decision.from_card(decision.to_card()) == decision


def test_where_each_text_is_proven_wrong_texts_are_judged_as_sentences_are() -> None:
    _, features, wrong = _fitted()
    texts = np.full(4000, -1)
    texts[np.flatnonzero(features[:, NAMES.index(PROVEN)] > 0)[:2]] = [0, 1]
    decision = fit(features, unread(4000), wrong, replace(_parts(), texts=texts), np.ones(2))
    assert decision.whole_threshold == decision.threshold


def test_a_clinic_with_too_few_records_for_even_errors_keeps_the_odds_of_the_weights() -> None:
    _, features, wrong = _fitted()
    decision = fit(
        features, unread(4000), wrong, replace(_parts(), even=np.zeros(4000, dtype=bool)), np.zeros(0)
    )
    assert (decision.slope, decision.offset) == (1.0, 0.0)
    assert 0 < decision.threshold < 1


def test_every_sentence_more_is_a_chance_more_of_an_error_and_makes_up_for_none() -> None:
    assert of_text(np.array([1.0])) == 1.0
    assert of_text(np.array([1.0, -9.0, -9.0])) > of_text(np.array([1.0, -9.0])) > 1.0
