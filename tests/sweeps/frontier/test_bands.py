from dataclasses import replace

import numpy as np
import pytest

from softcore.errors import RequestError
from sweeps.frontier.bands import bands, best_at, frontier_of_each, on_frontier, steps
from sweeps.uncertainty.shrinkage import Draws


def draws(values, bought=None):
    values = np.asarray(values, dtype=float)
    return Draws(
        cells=tuple("abcdefgh"[: values.shape[1]]),
        values=values,
        mean=values.mean(axis=0),
        bought=np.ones(values.shape[1], dtype=bool) if bought is None else np.array(bought),
        covers="over seeds",
        shrunk=False,
    )


def test_a_budget_buys_the_best_cell_that_it_can_pay():
    # Costs 1, 2, 4 and values 5, 3, 4: the dearest is no better than the second. A budget that equals a cost buys it.
    best = best_at(np.array([5.0, 3.0, 4.0]), np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.9, 2.0, 9.0]))
    assert best.tolist() == [5, 5, 3, 3]


def test_a_cell_without_a_cost_is_left_out():
    assert best_at(np.array([5.0, 0.0]), np.array([1.0, np.nan]), np.array([9.0])).tolist() == [5]


def test_a_budget_below_the_cheapest_cell_is_refused():
    with pytest.raises(RequestError, match=r"a budget of 0\.5 buys nothing: the cheapest cell costs 1"):
        best_at(np.array([5.0]), np.array([1.0]), np.array([0.5]))


def test_the_frontier_of_a_draw_is_what_no_cheaper_cell_matches():
    costs = np.array([1.0, 1.0, 2.0, 3.0, 4.0])
    # Both cells at cost 1 tie; 5 at 2 is no better; 4 at 3 is; 4 at 4 costs more for the same.
    assert frontier_of_each(np.array([[5.0, 5, 5, 4, 4]]), costs)[0].tolist() == [True, True, False, True, False]


def test_the_probability_of_a_cell_is_how_often_it_is_on_the_frontier():
    # b beats a in three of four draws; a, the cheapest, always is; c never beats both.
    found = on_frontier(draws([[2, 1, 3], [2, 1, 3], [2, 1, 3], [2, 4, 3]]), np.array([1.0, 2.0, 3.0]))
    assert found.tolist() == [1, 0.75, 0]


def test_the_frontier_needs_no_order_of_cells_and_no_unit_of_cost():
    rng = np.random.default_rng(0)
    values, costs, order = rng.normal(size=(50, 8)), rng.integers(1, 5, 8).astype(float), rng.permutation(8)
    found = on_frontier(draws(values), costs)
    assert on_frontier(draws(values[:, order]), costs[order]).tolist() == found[order].tolist()
    assert on_frontier(draws(values), 3600 * costs).tolist() == found.tolist()


def test_a_pointwise_band_has_the_quantiles_of_the_best_value():
    # One cell with the values 0, 1, ..., 100: 93% of them between 3.5 and 96.5, which is what a 90% band cuts off.
    band = bands(draws(np.arange(101.0)[:, None]), np.array([1.0]), np.array([1.0]))
    assert band.pointwise == pytest.approx(np.array([[3.5, 96.5]]))
    assert band.best.tolist() == [50]
    assert band.winner == ("a",)
    assert band.share.tolist() == [1]


def test_one_budget_has_one_band_pointwise_or_simultaneous():
    band = bands(draws(np.arange(101.0)[:, None]), np.array([1.0]), np.array([1.0]))
    assert band.simultaneous == pytest.approx(band.pointwise, abs=1.5)


def test_a_band_ends_above_where_the_best_single_cell_does():
    # Two cells of the same values in other orders: the best of both is lower than either, and no worse than either.
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.permutation(np.arange(101.0)), rng.permutation(np.arange(101.0))])
    band = bands(draws(values), np.array([1.0, 1.0]), np.array([1.0]))
    assert band.pointwise[0, 1] == pytest.approx(96.5)
    assert band.pointwise[0, 0] == pytest.approx(np.quantile(values.min(axis=1), 0.035))
    worse = bands(replace(draws(values), worse=np.array([7.0, 9.0])), np.array([1.0, 1.0]), np.array([1.0]))
    assert worse.pointwise[0].tolist() == [band.pointwise[0, 0], pytest.approx(103.5)]


def test_a_simultaneous_band_holds_its_share_of_draws_at_all_costs_at_once():
    values = np.random.default_rng(0).normal(size=(2000, 6)) - 3 * np.arange(6)
    costs = np.arange(1.0, 7)
    band, best = bands(draws(values), costs, costs), best_at(values, costs, costs)
    (low, high), (all_low, all_high) = band.pointwise.T, band.simultaneous.T
    assert ((low <= best) & (best <= high)).mean(axis=0) == pytest.approx(np.full(6, 0.93), abs=0.01)
    assert ((all_low <= best) & (best <= all_high)).all(axis=1).mean() == pytest.approx(0.93, abs=0.01)
    # Six nearly independent costs: a pointwise band holds at all of them in about 0.93^6 = 65% of the draws.
    assert ((low <= best) & (best <= high)).all(axis=1).mean() < 0.75
    assert (all_low < low).all()
    assert (all_high > high).all()


def test_neighbours_whose_difference_covers_0_are_a_tie():
    rng = np.random.default_rng(0)
    values = np.array([3.0, 2.0, 1.99]) + np.array([0.1, 0.1, 0.1]) * rng.normal(size=(1000, 3))
    first, second = steps(draws(values), np.array([1.0, 2.0, 3.0]))
    assert (first.cell, first.dearer, first.tie) == ("a", "b", False)
    assert first.gain == pytest.approx(1, abs=0.02)
    assert (second.cell, second.dearer, second.tie) == ("b", "c", True)
    assert second.low < 0 < second.high


def test_what_neighbours_share_does_not_tie_them():
    # Each value swings by 1, both together: the gain of 0.1 is sure.
    together = np.random.default_rng(0).normal(size=(500, 1))
    (step,) = steps(draws(together + np.array([[0.1, 0.0]])), np.array([1.0, 2.0]))
    assert not step.tie
