import json

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.studies.coverage.planted_plans import METRIC, World, planted_table
from sweeps.studies.sealed.judge import judge


def sealed(world: World, n: int = 16) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    cells = [
        {"variety": variety, "aggregation": "separate", "annotators": int(people), "items": int(25 * batches)}
        for variety, people, batches in zip(
            rng.choice(["click", "t1-uniform", "t1-clamp", "t2-clamp"], n),
            rng.integers(1, 4, n),
            rng.integers(6, 37, n),
            strict=True,
        )
    ]
    made = planted_table(world, cells, rng, seeds=(560, 751, 892, 946), panels=(0,))
    return made.assign(cell="s" + made["cell"])


def test_sealed_cells_are_predicted_with_their_noise_beside_both_baselines(clear: pd.DataFrame, clear_world: World):
    judged = judge(clear, sealed(clear_world), metric=METRIC)
    assert [check.model for check in judged.checks] == ["curve", "regression", "nearest cells"]
    assert judged.passed
    assert judged.default == "curve"
    assert judged.checks[0].n == 16
    assert judged.checks[0].coverage[0.95].mean > 0.7
    # Fewer than 250 images were never measured: those cells are scored apart.
    few = judged.cells["items"] < 250
    assert (judged.cells["inside"] == ~few).all()
    assert judged.beyond[0].n == few.sum() > 0
    assert json.loads(json.dumps(judged.as_dict()))["passed"]


def test_what_was_in_the_results_is_not_sealed(clear: pd.DataFrame):
    with pytest.raises(RequestError, match="6 sealed trials are in the results too"):
        judge(clear, clear[clear["cell"] == "c00"], metric=METRIC)
