"""The test of simulated against real answers: whole people are swapped, so that one person is no evidence."""

import numpy as np
import pytest

from softcore.card.simulator import swap_test


def below(values, grid):
    return (np.asarray(values)[:, None] <= grid).astype(float)


GRID = np.arange(4)


def test_the_ks_distance_is_the_largest_gap_of_the_two_curves():
    # Shares at or below 0, 1, 2, 3: 1/4, 2/4, 3/4, 1 and 0, 0, 3/4, 1. The gap is 1/2, at 1.
    distance, _ = swap_test(
        below([0, 1, 2, 3], GRID), below([2, 2, 2, 3], GRID), np.arange(4), np.random.default_rng(0)
    )
    assert distance == 0.5


def test_equal_samples_are_never_told_apart():
    same = below([0, 1, 2, 3], GRID)
    assert swap_test(same, same, np.arange(4), np.random.default_rng(0)) == (0.0, 1.0)


def test_one_person_is_no_evidence_however_many_answers():
    # 50 answers of one person: swapping all of them or none leaves the distance as it is.
    many = 50
    _, p = swap_test(below([0] * many, GRID), below([3] * many, GRID), np.zeros(many, int), np.random.default_rng(0))
    assert p == 1.0
    # As many people with one answer each: 2 in 2^50 swaps do as well, so only the observed one counts, 1 / 2001.
    _, p = swap_test(below([0] * many, GRID), below([3] * many, GRID), np.arange(many), np.random.default_rng(0))
    assert p == pytest.approx(1 / 2001)


def test_p_is_as_often_small_as_it_says_where_nothing_differs():
    # People who each have a leaning of their own, in both samples: 5% of 200 tests are 10; five deviations are 15.
    rng = np.random.default_rng(0)
    small = 0
    for _ in range(200):
        person = np.repeat(np.arange(20), 5)
        lean = rng.normal(size=20)[person]
        one, other = (lean * sign + rng.normal(size=100) for sign in (1, rng.choice([-1, 1], 20)[person]))
        grid = np.linspace(-2, 2, 9)
        small += swap_test(below(one, grid), below(other, grid), person, rng)[1] <= 0.05
    assert small <= 25


def test_a_difference_of_means_is_tested_by_the_same_swaps():
    # Four people, one answer each, differences 1, 1, 1 and -1 over 4: the mean is 0.5. Of the 16 ways to swap, those
    # with a sum of at least 2 in size: all alike (2 ways) and one apart (8 ways): 10 of 16.
    distance, p = swap_test(
        np.array([[1.0], [1.0], [1.0], [0.0]]),
        np.array([[0.0], [0.0], [0.0], [1.0]]),
        np.arange(4),
        np.random.default_rng(0),
    )
    assert distance == 0.5
    assert p == pytest.approx(10 / 16, abs=0.04)
