"""Each metric by hand, and what its card promises."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softcore.errors import RequestError
from softcore.scoring.metrics import (
    ALWAYS,
    EXTRAS,
    METRICS,
    accuracy,
    check_extras,
    cross_entropy,
    fit_temperature,
    lower_is_better,
    rms_calibration_error,
    rms_calibration_error_released,
    scores,
    temperature_error,
)


def logits_of(rows):
    """Logits whose softmax is `rows`."""
    return np.log(np.array(rows)).astype(np.float32)


def two_class(confidences, right):
    """Logits and targets of items that say class 0 with `confidences`, of which `right` are class 0."""
    confidences, right = np.array(confidences), np.array(right)
    return logits_of(np.stack([confidences, 1 - confidences], axis=1)), np.eye(2)[np.where(right, 0, 1)]


def test_cross_entropy_by_hand():
    # -(0.5 ln 0.7 + 0.5 ln 0.2) = (0.35667 + 1.60944) / 2 = 0.98306 and -ln 0.1 = 2.30259; their mean is 1.64282.
    logits = logits_of([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    targets = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    assert cross_entropy(logits, targets) == pytest.approx(1.64282, abs=1e-5)


def test_cross_entropy_of_the_target_itself_is_its_entropy():
    # ln 2 for a coin.
    assert cross_entropy(logits_of([[0.5, 0.5]]), np.array([[0.5, 0.5]])) == pytest.approx(math.log(2))


def test_a_class_without_mass_adds_nothing_however_unlikely():
    assert cross_entropy(np.array([[0.0, -500.0]]), np.array([[1.0, 0.0]])) == pytest.approx(0.0, abs=1e-12)


def test_cross_entropy_of_a_sure_mistake_is_large_and_finite():
    assert cross_entropy(np.array([[0.0, 500.0]], dtype=np.float32), np.array([[1.0, 0.0]])) == pytest.approx(500)


def test_accuracy_is_agreement_of_the_largest():
    logits = np.array([[3.0, 1, 0], [0, 2, 1], [0, 0, 5], [1, 0, 0]])
    targets = np.array([[0.6, 0.4, 0], [0.5, 0.3, 0.2], [0, 0.4, 0.6], [0.2, 0.2, 0.6]])
    assert accuracy(logits, targets) == 0.5


def test_the_first_class_wins_a_tie():
    assert accuracy(np.array([[1.0, 1.0]]), np.array([[0.5, 0.5]])) == 1.0
    assert accuracy(np.array([[1.0, 1.0]]), np.array([[0.0, 1.0]])) == 0.0


def test_calibration_error_by_hand_on_twenty_items():
    # Two bins of ten. Confidence 0.6 with 4 of 10 right: gap 0.2. Confidence 0.9 with 10 of 10: gap 0.1.
    # Root of (0.04 + 0.01) / 2 = 0.158114. The most confident bin counts.
    logits, targets = two_class([0.9] * 10 + [0.6] * 10, [True] * 10 + [True] * 4 + [False] * 6)
    assert rms_calibration_error(logits, targets) == pytest.approx(0.158114, abs=1e-6)


def test_bins_are_cut_by_confidence_and_not_by_position():
    logits, targets = two_class([0.9, 0.6] * 10, [True, False] * 6 + [True, True] * 4)
    assert rms_calibration_error(logits, targets) == pytest.approx(0.158114, abs=1e-6)


def test_a_last_smaller_bin_counts_by_its_items():
    # 25 items: ten at 0.6 and ten at 0.7, each as often right as said (6 and 7), five at 0.9 of which 2 are right:
    # gap 0.5. Root of 5 x 0.25 / 25 = 0.223607.
    right = [True] * 6 + [False] * 4 + [True] * 7 + [False] * 3 + [True] * 2 + [False] * 3
    logits, targets = two_class([0.6] * 10 + [0.7] * 10 + [0.9] * 5, right)
    assert rms_calibration_error(logits, targets) == pytest.approx(0.223607, abs=1e-6)


def test_a_thousand_items_are_cut_into_bins_of_a_hundred():
    # Confidence rises in steps of 10 items that are all right, then all wrong, and so on: bins of 100 are half right
    # at confidence near 0.5 + so their gap is near 0, bins of 10 would have gaps near a half.
    confidence = np.linspace(0.5001, 0.5002, 1000)
    right = (np.arange(1000) // 10) % 2 == 0
    assert rms_calibration_error(*two_class(confidence, right)) == pytest.approx(0.0, abs=1e-3)
    # Of 999 items, bins of ten: 99 with a gap of a half and one of nine.
    assert rms_calibration_error(*two_class(confidence[:999], right[:999])) == pytest.approx(0.5, abs=1e-3)


def test_a_model_that_is_always_sure_and_right_is_calibrated():
    logits, targets = two_class([1 - 1e-9] * 30, [True] * 30)
    assert rms_calibration_error(logits, targets) == pytest.approx(0.0, abs=1e-6)


def test_correct_is_agreement_with_the_largest_of_a_soft_target():
    # All ten say class 0 at 0.8; its target is 0.6, so all are correct: gap 0.2.
    logits, _ = two_class([0.8] * 10, [True] * 10)
    assert rms_calibration_error(logits, np.full((10, 2), [0.6, 0.4])) == pytest.approx(0.2, abs=1e-6)


def test_the_released_error_leaves_out_the_most_confident_bin():
    # The twenty items from above: the gap of 0.1 at 0.9 is left out, that of 0.2 at 0.6 counts for its ten of twenty:
    # root of 0.5 x 0.04 = 0.141421.
    logits, targets = two_class([0.9] * 10 + [0.6] * 10, [True] * 10 + [True] * 4 + [False] * 6)
    assert rms_calibration_error_released(logits, targets) == pytest.approx(0.141421, abs=1e-6)


def test_the_released_error_adds_what_is_left_over_to_the_bin_that_it_leaves_out():
    # 25 items: ten at 0.6 of which 4 are right (gap 0.2), ten at 0.7 and five at 0.9 that don't count.
    # Root of 10 / 25 x 0.04 = 0.126491.
    right = [True] * 4 + [False] * 6 + [False] * 15
    logits, targets = two_class([0.6] * 10 + [0.7] * 10 + [0.9] * 5, right)
    assert rms_calibration_error_released(logits, targets) == pytest.approx(0.126491, abs=1e-6)


@pytest.mark.parametrize("n", [1, 10, 19])
def test_the_released_error_of_a_single_bin_is_not_a_number(n):
    assert rms_calibration_error_released(*two_class([0.6] * n, [True] * n)) is None


def test_the_released_error_cuts_a_thousand_items_into_hundreds():
    # Ten bins of a hundred, all at 0.6 and none right: nine count, root of 0.9 x 0.36 = 0.569210.
    assert rms_calibration_error_released(*two_class([0.6] * 1000, [False] * 1000)) == pytest.approx(0.569210, abs=1e-6)


def test_a_temperature_by_hand():
    # Of items with logits (2, 0) four in five are of class 0: best at a probability of 0.8, so 2 / T = ln(0.8 / 0.2).
    labels = np.array([0] * 8000 + [1] * 2000)
    fitted = fit_temperature(np.full((10_000, 2), [2.0, 0.0]), labels)
    assert fitted == pytest.approx(2 / math.log(4), rel=2e-4)
    # With u = log T the loss' second derivative at the fit is n (ln 4)^2 x 0.8 x 0.2, plus 1 of the prior.
    error = temperature_error(np.full((10_000, 2), [2.0, 0.0]), labels, fitted)
    assert error == pytest.approx(1 / math.sqrt(10_000 * math.log(4) ** 2 * 0.16 + 1), rel=2e-3)


def test_images_that_are_all_classified_rightly_do_not_send_the_temperature_to_nothing():
    # 150 images at a probability of 0.8: without a prior the sharper the better, and 0.01 is where the search ends.
    labels = np.zeros(150, dtype=np.int64)
    fitted = fit_temperature(np.full((150, 2), [math.log(4), 0.0]), labels)
    assert 0.15 < fitted < 0.5
    assert temperature_error(np.full((150, 2), [math.log(4), 0.0]), labels, fitted) > 0.2


def test_no_scaled_metric_without_a_temperature():
    clean = np.array([[2.0, 0.0], [0.0, 1.0]])
    targets = np.eye(2)
    without = scores(clean, clean, targets, temperature=math.nan)
    assert set(scores(clean, clean, targets, temperature=1.0)) - set(without) == {"scaled-ce"}


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5, 8.0])
def test_a_known_temperature_is_recovered(temperature):
    # Labels drawn from softmax(z), logits handed over as temperature x z; 20,000 draws know it to a few per cent.
    rng = np.random.default_rng(0)
    true = rng.normal(size=(20_000, 5))
    labels = (true + rng.gumbel(size=true.shape)).argmax(axis=1)
    assert fit_temperature(temperature * true, labels) == pytest.approx(temperature, rel=0.03)


def test_a_fitted_temperature_never_raises_the_loss_it_was_fitted_on():
    rng = np.random.default_rng(1)
    logits, labels = 9 * rng.normal(size=(300, 4)), rng.integers(0, 4, 300)
    hard = np.eye(4)[labels]
    assert cross_entropy(logits / fit_temperature(logits, labels), hard) <= cross_entropy(logits, hard)


def test_a_temperature_without_validation_images_is_an_error():
    with pytest.raises(ValueError, match="a temperature needs at least one validation image"):
        fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))


def test_scores_have_every_metric_that_is_always_computed():
    clean, attacked = logits_of([[0.7, 0.3], [0.4, 0.6]]), logits_of([[0.5, 0.5], [0.2, 0.8]])
    targets = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = scores(clean, attacked, targets, temperature=2.0)
    assert tuple(found) == ALWAYS
    assert found["ce"] == cross_entropy(clean, targets)
    assert found["fgsm"] == cross_entropy(attacked, targets)
    assert found["scaled-ce"] == pytest.approx(cross_entropy(clean / 2, targets))
    assert found["accuracy"] == 1.0


def test_only_accuracy_and_a_correlation_are_better_when_higher():
    assert [name for name in METRICS if not lower_is_better(name)] == ["accuracy", "entropy-correlation"]
    assert lower_is_better("scaled-ce/10h")
    assert lower_is_better("pgd/10h")
    assert lower_is_better("rmsce-released/10h")
    assert lower_is_better("ce/10h-c-generated")
    assert not lower_is_better("accuracy/10h")


def test_an_unknown_metric_is_refused_with_the_known_ones():
    with pytest.raises(RequestError, match=f"unknown metric 'auc'; known: {', '.join(sorted(METRICS))}"):
        lower_is_better("auc/10h")


def test_a_metric_that_is_not_always_there_names_the_extra_that_asks_for_it():
    assert {name: card.extra for name, card in METRICS.items() if card.extra} == {
        "pgd": "pgd",
        "rmsce-released": "released",
    }
    check_extras(EXTRAS)
    with pytest.raises(RequestError, match="unknown extra 'fog'; known: all-metrics, corruptions, pgd, released"):
        check_extras(["pgd", "fog"])


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(2, 6))
def test_metrics_stay_in_their_range_and_ignore_the_order_of_items(seed, n, k):
    rng = np.random.default_rng(seed)
    logits, targets = rng.normal(scale=4, size=(n, k)), rng.dirichlet(np.ones(k), size=n)
    order = rng.permutation(n)
    assert 0 <= rms_calibration_error(logits, targets) <= 1
    assert 0 <= accuracy(logits, targets) <= 1
    assert cross_entropy(logits, targets) >= -(targets * np.log(targets)).sum(axis=1).mean() - 1e-9
    for metric in (cross_entropy, accuracy, rms_calibration_error):
        assert metric(logits[order], targets[order]) == pytest.approx(metric(logits, targets), abs=1e-12)


@given(st.floats(-100, 100))
def test_a_constant_added_to_all_logits_changes_nothing(shift):
    logits, targets = np.array([[1.0, 2.0, -1.0]]), np.array([[0.2, 0.5, 0.3]])
    for metric in (cross_entropy, accuracy, rms_calibration_error):
        assert metric(logits + shift, targets) == pytest.approx(metric(logits, targets), abs=1e-9)
