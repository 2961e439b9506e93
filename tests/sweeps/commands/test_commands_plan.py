"""Plans and bands through the command line, from a results table that was recorded on the real data."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from softcore.errors import RequestError
from sweeps.commands.plan import plan
from sweeps.commands.reports import report_bands
from sweeps.planning import forecast
from sweeps.planning.forecast import make_forecast
from sweeps.sources import from_names
from sweeps.spec.spec import resolve
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, QUESTIONS, World, planted_table
from sweeps.studies.coverage.planted_plans import bought_cells as bought_cells

DOCS = Path(__file__).parents[3] / "docs"
RECORDED = str(DOCS / "results" / "chapter-3-98e1f367.csv")
OTHER = str(DOCS / "results" / "chapter-4-5e06226d.csv")


@pytest.fixture(scope="module")
def made():
    """The forecasts from the recorded table that were made so far, by what was asked for; each takes seconds."""
    return {}


@pytest.fixture(autouse=True)
def one_of_each(made, monkeypatch):
    """Makes each forecast from the recorded table once, whatever the budget and the prices."""

    def once(results, **asked):
        key = (tuple(results["trial"]), repr(sorted(asked.items())))
        if key not in made:
            made[key] = make_forecast(results, **asked)
        return made[key]

    monkeypatch.setattr(forecast, "make_forecast", once)


def said(capsys, **given):
    plan([RECORDED], as_json=True, **{"budget_usd": 400.0, **given})
    return json.loads(capsys.readouterr().out)


def test_a_plan_is_ranked_priced_and_held_against_the_best_free_recipe(capsys):
    advice = said(capsys, days=3.0)
    assert advice["sweeps"] == ["chapter-3-98e1f367"]
    assert advice["metric"] == "scaled-ce/10h"
    assert not advice["simulated_annotators"]
    assert all(one["usd"][1] <= 400.005 and one["days"] <= 3 for one in advice["plans"])
    predicted = [one["predicted"] for one in advice["plans"]]
    assert predicted == sorted(predicted)
    for one in advice["plans"]:
        low, high = one["interval_95"]
        assert low < one["interval_80"][0] < one["predicted"] < one["interval_80"][1] < high
        hours = sum(n * {"click": 2.5, "t2-clamp": 32.0}[q] for q, n in one["answers"].items()) / 3600
        assert one["hours"] == pytest.approx([hours, hours])
        assert one["usd"][1] == pytest.approx(hours * 12 * 1.333)
    bought = [one for one in advice["plans"] if one["beats_free"] >= 0.9 and one["gain"] >= 0.01]
    assert (advice["verdict"] == "buy") == bool(bought)


def test_raw_cross_entropy_that_label_smoothing_gives_for_nothing_is_not_bought(capsys):
    advice = said(capsys, metric="ce/10h")
    assert advice["verdict"] == "don't buy"
    assert advice["buy"] is None
    assert advice["best_free"]["recipe"] == "label smoothing 0.05"


@pytest.mark.parametrize(
    ("metric", "names"), [("ce/10h", ("why", "second")), ("scaled-ce/10h", ("why", "firmness", "settle"))]
)
def test_sentences_in_the_docs_are_those_that_are_printed(capsys, metric, names):
    # Numbers differ by processor in their last digits.
    advice, docs = said(capsys, metric=metric), wording((DOCS / "plans.md").read_text("utf-8"))
    for name in names:
        assert wording(advice[name]) in docs


def wording(words):
    """Words without their numbers and first letters."""
    return re.sub(r"\d[\d.,]*", "#", words).lower()


def test_dearer_clicks_shorten_what_the_same_money_buys(capsys):
    cheap, dear = (said(capsys, click_overhead=extra, question=["click"]) for extra in (None, 7.5))
    # A click at 10 s for 2.5 s: a quarter of the clicks.
    most = [max(one["answers"]["click"] for one in advice["plans"]) for advice in (cheap, dear)]
    assert most[1] <= 400 / (12 * 1.333) * 3600 / 10 + 1
    assert most[0] > 2 * most[1]


def test_the_recommended_plan_is_written_as_a_spec_that_resolves(tmp_path, capsys):
    # Pages that gain far more than smoothing does, so that the advice is to buy them.
    gains = {"first": dict.fromkeys(QUESTIONS, 0.3), "everybody": dict.fromkeys(QUESTIONS, 0.6)}
    made = planted_table(World(**gains), [*bought_cells(["click", "t2-clamp"]), *FREE_CELLS], np.random.default_rng(0))
    path, results = tmp_path / "plan.yaml", tmp_path / "made.csv"
    made.to_csv(results, index=False)
    plan([str(results)], as_json=True, budget_usd=400.0, metric=METRIC, spec=path)
    advice = json.loads(capsys.readouterr().out)
    first = advice["plans"][advice["buy"]]
    spec = resolve(path)
    hard, bought = spec.blocks
    assert hard["variety"] == ["hard"]
    assert (bought["annotators"], bought["items"]) == ([first["annotators"]], [first["images"]])
    assert hard["model"] == bought["model"] == ["cnn"]
    assert yaml.safe_load(path.read_text())["metric"] == METRIC


def test_a_plan_that_is_not_to_be_bought_is_not_written(tmp_path):
    path = tmp_path / "plan.yaml"
    with pytest.raises(RequestError, match="--spec: there is no plan to write, the advice is: don't buy"):
        plan([RECORDED], metric="ce/10h", budget_usd=400.0, spec=path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"wage": 5.0}, r"^a wage of \$5 an hour is below the floor of price list 'thesis'"),
        ({"annotators": 80}, r"^M = 80 for click is beyond the measured 1 to 51; .*: --extrapolate$"),
        ({"images": 20}, r"^N' = 20 for .* is below the measured 900: .*: --extrapolate$"),
        ({"metric": "ce/11h"}, r"^unknown metric 'ce/11h'; known: "),
        ({"cost": "session"}, r"nobody measured a session of clicks: say what a click costs .*--click-overhead"),
        ({"question": ["t9"]}, r"'t9'"),
        ({"budget_usd": None}, r"^a plan needs a budget: "),
    ],
)
def test_a_plan_that_can_not_be_made_is_refused_in_one_line(given, message):
    with pytest.raises(RequestError, match=message) as refused:
        plan([RECORDED], **{"budget_usd": 400.0, **given})
    assert "\n" not in str(refused.value)


def test_results_of_two_data_sets_are_not_put_together():
    with pytest.raises(RequestError, match=r"results of one data set .* these are of cifar10s and hmix"):
        from_names([RECORDED, OTHER])


def test_bands_say_what_they_cover_and_name_a_regime_for_each_cost(capsys):
    report_bands([RECORDED], as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert "over seeds (3" in found["covers"]
    assert len(found["regimes"]) == len(found["bands"]) > 1
    best = [row["best"] for row in found["bands"]]
    assert all(later <= before + 1e-12 for before, later in pairwise(best))
    assert all(
        row["simultaneous_low"] <= row["low"] <= row["high"] <= row["simultaneous_high"] for row in found["bands"]
    )
    report_bands([RECORDED])
    text = capsys.readouterr().out
    assert "Intervals (90%) cover: over seeds" in text
    assert "Break-even: against" in text
