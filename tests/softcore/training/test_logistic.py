"""Curves of what people see in a mix: a known curve recovered, symmetry, and what a thin pair falls back to."""

import numpy as np
import pandas as pd
import pytest

from softcore.data.hmix import INFERENCE_COLUMNS, MixedImages
from softcore.errors import RequestError
from softcore.training.logistic import fit_curves

COEFFICIENTS = (0.1, 0.25, 0.5, 0.75, 0.9)


def logistic(x, slope, midpoint):
    return 1 / (1 + np.exp(-slope * (np.asarray(x) - midpoint)))


def mixed_of(*answers):
    """Mixed images with one answer each: (first item, second item, generating, inferred share of the first item)."""
    first, second, generating, inferred = map(np.array, zip(*answers, strict=True))
    rows = {
        "mixed": range(len(answers)),
        "annotator": "ann",
        "coefficient": inferred,
        "confidence": 1.0,
        "seconds": 8.0,
        "position": 1,
        "is_repeat": False,
    }
    return MixedImages(
        names=tuple(f"mixed_{i}" for i in range(len(answers))),
        endpoints=np.stack([first, second], axis=1),
        coefficients=generating.astype(float),
        inferences=pd.DataFrame(rows).astype(INFERENCE_COLUMNS),
        records=pd.DataFrame(),
    )


LABELS = np.array([0, 1, 2, 1, 0])  # the classes of items 0 to 4
ALL = np.arange(5)


def on_curve(first, second, slope, midpoint, times=3):
    return [(first, second, c, logistic(c, slope, midpoint)) for c in COEFFICIENTS] * times


def test_points_on_a_known_curve_give_that_curve_back():
    # Class 0 against 1 with slope 6 and midpoint 0.4: halfway at 0.4, at 0.9 it is 1 / (1 + e^-3) = 0.9526.
    curves = fit_curves(mixed_of(*on_curve(0, 1, 6, 0.4)), LABELS, ALL)
    assert (curves.slopes[0, 1], curves.midpoints[0, 1]) == pytest.approx((6, 0.4), abs=1e-4)
    assert curves(0.9, 0, 1) == pytest.approx(0.9526, abs=1e-4)
    assert curves(0.4, 0, 1) == pytest.approx(0.5, abs=1e-4)
    assert curves.answers[0, 1] == curves.answers[1, 0] == 15


def test_it_does_not_matter_which_image_of_a_pair_comes_first():
    # The same statements turned round: the share of item 1 is 1 minus that of item 0.
    turned = [(1, 0, 1 - c, 1 - said) for _, _, c, said in on_curve(0, 1, 6, 0.4)]
    curves = fit_curves(mixed_of(*turned), LABELS, ALL)
    assert (curves.slopes[0, 1], curves.midpoints[0, 1]) == pytest.approx((6, 0.4), abs=1e-4)


def test_curves_are_symmetric_vectorised_and_the_identity_within_a_class():
    curves = fit_curves(mixed_of(*on_curve(0, 1, 6, 0.4), *on_curve(1, 2, 3, 0.7)), LABELS, ALL)
    share = np.array([0.0, 0.2, 0.5, 1.0, 0.3, 0.3])
    a, b = np.array([0, 0, 1, 2, 1, 0]), np.array([1, 2, 2, 1, 1, 1])
    found = curves(share, a, b)
    assert found.shape == (6,)
    assert found == pytest.approx(1 - curves(1 - share, b, a))
    assert found[4] == 0.3  # both of class 1
    assert ((found >= 0) & (found <= 1)).all()
    rising = curves(np.linspace(0, 1, 11), 2, 1)
    assert (np.diff(rising) > 0).all()


def test_a_pair_with_too_few_answers_takes_the_curve_of_all_pairs_and_is_named():
    # All pairs together are fitted in both directions, so halfway is at 0.5 whatever a pair's own midpoint.
    curves = fit_curves(mixed_of(*on_curve(0, 1, 6, 0.4), (1, 2, 0.5, 0.9)), LABELS, ALL)
    assert set(curves.fallbacks) == {(0, 2), (1, 2)}
    assert curves.fallbacks[1, 2] == "1 answers; a curve of its own needs at least 10"
    assert curves(0.5, 1, 2) == pytest.approx(0.5, abs=1e-6)
    assert curves.midpoints[0, 2] == pytest.approx(0.5, abs=1e-6)
    assert curves.slopes[1, 2] == curves.slopes[0, 2] == curves.slopes[2, 0]


def test_answers_at_one_coefficient_are_no_curve():
    one_place = [(1, 2, 0.5, 0.3)] * 12
    curves = fit_curves(mixed_of(*on_curve(0, 1, 6, 0.4), *one_place), LABELS, ALL)
    assert curves.fallbacks[1, 2] == "answers at one coefficient only; a curve of its own needs 2"


def test_an_answer_with_an_endpoint_held_out_never_reaches_a_curve():
    # Items 3 (class 1) and 4 (class 0) tell another story; held out, it is not heard.
    answers = [*on_curve(0, 1, 6, 0.4), *on_curve(4, 3, 20, 0.9, times=9), *on_curve(0, 3, 20, 0.9, times=9)]
    curves = fit_curves(mixed_of(*answers), LABELS, np.array([0, 1, 2, 4]))
    assert (curves.slopes[0, 1], curves.midpoints[0, 1]) == pytest.approx((6, 0.4), abs=1e-4)
    assert curves.answers[0, 1] == 15


def test_a_repeat_never_counts_as_another_answer():
    mixed = mixed_of(*on_curve(0, 1, 6, 0.4), *on_curve(0, 1, 20, 0.9))
    mixed.inferences.loc[15:, "is_repeat"] = True
    curves = fit_curves(mixed, LABELS, ALL)
    assert (curves.slopes[0, 1], curves.answers[0, 1]) == (pytest.approx(6, abs=1e-4), 15)


def test_a_slope_is_never_negative_and_answers_that_turn_it_round_give_a_flat_line():
    # Ten answers at 0.9 and ten at 0.1, the wrong way round by 0.2: the best curve that does not fall is flat at 0.5.
    curves = fit_curves(mixed_of(*[(0, 1, 0.1, 0.6), (0, 1, 0.9, 0.4)] * 10), LABELS, ALL)
    assert curves.slopes[0, 1] == pytest.approx(0, abs=1e-3)
    assert curves(np.array([0.1, 0.9]), 0, 1) == pytest.approx(0.5, abs=1e-3)


def test_too_few_answers_in_all_are_refused():
    with pytest.raises(RequestError, match=r"5 inferred coefficients have both endpoints among the 5 items given"):
        fit_curves(mixed_of(*on_curve(0, 1, 6, 0.4, times=1)), LABELS, ALL)


def test_every_real_class_pair_has_a_curve_of_its_own(hmix_data):
    curves = fit_curves(hmix_data.mixed, hmix_data.labels, hmix_data.train_items)
    assert not curves.fallbacks
    off = ~np.eye(10, dtype=bool)
    assert curves.answers[off].sum() == 2 * 4788
    assert curves.slopes[off].min() > 2
    assert ((curves.midpoints[off] > 0.2) & (curves.midpoints[off] < 0.8)).all()
