"""The control of matched entropy: what it keeps, and that it spoils the rest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from softcore.datasets import load
from softcore.errors import RequestError
from softcore.labels.build import build
from softcore.labels.controls import matched_entropy
from softcore.labels.label_set import group
from softcore.policy import LabelPolicy


def label_set(counts, k, seed):
    rng = np.random.default_rng(seed)
    items = np.repeat(np.arange(len(counts)) * 3, counts)
    probs = rng.dirichlet(np.full(k, 0.4), len(items))
    return group(items, probs, np.full(len(items), ""), "t2-clamp")


def item_means(labels):
    return np.add.reduceat(labels.probs, labels.offsets[:-1]) / labels.counts[:, None]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.integers(2, 7), st.integers(0, 99))
def test_entropies_and_first_classes_stay_label_by_label_and_image_by_image(counts, k, seed):
    labels = label_set(counts, k, seed)
    spoiled = matched_entropy(labels, seed, 0)
    np.testing.assert_allclose(np.sort(spoiled.probs, axis=1), np.sort(labels.probs, axis=1))
    before, after = item_means(labels), item_means(spoiled)
    np.testing.assert_allclose(entropy(after, axis=1), entropy(before, axis=1))
    np.testing.assert_array_equal(after.argmax(axis=1), before.argmax(axis=1))
    np.testing.assert_array_equal(spoiled.items, labels.items)


def test_the_mass_on_other_classes_goes_anywhere_alike():
    # One label an item, with mass on classes 0 (first), 1 and 2 of 6: each of the five others gets 1's mass as often.
    probs = np.tile([0.6, 0.3, 0.1, 0, 0, 0], (6000, 1))
    spoiled = matched_entropy(group(np.arange(6000), probs, np.full(6000, ""), "click"), 1, 0).probs
    assert (spoiled[:, 0] == 0.6).all()
    share = (spoiled[:, 1:] == 0.3).mean(axis=0)
    np.testing.assert_allclose(share, 0.2, atol=0.02)  # four standard errors


def test_seeds_and_panels_draw_anew_and_again_alike():
    labels = label_set([2] * 40, 5, 0)
    first = matched_entropy(labels, 0, 0).probs
    np.testing.assert_array_equal(first, matched_entropy(labels, 0, 0).probs)
    for seed, panel in ((1, 0), (0, 1)):
        assert not np.array_equal(first, matched_entropy(labels, seed, panel).probs)


def test_a_trial_trains_on_the_spoiled_labels_and_pays_for_the_answers():
    digits, policy = load("digits"), {"variety": "click", "annotators": 6, "items": 50, "rest": "none"}
    people = build(digits, LabelPolicy(**policy), seed=0)
    control = build(digits, LabelPolicy(**policy, control="matched-entropy"), seed=0)
    assert control.answers == people.answers
    np.testing.assert_array_equal(control.panel.probs, people.panel.probs)
    assert not np.array_equal(control.probs, people.probs)
    np.testing.assert_array_equal(control.items, people.items)


def test_an_unknown_control_is_refused():
    with pytest.raises(RequestError, match="matched-entropy"):
        build(load("digits"), LabelPolicy(variety="click", control="matched"), seed=0)
