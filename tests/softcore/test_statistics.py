import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softcore.errors import RequestError
from softcore.statistics import half_width, mean_interval

values = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=2, max_size=12)


def test_three_values_give_students_t_interval():
    # mean 2, sd 1, t(0.975; 2) = 4.302653: half-width 4.302653 x 1 / sqrt(3) = 2.484138.
    found = mean_interval([1.0, 2.0, 3.0])
    assert (found.mean, found.n, found.level, found.over) == (2.0, 3, 0.95, "replicates")
    assert found.half_width == pytest.approx(2.484138, abs=1e-6)
    assert found.low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert found.high == pytest.approx(2 + 2.484138, abs=1e-6)


def test_one_value_has_no_interval_rather_than_one_of_no_width():
    found = mean_interval([0.7])
    assert (found.mean, found.n) == (0.7, 1)
    assert found.low is found.high is found.half_width is None


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [math.inf, 1.0], [[1.0, 2.0]]])
def test_values_that_are_no_numbers_are_refused(bad):
    with pytest.raises(RequestError):
        mean_interval(bad)


@pytest.mark.parametrize("level", [0, 1, -0.5, 95])
@pytest.mark.parametrize("few", [[1.0], [1.0, 2.0]])
def test_a_level_outside_0_to_1_is_refused(level, few):
    with pytest.raises(RequestError, match="level"):
        mean_interval(few, level=level)


@given(values, st.floats(-1e6, 1e6, allow_nan=False))
def test_shifting_values_shifts_the_interval(numbers, shift):
    here, there = mean_interval(numbers), mean_interval(np.asarray(numbers) + shift)
    assert there.mean == pytest.approx(here.mean + shift, abs=1e-6)
    assert there.half_width == pytest.approx(here.half_width, abs=1e-4)


@given(values)
def test_the_interval_holds_the_mean_and_grows_with_its_level(numbers):
    narrow, wide = mean_interval(numbers, level=0.8), mean_interval(numbers)
    assert wide.low <= narrow.low <= narrow.mean <= narrow.high <= wide.high


def test_the_interval_covers_at_its_level_even_with_three_values():
    draws = np.random.default_rng(0).normal(size=(20_000, 3))
    half = half_width(draws.std(axis=1, ddof=1), 3)
    covered = (np.abs(draws.mean(axis=1)) <= half).mean()
    assert covered == pytest.approx(0.95, abs=0.006)  # four standard errors of 20,000 draws


def test_half_widths_work_on_tables_and_are_nan_below_two_values():
    found = half_width(np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([[1], [3]]))
    assert np.isnan(found[0]).all()
    assert found[1] == pytest.approx([2.484138, 4.968276], abs=1e-6)
