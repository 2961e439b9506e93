"""Labels of one click, and labels that ask nobody."""

import numpy as np
import pytest

from softcore.errors import RequestError
from softcore.labels.votes import one_hot, random_labels, smoothed_labels, uniform_labels


def test_a_click_is_all_mass_on_one_class():
    assert one_hot(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_no_clicks_give_no_labels():
    assert one_hot(np.zeros(0, dtype=np.int64), 3).shape == (0, 3)


def test_label_smoothing_spreads_beta_over_all_classes_the_right_one_included():
    # K = 10, beta 0.05: 0.95 + 0.05 / 10 = 0.955 on the class, 0.005 on each other.
    (label,) = smoothed_labels(np.array([3]), 10, 0.05)
    np.testing.assert_allclose(label, np.where(np.arange(10) == 3, 0.955, 0.005))


def test_smoothing_by_nothing_is_a_hard_label_and_by_one_is_uniform():
    assert smoothed_labels(np.array([1]), 4, 0.0).tolist() == [[0, 1, 0, 0]]
    assert smoothed_labels(np.array([1]), 4, 1.0).tolist() == [[0.25] * 4]


@pytest.mark.parametrize("beta", [-0.01, 1.01])
def test_a_beta_outside_0_to_1_is_refused(beta):
    with pytest.raises(RequestError, match=r"beta must lie in 0\.\.1"):
        smoothed_labels(np.array([1]), 4, beta)


def test_random_labels_are_distributions_drawn_once_an_item():
    labels = random_labels(50, 10, seed=1)
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-12)
    assert len(np.unique(labels[:, 0])) == 50
    assert np.array_equal(labels, random_labels(50, 10, seed=1))
    assert not np.array_equal(labels, random_labels(50, 10, seed=2))


def test_an_items_random_label_does_not_depend_on_how_many_items_follow():
    assert np.array_equal(random_labels(50, 10, seed=1)[:20], random_labels(20, 10, seed=1))


def test_uniform_labels_are_the_same_everywhere():
    assert uniform_labels(2, 4).tolist() == [[0.25] * 4] * 2
