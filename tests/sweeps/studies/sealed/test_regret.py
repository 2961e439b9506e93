import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.planning.rows import Rows
from sweeps.studies.coverage.planted_plans import METRIC
from sweeps.studies.sealed.regret import NOTHING, PLANNER, RULES, decision_regret, halves, valued_by


def test_a_half_is_a_panel_or_every_other_seed():
    table = pd.DataFrame(
        {"cell": list("aaaabbb"), "seed": [0, 0, 1, 1, 0, 2, 5], "panel": [0, 1, 0, 1, 0, 0, 0]},
    )
    assert halves(table).tolist() == [True, False, True, False, True, False, True]


def test_the_planner_regrets_less_than_rules_of_thumb_on_a_planted_sweep(clear: pd.DataFrame):
    clear = clear[~clear["variety"].isin(["t1-uniform", "t2-uniform"])]  # fewer cells, sooner done
    found = decision_regret(clear, metric=METRIC)
    assert set(found.mean.index) == {PLANNER, NOTHING, *RULES}
    assert found.mean.index[0] == PLANNER
    assert found.mean[PLANNER] < 0.02
    assert len(found.table) == 12 * 2 * 6
    assert (found.table["usd"] <= found.table["budget"] + 0.01).all()
    assert (found.table["regret"] >= 0).all()
    # At the dearest budget the planner buys T2 Clamp, and what it can't afford no rule buys.
    last = found.table[found.table["budget"] == found.table["budget"].max()].query("strategy == @PLANNER")
    assert last["recipe"].str.startswith("T2 Clamp").all()
    first = found.table[found.table["budget"] == found.table["budget"].min()]
    rules = first[first["strategy"].isin(["T1 Clamp with M = 2", "six people, T2 Clamp"])]
    assert (rules["usd"] == 0).all()


def test_cells_with_one_replicate_can_not_be_judged(clear: pd.DataFrame):
    with pytest.raises(RequestError):
        decision_regret(clear[(clear["seed"] == 0) & (clear["panel"] == 0)], metric=METRIC)


def test_a_value_is_at_the_mean_seed_though_a_cell_lacks_one(clear_rows: Rows):
    seen = pd.DataFrame({"cell": ["c00", "c00", "c01"], "seed": [0, 1, 1], METRIC: [1.0, 1.4, 2.4]})
    # Seed 1 is 0.4 worse than seed 0, by the first cell; at the mean seed the second is worth 2.4 - 0.2.
    np.testing.assert_allclose(valued_by(seen, clear_rows)[:3], [1.2, 2.2, np.nan])
