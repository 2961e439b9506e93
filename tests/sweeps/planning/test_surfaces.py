import numpy as np
import pandas as pd
import pytest

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
    sizes = np.array([[np.log(0.5), np.log(0.5), 0.0, 0.0]])  # a = c = 1/2
    features = curve.features(point, sizes)[0]
    # (225/900)^(1/2) = 1/2 and 4^(-1/2) = 1/2: -1/2 * 1/2 of B and -1/2 * 1/2 of A, in common and of clicks.
    np.testing.assert_allclose(features[0, :3], [1, -0.25, -0.25])
    clicks = curve.levels.varieties.index("click")
    np.testing.assert_allclose(features[0, [3 + clicks, 3 + len(curve.levels.varieties) + clicks]], [-0.25, -0.25])
    # Hard labels are where the curve starts, give or take a level of their own.
    assert list(np.flatnonzero(features[1])) == [0, features.shape[1] - 2]


def test_another_way_of_training_multiplies_what_labels_gain_and_moves_hard_labels_too(several: Rows):
    curve = Curve.of(several)
    size = [mean for mean, _ in curve.prior]
    assert len(size) == 4 + 1  # mixup
    sizes = np.array([[*size[:4], 0.0], [*size[:4], np.log(0.1)]])
    cells = several.cells
    mixup = (cells["policy"] == "mixup").to_numpy()
    features = curve.features(cells, sizes)
    level = features.shape[2] - len(curve.levels.free) - 1
    np.testing.assert_array_equal(features[:, :, level], [mixup, mixup])  # hard labels with mixup among them
    gains = np.arange(1, level)
    np.testing.assert_array_equal(features[0][~mixup], features[1][~mixup])
    np.testing.assert_allclose(features[1][mixup][:, gains], 0.1 * features[0][mixup][:, gains])
    np.testing.assert_allclose(np.divide(*curve.amplitude(cells, sizes)[::-1]), np.where(mixup, 0.1, 1))
    # Hard labels start the curve of their way of training, so they have but a little of their own.
    own = dict(zip(curve.levels.free, curve.spreads(sizes)[0][-len(curve.levels.free) :], strict=True))
    assert own["hard labels"] == own["hard labels, mixup"] < own["label smoothing 0.1"]


def test_questions_that_take_one_choice_have_a_gain_in_common(several: Rows):
    curve = Curve.of(several)
    cells = several.cells[~several.cells["free"]]
    features = curve.features(cells, np.array([[mean for mean, _ in curve.prior]]))[0]
    kinds = len(curve.levels.varieties)
    quick = cells["variety"].isin(["click", "first-choice"]).to_numpy()
    np.testing.assert_allclose(features[:, 3 + kinds], np.where(quick, features[:, 1], 0))


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
