"""Made-up sweeps that several tests read, fitted once."""

import numpy as np
import pandas as pd
import pytest

from sweeps.planning.planted import FREE_CELLS, METRIC, QUESTIONS, World, bought, table
from sweeps.planning.prepare import Prepared, prepare
from sweeps.planning.rows import Rows, rows

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
