import numpy as np
import pytest
from scipy.stats import ttest_rel

from softcore.errors import RequestError
from sweeps.uncertainty.layout import NOBODY, Layout, Pool
from sweeps.uncertainty.strata import strata
from sweeps.uncertainty.variance import cell_intervals, contrast_variance, covers_of_cells, difference, pooled_variance


def layout(cells, seeds, panels=1, annotators=0.0, crowd=NOBODY, pools=None):
    places = [(c, s, p) for c in range(cells) for s in range(seeds) for p in range(panels)]
    cell, seed, panel = np.array(places).T
    crowds = (crowd,) * cells if isinstance(crowd, str) else crowd
    return Layout(
        cells=tuple(f"c{i}" for i in range(cells)),
        cell=cell,
        seed=seed,
        panel=panel,
        crowd=crowds,
        annotators=np.broadcast_to(np.asarray(annotators, dtype=float), (cells,)).copy(),
        share=np.ones(cells),
        pools=pools or {},
    )


def test_the_difference_of_two_cells_is_the_paired_t_of_their_seeds():
    values = np.random.default_rng(3).normal(size=(2, 5)) + np.array([[0.5], [0.0]])
    found = difference(pooled_variance(strata(layout(2, 5)), values.ravel()), "c0", "c1")
    paired = ttest_rel(values[0], values[1])
    interval = paired.confidence_interval(0.95)
    assert found.p == pytest.approx(paired.pvalue)
    assert found.df == pytest.approx(4)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_more_cells_lend_their_replicates_to_a_difference():
    values = np.random.default_rng(3).normal(size=(9, 3))
    few = difference(pooled_variance(strata(layout(2, 3)), values[:2].ravel()), "c0", "c1")
    many = difference(pooled_variance(strata(layout(9, 3)), values.ravel()), "c0", "c1")
    assert few.df == pytest.approx(2)
    assert many.df == pytest.approx(16)  # (9 - 1) x (3 - 1)


def test_what_all_cells_of_a_seed_share_does_not_blur_a_difference():
    rng = np.random.default_rng(0)
    own, common = rng.normal(size=(4, 6)), rng.normal(size=6)
    alone, shared = (
        difference(pooled_variance(strata(layout(4, 6)), (own + k * common).ravel()), "c0", "c1") for k in (0, 50)
    )
    assert shared.high - shared.low == pytest.approx(alone.high - alone.low)


def test_people_blur_the_mean_of_a_cell_though_its_seeds_agree():
    # Half the mean squared difference of A and B is 0.03, of two people an item: one person has 0.06. Seeds show less
    # than people alone would, so that they add nothing. Of 8 trials: 8 x 1/2 alone, 48 pairs of other seeds at 1/6.
    values = np.array([1.0, 1.2, 1.1, 1.1, 0.9, 1.3, 1.2, 1.0])
    made = layout(1, 4, panels=2, annotators=2, crowd="pages", pools={"pages": Pool(annotators=6)})
    model = pooled_variance(strata(made), values)
    assert dict(zip(model.strata.components, model.variances, strict=True)) == pytest.approx(
        {"seed": 0.0, "people of pages": 0.06}
    )
    assert model.covariance[0, 0] == pytest.approx(0.06 * (8 / 2 + 48 / 6) / 64)
    assert model.panels[0].half_mean_square == pytest.approx(0.03)
    assert model.panels[0].pairs == 4


def test_degrees_of_freedom_are_those_of_the_mean_square_that_counts():
    made = strata(layout(3, 5))
    values = np.random.default_rng(0).normal(size=(3, 5)) + 100 * np.random.default_rng(1).normal(size=5)
    variance, df = contrast_variance(pooled_variance(made, values.ravel()), np.array([1.0, 0.0, 0.0]))
    assert df == pytest.approx(4, rel=0.01)  # seeds are nearly all of it, and there are five
    assert variance > 100


def test_intervals_say_what_they_cover_and_beyond_which_m_people_are_extrapolated():
    places = [(c, s, p) for c in range(3) for s in range(3) for p in ((0, 1) if c < 2 else (0,))]
    cell, seed, panel = np.array(places).T
    made = strata(
        Layout(
            cells=("one", "three", "six"),
            cell=cell,
            seed=seed,
            panel=panel,
            crowd=("pages",) * 3,
            annotators=np.array([1.0, 3.0, 6.0]),
            share=np.ones(3),
            pools={"pages": Pool(annotators=6)},
        )
    )
    model = pooled_variance(made, np.random.default_rng(0).normal(size=len(cell)))
    assert "seeds (3, shared by the cells)" in model.covers
    assert "from two panels a seed at M = 1, 3, extrapolated as 1/M to M = 6" in model.covers
    assert "not over other test images and labels" in model.covers
    one, three, six = covers_of_cells(made)
    assert one == three == "seeds and other whole people"
    assert six == "seeds and other whole people (extrapolated as 1/M to M = 6)"


def test_without_a_second_panel_intervals_are_over_seeds_only():
    made = strata(layout(2, 3, annotators=(2, 0), crowd=("pages", NOBODY)))
    assert covers_of_cells(made) == ("seeds only", "seeds (nobody was asked)")
    covers = pooled_variance(made, np.random.default_rng(0).normal(size=6)).covers
    assert covers.startswith("over seeds (3, shared by the cells); not over ")
    assert "new pages (whole people)" in covers


def test_noise_that_grows_with_small_m_is_said():
    rng, annotators = np.random.default_rng(0), np.repeat([1, 2, 3, 6, 12, 24], 4)
    made = strata(layout(24, 6, annotators=annotators, crowd="clicks"))
    grows, alike = (
        {g.by: g.grows for g in pooled_variance(made, (size * rng.normal(size=(24, 6))).ravel()).growth}
        for size in (1 / annotators[:, None], np.ones((24, 1)))
    )
    assert grows["small M"]
    assert not alike["small M"]


def test_values_that_no_variance_can_be_had_from_are_refused():
    made = strata(layout(2, 3))
    with pytest.raises(RequestError, match="finite value for every trial"):
        pooled_variance(made, np.array([1, 2, 3, 4, 5, np.nan]))
    with pytest.raises(RequestError, match="don't vary at all"):
        pooled_variance(made, np.array([1.0, 1, 1, 2, 2, 2]))
    with pytest.raises(RequestError, match="no cell 'x' among the 2"):
        difference(pooled_variance(made, np.arange(6.0)), "c0", "x")


def test_an_interval_of_a_mean_does_not_count_two_panels_of_a_seed_as_two_seeds():
    made = layout(5, 3, panels=2, annotators=1.0, crowd="pages", pools={"pages": Pool(annotators=6)})
    rng = np.random.default_rng(2)
    by_seed = np.array([0.0, 1.0, 2.0])
    model = pooled_variance(strata(made), by_seed[made.seed] + rng.normal(0, 0.001, len(made.cell)))
    low, high = cell_intervals(model)
    # Student's t for two degrees of freedom at 95% is 4.303, the standard error 1 / sqrt(3).
    np.testing.assert_allclose((high - low) / 2, 4.303 / np.sqrt(3), rtol=0.02)
    np.testing.assert_allclose((high + low) / 2, 1, atol=0.01)
