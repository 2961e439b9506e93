import numpy as np
import pytest

from sweeps.uncertainty.estimates import cell_estimates
from sweeps.uncertainty.layout import NOBODY, Layout, Pool
from sweeps.uncertainty.strata import cell_means, strata
from sweeps.uncertainty.variance import cell_intervals, difference, pooled_variance


def layout(places, cells, annotators=0.0, crowd=NOBODY, pools=None):
    """Cells a, b, c, ... and their trials by `places`: (cell, seed, panel) each."""
    cell, seed, panel = np.array(places).T
    return Layout(
        cells=tuple("abcdefghijkl"[:cells]),
        cell=cell,
        seed=seed,
        panel=panel,
        crowd=(crowd,) * cells,
        annotators=np.full(cells, annotators),
        share=np.ones(cells),
        pools=pools or {},
    )


CROSSED = [(c, s, 0) for c in range(4) for s in range(3)]
# Two cells have all eight seeds, the others four of them each, and not the same four.
UNBALANCED = [(c, s, 0) for c in range(12) for s in range(8) if c < 2 or (s + c) % 8 < 4]


def test_where_all_cells_have_the_same_trials_estimates_are_raw_means():
    made = layout(CROSSED, 4)
    values = np.random.default_rng(1).normal(size=12)
    found = cell_estimates(made, values, ("seed", "cell"), np.array([0.3, 0.1]))
    np.testing.assert_allclose(found.values, cell_means(made, values), rtol=1e-14)
    # The mean of three seeds holds a third of each: the seeds' is common to all cells, the cells' own is not.
    np.testing.assert_allclose(found.between, [np.full((4, 4), 1 / 3), np.eye(4) / 3], atol=1e-12)
    np.testing.assert_allclose(found.covariance(np.array([3.0, 6.0])), 1 + 2 * np.eye(4), atol=1e-12)


def test_a_pool_that_is_used_up_still_leaves_people_unknown():
    # Panels A and B of M = 3 are all six people: each seed's mean has them all, and still 1/6 of a person's variance.
    made = layout([(0, s, p) for s in range(3) for p in (0, 1)], 1, 3.0, "pages", {"pages": Pool(annotators=6)})
    found = cell_estimates(made, np.arange(6.0), ("seed", "people of pages"), np.array([0.1, 0.6]))
    assert found.between[1, 0, 0] == pytest.approx(1 / 6)


def test_a_seed_that_only_some_cells_have_is_evened_out():
    """A cell that has the odd seeds only looks 0.5 better than all others if seeds do that, and is no better at all."""
    made = layout([(cell, seed, 0) for cell in range(6) for seed in range(4) if cell or seed % 2], 6)
    rng = np.random.default_rng(0)
    model = pooled_variance(strata(made), -1.0 * (made.seed % 2) + rng.normal(0, 0.01, len(made.cell)))
    assert model.mean[0] - model.mean[1:].mean() == pytest.approx(-0.5, abs=0.02)
    evened = model.estimates.values
    assert evened[0] - evened[1:].mean() == pytest.approx(0, abs=0.05)
    np.testing.assert_allclose(evened[1:], model.mean[1:], atol=0.03)


def test_estimates_of_cells_with_other_seeds_are_nearer_the_truth_than_means_and_their_intervals_hold():
    """300 made-up sweeps: seeds vary three times as much as a trial, and most cells have half of them."""
    made, rng = layout(UNBALANCED, 12), np.random.default_rng(5)
    of, errors, within = strata(made), [], []
    truth = np.linspace(0, 0.5, 12)
    for _ in range(300):
        values = truth[made.cell] + 3 * rng.normal(size=8)[made.seed] + rng.normal(size=len(made.cell))
        model = pooled_variance(of, values)
        apart, found = truth[5] - truth[0], difference(model, "f", "a", level=0.9)
        errors.append((model.mean[5] - model.mean[0] - apart, found.value - apart))
        low, high = cell_intervals(model, 0.9)
        within.append((found.low <= apart <= found.high, ((low <= truth) & (truth <= high)).mean()))
    raw, evened = np.sqrt((np.array(errors) ** 2).mean(axis=0))
    # Of four seeds against all eight: seeds add 9 (1/4 - 1/8) to the variance of raw means, trials 1/4 + 1/8, and
    # sqrt(1.5) = 1.22. What seeds do is told from all cells, so that little more than the trials' sqrt(3/8) is left.
    assert raw > 1.15
    assert evened < 0.7
    of_differences, of_cells = np.mean(within, axis=0)
    assert 0.86 < of_differences < 0.94
    assert 0.86 < of_cells < 0.95


def test_components_that_are_all_nothing_give_the_means():
    values = np.random.default_rng(2).normal(size=len(UNBALANCED))
    made = layout(UNBALANCED, 12)
    found = cell_estimates(made, values, ("seed", "cell"), np.zeros(2))
    np.testing.assert_allclose(found.values, cell_means(made, values))
