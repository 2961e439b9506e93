"""Whole people and mixed questions on the real data, from a spec to what the trials' folders hold."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

import sweeps
from softcore.datasets import data_root, load
from softcore.prices.read import PRICES
from sweeps.commands.options import prices_for
from sweeps.drive import replay

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("SOFTCORE_DATA"), reason="needs the real data: set SOFTCORE_DATA"),
]
SPEC = {
    "name": "people",
    "study": "people",
    "dataset": "cifar10s",
    "scale": "tiny",
    "seeds": 1,
    "panels": 2,
    "common": {"epochs": 1, "holdout": "batches", "rest": "none"},
    "blocks": [
        {"variety": "hard", "panels": 1},
        {"variety": "t2-clamp", "hiring": "breadth", "annotators": [1, 3], "items": [250, 900]},
        {"variety": "t2-clamp", "hiring": ["breadth", "depth"], "annotators": 3, "budget_hours": [5, 10]},
        {"variety": "t1-uniform", "annotators": 1, "pages_on": "disagree-25", "hiring": "breadth", "items": 250},
        {"variety": "click", "annotators": 3, "items": 250},
    ],
}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    out = tmp_path_factory.mktemp("people")
    (out / "spec.yaml").write_text(yaml.safe_dump(SPEC))
    asked = ["run", str(out / "spec.yaml"), "--cpus", "1", "--out", str(out / "out")]
    ended = subprocess.run([sys.executable, "-m", "sweeps", *asked], capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stderr
    return sweeps.open("people", out=out / "out")


def panels(sweep, results):
    """(item, annotator, held-out items) that each trial's folder holds, by trial."""
    found = {}
    for trial in results["trial"]:
        with np.load(sweep.store.trials / trial / "panel.npz", allow_pickle=False) as stored:
            found[trial] = (stored["item"], stored["annotator"], stored["held_out"])
    return found


def hired(results, **axes):
    chosen = results[(results["variety"] == "t2-clamp") & results["pages_on"].isna()]
    for axis, value in axes.items():
        chosen = chosen[chosen[axis].isna() if value is None else chosen[axis] == value]
    return chosen


def test_panels_a_and_b_share_nobody_and_nobody_of_a_held_out_batch_is_trained_on(sweep):
    results = sweep.results()
    answered = load("cifar10s", data_root(None)).records
    people = {trial: set(who) - {""} for trial, (_, who, _) in panels(sweep, results).items()}
    for _, replicates in results[results["variety"].isin(["t2-clamp", "t1-uniform"])].groupby("cell"):
        a, b = (people[trial] for trial in replicates.sort_values("panel")["trial"])
        assert a
        assert b
        assert not a & b
    for trial, (items, _, held_out) in panels(sweep, results).items():
        assert len(held_out) == 100
        assert not set(items) & set(held_out)
        assert not people[trial] & set(answered.loc[answered["item"].isin(held_out), "annotator"])


def test_more_hours_hold_the_answers_of_fewer_and_end_within_a_page_of_the_budget(sweep):
    results = sweep.results()
    longest = load("cifar10s", data_root(None)).records["seconds"].max()
    found = panels(sweep, results)
    for hiring in ("breadth", "depth"):
        for panel in (0, 1):
            five, ten = (hired(results, hired_hours=hours, hiring=hiring, panel=panel).iloc[0] for hours in (5.0, 10.0))
            answers = [set(zip(*found[row["trial"]][:2], strict=True)) for row in (five, ten)]
            assert answers[0] < answers[1]
            for row, hours in ((five, 5), (ten, 10)):
                assert hours * 3600 <= row["recorded_seconds"] < hours * 3600 + longest


def test_people_are_priced_by_what_they_took(sweep):
    results = sweep.results()
    frontier = sweep.frontier(cost=prices_for("page", ["cifar10s"])).set_index("cell")
    row = hired(results, hired_hours=None, annotators=3, items=900, panel=0).iloc[0]
    both = results[results["cell"] == row["cell"]]
    assert row["answers/t2-clamp"] == 2700
    assert frontier.loc[row["cell"], "label_seconds_total"] == pytest.approx(both["recorded_seconds"].mean())
    assert row["label_seconds_total"] == pytest.approx(2700 * PRICES["thesis"].interval("t2-clamp")[0])


def test_clicks_that_decide_where_pages_are_asked_are_paid_for_and_in_no_label(sweep):
    results = sweep.results()
    mixed = results[results["pages_on"].notna()]
    # 250 images: 3 clicks each as labels and 3 that decide; the page on a quarter of them, 62.5 rounded up.
    assert mixed["answers/click"].tolist() == [1500, 1500]
    assert mixed["answers/t1-uniform"].tolist() == [63, 63]
    for items, who, _ in (panels(sweep, mixed)[trial] for trial in mixed["trial"]):
        assert pd.Series(items[who == ""]).value_counts().eq(3).all()
        assert (who != "").sum() == 63


@pytest.mark.parametrize("axes", [{"hiring": "depth"}, {"pages_on": "disagree-25"}])
def test_a_trial_of_people_replays_to_the_byte(sweep, axes):
    results = sweep.results()
    ((axis, value),) = axes.items()
    trial = results.loc[(results[axis] == value) & (results["panel"] == 1), "trial"].iloc[0]
    assert replay(trial, out=sweep.folder.parent) == []
