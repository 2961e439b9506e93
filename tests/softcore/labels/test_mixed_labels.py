"""Targets of mixed images by hand, and what of them a trial sees."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from softcore.data.hmix import INFERENCE_COLUMNS, MixedImages
from softcore.errors import RequestError
from softcore.labels.build import build
from softcore.labels.mixed import add_mixed_images, mixed_labels, smooth_by_confidence, two_hot
from softcore.policy import LabelPolicy


def answers(*rows):
    """Inferences from (mixed, annotator, coefficient, confidence, is_repeat)."""
    frame = pd.DataFrame(rows, columns=["mixed", "annotator", "coefficient", "confidence", "is_repeat"])
    return frame.assign(seconds=8.0, position=1)[list(INFERENCE_COLUMNS)].astype(INFERENCE_COLUMNS)


@pytest.fixture(scope="module")
def hmix(digits):
    """Digits with three mixtures: of two training items twice, and of one that seed 0 holds out."""
    held_out = build(digits, LabelPolicy(variety="hard"), seed=0).held_out
    free = np.setdiff1d(digits.train_items, held_out)
    a, b = free[digits.labels[free] == 4][0], free[digits.labels[free] == 9][0]
    mixed = MixedImages(
        names=("m0", "m1", "m2"),
        endpoints=np.array([[a, b], [b, a], [a, held_out[0]]]),
        coefficients=np.array([0.75, 0.5, 0.5]),
        inferences=answers(
            (0, "ann", 0.9, 1.0, False),
            (0, "ann", 0.1, 0.0, True),
            (0, "bob", 0.5, 0.5, False),
            (1, "bob", 0.2, 0.0, False),
            (2, "ann", 0.6, 1.0, False),
        ),
        records=digits.records.iloc[:2].assign(item=[1, 2], is_repeat=False),
    )
    return replace(digits, mixed=mixed)


def test_confidence_smooths_all_at_none_and_next_to_nothing_at_full():
    # Two classes of four at 0.8 and 0.2. Share of uniform: 0.005 ** 0 = 1, 0.005 ** 0.5 = 0.070711, 0.005 ** 1 = 0.005.
    # At 0: (.25, .25, .25, .25). At 0.5: 0.8 x 0.929289 + 0.070711 / 4 = 0.761109; 0.2 x ... = 0.203536; 0.017678.
    # At 1: 0.8 x 0.995 + 0.00125 = 0.79725; 0.2 x 0.995 + 0.00125 = 0.20025; 0.00125.
    probs = np.array([[0.8, 0.2, 0, 0]] * 3)
    found = smooth_by_confidence(probs, np.array([0, 0.5, 1]), 0.005)
    by_hand = [
        [0.25, 0.25, 0.25, 0.25],
        [0.761109, 0.203536, 0.017678, 0.017678],
        [0.79725, 0.20025, 0.00125, 0.00125],
    ]
    np.testing.assert_allclose(found, by_hand, atol=1e-6)


def test_two_images_of_one_class_make_a_hard_label():
    np.testing.assert_array_equal(two_hot(np.array([[2, 2]]), np.array([0.3]), 3), [[0, 0, 1]])


@pytest.mark.parametrize(
    ("kind", "expected", "asked"),
    [
        # m0: 4 and 9 at 0.75; people said 0.9 and 0.5 (the repeat does not count): mean 0.7. m1: 9 and 4; 0.2.
        ("generating", {0: [(0.75, 0.25)], 1: [(0.5, 0.5)]}, {}),
        ("mean", {0: [(0.7, 0.3)], 1: [(0.8, 0.2)]}, {"mixing-coefficient": 3}),
        ("separate", {0: [(0.9, 0.1), (0.5, 0.5)], 1: [(0.8, 0.2)]}, {"mixing-coefficient": 3}),
    ],
)
def test_one_mixed_item_by_hand(hmix, kind, expected, asked):
    labels, used = mixed_labels(hmix, LabelPolicy(variety="hard", hmix=kind), np.array([0, 1]), 0)
    for item, pairs in expected.items():
        rows = labels.probs[labels.offsets[item] : labels.offsets[item + 1]]
        np.testing.assert_allclose(rows[:, [4, 9]], pairs)
        np.testing.assert_allclose(rows.sum(axis=1), 1)
    assert used == asked


def test_the_mean_label_is_smoothed_by_the_mean_confidence(hmix):
    # m0: mean coefficient 0.7, mean confidence 0.75: share 0.005 ** 0.75 = 0.018803; 0.7 x 0.981197 + 0.0018803.
    policy = LabelPolicy(variety="hard", hmix="mean", confidence_decay=0.005)
    labels, _ = mixed_labels(hmix, policy, np.array([0]), 0)
    np.testing.assert_allclose(labels.probs[0, 4], 0.688718, atol=1e-6)


def test_uniform_and_random_targets_ask_nobody_and_random_ones_do_not_depend_on_the_company(hmix):
    uniform, used = mixed_labels(hmix, LabelPolicy(variety="hard", hmix="uniform"), np.array([0, 1]), 0)
    np.testing.assert_allclose(uniform.probs, 0.1)
    assert used == {}
    policy = LabelPolicy(variety="hard", hmix="random")
    both, alone = (mixed_labels(hmix, policy, np.array(picked), 3)[0].probs for picked in ([0, 1], [1]))
    np.testing.assert_array_equal(both[1], alone[0])
    np.testing.assert_allclose(both.sum(axis=1), 1)


def test_mixed_images_join_the_training_set_and_a_held_out_endpoint_keeps_one_away(hmix):
    policy = LabelPolicy(variety="hard", hmix="separate")
    plain = build(hmix, policy, seed=0)
    targets, images = add_mixed_images(plain, hmix, policy, 0)
    first = len(hmix.images)
    assert targets.items[len(plain.items) :].tolist() == [first, first + 1]
    assert np.diff(targets.offsets)[-2:].tolist() == [2, 1]
    np.testing.assert_array_equal(targets.probs[: len(plain.probs)], plain.probs)
    a, b = hmix.mixed.endpoints[0]
    exact = 0.75 * hmix.images[a] + 0.25 * hmix.images[b]
    np.testing.assert_allclose(images[0], exact, atol=0.5)
    assert targets.answers == {"mixing-coefficient": 3}


def test_people_s_soft_labels_of_mixed_images_train_on_those_images_only(hmix):
    policy = LabelPolicy(variety="hard", hmix="soft-labels", gamma=None)
    targets, images = add_mixed_images(build(hmix, policy, seed=0), hmix, policy, 0)
    assert len(images) == 1  # m1; m2 has a held-out endpoint
    assert targets.items[-1] == len(hmix.images)
    assert targets.answers == {"mixed-page": 1}


def test_a_data_set_without_mixed_images_is_refused(digits):
    policy = LabelPolicy(variety="hard", hmix="mean")
    with pytest.raises(RequestError, match="digits has no mixed images"):
        add_mixed_images(build(digits, policy, seed=0), digits, policy, 0)
