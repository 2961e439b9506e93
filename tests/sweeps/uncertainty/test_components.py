import numpy as np
import pytest

from sweeps.uncertainty.components import draw, estimate
from sweeps.uncertainty.layout import NOBODY, Layout
from sweeps.uncertainty.strata import strata


def two_way(cells, seeds):
    cell, seed = (axis.ravel() for axis in np.meshgrid(np.arange(cells), np.arange(seeds), indexing="ij"))
    return strata(
        Layout(
            cells=tuple(f"c{i}" for i in range(cells)),
            cell=cell,
            seed=seed,
            panel=np.zeros(cells * seeds, dtype=int),
            crowd=(NOBODY,) * cells,
            annotators=np.zeros(cells),
            share=np.ones(cells),
        )
    )


def test_the_best_guess_solves_the_expected_mean_squares():
    # E[MS seed] = 3 seed + cell, E[MS cell] = cell: 10 and 4 are seed = 2, cell = 4.
    assert estimate(two_way(3, 4), np.array([10.0, 4.0])) == pytest.approx([2.0, 4.0])


def test_a_component_is_never_below_0():
    assert estimate(two_way(3, 4), np.array([1.0, 4.0])) == pytest.approx([0.0, 4.0])
    assert (draw(two_way(3, 4), np.array([1.0, 4.0]), 500, np.random.default_rng(0)) >= 0).all()


def test_draws_of_the_only_stratum_are_those_behind_students_t():
    # df x MS / variance is a chi-square of 4 degrees of freedom: of mean 4 and variance 8.
    drawn = draw(two_way(1, 5), np.array([2.0]), 20_000, np.random.default_rng(0))[:, 0]
    chi = 4 * 2.0 / drawn
    assert chi.mean() == pytest.approx(4, rel=0.03)
    assert chi.var() == pytest.approx(8, rel=0.1)


def test_draws_get_narrow_about_the_best_guess_with_many_seeds():
    drawn = draw(two_way(4, 60), np.array([9.0, 1.0]), 2000, np.random.default_rng(0))
    assert drawn.mean(axis=0) == pytest.approx([2.0, 1.0], rel=0.1)
    assert (drawn.std(axis=0) < [0.6, 0.15]).all()


def test_few_seeds_leave_the_variance_of_seeds_wide_open():
    few = draw(two_way(4, 3), np.array([9.0, 1.0]), 2000, np.random.default_rng(0))[:, 0]
    low, high = np.quantile(few, [0.05, 0.95])
    assert high / low > 10


def test_a_half_cauchy_prior_weighs_the_draws_of_what_seeds_share():
    layout, squares = two_way(4, 3), np.array([9.0, 1.0])
    flat = draw(layout, squares, 40_000, np.random.default_rng(0))[:, 0]
    weights = 1 / (1 + flat / 4.0)  # of a scale of 2, trials within a seed having a standard deviation of 1
    held = draw(layout, squares, 40_000, np.random.default_rng(1), shared_scale=2.0)[:, 0]
    order = np.argsort(flat)
    shares = np.cumsum(weights[order]) / weights.sum()
    for q in (0.1, 0.5, 0.9, 0.975):
        assert np.quantile(held, q) == pytest.approx(flat[order][np.searchsorted(shares, q)], rel=0.12)
    assert np.quantile(held, 0.975) < np.quantile(flat, 0.975) / 3  # which tells it from the flat prior


def test_a_half_cauchy_prior_says_nothing_of_other_components_and_little_of_many_seeds():
    many, squares = two_way(4, 60), np.array([9.0, 1.0])
    held = draw(many, squares, 4000, np.random.default_rng(0), shared_scale=1.0)
    flat = draw(many, squares, 4000, np.random.default_rng(1))
    assert held.mean(axis=0) == pytest.approx(flat.mean(axis=0), rel=0.05)


def test_without_trials_within_a_seed_the_prior_of_seeds_stays_flat():
    one, squares = two_way(1, 5), np.array([2.0])
    flat, held = (draw(one, squares, 500, np.random.default_rng(0), scale) for scale in (None, 1.0))
    assert held == pytest.approx(flat)
