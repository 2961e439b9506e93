import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softcore.errors import RequestError
from sweeps.frontier.weights import hypervolume, pareto, weight_swaps, weighted

points = st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=12)


def test_no_point_of_the_front_is_beaten_on_every_objective():
    # (1, 3), (2, 2) and (3, 1) trade; (3, 3) is beaten by all; (2, 2) twice stands twice.
    losses = np.array([[1, 3], [2, 2], [3, 1], [3, 3], [2, 2]])
    assert pareto(losses).tolist() == [True, True, True, False, True]


def test_better_on_one_objective_and_equal_on_the_others_beats():
    assert pareto(np.array([[1.0, 1, 1], [1, 1, 2]])).tolist() == [True, False]


def test_a_point_without_a_value_is_on_no_front_and_beats_nobody():
    assert pareto(np.array([[np.nan, 0], [1, 1]])).tolist() == [False, True]


def test_a_hypervolume_by_hand():
    # Up to (4, 4): (1, 3) has 3 x 1, (2, 2) adds 2 x 1, (3, 1) adds 1 x 1.
    assert hypervolume(np.array([[1, 3], [2, 2], [3, 1]]), np.array([4, 4])) == 6
    # Boxes of 1 x 1 x 2 and 2 x 1 x 1 that share 1 x 1 x 1: 2 + 2 - 1.
    assert hypervolume(np.array([[1, 1, 0], [0, 1, 1]]), np.array([2, 2, 2])) == 3
    assert hypervolume(np.zeros((1, 4)), np.full(4, 2)) == 16


def test_points_beyond_the_reference_add_nothing():
    assert hypervolume(np.array([[5, 0], [0, 4]]), np.array([4, 4])) == 0
    assert hypervolume(np.zeros((0, 2)), np.array([4, 4])) == 0


@settings(max_examples=40)
@given(points)
def test_a_hypervolume_counts_the_unit_cubes_that_a_point_dominates(losses):
    cubes = sum(any(all(x <= c for x, c in zip(p, cube, strict=True)) for p in losses) for cube in CUBES)
    assert hypervolume(np.array(losses), np.full(3, 4)) == cubes


CUBES = list(itertools.product(range(4), repeat=3))


def test_weights_are_shares_and_units_say_what_counts_the_same():
    # 0.03 of one and 0.01 of the other count the same, the second twice: (1 + 2 x 3) / 3.
    score = weighted(np.array([[0.03, 0.03]]), np.array([1.0, 2.0]), np.array([0.03, 0.01]))
    assert score.tolist() == pytest.approx([7 / 3])


def test_where_a_weight_changes_the_winner():
    # With weight w on the first: a scores w, b 1 - w, c 0.4 always: b? No: a wins below 0.4, c to 0.6, b above.
    losses = np.array([[1.0, 0.0], [0.0, 1.0], [0.4, 0.4]])
    first, second = weight_swaps(("a", "b", "c"), losses, {"one": 1.0, "two": 1.0}, np.ones(2))
    assert first.winner == ("a", "c", "b")
    assert first.edges == pytest.approx((0, 0.4, 0.6, 1))
    assert (first.weight, first.low, first.high) == pytest.approx((0.5, 0.4, 0.6))
    assert second.winner == ("b", "c", "a")


@given(points, st.tuples(*[st.integers(1, 5)] * 3))
def test_the_winner_between_two_edges_is_the_one_with_the_least_sum(losses, weights):
    losses = np.array(losses, dtype=float)
    names = tuple(map(str, range(len(losses))))
    for place, found in enumerate(weight_swaps(names, losses, dict(zip("xyz", weights, strict=True)), np.ones(3))):
        for (low, high), winner in zip(itertools.pairwise(found.edges), found.winner, strict=True):
            others = np.delete(np.array(weights, dtype=float), place)
            middle = np.insert(others / others.sum() * (1 - (low + high) / 2), place, (low + high) / 2)
            score = losses @ middle
            assert score[int(winner)] == pytest.approx(score.min())


def test_what_makes_no_sense_is_refused():
    with pytest.raises(RequestError, match="2 to 4 objectives"):
        hypervolume(np.zeros((1, 5)), np.ones(5))
    with pytest.raises(RequestError, match="weights must be 0 or more"):
        weighted(np.zeros((1, 2)), np.array([0.0, 0.0]), np.ones(2))
    with pytest.raises(RequestError, match="units must be above 0"):
        weighted(np.zeros((1, 2)), np.ones(2), np.array([1.0, 0.0]))
