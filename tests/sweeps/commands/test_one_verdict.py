"""One sweep says one thing: every command, page, file and run has the same verdict for the same budget and prices."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from softcore.prices.read import price_list
from softcore.scoring.weighted import WeightedMetric
from sweeps.commands.plan import plan
from sweeps.commands.reports import report_bands
from sweeps.frontier.banded import bands_from_draws, cell_draws
from sweeps.frontier.frontier import frontiers
from sweeps.frontier.weights import with_metric
from sweeps.planning.advise import advice
from sweeps.planning.forecast import make_forecast
from sweeps.planning.plan import BUY, DONT_BUY, NOT_KNOWN
from sweeps.planning.rank import Limits
from sweeps.planning.verdict import frontier_verdicts, verdicts
from sweeps.show.bands_tables import bands_content
from sweeps.show.files import write_frontier
from sweeps.show.plan_page import MetricForecast, PlanRequest, page_data
from sweeps.show.tables import frontiers_table
from sweeps.studies.coverage.planted_plans import METRIC
from tests.sweeps.show.test_plan_page_script import Script

RECORDED = Path(__file__).parents[3] / "docs/results/chapter-3-9d546af1.csv"
MORE = "accuracy/10h"
METRICS = ("scaled-ce/10s", "scaled-ce/10h", "ce/10h", MORE, f"scaled-ce/10h=0.7,{MORE}=0.3")
LISTS = ("thesis", "page", "measured")
BUDGETS = (0.0, *np.geomspace(5, 700, 29).tolist())  # dollars


@pytest.fixture(scope="module")
def tables(clear):
    """A recorded sweep and a made-up one, with the metrics of both; the made-up one has a purchase worth buying."""
    made = clear.assign(**{"scaled-ce/10h": clear[METRIC] / 2, MORE: 1 - clear[METRIC] / 4})
    return {"recorded": pd.read_csv(RECORDED), "made-up": made}


@pytest.fixture(scope="module")
def forecasts(tables):
    """The forecast of each sweep and metric that it has."""
    return {
        (name, metric): make_forecast(table, metric=metric)
        for name, table in tables.items()
        for metric in METRICS
        if "=" in metric or metric in table
    }


@pytest.mark.slow
@pytest.mark.parametrize("prices", LISTS)
def test_plans_bands_and_page_say_the_same_for_every_budget(tables, forecasts, prices):
    listed, seen = price_list(prices), set()
    for (name, metric), forecast in forecasts.items():
        table, metric = with_metric(tables[name], metric)
        all_budgets = verdicts(forecast, listed)
        per_usd = 3600 / (listed.wage * (1 + listed.fee))
        drawn = cell_draws(table, metric, draws=100)
        banded = bands_from_draws(drawn, listed, budgets=np.array(BUDGETS) * per_usd, matters=0.01)
        rows = bands_content(banded, all_budgets)["bands"]
        found = [MetricForecast(metric=metric, plans=forecast, cells=drawn)]
        start = PlanRequest(metric=metric, limits=Limits(budget_usd=400.0))
        script = Script(page_data(frontiers(table, metric, listed), found, start, sweeps=[name]))
        for budget, row in zip(BUDGETS, rows, strict=True):
            said = advice(forecast, Limits(budget_usd=budget), prices=listed)
            there = all_budgets.at_usd(budget)
            page = script.advises(budget_usd=budget)
            bought = "" if said.plan is None else said.plan.recipe
            for verdict, plan_ in (
                (there.verdict, there.bought),
                (page["verdict"], (page["buy"] or {"recipe": ""})["recipe"]),
                (row["verdict"], row["plan"]),
            ):
                assert (verdict, plan_) == (said.verdict, bought), (name, metric, budget)
            assert page["why"] == said.why
            seen.add(said.verdict)
    assert seen == {BUY, DONT_BUY, NOT_KNOWN}


@pytest.mark.slow
def test_weights_on_metrics_that_say_the_same_say_what_one_of_them_says(forecasts):
    # The made-up accuracy is a straight line in the made-up loss: what they share is no surer for being counted twice.
    one, both = (forecasts["made-up", metric] for metric in ("scaled-ce/10h", METRICS[-1]))
    of = WeightedMetric.of(both.rows.metric)
    times = of.shares["scaled-ce/10h"] / of.units["scaled-ce/10h"] + of.shares[MORE] / of.units[MORE] / 2
    assert both.gain == pytest.approx(times * one.gain, rel=1e-6)
    assert both.gains_enough == pytest.approx((one.gains >= 1 / times).mean(axis=0), abs=0.002)


@pytest.mark.slow
def test_terminal_files_and_page_of_a_frontier_print_the_verdict_of_plans(tmp_path):
    results = pd.read_csv(RECORDED)
    found = frontiers(results, "ce/10h")
    decided = frontier_verdicts(found)
    assert set(decided) == {"ce/10h", "scaled-ce/10h"}
    paths = write_frontier(tmp_path, found, sweep_id="recorded", simulated=False, hardware="a card")
    content = json.loads(paths["json"].read_text())
    notes, page = "\n".join(frontiers_table(found).notes), paths["html"].read_text("utf-8")
    for metric, each in decided.items():
        same = verdicts(make_forecast(results, metric=metric), found.prices, found.wage, found.fee)
        assert each.words == same.words == content["verdict"][metric]
        assert [step["verdict"] for step in content["verdicts"][metric]["steps"]] == [s.verdict for s in same.steps]
        assert f"{each.words}." in notes
        assert each.words.replace("'", "&#x27;") in page


@pytest.mark.slow
def test_the_commands_say_in_json_what_they_print(capsys):
    report_bands([str(RECORDED)], metric="ce/10h", as_json=True)
    bands = json.loads(capsys.readouterr().out)
    report_bands([str(RECORDED)], metric="ce/10h")
    printed = capsys.readouterr().out
    assert f"{bands['verdict']}." in printed
    assert {"8 h", "$128"} <= {cell.strip() for cell in printed.replace("┃", "│").split("│")}  # time and money
    plan([str(RECORDED)], metric="ce/10h", budget_usd=9999.0, as_json=True)
    planned, last = json.loads(capsys.readouterr().out), bands["verdicts"]["steps"][-1]
    assert (planned["verdict"], planned["why"]) == (last["verdict"], last["why"])
    plan([str(RECORDED)], metric="ce/10h", budget_usd=9999.0)
    assert f"Don't buy: {planned['why']}\n" in capsys.readouterr().out
