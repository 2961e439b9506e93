"""Shares of a gain that a control leaves standing: Fieller's interval, and the report on them."""

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.studies.controls.controls_report import left_by, people_cells
from sweeps.studies.controls.shares import left_standing, share_of


def test_the_interval_is_where_students_t_can_not_tell_the_rest_from_none():
    rng = np.random.default_rng(0)
    gain, left = rng.normal(0.3, 0.03, 5), rng.normal(0.1, 0.03, 5)
    found = share_of(gain, left)
    for ratio in (found.low, found.high):
        rest = left - ratio * gain
        t = rest.mean() / (rest.std(ddof=1) / np.sqrt(5))
        assert abs(t) == pytest.approx(2.7764, abs=1e-3)
    assert found.low < found.share < found.high


def test_the_interval_holds_the_true_share_as_often_as_stated():
    rng, held, n = np.random.default_rng(1), 0, 2000
    for _ in range(n):
        common = rng.normal(0, 0.05, 3)  # of the people's own trials, in both differences
        found = share_of(0.4 + common + rng.normal(0, 0.05, 3), 0.1 + common + rng.normal(0, 0.05, 3))
        held += found.low is None or found.low <= 0.25 <= found.high
    assert held / n == pytest.approx(0.95, abs=0.02)


def test_a_gain_that_is_none_has_a_share_of_anything():
    rng = np.random.default_rng(2)
    found = share_of(rng.normal(0, 1, 3), rng.normal(0.2, 1, 3))
    assert found.low is None
    assert found.high is None
    single = left_standing(np.array([0.2]), np.array([0.1]))
    assert single.share.share == pytest.approx(0.5)
    assert single.share.low is None
    assert single.gain.low is None


def trial(cell, seed, variety, ce, scaled, control=None, aggregation=None):
    bought = {"annotators": 6, "items": 900, "answers/click": 5400} if variety == "click" else {"answers/click": 0}
    about = {
        "dataset": "cifar10s",
        "epochs": 15,
        "mixing": None,
        "variety": variety,
        "aggregation": aggregation,
        "control": control,
    }
    ids = {"trial": f"{cell}-s{seed}-p0", "cell": cell, "seed": seed, "panel": 0, "status": "done"}
    return ids | about | bought | {"ce/10h": ce, "scaled-ce/10h": scaled, "temperature": 1.0}


@pytest.fixture
def results():
    """Three seeds: clicks gain 0.30 of ce, of which matched entropy has 0.24, smoothing 0.1 and a temperature 0.27."""
    rows = []
    for seed, shift in enumerate([0.0, 0.05, -0.02]):
        rows += [
            trial("hard", seed, "hard", 1.8 + shift, 1.2 + shift),
            trial("smooth", seed, "smoothed", 1.7 + shift, 1.21 + shift),
            trial("people", seed, "click", 1.5 + shift + 0.001 * seed, 1.17 + shift, aggregation="separate"),
            trial("ctrl", seed, "click", 1.56 + shift, 1.2 + shift, "matched-entropy", "separate"),
        ]
    return pd.DataFrame(rows)


def test_people_are_held_against_cells_that_were_trained_alike(results):
    (cell,) = people_cells(results)
    assert cell.cell == "people"
    assert dict(cell.against) == {"hard": "hard", "smoothed": "smooth", "matched-entropy": "ctrl"}
    results.loc[results["cell"] == "smooth", "epochs"] = 65
    (cell,) = people_cells(results)
    assert set(cell.against) == {"hard", "matched-entropy"}
    with pytest.raises(RequestError, match="beside hard labels"):
        people_cells(results[results["cell"] != "hard"])


def test_what_each_control_leaves_is_the_rest_of_the_gain(results):
    found = left_by(results, *people_cells(results), "10h")
    shares = {control: left.share.share for control, left in found.items()}
    expected = {
        "one temperature": 0.03 / 0.299,
        "label smoothing": 0.199 / 0.299,
        "smoothing and a temperature": 0.04 / 0.299,
        "matched entropy": 0.059 / 0.299,
        "matched entropy and a temperature": 0.03 / 0.299,
    }
    assert shares == pytest.approx(expected)
    assert found["one temperature"].gain.mean == pytest.approx(0.299)


def test_only_replicates_that_both_have_are_compared(results):
    kept = results[~((results["cell"] == "ctrl") & (results["seed"] == 2))]
    assert left_by(kept, *people_cells(kept), "10h")["matched entropy"].n == 2
    assert left_by(kept, *people_cells(kept), "10h")["one temperature"].n == 3
    assert left_by(kept, *people_cells(kept), "nowhere") == {}
