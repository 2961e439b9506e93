import json

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.frontier.weights import several_metrics

TWO = ("ce/10h", "accuracy/10h")
WEIGHTS = {"ce/10h": 1.0, "accuracy/10h": 1.0}


@pytest.fixture(scope="module")
def four(make_trials):
    """A free cell, one cheap and good on one metric, one dear and good on the other, and one that others beat."""
    rows = [
        ({"variety": "hard"}, "free", 2.0, 0.50),
        ({"variety": "click", "annotators": 1, "items": 100}, "ce", 1.0, 0.55),
        ({"variety": "t2-clamp", "annotators": 1, "items": 100}, "acc", 1.4, 0.75),
        ({"variety": "t2-clamp", "annotators": 2, "items": 100}, "beaten", 1.5, 0.60),
    ]
    return pd.concat(
        [
            make_trials(axes, cell=cell, values={"ce/10h": [ce, ce], "accuracy/10h": [right, right]})
            for axes, cell, ce, right in rows
        ],
        ignore_index=True,
    )


def test_the_front_has_what_no_cell_beats_on_all_metrics_and_cost(four):
    table = several_metrics(four, TWO).table
    assert dict(zip(table["cell"], table["on_front"], strict=True)) == {
        "free": True,
        "ce": True,
        "acc": True,
        "beaten": False,
    }
    assert table["cost"].tolist() == [0, 250, 3200, 6400]


def test_weights_choose_and_say_which_weights_would_choose_otherwise(four):
    # Units 0.03 and 0.025: `ce` is ahead by 0.4 / 0.03 = 13.3 on one, `acc` by 0.2 / 0.025 = 8 on the other. They
    # change places where 13.3 w = 8 (1 - w): w = 0.375.
    found = several_metrics(four, TWO, weights=WEIGHTS)
    assert found.units == pytest.approx({"ce/10h": 0.03, "accuracy/10h": 0.025})
    assert found.winner == "ce"
    first = found.swaps[0]
    assert first.winner == ("acc", "ce")
    assert first.edges == pytest.approx((0, 0.375, 1))
    assert several_metrics(four, TWO, weights={"accuracy/10h": 1.0}).winner == "acc"


def test_a_budget_leaves_out_what_it_can_not_pay(four):
    found = several_metrics(four, TWO, weights={"accuracy/10h": 1.0}, budget=1000)
    assert found.winner == "ce"
    assert found.table["score"].isna().tolist() == [False, False, True, True]


def test_the_hypervolume_is_the_share_of_the_box_that_is_dominated(four):
    # Scaled to 0..1 (ce, 1 - accuracy, cost / 6400). Only `ce` and `acc` beat the worst on all three:
    # `ce` at (0, 0.8, 0.0390625): 1 x 0.2 x 0.9609375 = 0.1921875; `acc` at (0.4, 0, 0.5): 0.6 x 1 x 0.5 = 0.3;
    # both: 0.6 x 0.2 x 0.5 = 0.06.
    assert several_metrics(four, TWO).hypervolume == pytest.approx(0.1921875 + 0.3 - 0.06)


def test_it_is_ready_for_json(four):
    found = json.loads(json.dumps(several_metrics(four, TWO, weights=WEIGHTS).as_dict(), allow_nan=False))
    assert found["reference"] == pytest.approx({"ce/10h": 2.0, "accuracy/10h": 0.5, "cost": 6400})
    assert len(found["cells"]) == 4


def test_a_cell_that_lacks_one_of_the_metrics_is_left_out(four):
    broken = four.copy()
    broken.loc[broken["cell"] == "acc", "accuracy/10h"] = np.nan
    assert "acc" not in set(several_metrics(broken, TWO).table["cell"])


def test_what_can_not_be_done_is_refused_in_a_line(four):
    with pytest.raises(RequestError, match="two or more, not 1"):
        several_metrics(four, ["ce/10h"])
    with pytest.raises(RequestError, match="unknown metric 'luck'"):
        several_metrics(four, ["ce/10h", "luck"])
    with pytest.raises(RequestError, match="a budget of -1 buys nothing"):
        several_metrics(four, TWO, weights=WEIGHTS, budget=-1)
