"""The simulator: its six steps by hand, its fit on answers whose making is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softcore.errors import RequestError
from softcore.labels.elicited import soft_labels
from softcore.labels.simulate import EDGE, Level, Simulator, fit, item_entropies, simulate

EVEN = (1.0, 1.0)  # Beta(1, 1): the quantile of u is u itself
# Class 0 is most like 2, then 3, then 1; class 3 is as like to all: ties go in class order.
ALIKE = np.array([[0, 0.1, 0.6, 0.3], [0.2, 0, 0.1, 0.1], [0.5, 0.1, 0, 0.4], [0.2, 0.2, 0.2, 0]])


def level(possible=(0, 1, 1, 2), p1=EVEN, p2=EVEN):
    return Level(answers=4, p1=p1, p2=p2, possible=possible, second=0.5)


def simulator(low=None, high=None):
    return Simulator(low=low or level(), high=high or level(), similarity=ALIKE)


def one(draws, clicks=(0.5, 0.25, 0.0, 0.25), entropy=1.0, model=None, gamma=0.1):
    return simulate(model or simulator(), np.array([clicks]), np.array([entropy]), np.array([draws]), gamma)


def test_the_six_steps_by_hand():
    # 1. Shares of clicks 0.5, 0.25, 0, 0.25: 0.3 falls to class 0. 2. Its probability: 0.6.
    # 3. By likeness to class 0: 2, 3, 1. 4. Histogram 0, 1/4, 1/4, 1/2 of 0..3 possible: 0.4 gives two, 2 and 3.
    # 5. The closest, 2, gets 0.3. 6. What is left, 0.1, goes to 3, the other possible one.
    found = one([0.3, 0.6, 0.4, 0.3])
    assert found.top1.tolist() == [0]
    assert found.top2.tolist() == [2]
    np.testing.assert_allclose([found.p1[0], found.p2[0]], [0.6, 0.3])
    assert found.possible.tolist() == [[False, False, True, True]]
    np.testing.assert_allclose(found.probs, [[0.6, 0, 0.3, 0.1]])


def test_what_is_left_is_spread_evenly_over_all_that_are_possible():
    # All three others are possible: 0.5 + 0.2 stated, 0.3 over classes 1 and 3.
    np.testing.assert_allclose(one([0.3, 0.5, 0.9, 0.2]).probs, [[0.5, 0.15, 0.2, 0.15]])


def test_nothing_possible_gives_the_hard_label_whatever_the_probability():
    # K_p = 0: everything else is ruled out and no second class is named, so the first takes all.
    found = one([0.3, 0.6, 0.0, 0.3], model=simulator(high=level(possible=(1, 0, 0, 0))))
    assert found.top2.tolist() == [-1]
    assert np.isnan(found.p2).all()
    np.testing.assert_allclose(found.probs, [[1, 0, 0, 0]])


def test_a_hard_label_is_converted_as_the_thesis_does():
    # Everybody clicked class 3, whatever is drawn; ties of likeness go in class order, so class 0 is the closest.
    for draw in (0.0, 0.5, 0.999):
        found = one([draw, 0.6, 0.1, 0.4], clicks=(0, 0, 0, 1.0))
        assert found.top1.tolist() == [3]
        assert found.top2.tolist() == [0]
        np.testing.assert_allclose(found.probs, [[0.4, 0, 0, 0.6]])


def test_one_class_possible_takes_its_part_and_the_two_are_scaled_to_one():
    # 0.2 + 0.3 stated and nowhere to spread the rest: 0.4 and 0.6.
    np.testing.assert_allclose(one([0.3, 0.2, 0.1, 0.3]).probs, [[0.4, 0, 0.6, 0]])


def test_a_sum_over_one_is_clamped_as_peoples_own_is():
    # 0.9 + 0.6 = 1.5: 0.6 and 0.4 of which 1 - gamma stays, gamma goes to class 3.
    np.testing.assert_allclose(one([0.3, 0.9, 0.4, 0.6]).probs, [[0.54, 0, 0.36, 0.1]])
    np.testing.assert_allclose(one([0.3, 0.9, 0.4, 0.6], gamma=0.0).probs, [[0.6, 0, 0.4, 0]])


@pytest.mark.parametrize(("entropy", "possible"), [(0.0, 1), (0.1, 1), (0.1001, 3), (0.2, 3), (2.0, 3)])
def test_entropy_sends_an_image_to_its_level_and_between_the_thesiss_levels_to_high(entropy, possible):
    model = simulator(low=level(possible=(0, 1, 0, 0)), high=level(possible=(0, 0, 0, 1)))
    assert one([0.3, 0.5, 0.5, 0.1], entropy=entropy, model=model).possible.sum() == possible


def test_each_step_has_its_own_draw():
    base = [0.3, 0.5, 0.4, 0.2]
    was = one(base)
    for step, changed in enumerate(("top1", "p1", "possible", "p2")):
        draws = list(base)
        draws[step] = 0.95
        now = one(draws)
        for name in ("top1", "p1", "p2") if step == 0 else ("top1", "p1", "possible", "p2"):
            assert np.array_equal(getattr(now, name), getattr(was, name)) == (name != changed)


def test_nobody_named_a_second_class_so_none_is_simulated():
    # 0.6 on class 0 and 0.4 spread evenly over 2 and 3.
    found = one([0.3, 0.6, 0.4, 0.3], model=simulator(high=level(p2=None)))
    assert found.top2.tolist() == [-1]
    np.testing.assert_allclose(found.probs, [[0.6, 0, 0.2, 0.2]])


def test_an_image_whose_level_was_not_fitted_is_refused():
    model = Simulator(low=None, high=level(), similarity=ALIKE)
    assert one([0.3, 0.5, 0.4, 0.2], model=model).top1.tolist() == [0]
    with pytest.raises(RequestError, match=r"no fit for images of low entropy .*, but 1 are to be simulated"):
        one([0.3, 0.5, 0.4, 0.2], entropy=0.05, model=model)


def ticks(simulated):
    """The classes that each simulated answer rules out."""
    rows = zip(simulated.possible, simulated.top1, strict=True)
    return [tuple(k for k in range(4) if not possible[k] and k != top1) for possible, top1 in rows]


UNIT = st.floats(0, 1, exclude_max=True, allow_subnormal=False)


@given(st.lists(st.tuples(UNIT, UNIT, UNIT, UNIT, UNIT), min_size=1, max_size=6), st.sampled_from([0.0, 0.1, 1.0]))
def test_a_simulated_answer_is_an_answer_of_its_own(rows, gamma):
    """Its label is the T2 Clamp label of what was typed, sums to one, and does not hang on the rows beside it."""
    draws = np.array([row[:4] for row in rows])
    entropy = np.array([row[4] for row in rows]) * 0.2
    clicks = np.tile([0.4, 0.1, 0.2, 0.3], (len(rows), 1))
    model = simulator(low=level(p1=(5.0, 0.5)), high=level(possible=(3, 2, 1, 1), p2=(0.7, 3.0)))
    found = simulate(model, clicks, entropy, draws, gamma)
    np.testing.assert_allclose(found.probs.sum(axis=1), 1, atol=1e-9)
    impossible = ticks(found)
    typed = pd.DataFrame(
        {"top1": found.top1, "p1": found.p1, "top2": found.top2, "p2": found.p2, "impossible": impossible}
    )
    np.testing.assert_allclose(found.probs, soft_labels(typed, "t2-clamp", 4, gamma), atol=1e-12)
    alone = [simulate(model, clicks[[i]], entropy[[i]], draws[[i]], gamma).probs[0] for i in range(len(rows))]
    assert np.array_equal(found.probs, np.array(alone))


def pages(rows):
    """Records of (item, top1, p1, top2, p2, ticks, is_repeat)."""
    frame = pd.DataFrame(rows, columns=["item", "top1", "p1", "top2", "p2", "impossible", "is_repeat"])
    return frame.assign(annotator="ann", seconds=30.0, position=1, question="page")


def test_what_people_typed_is_counted_apart_for_clear_and_ambiguous_images():
    nan = float("nan")
    records = pages(
        [
            (0, 1, 0.90, -1, nan, (0, 2, 3), False),  # clear: all others ticked, none possible
            (0, 1, 0.70, 2, 0.20, (0, 3), False),  # clear: one possible, named
            (0, 1, 0.10, 2, 0.90, (), True),  # a repeat counts for nothing
            (5, 1, 0.60, 2, 0.30, (0,), False),  # ambiguous: two possible
            (5, 1, 0.40, 0, 0.10, (), False),  # ambiguous: three
            (5, 1, 0.50, 0, 0.20, (), False),
        ]
    )
    entropy = np.array([0.1, nan, nan, nan, nan, 0.3])
    found = fit(records, entropy, ALIKE, 4)
    assert found.low.possible == (1, 1, 0, 0)
    assert found.high.possible == (0, 0, 1, 2)
    assert (found.low.answers, found.high.answers) == (2, 3)
    assert (found.low.second, found.high.second) == (0.5, 1.0)
    assert found.low.p2 is None  # one second probability: nothing to fit
    assert found.high.p2 is not None
    assert found.similarity is ALIKE


def test_a_beta_is_where_its_likelihood_is_greatest():
    # Its mean logarithms are those of the data: psi(a) - psi(a + b) = mean log p, and the same for 1 - p.
    from scipy.special import psi

    p = np.array([0.5, 0.8, 0.9, 1.0])
    a, b = fit(pages([(0, 0, v, -1, np.nan, (), False) for v in p]), np.ones(1), ALIKE, 4).high.p1
    inside = np.minimum(p, 1 - EDGE)
    assert psi(a) - psi(a + b) == pytest.approx(np.log(inside).mean(), abs=1e-6)
    assert psi(b) - psi(a + b) == pytest.approx(np.log(1 - inside).mean(), abs=1e-6)


def test_the_making_of_simulated_answers_is_found_again():
    """4,000 answers a level, drawn with known parameters, fitted as if they were people's."""
    low = level(possible=(6, 3, 1, 0), p1=(6.0, 1.5), p2=(2.0, 6.0))
    high = level(possible=(0, 1, 3, 4), p1=(3.0, 2.0), p2=(2.0, 3.0))
    n = 4_000
    entropy = np.repeat([0.05, 0.5], n)
    draws = np.random.default_rng(0).random((2 * n, 4))
    made = simulate(Simulator(low=low, high=high, similarity=ALIKE), np.full((2 * n, 4), 0.25), entropy, draws)
    rows = zip(range(2 * n), made.top1, made.p1, made.top2, made.p2, ticks(made), [False] * 2 * n, strict=True)
    found = fit(pages(list(rows)), entropy, ALIKE, 4)
    for want, got in ((low, found.low), (high, found.high)):
        assert got.answers == n
        # A parameter of a Beta fitted to 4,000 draws is known to about 2%; five standard errors.
        np.testing.assert_allclose(got.p1, want.p1, rtol=0.12)
        np.testing.assert_allclose(got.p2, want.p2, rtol=0.15)
        # A share of 4,000 is known to 0.008: four standard errors.
        np.testing.assert_allclose(np.array(got.possible) / n, np.array(want.possible) / sum(want.possible), atol=0.032)


def test_entropies_are_of_clicks_where_known_else_of_peoples_own_labels(digits):
    with_clicks = item_entropies(digits, digits.records)
    assert np.isfinite(with_clicks).all()
    shares = digits.counts[3] / digits.counts[3].sum()
    assert with_clicks[3] == pytest.approx(-sum(p * np.log(p) for p in shares if p > 0))
    alone = item_entropies(replace(digits, counts=None), digits.records)
    assert np.array_equal(np.flatnonzero(np.isfinite(alone)), digits.annotated_items)
    item = digits.annotated_items[0]
    mine = digits.records[(digits.records["item"] == item) & ~digits.records["is_repeat"]]
    label = soft_labels(mine, "t2-clamp", 10).mean(axis=0)
    assert alone[item] == pytest.approx(-sum(p * np.log(p) for p in label if p > 0))


def test_an_item_that_nothing_is_known_about_can_not_be_fitted():
    with pytest.raises(RequestError, match="item 0 has no entropy; it needs clicks or answers"):
        fit(pages([(0, 0, 0.5, -1, np.nan, (), False)]), np.array([np.nan]), ALIKE, 4)
