import numpy as np
import pandas as pd
import pytest

from sweeps.planning.bootstrap import FittedSurface, fit_surface
from sweeps.planning.nearest import Nearest
from sweeps.planning.noise import annotator_noise, seed_noise
from sweeps.planning.rows import Rows, make_rows
from sweeps.planning.surfaces import Curve, Regression
from sweeps.studies.coverage.planted_plans import METRIC, World


@pytest.fixture(scope="module")
def fitted(clear_rows: Rows) -> FittedSurface:
    return fit_surface(Curve.of(clear_rows), clear_rows, np.random.default_rng(0))


def truth_of(world: World, learnt: Rows) -> np.ndarray:
    cells = learnt.cells
    return np.array(
        [
            world.value(learnt.axes[cell] | {"annotators": int(annotators), "items": items})
            for cell, annotators, items in zip(cells["cell"], cells["annotators"], cells["items"], strict=True)
        ]
    )


def point(variety: str, annotators: float, items: float) -> pd.DataFrame:
    ways = {"aggregation": "separate", "policy": "plain", "free": False, "crowd": "pages"}
    return pd.DataFrame([{"variety": variety, "annotators": annotators, "items": items} | ways])


def test_the_fit_is_nearer_the_truth_than_the_means_that_it_saw(
    fitted: FittedSurface, clear_world: World, clear_rows: Rows
):
    values, _ = fitted.values(clear_rows.cells, np.random.default_rng(1))
    # Both from the mean of all cells: seeds move them all together.
    truth, guess, seen = (
        x - x.mean() for x in (np.log(truth_of(clear_world, clear_rows)), values.mean(axis=0), fitted.rows.mean)
    )
    assert np.sqrt(((guess - truth) ** 2).mean()) < 0.8 * np.sqrt(((seen - truth) ** 2).mean())


def test_draws_are_the_same_for_the_same_generator_and_as_many_as_asked_for(fitted: FittedSurface):
    one, variances = fitted.values(point("t2-clamp", 2, 500), np.random.default_rng(3), 150)
    other, _ = fitted.values(point("t2-clamp", 2, 500), np.random.default_rng(3), 150)
    np.testing.assert_array_equal(one, other)
    assert one.shape == (150, 1)
    assert variances.shape == (150, len(fitted.rows.variance.strata.components))


def test_less_is_known_further_from_what_was_measured(fitted: FittedSurface):
    rng = np.random.default_rng(4)
    # Fewer images are no further from what is known: without any the curve is at hard labels, which were measured.
    inside, images, annotators = (
        fitted.values(point("t2-clamp", annotators, items), rng)[0].std()
        for annotators, items in ((2, 600), (2, 3000), (20, 900))
    )
    assert 1.5 * inside < images
    assert 1.5 * inside < annotators


def test_leaving_a_cell_out_in_closed_form_is_what_a_fit_without_it_predicts(
    clear: pd.DataFrame, fitted: FittedSurface
):
    cell = "c33"  # T2 Clamp of three people on 900 images, at the edge of what was measured
    without = make_rows(clear[clear["cell"] != cell], METRIC)
    refitted = fit_surface(Curve.of(without), without, np.random.default_rng(5))
    place = fitted.rows.cells.index[fitted.rows.cells["cell"] == cell][0]
    expected, _ = refitted.values(fitted.rows.cells.iloc[[place]], np.random.default_rng(6))
    found = fitted.left_out(np.random.default_rng(7))[:, place]
    assert np.median(found) == pytest.approx(np.median(expected), abs=0.008)
    assert 0.5 < found.std() / expected.std() < 2  # without the seeds, which the other cells show, with its own noise


def test_a_point_between_cells_is_worth_the_mean_of_its_three_nearest(clear_rows: Rows):
    nearest = Nearest.of(clear_rows)
    # M = 6 on 900 images: itself, 12 (one doubling away) and 3 (one), before 6 on 250 (1.85) and 24 (two).
    cells = clear_rows.cells
    three = (cells["variety"] == "click") & (cells["items"] == 900) & cells["annotators"].isin([3, 6, 12])
    values, _ = nearest.values(point("click", 6, 900), np.random.default_rng(0), 4000)
    assert values.mean() == pytest.approx(clear_rows.mean[three].mean(), abs=4 * values.std() / np.sqrt(4000))


def test_people_fall_with_their_number_and_the_seed_is_shared(clear_rows: Rows):
    model, rng = clear_rows.variance, np.random.default_rng(0)
    variances = np.tile(np.ones(len(model.strata.components)), (40_000, 1))
    noise = annotator_noise(model, ["pages", "pages", ""], np.array([1.0, 4.0, 0.0]), variances, rng)
    # Of components that are all 1, one person has 1 + 1 (shared and own), four have 2 / 4, nobody has 0.
    np.testing.assert_allclose(noise.var(axis=0), [2, 0.5, 0], atol=0.06)
    seed = seed_noise(model, ["pages", "pages", "clicks"], variances, rng)
    # Seed, crowd, cell and rest: 4. In common: seed and crowd 2 within a crowd, the seed 1 between crowds.
    np.testing.assert_allclose(np.cov(seed.T), [[4, 2, 1], [2, 4, 1], [1, 1, 4]], atol=0.1)


def test_people_that_no_two_panels_show_count_with_what_cells_vary(clear: pd.DataFrame):
    one_panel = make_rows(clear[clear["panel"] == 0], METRIC).variance
    rng, ones = np.random.default_rng(0), np.ones((40_000, len(one_panel.strata.components)))
    assert annotator_noise(one_panel, ["pages"], np.array([9.0]), ones, rng).var() == pytest.approx(1, abs=0.04)
    # Seed and crowd are left for the seed.
    assert seed_noise(one_panel, ["pages"], ones, rng).var() == pytest.approx(2, abs=0.08)


@pytest.mark.parametrize("surface", [Curve, Regression])
def test_the_harm_of_a_free_recipe_does_not_widen_what_is_known_of_labels(clear: pd.DataFrame, surface):
    harmed = clear.assign(**{METRIC: clear[METRIC] + 3 * (clear["variety"] == "smoothed")})
    widths = []
    for results in (clear, harmed):
        learnt = make_rows(results, METRIC)
        values, _ = fit_surface(surface.of(learnt), learnt, np.random.default_rng(0)).values(
            point("t2-clamp", 3, 3000), np.random.default_rng(1)
        )
        widths.append(values.std())
    assert widths[1] == pytest.approx(widths[0], rel=0.15)


def test_the_level_of_a_harmful_free_recipe_is_found_all_the_same(clear: pd.DataFrame):
    harmed = clear.assign(**{METRIC: clear[METRIC] + 3 * (clear["variety"] == "smoothed")})
    learnt = make_rows(harmed, METRIC)
    values, _ = fit_surface(Curve.of(learnt), learnt, np.random.default_rng(0)).values(
        learnt.cells, np.random.default_rng(1)
    )
    smoothed = (learnt.cells["free"] & ~learnt.cells["anchor"]).to_numpy()
    assert np.exp(learnt.mean)[smoothed].min() > 4
    np.testing.assert_allclose(values.mean(axis=0)[smoothed], learnt.mean[smoothed], atol=0.02)
