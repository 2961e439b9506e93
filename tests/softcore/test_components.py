import numpy as np
import pytest

from softcore.components import draw, estimate
from softcore.layout import NOBODY, Layout
from softcore.strata import strata


def two_way(cells, seeds):
    cell, seed = (axis.ravel() for axis in np.meshgrid(np.arange(cells), np.arange(seeds), indexing="ij"))
    return strata(
        Layout(
            cells=tuple(f"c{i}" for i in range(cells)),
            cell=cell,
            seed=seed,
            panel=np.zeros(cells * seeds, dtype=int),
            crowd=(NOBODY,) * cells,
            people=np.zeros(cells),
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
