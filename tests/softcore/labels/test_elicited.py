"""From one person's answer to a soft label, worked by hand, then held for any answer."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softcore.errors import RequestError
from softcore.labels.elicited import elicited_varieties, soft_labels
from softcore.varieties import VARIETIES

PLANE, CAR, BIRD, CAT, DEER, DOG, FROG, HORSE, SHIP, TRUCK = range(10)
ANIMALS = (BIRD, CAT, DEER, DOG, FROG, HORSE)


def answers(*rows):
    """A table of answers, each (top1, p1, top2, p2, ticks); a second class of -1 is none."""
    frame = pd.DataFrame(rows, columns=["top1", "p1", "top2", "p2", "impossible"])
    return frame.astype({"top1": "int64", "p1": float, "top2": "int64", "p2": float})


def label(variety, p1, p2=None, ticks=ANIMALS, gamma=0.1):
    """The label of someone who says `p1` truck, `p2` car and ticks the animals, over the ten classes of CIFAR-10."""
    row = (TRUCK, p1, -1 if p2 is None else CAR, float("nan") if p2 is None else p2, ticks)
    return soft_labels(answers(row), variety, 10, gamma)[0]


# Three classes: 0 is three times as like to 2 as to 1; 1 is like nothing; 2 is unlike 0, which counts as nothing.
ALIKE = np.array([[0.0, 0.2, 0.6], [0.0, 0.0, 0.0], [-0.5, 0.4, 0.0]])


def semantic(variety, top1, p1, top2=-1, p2=float("nan")):
    return soft_labels(answers((top1, p1, top2, p2, ())), variety, 3, similarity=ALIKE)[0]


def expected(rest, **classes):
    """`rest` on every class but those named."""
    full = np.full(10, rest)
    for name, mass in classes.items():
        full[globals()[name.upper()]] = mass
    return full


ON_ANIMALS_NOTHING = dict.fromkeys(("bird", "cat", "deer", "dog", "frog", "horse"), 0.0)


def test_t1_uniform_spreads_what_is_left_over_all_other_classes():
    # 0.7 on truck; 0.3 over the 9 others: 0.0333... each. The second class and the ticks count for nothing.
    np.testing.assert_allclose(label("t1-uniform", 0.7, 0.2), expected(0.3 / 9, truck=0.7))


def test_t1_clamp_spreads_what_is_left_over_the_classes_that_are_not_ticked():
    # 0.7 on truck; 6 of the 9 others are ticked; 0.3 over plane, car and ship: 0.1 each.
    np.testing.assert_allclose(label("t1-clamp", 0.7, 0.2), expected(0.1, truck=0.7, **ON_ANIMALS_NOTHING))


def test_t2_uniform_spreads_what_two_classes_leave_over_the_eight_others():
    # 0.7 + 0.2 stated; 0.1 over 8: 0.0125 each.
    np.testing.assert_allclose(label("t2-uniform", 0.7, 0.2), expected(0.0125, truck=0.7, car=0.2))


def test_t2_clamp_spreads_what_two_classes_leave_over_what_is_possible():
    # 0.1 over plane and ship: 0.05 each.
    want = expected(0.05, truck=0.7, car=0.2, **ON_ANIMALS_NOTHING)
    np.testing.assert_allclose(label("t2-clamp", 0.7, 0.2), want)


def test_all_mass_spent_with_ticks_leaves_gamma_to_the_possible_classes():
    # 0.8 + 0.2 = 1: (1 - 0.1) x 0.8 = 0.72, 0.9 x 0.2 = 0.18, and 0.1 over plane and ship.
    want = expected(0.05, truck=0.72, car=0.18, **ON_ANIMALS_NOTHING)
    np.testing.assert_allclose(label("t2-clamp", 0.8, 0.2), want)


def test_all_mass_spent_without_ticks_leaves_gamma_to_every_other_class():
    # 0.1 over the 8 that were not chosen: 0.0125 each.
    want = expected(0.0125, truck=0.72, car=0.18)
    np.testing.assert_allclose(label("t2-clamp", 0.8, 0.2, ticks=()), want)


def test_one_class_with_all_mass_keeps_all_but_gamma():
    # 0.9 on truck; 0.1 over plane, car and ship.
    want = expected(0.1 / 3, truck=0.9, **ON_ANIMALS_NOTHING)
    np.testing.assert_allclose(label("t1-clamp", 1.0), want)
    np.testing.assert_allclose(label("t2-clamp", 1.0), want)


def test_what_the_second_class_spends_is_unspent_for_t1():
    # 80 + 20 spends all for T2; T1 sees 0.8, so 0.2 is left over for plane, car and ship and gamma does not apply.
    want = expected(0.2 / 3, truck=0.8, **ON_ANIMALS_NOTHING)
    np.testing.assert_allclose(label("t1-clamp", 0.8, 0.2), want)


def test_gamma_never_enters_a_uniform_label():
    # Uniform assumes that nobody said what is possible: all of 0.8 + 0.2 stays where it was put.
    np.testing.assert_allclose(label("t2-uniform", 0.8, 0.2, gamma=0.4), expected(0.0, truck=0.8, car=0.2))


def test_gamma_zero_leaves_spent_mass_where_it_was_put():
    np.testing.assert_allclose(label("t2-clamp", 0.8, 0.2, gamma=0.0), expected(0.0, truck=0.8, car=0.2))


def test_gamma_does_not_apply_while_mass_is_left():
    assert np.array_equal(label("t2-clamp", 0.7, 0.2, gamma=0.0), label("t2-clamp", 0.7, 0.2, gamma=0.4))


def test_a_sum_over_100_is_scaled_to_one_and_so_is_spent():
    # 90 + 60 = 150: 0.6 and 0.4. Uniform stops there; clamp keeps 0.9 of each, 0.54 and 0.36, and gives 0.1 away.
    np.testing.assert_allclose(label("t2-uniform", 0.9, 0.6), expected(0.0, truck=0.6, car=0.4))
    want = expected(0.05, truck=0.54, car=0.36, **ON_ANIMALS_NOTHING)
    np.testing.assert_allclose(label("t2-clamp", 0.9, 0.6), want)


def test_no_class_possible_scales_what_is_left_onto_the_stated_ones():
    # Everything else is ticked: 0.7 and 0.2 become 7/9 and 2/9; spent mass stays as it is, whatever gamma.
    others = (PLANE, SHIP, *ANIMALS)
    np.testing.assert_allclose(label("t2-clamp", 0.7, 0.2, ticks=others), expected(0.0, truck=7 / 9, car=2 / 9))
    np.testing.assert_allclose(label("t2-clamp", 0.8, 0.2, ticks=others), expected(0.0, truck=0.8, car=0.2))


def test_no_class_possible_and_nothing_stated_is_shared_by_the_chosen():
    np.testing.assert_allclose(
        label("t2-clamp", 0.0, 0.0, ticks=(PLANE, SHIP, *ANIMALS)), expected(0.0, truck=0.5, car=0.5)
    )


def test_a_second_class_that_is_absent_makes_t2_the_same_as_t1():
    for redistribution in ("uniform", "clamp"):
        assert np.array_equal(label(f"t2-{redistribution}", 0.7), label(f"t1-{redistribution}", 0.7))


def test_a_second_class_of_zero_percent_gets_nothing_of_what_is_left():
    # Named but given 0: 0.3 over plane and ship alone.
    want = expected(0.15, truck=0.7, car=0.0, **ON_ANIMALS_NOTHING)
    np.testing.assert_allclose(label("t2-clamp", 0.7, 0.0), want)


def test_percentages_that_sum_to_100_or_more_count_as_spent_whatever_their_rounding():
    # Scaled to one, some of these sum to 1 - 1e-16: nothing but gamma may reach plane and ship.
    rows = [(TRUCK, p / 100, CAR, q / 100, ANIMALS) for p in range(1, 101) for q in range(1, 101) if p + q >= 100]
    labels = soft_labels(answers(*rows), "t2-clamp", 10, 0.1)
    np.testing.assert_allclose(labels[:, [PLANE, SHIP]], 0.05, atol=1e-12)


def test_two_classes_leave_nothing_to_spread_over():
    # K = 2 and both named: 0.5 and 0.3 become 5/8 and 3/8.
    table = answers((0, 0.5, 1, 0.3, ()))
    for variety in ("t2-uniform", "t2-clamp"):
        np.testing.assert_allclose(soft_labels(table, variety, 2), [[0.625, 0.375]])


def test_semantic_spreads_what_is_left_by_likeness_to_the_first_class():
    # 0.6 on class 0; 0.4 in shares 0.2 : 0.6: 0.1 on class 1, 0.3 on class 2.
    np.testing.assert_allclose(semantic("t1-semantic", 0, 0.6), [0.6, 0.1, 0.3])


def test_t1_semantic_leaves_the_second_class_out_and_t2_keeps_it_from_what_is_left():
    # T1 knows 0.6 on class 0 alone. T2 keeps the 0.1 stated for class 2; what is left, 0.3, is for class 1 alone.
    np.testing.assert_allclose(semantic("t1-semantic", 0, 0.6, 2, 0.1), [0.6, 0.1, 0.3])
    np.testing.assert_allclose(semantic("t2-semantic", 0, 0.6, 2, 0.1), [0.6, 0.3, 0.1])


def test_a_class_that_is_unlike_the_first_gets_nothing():
    # -0.5 counts as 0: all that is left goes to class 1.
    np.testing.assert_allclose(semantic("t1-semantic", 2, 0.7), [0.0, 0.3, 0.7])


def test_a_class_that_is_like_nothing_spreads_evenly():
    np.testing.assert_allclose(semantic("t1-semantic", 1, 0.6), [0.2, 0.6, 0.2])
    # What is left after classes 2 and 1 can only go to class 0, which is unlike 2: evenly over one class.
    np.testing.assert_allclose(semantic("t2-semantic", 2, 0.5, 1, 0.3), [0.2, 0.3, 0.5])


def test_semantic_keeps_mass_that_is_spent_where_it_was_put():
    np.testing.assert_allclose(semantic("t2-semantic", 0, 0.8, 1, 0.2), [0.8, 0.2, 0.0])
    np.testing.assert_allclose(semantic("t2-semantic", 0, 0.9, 1, 0.6), [0.6, 0.4, 0.0])


def test_equal_likeness_is_uniform():
    table = answers((TRUCK, 0.7, CAR, 0.1, ANIMALS), (CAT, 0.4, -1, np.nan, ()))
    for kind in ("t1", "t2"):
        found = soft_labels(table, f"{kind}-semantic", 10, similarity=np.full((10, 10), 0.3))
        np.testing.assert_allclose(found, soft_labels(table, f"{kind}-uniform", 10))


@pytest.mark.parametrize("variety", [name for name, row in VARIETIES.items() if row.similarity])
def test_a_semantic_label_without_a_similarity_is_refused(variety):
    with pytest.raises(RequestError, match=f"'{variety}' needs a similarity of classes: confusions or word-vectors"):
        soft_labels(answers(), variety, 10)


def test_select_two_is_half_and_half_whatever_was_stated():
    np.testing.assert_allclose(label("select-two", 0.9, 0.0), expected(0.0, truck=0.5, car=0.5))
    np.testing.assert_allclose(label("select-two", 0.4), expected(0.0, truck=1.0))


def test_the_released_code_spreads_nothing():
    # 0.7 and 0.2 scaled to one: 7/9 and 2/9, whatever is possible. Spent mass keeps no gamma back.
    np.testing.assert_allclose(label("t2-clamp-released", 0.7, 0.2), expected(0.0, truck=7 / 9, car=2 / 9))
    np.testing.assert_allclose(label("t2-clamp-released", 0.8, 0.2, gamma=0.4), expected(0.0, truck=0.8, car=0.2))
    np.testing.assert_allclose(label("t2-clamp-released", 0.9, 0.6), expected(0.0, truck=0.6, car=0.4))
    np.testing.assert_allclose(label("t2-clamp-released", 0.3), expected(0.0, truck=1.0))


def test_the_released_code_gives_all_to_the_first_class_where_nothing_is_stated():
    np.testing.assert_allclose(label("t2-clamp-released", 0.0, 0.0), expected(0.0, truck=1.0))


@pytest.mark.parametrize("variety", elicited_varieties())
def test_no_answers_give_no_labels(variety):
    assert soft_labels(answers(), variety, 10, similarity=np.eye(10)).shape == (0, 10)


def test_rows_keep_the_order_of_the_answers():
    table = answers((CAT, 1.0, -1, np.nan, ()), (DOG, 1.0, -1, np.nan, ()))
    assert soft_labels(table, "t1-uniform", 10).argmax(axis=1).tolist() == [CAT, DOG]


def test_an_unknown_variety_is_refused_with_the_known_ones():
    with pytest.raises(
        RequestError, match="unknown elicited variety 't3-clamp'; known: select-two, t1-clamp, t1-semantic"
    ):
        soft_labels(answers(), "t3-clamp", 10)


@pytest.mark.parametrize("gamma", [-0.1, 1.7, float("nan")])
def test_a_gamma_outside_0_to_1_is_refused(gamma):
    with pytest.raises(RequestError, match=r"gamma must lie in 0\.\.1"):
        soft_labels(answers(), "t2-clamp", 10, gamma)


@st.composite
def any_answers(draw):
    """Up to five answers over 2 to 7 classes, as `settle_answer` leaves them: percentages, ticks never on a choice."""
    k = draw(st.integers(2, 7))
    percent = st.integers(0, 100).map(lambda p: p / 100)
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        top1 = draw(st.integers(0, k - 1))
        top2 = draw(st.integers(-1, k - 1).filter(lambda c, top1=top1: c != top1))
        ticks = draw(st.sets(st.integers(0, k - 1))) - {top1, top2}
        rows.append((top1, draw(percent), top2, draw(percent) if top2 >= 0 else np.nan, tuple(sorted(ticks))))
    return answers(*rows), k


def alike(k):
    """A similarity of k classes with positive, negative and zero values."""
    return np.random.default_rng(k).uniform(-0.5, 1, (k, k)).round(1)


anything = given(any_answers(), st.sampled_from(elicited_varieties()), st.sampled_from([0.0, 0.01, 0.1, 0.4, 1.0]))


@anything
def test_every_label_is_a_distribution(made, variety, gamma):
    table, k = made
    labels = soft_labels(table, variety, k, gamma, alike(k))
    assert labels.shape == (len(table), k)
    assert (labels >= 0).all()
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-9)


@anything
def test_a_clamped_label_puts_nothing_on_a_ticked_class(made, variety, gamma):
    table, k = made
    if VARIETIES[variety].gamma:
        labels = soft_labels(table, variety, k, gamma, alike(k))
        for row, ticks in zip(labels, table["impossible"], strict=True):
            assert (row[list(ticks)] == 0).all()


@anything
def test_t1_never_looks_at_the_second_class(made, variety, gamma):
    table, k = made
    if VARIETIES[variety].classes == 1:
        without = table.assign(top2=-1, p2=np.nan)
        assert np.array_equal(
            soft_labels(table, variety, k, gamma, alike(k)), soft_labels(without, variety, k, gamma, alike(k))
        )


@anything
def test_only_clamped_labels_look_at_the_ticks(made, variety, gamma):
    table, k = made
    if not VARIETIES[variety].gamma:
        without = table.assign(impossible=[()] * len(table))
        assert np.array_equal(
            soft_labels(table, variety, k, gamma, alike(k)), soft_labels(without, variety, k, gamma, alike(k))
        )


@anything
def test_a_label_does_not_depend_on_the_answers_beside_it(made, variety, gamma):
    table, k = made
    together = soft_labels(table, variety, k, gamma, alike(k))
    alone = [soft_labels(table.iloc[[i]], variety, k, gamma, alike(k))[0] for i in range(len(table))]
    assert np.array_equal(together, np.array(alone))


@anything
def test_only_clamped_labels_know_gamma(made, variety, gamma):
    table, k = made
    if not VARIETIES[variety].gamma:
        other = soft_labels(table, variety, k, 0.3, alike(k))
        assert np.array_equal(soft_labels(table, variety, k, gamma, alike(k)), other)
