import numpy as np
import pandas as pd
import pytest

from sweeps.planning.rows import Rows
from sweeps.planning.surfaces import Curve, Regression

SURFACES = (Curve, Regression)


def test_the_curve_is_that_of_the_formula(clear_rows: Rows):
    curve = Curve.of(clear_rows)
    point = pd.DataFrame(
        [
            {"variety": "click", "aggregation": "separate", "policy": "plain", "people": 4.0, "items": 225.0},
            {"variety": "hard labels", "aggregation": "separate", "policy": "plain", "people": 0.0, "items": 0.0},
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
    bare = clear_rows.cells[["variety", "aggregation", "policy", "people", "items", "free"]]
    np.testing.assert_array_equal(surface.features(bare, sizes), surface.features(clear_rows.cells, sizes))
    assert surface.spreads(sizes).shape == (1, surface.features(bare, sizes).shape[2])
