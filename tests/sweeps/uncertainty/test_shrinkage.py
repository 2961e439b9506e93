from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student

from softcore.errors import RequestError
from sweeps.studies.coverage.planted import Noise, diminishing, grid, problem
from sweeps.uncertainty.layout import NOBODY, Layout
from sweeps.uncertainty.shrinkage import plain_draws, shrunk_draws
from sweeps.uncertainty.strata import strata
from sweeps.uncertainty.variance import pooled_variance


@pytest.fixture(scope="module")
def made():
    return grid()


@pytest.fixture(scope="module")
def smooth(made):
    """A problem whose cells lie on curves, and its variance model."""
    gains = {"click": 0.1, "t1-uniform": 0.12, "t2-clamp": 0.15}
    truth = diminishing(made, first=gains, all_people={name: 2 * gain for name, gain in gains.items()})
    one = problem(made, truth, replace(Noise(), images=0.0), np.random.default_rng(4))
    return one, pooled_variance(strata(made.layout), one.values)


def two_way(values):
    cells, seeds = values.shape
    cell, seed = (axis.ravel() for axis in np.meshgrid(np.arange(cells), np.arange(seeds), indexing="ij"))
    layout = Layout(
        cells=tuple(f"c{i}" for i in range(cells)),
        cell=cell,
        seed=seed,
        panel=np.zeros(values.size, dtype=int),
        crowd=(NOBODY,) * cells,
        annotators=np.zeros(cells),
        share=np.ones(cells),
    )
    return pooled_variance(strata(layout), values.ravel())


def test_draws_of_a_mean_that_are_not_shrunk_are_students_t():
    values = np.array([[1.0, 1.3, 0.9, 1.2, 1.1]])
    found = plain_draws(two_way(values), np.array([True]), np.random.default_rng(0), 50_000).values[:, 0]
    error = values.std(ddof=1) / np.sqrt(5)
    assert np.quantile(found, 0.5) == pytest.approx(1.1, abs=0.02 * error)
    assert np.quantile(found, 0.95) - 1.1 == pytest.approx(student.ppf(0.95, 4) * error, rel=0.1)


def test_what_all_cells_share_moves_them_together():
    rng = np.random.default_rng(0)
    values = 5 * rng.normal(size=4) + 0.01 * rng.normal(size=(3, 4))
    found = plain_draws(two_way(values), np.ones(3, dtype=bool), rng).values
    assert np.corrcoef(found.T).min() > 0.99


def test_a_lucky_cell_is_pulled_towards_its_neighbours(made, smooth):
    _, model = smooth
    lucky = int(np.flatnonzero((made.cells["variety"] == "t2-clamp") & (made.cells["items"] == 900))[1])
    values = model.estimates.values.copy()
    values[lucky] -= 0.05
    found = made.draws(replace(model, estimates=replace(model.estimates, values=values)), np.random.default_rng(0))
    assert values[lucky] + 0.005 < found.best_guess[lucky] < model.estimates.values[lucky]
    assert found.shrunk


def test_cells_on_a_curve_are_known_better_than_their_own_trials_say(made, smooth):
    _, model = smooth
    shrunk = made.draws(model, np.random.default_rng(0)).values
    plain = plain_draws(model, made.bought, np.random.default_rng(0)).values
    difference = shrunk - shrunk.mean(axis=1, keepdims=True), plain - plain.mean(axis=1, keepdims=True)
    assert difference[0].std(axis=0).mean() < 0.9 * difference[1].std(axis=0).mean()


def test_of_cells_that_are_all_alike_the_best_looks_hardly_better_than_it_is(made):
    errors = []
    for number in range(8):
        rng = np.random.default_rng([41, number])
        one = problem(made, np.full(len(made.cells), 1.8), replace(Noise(), seed=0.0, crowd=0.0, images=0.0), rng)
        model = pooled_variance(strata(made.layout), one.values)
        seen = model.mean.min()
        errors.append((seen - 1.8, np.median(made.draws(model, rng).values.min(axis=1)) - 1.8))
    as_seen, shrunk = np.mean(errors, axis=0)
    assert as_seen < shrunk < 0.005
    assert abs(shrunk) < 0.6 * abs(as_seen)


def test_the_same_generator_gives_the_same_draws(made, smooth):
    _, model = smooth
    one, other = (made.draws(model, np.random.default_rng(7), 50).values for _ in range(2))
    assert np.array_equal(one, other)
    assert one.shape == (50, len(made.cells))


def test_the_unit_of_the_metric_changes_nothing(made, smooth):
    one, _ = smooth
    found = [
        made.draws(pooled_variance(strata(made.layout), scale * one.values), np.random.default_rng(7), 200).values
        for scale in (1.0, 1000.0)
    ]
    assert found[1] == pytest.approx(1000 * found[0], rel=1e-4)


def test_curves_of_another_number_than_cells_are_refused(smooth):
    _, model = smooth
    with pytest.raises(RequestError, match="2 curves, 2 rows of features and 27 cells"):
        shrunk_draws(model, ("a", "b"), np.zeros((2, 2)), np.ones(27, dtype=bool), np.random.default_rng(0))
