"""Weights as a column of the results: what it holds, what it is called, and that what trials share stays shared."""

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from softcore.scoring.weighted import metrics_of
from sweeps.frontier.frontier import frontiers, summarise
from sweeps.frontier.weights import with_metric
from sweeps.planning.forecast import gain_that_matters
from sweeps.planning.rows import make_rows
from sweeps.studies.coverage.planted_plans import METRIC

TWIN = "ce/10s"
WEIGHTS = f"{METRIC}=3,accuracy/10h=1"


@pytest.fixture(scope="module")
def more(clear):
    """`clear` with a twin of its metric, and an accuracy that one trial lacks."""
    found = clear.assign(**{TWIN: clear[METRIC], "accuracy/10h": 1 - clear[METRIC] / 4})
    found.loc[found.index[5], "accuracy/10h"] = np.nan
    found.loc[found.index[9], "accuracy/10h"] = -np.inf
    return found


def test_weights_are_worked_out_of_each_trial(more):
    table, name = with_metric(more, WEIGHTS)
    done = more[more["status"] == "done"]
    means = done["accuracy/10h"].where(np.isfinite(done["accuracy/10h"])).groupby(done["cell"]).mean()
    unit = float(f"{np.ptp(means) / 10:.2g}")
    assert name == f"weighted/0.75 ce on 10h per 0.03 and 0.25 accuracy on 10h per {unit:g}"
    by_hand = 0.75 * more[METRIC] / 0.03 + 0.25 * (1 - more["accuracy/10h"]) / unit
    assert table[name].to_numpy() == pytest.approx(by_hand.to_numpy(), nan_ok=True)
    assert np.isnan(table[name].iloc[5])
    assert gain_that_matters(name) == 1


def test_a_name_is_as_good_as_its_weights_and_one_metric_is_itself(more):
    table, name = with_metric(more, WEIGHTS)
    again, same = with_metric(more, name)
    assert same == name
    pd.testing.assert_series_equal(again[name], table[name])
    assert with_metric(table, name)[0] is table
    assert with_metric(more, f"{METRIC}=5,accuracy/10h=0") == (more, METRIC)
    with pytest.raises(RequestError, match="unknown metric 'fgsm/10h'"):
        with_metric(more, f"{METRIC}=1,fgsm/10h=1")


def test_what_two_metrics_of_a_trial_share_stays_in_the_noise(more):
    # Two metrics that are the same number in every trial are no more certain together than one alone.
    table, name = with_metric(more, f"{METRIC}=1,{TWIN}=1")
    one, both = make_rows(more, METRIC), make_rows(table, name)
    assert both.mean == pytest.approx(one.mean - np.log(0.03))
    assert both.variance.variances == pytest.approx(one.variance.variances, rel=1e-6)


def test_a_frontier_by_weights_stands_beside_those_of_its_metrics(more):
    found = frontiers(more, WEIGHTS)
    name = next(iter(found.tables))
    assert list(found.tables) == [name, *metrics_of(name)]
    assert summarise(found.results)[name].notna().all()
