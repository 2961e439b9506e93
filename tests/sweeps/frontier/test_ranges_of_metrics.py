"""No interval says what a metric can't be, whatever the results are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softcore.errors import RequestError
from softcore.scoring.metrics import metric_range
from sweeps.frontier.banded import frontier_bands
from sweeps.frontier.frontier import frontier
from sweeps.planning.advise import advice
from sweeps.planning.forecast import make_forecast
from sweeps.planning.rank import Limits

CELLS = [("hard", None, None), ("smoothed", None, None)]
CELLS += [("click", m, n) for m in (1, 3, 12) for n in (20, 40)] + [("t2-clamp", m, 40) for m in (1, 2)]
SEEDS = 2


def sweep(metric, values):
    """A small results table: a row a cell and seed, `values` in that order."""
    rows = []
    for number, (variety, m, n) in enumerate(CELLS):
        for seed in range(SEEDS):
            asked = m is not None
            rows.append(
                {
                    "trial": f"c{number}-s{seed}-p0",
                    "cell": f"c{number}",
                    "seed": seed,
                    "panel": 0,
                    "status": "done",
                    "dataset": "own",
                    "variety": variety,
                    "aggregation": "separate" if asked and m > 1 else None,
                    "annotators": m,
                    "items": n,
                    "answers/click": m * n if variety == "click" else 0,
                    "answers/t2-clamp": m * n if variety == "t2-clamp" else 0,
                    metric: values[number * SEEDS + seed],
                }
            )
    return pd.DataFrame(rows)


def inside(metric, *numbers):
    least, most = metric_range(metric)
    found = np.array([number for number in numbers if np.isfinite(number)])
    assert ((found >= least) & (found <= most)).all(), (metric, found)


@pytest.mark.parametrize(
    ("metric", "most"),
    [
        ("ce/own", 50.0),
        pytest.param("scaled-ce/own", 50.0, marks=pytest.mark.slow),  # of the range of the one before
        ("accuracy/own", 1.0),
        pytest.param("rmsce/own", 1.0, marks=pytest.mark.slow),
    ],
)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_nothing_that_is_printed_lies_outside_a_metrics_range(metric, most, data):
    count = len(CELLS) * SEEDS
    values = data.draw(st.lists(st.floats(0, most, width=32), min_size=count, max_size=count))
    results = sweep(metric, values)
    table = frontier(results, metric)
    inside(metric, *table["low"], *table["high"], *table["value"])
    try:
        found = frontier_bands(results, metric, matters=0.01)
    except RequestError:
        found = None  # results without spread have no bands
    if found is not None:
        cells = found.as_dict()["cells"]
        inside(metric, *[cell[end] for cell in cells for end in ("value", "low", "high")])
        bands = found.as_dict()["bands"]
        inside(
            metric, *[b[end] for b in bands for end in ("best", "low", "high", "simultaneous_low", "simultaneous_high")]
        )
    try:
        told = advice(make_forecast(results, metric=metric), Limits(budget_usd=1000))
    except RequestError:
        return  # nothing is known, and said so
    for plan in (*told.plans, told.best_free):
        inside(metric, plan.predicted, *plan.interval_80, *plan.interval_95)
