"""Made-up sweeps that several tests read, fitted once."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from sweeps.planning.checks import check
from sweeps.planning.prepare import Prepared, prepare
from sweeps.planning.rows import Rows, rows
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, QUESTIONS, World, bought, table
from sweeps.studies.sealed.judge import Judgement

# Pages of T2 Clamp are far better than all else, clicks poor but cheap.
CLEAR = World(
    first=dict.fromkeys(QUESTIONS, 0.15) | {"t2-clamp": 0.27, "click": 0.05},
    everybody=dict.fromkeys(QUESTIONS, 0.35) | {"t2-clamp": 0.5, "click": 0.3},
)


def sweep(world: World, seed: int = 0) -> pd.DataFrame:
    return table(world, [*bought(), *FREE_CELLS], np.random.default_rng(seed))


@pytest.fixture(scope="session")
def clear_world() -> World:
    """What the cells of `clear` are worth."""
    return CLEAR


@pytest.fixture(scope="session")
def clear() -> pd.DataFrame:
    """A sweep whose best question is T2 Clamp by far."""
    return sweep(CLEAR)


@pytest.fixture(scope="session")
def clear_rows(clear: pd.DataFrame) -> Rows:
    """What it says of the metric."""
    return rows(clear, METRIC)


@pytest.fixture(scope="session")
def prepared(clear: pd.DataFrame) -> Prepared:
    """Its draws."""
    return prepare(clear, metric=METRIC)


@pytest.fixture(scope="session")
def null() -> pd.DataFrame:
    """A sweep whose purchases are all as good as smoothing, which is free."""
    nothing = dict.fromkeys(QUESTIONS, 0.0)
    return sweep(World(first=nothing, everybody=nothing, smoothed=1.8), seed=1)


@pytest.fixture(scope="session")
def judged() -> Callable[..., Judgement]:
    """Makes judgements of three models."""
    return _judged


def _judged(
    metric: str,
    errors: tuple[float, ...] = (0.01, 0.02, 0.03),
    default: str = "curve",
    missed: int = 0,
    cells: int = 24,
) -> Judgement:
    """Models whose predictions are off by as much as they say, the default far off on the first cells `missed`."""
    rng = np.random.default_rng(0)
    seen = rng.normal(1.5, 0.1, cells)
    models = ("curve", "regression", "nearest cells")
    draws = {
        model: seen + error * (0.5 * rng.uniform(-1, 1, cells) + rng.standard_normal((4000, cells)))
        for model, error in zip(models, errors, strict=True)
    }
    draws[default][:, :missed] += 3 * errors[models.index(default)]
    checks = tuple(check(model, drawn, seen) for model, drawn in draws.items())
    shown = pd.DataFrame({"cell": [f"c{k}" for k in range(cells)], "variety": "click", "inside": True, "seen": seen})
    for model, drawn in draws.items():
        for name, share in (("", 0.5), (" low 80", 0.1), (" high 80", 0.9), (" low 95", 0.025), (" high 95", 0.975)):
            shown[model + name] = np.quantile(drawn, share, axis=0)
    return Judgement(
        metric=metric,
        cells=shown,
        checks=checks,
        inside=checks,
        beyond=(),
        differences=checks,
        left_out=checks,
        default=default,
    )
