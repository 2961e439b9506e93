"""The page says in a real browser what Python says, for every budget, metric and price list."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from softcore.prices.read import price_list
from sweeps.frontier.banded import cell_draws
from sweeps.frontier.frontier import frontiers
from sweeps.planning.candidates import candidate_costs
from sweeps.planning.forecast import make_forecast
from sweeps.planning.plan import BUY, DONT_BUY, NOT_KNOWN
from sweeps.planning.rank import Limits, candidate_name, within
from sweeps.planning.verdict import decide, holds_for, too_little, why
from sweeps.show.plan_page import MetricForecast, PlanRequest, plan_page
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, QUESTIONS, World, bought_cells, planted_table
from tests.sweeps.commands.test_one_verdict import BUDGETS, LISTS, METRICS, RECORDED

pytestmark = pytest.mark.slow
SINGLE = [metric for metric in METRICS if "=" not in metric]

# At each budget, typed into the page as a person does, of each metric in turn: the texts of the verdict and of the plan
# to buy, which a star marks.
SAID = """(async (budgets, metrics) => {
  await ready;
  const typed = document.getElementById('budget_usd'), said = {};
  for (const metric of metrics) {
    [...document.querySelectorAll('#metrics input')].find(({ value }) => value === metric)?.click();
    said[metric] = budgets.map((budget) => {
      typed.value = budget;
      typed.dispatchEvent(new Event('input', { bubbles: true }));
      const bought = document.querySelector('#plans tr.bought td')?.firstChild.textContent ?? '';
      return [document.querySelector('#verdict .big').textContent, document.getElementById('why').textContent, bought];
    });
  }
  return said;
})"""


@pytest.fixture(scope="module")
def sweeps():
    """A recorded sweep by four metrics, a made-up one whose labels gain much: results, and what Python plans with."""
    gains = {"first": dict.fromkeys(QUESTIONS, 0.3), "everybody": dict.fromkeys(QUESTIONS, 0.6)}
    made = planted_table(World(**gains), [*bought_cells(["click", "t2-clamp"]), *FREE_CELLS], np.random.default_rng(0))
    tables = {"recorded": (pd.read_csv(RECORDED), SINGLE), "made-up": (made, [METRIC])}
    return {
        name: (table, {metric: make_forecast(table, metric=metric) for metric in metrics})
        for name, (table, metrics) in tables.items()
    }


def said(forecast, budget, prices):
    """Python's verdict, the reason, and the plan to buy: `advice` without all that it says besides."""
    cost = candidate_costs(forecast.table, forecast.rows, prices, prices.wage, prices.fee)
    feasible = within(forecast, cost, Limits(budget_usd=budget))
    if not feasible.any():
        return DONT_BUY, "; ".join([too_little(forecast, cost), *holds_for(forecast)]), ""
    found = decide(forecast, cost, feasible)
    return (
        found.verdict,
        why(forecast, cost, found),
        "" if found.bought is None else candidate_name(forecast, found.bought),
    )


@pytest.mark.parametrize("listed", LISTS)
def test_the_page_says_in_a_browser_what_python_says_for_every_budget_metric_and_price(
    browser, sweeps, listed, tmp_path
):
    prices, seen = price_list(listed), Counter()
    for name, (table, plans) in sweeps.items():
        found = [
            MetricForecast(metric=metric, plans=forecast, cells=cell_draws(table, metric, draws=100))
            for metric, forecast in plans.items()
        ]
        first = next(iter(plans))
        start = PlanRequest(metric=first, limits=Limits(budget_usd=400.0))
        path = tmp_path / f"{name}.html"
        path.write_text(
            plan_page(frontiers(table, first, prices), found, start, sweeps=[name], simulated=False), "utf-8"
        )
        browser.open(path)
        shown = browser.run(f"{SAID}({json.dumps(BUDGETS)}, {json.dumps(list(plans))})")
        for metric, forecast in plans.items():
            for budget, texts in zip(BUDGETS, shown[metric], strict=True):
                verdict, reason, bought = said(forecast, budget, prices)
                assert texts[:2] == [verdict.capitalize(), reason[:1].upper() + reason[1:]], (name, metric, budget)
                assert texts[2].partition(". ")[2] == bought
                assert texts[2].startswith("★ " if bought else "")
                seen[verdict] += 1
    assert set(seen) == {BUY, DONT_BUY, NOT_KNOWN}
    assert seen.total() == len(BUDGETS) * (len(SINGLE) + 1)
