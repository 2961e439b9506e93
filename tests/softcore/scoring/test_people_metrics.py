"""Metrics against people's distribution, by hand, and the fault of calibration by arg-max that they don't have."""

import math

import numpy as np
import pytest

from softcore.scoring.calibration import classwise_error
from softcore.scoring.distance import transports
from softcore.scoring.metrics import METRICS, Logits, all_scores


def logits_of(rows, **more):
    """Logits whose softmax is `rows`."""
    return Logits(clean=np.log(np.array(rows, dtype=float)), **more)


@pytest.fixture
def people():
    """What people say of 200 items of three classes: on few of them all agree."""
    return np.random.default_rng(0).dirichlet(np.full(3, 0.8), size=200)


def test_a_model_that_says_what_people_say_beats_their_likeliest_class_by_all_but_calibration_by_arg_max(people):
    sure = np.where(people == people.max(axis=1, keepdims=True), 1 - 2e-9, 1e-9)
    exact, argmax = (all_scores(logits_of(rows), people).values for rows in (people, sure))
    for metric in ("people-ece", "brier", "tv", "kl", "ce"):
        assert exact[metric] < argmax[metric], metric
    assert exact["people-ece"] == pytest.approx(0, abs=1e-12)
    # The fault that the cards of these two name: right is what most people say, so that being sure is rewarded.
    for metric in ("rmsce", "classwise-ece"):
        assert argmax[metric] == pytest.approx(0, abs=1e-6)
        assert exact[metric] > 0.05, metric
    assert "scores worse than one that is sure" in METRICS["rmsce"].faults


def test_saying_the_mean_of_everybody_about_everything_is_calibrated_and_bad(people):
    # The fault that the card of people-ece names.
    mean = all_scores(logits_of(np.tile(people.mean(axis=0), (200, 1))), people).values
    assert mean["people-ece"] == pytest.approx(0, abs=1e-12)
    assert mean["tv"] > 0.3


def test_classwise_calibration_by_hand():
    # Class 0: two items at 0.7 (bin 10) with masses 1 and 0.5 are a gap of 2 x 0.7 - 1.5 = -0.1; one at 0.1 (bin 1)
    # with mass 0 one of 0.1. Class 1: 0.3, 0.3 (bin 4) with 0 and 0.5: 0.1; 0.9 (bin 13) with 1: -0.1.
    # Sums of absolute gaps 0.2 and 0.2 over 3 items and 2 classes: 0.4 / 6.
    logits = logits_of([[0.7, 0.3], [0.7, 0.3], [0.1, 0.9]])
    people = np.array([[1, 0], [0.5, 0.5], [0, 1.0]])
    assert METRICS["people-ece"].score(logits, people) == pytest.approx(0.4 / 6)
    # By arg-max the second item is all of class 0 (the first on a tie): gaps -0.6, 0.1, 0.6, -0.1.
    assert METRICS["classwise-ece"].score(logits, people) == pytest.approx(1.4 / 6)


def test_a_probability_on_the_end_of_a_bin_is_in_the_upper_one_however_it_was_computed():
    # 0.2 is 3/15. Gaps of +0.2 and -0.8 / 3 would not cancel, were the two items in different bins.
    eps = 1e-13
    logits = logits_of([[0.2 - eps, 0.8 + eps], [0.2 + eps, 0.8 - eps]])
    assert classwise_error(logits.clean, np.array([[0.0, 1], [0.4, 0.6]])) == pytest.approx(0, abs=1e-9)


def test_a_sure_model_is_in_the_last_bin():
    assert classwise_error(np.array([[1e4, 0.0]]), np.array([[1.0, 0]])) == 0


def test_one_item_is_a_bin_of_its_own_in_each_class():
    # Gaps 0.2 and 0.2: their mean.
    assert METRICS["people-ece"].score(logits_of([[0.7, 0.3]]), np.array([[0.5, 0.5]])) == pytest.approx(0.2)


def test_brier_of_a_sure_mistake_is_two_and_of_the_truth_nothing():
    assert METRICS["brier"].score(Logits(clean=np.array([[1e4, 0.0]])), np.array([[0.0, 1]])) == 2
    assert METRICS["brier"].score(Logits(clean=np.array([[1e4, 0.0]])), np.array([[1.0, 0]])) == 0


def test_kl_of_people_themselves_is_nothing_and_of_a_class_that_nobody_says_finite():
    assert METRICS["kl"].score(logits_of([[0.3, 0.7]]), np.array([[0.3, 0.7]])) == pytest.approx(0, abs=1e-12)
    assert METRICS["kl"].score(Logits(clean=np.array([[2e3, 0.0]])), np.array([[0.0, 1]])) == pytest.approx(2000)


def test_nll_is_of_the_likeliest_label_and_the_first_of_those_tied():
    logits = logits_of([[0.2, 0.8], [0.2, 0.8]])
    # -ln 0.8 where most say class 1, -ln 0.2 on a tie.
    assert METRICS["nll"].score(logits, np.array([[0.4, 0.6], [0.5, 0.5]])) == pytest.approx(
        -(math.log(0.8) + math.log(0.2)) / 2
    )


def test_mass_that_goes_two_classes_far_costs_twice_and_the_order_of_places_decides():
    one, there = np.array([[1e4, 0.0, 0.0]]), np.array([[0.0, 0, 1]])
    assert transports(one, there, np.array([0.0, 1, 2])) == pytest.approx([2])
    assert transports(one, there, np.array([0.0, 2, 1])) == pytest.approx([1])
    assert transports(one, there, np.array([5.0, 2, 5])) == pytest.approx([0])


def test_entropies_that_differ_by_the_order_of_classes_alone_are_tied():
    # The same three probabilities in another order on every item: a constant, whatever rounding makes of it.
    rows = [np.random.default_rng(k).permutation([0.123, 0.456, 0.421]) for k in range(20)]
    people = np.random.default_rng(0).dirichlet(np.ones(3), size=20)
    assert METRICS["entropy-correlation"].absent(logits_of(rows), people) == (
        "the model's entropy is the same on every item"
    )


def test_entropy_correlation_is_of_ranks_and_needs_three_items():
    people = np.array([[1.0, 0], [0.9, 0.1], [0.5, 0.5]])
    same, turned = ([[0.99, 0.01], [0.8, 0.2], [0.6, 0.4]], [[0.6, 0.4], [0.8, 0.2], [0.99, 0.01]])
    assert METRICS["entropy-correlation"].score(logits_of(same), people) == pytest.approx(1)
    assert METRICS["entropy-correlation"].score(logits_of(turned), people) == pytest.approx(-1)
    assert METRICS["entropy-correlation"].absent(logits_of(same[:2]), people[:2]) == "2 items, 3 needed"
