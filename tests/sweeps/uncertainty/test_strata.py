import numpy as np
import pytest

from softcore.errors import RequestError
from sweeps.uncertainty import strata as module
from sweeps.uncertainty.layout import NOBODY, Layout, Pool
from sweeps.uncertainty.strata import cell_means, strata


def crossed(cells, seeds, panels=1, annotators=1.0, crowd=NOBODY, pools=None):
    places = [(c, s, p) for c in range(cells) for s in range(seeds) for p in range(panels)]
    cell, seed, panel = np.array(places).T
    return Layout(
        cells=tuple(f"c{i}" for i in range(cells)),
        cell=cell,
        seed=seed,
        panel=panel,
        crowd=(crowd,) * cells,
        annotators=np.broadcast_to(np.asarray(annotators, dtype=float), (cells,)).copy(),
        share=np.ones(cells),
        pools=pools or {},
    )


def test_cells_by_seeds_is_the_two_way_table_of_any_textbook():
    found = strata(crossed(cells=3, seeds=4))
    assert found.names == ("seed", "cell")
    assert found.df.tolist() == [3, 6]
    # E[MS seed] = 3 seed + cell, E[MS cell] = cell.
    assert found.expected == pytest.approx(np.array([[3, 1], [0, 1]]))


def test_mean_squares_are_those_of_the_two_way_table():
    values = np.random.default_rng(0).normal(size=(3, 4))
    squares = strata(crossed(cells=3, seeds=4)).mean_squares(values.ravel())
    by_seed = values.mean(axis=0) - values.mean()
    left = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    assert squares == pytest.approx([3 * (by_seed**2).sum() / 3, (left**2).sum() / 6])


def test_half_the_mean_squared_difference_of_two_panels_shows_people():
    found = strata(
        crossed(cells=1, seeds=4, panels=2, annotators=2, crowd="pages", pools={"pages": Pool(annotators=6)})
    )
    values = np.array([1.0, 1.2, 1.1, 1.1, 0.9, 1.3, 1.2, 1.0])
    at = found.place("panels of pages")
    # (0.2^2 + 0 + 0.4^2 + 0.2^2) / 4 / 2 = 0.03
    assert found.mean_squares(values)[at] == pytest.approx(0.03)
    # Two people an item have half the variance of one, and A and B share nobody.
    assert found.expected[at, found.components.index("people of pages")] == pytest.approx(1 / 2)


def test_without_a_second_panel_people_are_no_component():
    found = strata(crossed(cells=3, seeds=3, annotators=[1, 2, 3], crowd="pages"))
    assert found.names == ("seed", "cell")
    assert found.components == ("seed", "cell")
    assert found.place("panels of pages") is None


def test_degrees_of_freedom_add_up_to_the_trials_less_the_cells():
    found = strata(crossed(cells=3, seeds=3, panels=2, annotators=[1, 2, 3], crowd="pages"))
    assert found.df.sum() == pytest.approx(18 - 3)
    assert set(found.components) == {"seed", "people of pages", "own people of pages", "cell", "rest"}


def test_people_and_the_rest_are_not_told_apart_where_all_cells_have_one_m():
    found = strata(crossed(cells=3, seeds=3, panels=2, annotators=2, crowd="pages"))
    assert "rest" not in found.components
    assert "own people of pages" in found.components


def test_expected_mean_squares_are_what_simulated_noise_has():
    made = crossed(cells=3, seeds=3, panels=2, annotators=[1, 2, 3], crowd="pages", pools={"pages": Pool(annotators=6)})
    found, rng = strata(made), np.random.default_rng(1)
    covariance = 0.5 * made.overlap("pages") + 2 * np.eye(18) + (made.seed[:, None] == made.seed)
    noise = np.linalg.cholesky(covariance) @ rng.normal(size=(18, 4000))
    squares = np.mean([found.mean_squares(column) for column in noise.T], axis=0)
    sizes = {"seed": 1.0, "people of pages": 0.5, "rest": 2.0}
    expected = found.expected @ np.array([sizes.get(name, 0.0) for name in found.components])
    assert squares == pytest.approx(expected, rel=0.08)


def test_means_of_cells_are_means_of_their_trials():
    assert cell_means(crossed(cells=2, seeds=2), np.array([1.0, 3.0, 5.0, 6.0])).tolist() == [2.0, 5.5]


def test_too_many_trials_are_refused_before_memory_is_taken(monkeypatch):
    monkeypatch.setattr(module, "MOST_TRIALS", 5)
    with pytest.raises(RequestError, match="at most 5 trials, not 6"):
        strata(crossed(cells=2, seeds=3))
