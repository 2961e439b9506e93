import numpy as np
import pandas as pd
import pytest

from sweeps.planning.bootstrap import fit_surface
from sweeps.planning.rows import Rows, make_rows
from sweeps.planning.surfaces import Curve, Regression
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, QUESTIONS, World, bought_cells, planted_table

SURFACES = (Curve, Regression)


@pytest.fixture(scope="module")
def several() -> Rows:
    """Clicks, first choices and pages, some of them with mixup."""
    quick = [{"variety": "first-choice", "aggregation": "separate", "annotators": m, "items": 900} for m in (1, 3)]
    pages = {"variety": "t2-clamp", "aggregation": "separate", "annotators": 3, "items": 900}
    mixup = [{"variety": "hard", "mixing": "mixup"}, pages | {"mixing": "mixup"}]
    same = World(first=dict.fromkeys([*QUESTIONS, "first-choice"], 0.15)).first
    world = World(first=same, everybody=same)
    cells = [*bought_cells(["click", "t2-clamp"]), *quick, *mixup, *FREE_CELLS]
    return make_rows(planted_table(world, cells, np.random.default_rng(0)), METRIC)


def test_the_curve_is_that_of_the_formula(clear_rows: Rows):
    curve = Curve.of(clear_rows)
    point = pd.DataFrame(
        [
            {"variety": "click", "aggregation": "separate", "policy": "plain", "annotators": 4.0, "items": 225.0},
            {"variety": "hard labels", "aggregation": "separate", "policy": "plain", "annotators": 0.0, "items": 0.0},
        ]
    ).assign(free=[False, True])
    sizes = np.array([[0.0, np.log(0.5), np.log(0.5), 0.0, 0.0]])  # a = c = 1/2
    features = curve.features(point, sizes)[0]
    # (225/900)^(1/2) = 1/2 and 4^(-1/2) = 1/2: -1/2 * 1/2 of B and -1/2 * 1/2 of A, in common and of clicks.
    np.testing.assert_allclose(features[0, :2], [-0.25, -0.25])
    clicks = curve.levels.varieties.index("click")
    np.testing.assert_allclose(features[0, [2 + clicks, 2 + len(curve.levels.varieties) + clicks]], [-0.25, -0.25])
    # Hard labels have a level of their own about that of free recipes, and nothing of the curve.
    assert list(np.flatnonzero(features[1])) == [features.shape[1] - 3, features.shape[1] - 2]
    assert not (features[0] * features[1]).any()


def test_another_way_of_training_multiplies_what_labels_gain(several: Rows):
    curve = Curve.of(several)
    size = [mean for mean, _ in curve.prior]
    assert len(size) == 5 + 1  # mixup
    sizes = np.array([[*size[:5], 0.0], [*size[:5], np.log(0.1)]])
    cells = several.cells
    mixup = (cells["policy"] == "mixup").to_numpy()
    bought = ~cells["free"].to_numpy(dtype=bool)
    features = curve.features(cells, sizes)
    level = features.shape[2] - len(curve.levels.free) - 2
    np.testing.assert_array_equal(features[:, :, level], [mixup & bought, mixup & bought])
    gains = np.arange(level - 1)
    np.testing.assert_array_equal(features[0][~mixup], features[1][~mixup])
    np.testing.assert_allclose(features[1][mixup][:, gains], 0.1 * features[0][mixup][:, gains])
    np.testing.assert_allclose(np.divide(*curve.amplitude(cells, sizes)[::-1]), np.where(mixup, 0.1, 1))


@pytest.mark.parametrize("kind", SURFACES)
def test_what_is_bought_moves_no_prediction_of_a_free_recipe(kind, clear: pd.DataFrame):
    """Pages that gain 0.3 more leave hard labels where they were seen; tied to the curve they would follow."""
    better = clear.assign(**{METRIC: clear[METRIC] - 0.3 * (clear["variety"] == "t2-clamp")})
    for results in (clear, better):
        learnt = make_rows(results, METRIC)
        values, _ = fit_surface(kind.of(learnt), learnt, np.random.default_rng(0)).values(
            learnt.cells, np.random.default_rng(1)
        )
        np.testing.assert_allclose(values.mean(axis=0)[learnt.free], learnt.mean[learnt.free], atol=0.003)


def test_questions_that_take_one_choice_have_a_gain_in_common(several: Rows):
    curve = Curve.of(several)
    cells = several.cells[~several.cells["free"]]
    features = curve.features(cells, np.array([[mean for mean, _ in curve.prior]]))[0]
    kinds = len(curve.levels.varieties)
    quick = cells["variety"].isin(["click", "first-choice"]).to_numpy()
    np.testing.assert_allclose(features[:, 2 + kinds], np.where(quick, features[:, 0], 0))


@pytest.mark.parametrize("kind", SURFACES)
def test_draws_of_the_scatter_have_its_correlations(kind, clear_rows: Rows):
    surface = kind.of(clear_rows)
    points = clear_rows.cells.iloc[[0, 1, 2, 12, 34]]
    for reach in surface.reaches:
        drawn = surface.sampler(points, reach)(20_000, np.random.default_rng(0))
        np.testing.assert_allclose(drawn.T @ drawn / len(drawn), surface.scatter(points, points, reach), atol=0.04)


@pytest.mark.parametrize("kind", SURFACES)
def test_no_feature_knows_a_price_or_a_time(kind, clear_rows: Rows):
    surface = kind.of(clear_rows)
    sizes = np.array([[mean for mean, _ in surface.prior]])
    bare = clear_rows.cells[["variety", "aggregation", "policy", "annotators", "items", "free"]]
    np.testing.assert_array_equal(surface.features(bare, sizes), surface.features(clear_rows.cells, sizes))
    assert surface.spreads(sizes).shape == (1, surface.features(bare, sizes).shape[2])
