"""The script of the page of plans, run without a browser: at any prices and limits it says what Python says.

mini-racer (V8 from PyPI) runs the files that compute. It has no DOM: what the page looks like is tested in a browser.
"""

import base64
import json
import re
import zlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from py_mini_racer import MiniRacer

from softcore.errors import RequestError
from softcore.prices.read import PRICES
from softcore.scoring.weighted import WeightedMetric
from sweeps.frontier.banded import bands_from_draws, cell_draws
from sweeps.frontier.frontier import frontiers
from sweeps.frontier.weights import with_metric
from sweeps.planning.advise import advice
from sweeps.planning.candidates import candidate_costs
from sweeps.planning.forecast import make_forecast
from sweeps.planning.plan import as_spec
from sweeps.planning.rank import Limits
from sweeps.planning.rows import make_rows
from sweeps.results.names import dollars, hours, hours_between
from sweeps.results.table import plain_values
from sweeps.show.markup import template
from sweeps.show.plan_page import MetricForecast, PlanRequest, page_data
from sweeps.studies.coverage.planted_plans import METRIC
from tests.sweeps.show.several_metrics import several_metrics

COMPUTING = ("draws.js", "plans.js", "plan_words.js", "bands.js")
MORE = "accuracy/10h"  # more of it is better
STEP = 2e-5  # what packing may take from a draw, several times over
# What a browser has and V8 alone has not. `data` comes decoded and inflated, as a text of one character a byte.
STANDINS = """
const atob = (text) => text;
class Blob { constructor([bytes]) { this.bytes = bytes; } stream() { return { pipeThrough: () => this.bytes }; } }
class DecompressionStream {}
class Response { constructor(bytes) { this.bytes = bytes; } arrayBuffer() { return this.bytes.buffer; } }
"""
# Draws are unpacked once; a refusal is a sentence that is thrown.
SETUP = """
const drawn = {};
(async () => {
  for (const { metric, plan, frontier } of DATA.metrics) {
    drawn[metric] = { metric, plan, frontier, plans: await unpack(plan.draws), cells: await unpack(frontier.draws) };
  }
})();
function asked(given) {
  const settings = { ...DATA.start, moved: {}, ...given };
  const { plan, plans } = drawn[settings.metric];
  try {
    const found = advise(plan, plans, settings);
    return { ...found, spec: found.buy && specOf(plan, found.buy), cost: null };
  } catch (refusal) {
    if (typeof refusal !== "string") throw refusal;
    return { refusal };
  }
}
"""


class Script:
    """The page's script with its data, in V8."""

    def __init__(self, data: dict) -> None:
        content = json.loads(json.dumps(plain_values(data)))
        for metric in content["metrics"]:
            for packed in (metric["plan"]["draws"], metric["frontier"]["draws"]):
                packed["data"] = zlib.decompress(base64.b64decode(packed["data"])).decode("latin-1")
        self.engine = MiniRacer()
        script = "\n".join(template(name) for name in COMPUTING)
        self.engine.eval(f"const DATA = {json.dumps(content)};\n{STANDINS}\n{script}\n{SETUP}")

    def says(self, expression: str):
        """What an expression comes to, as plain values."""
        return json.loads(self.engine.eval(f"JSON.stringify({expression})"))

    def advises(self, **settings):
        """`advise` at settings in place of those that the page starts with."""
        return self.says(f"asked({json.dumps(settings)})")


@pytest.fixture(scope="module")
def results(clear):
    """`clear` with a metric of which more is better."""
    return clear.assign(**{MORE: 1 - clear[METRIC] / 4})


@pytest.fixture(scope="module")
def plans(results, forecast):
    """What Python plans with, by metric."""
    return {METRIC: forecast, MORE: make_forecast(results, metric=MORE)}


@pytest.fixture(scope="module")
def cells(results):
    """The draws of measured cells, by metric."""
    return {metric: cell_draws(results, metric) for metric in (METRIC, MORE)}


@pytest.fixture(scope="module", params=["thesis", "page"])
def page(request, results, plans, cells):
    """The script of a page, and its price list, whose prices are points (thesis) or intervals (page)."""
    prices = PRICES[request.param]
    found = [MetricForecast(metric=metric, plans=plans[metric], cells=cells[metric]) for metric in plans]
    start = PlanRequest(metric=METRIC, limits=Limits(budget_usd=400.0))
    compared = frontiers(results, METRIC, prices, 12.0, 0.333)
    return SimpleNamespace(prices=prices, script=Script(page_data(compared, found, start, sweeps=["made-up"])))


def moved(prices, **seconds):
    """A price list with other prices."""
    return replace(prices, seconds={**prices.seconds, **{name: tuple(ends) for name, ends in seconds.items()}})


LIMITS = (
    {"budget_usd": 400.0},
    {"budget_usd": 30.0},
    {"budget_usd": 12.0},
    {"budget_usd": 5000.0, "days": 0.5, "people_at_once": 50, "hours_per_day": 6.0},
    {"budget_hours": 12.5},
    {"budget_hours": 0.001},
    {"budget_usd": 0.0},
    {"days": 0.0001},
    {"days": 1.0, "budget_usd": 55.0},
)
PAY = ({"wage": 12.0, "fee": 0.333}, {"wage": 20.0, "fee": 0.1})
MOVED = ({}, {"click": [7.5, 7.5], "t2-clamp": [12.0, 30.0]})


def sentences(found):
    """Python's sentences in the page's order."""
    stop, step = (each.words if each else "" for each in (found.stop, found.next_step))
    buys = found.verdict == "buy"
    words = (found.free, found.firmness, found.settle, found.click, found.dearer, stop if buys else "")
    others = ("" if buys else found.least, found.second, step if buys else "", found.dearest if buys else "")
    return [line for line in (*words, *others) if line]


@pytest.mark.parametrize(
    ("pay", "prices"), [*zip(PAY, MOVED, strict=True)], ids=["12 an hour, listed", "20 an hour, moved"]
)
@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("metric", [METRIC, MORE])
def test_the_script_advises_what_python_advises(page, plans, metric, limits, pay, prices):
    nothing = {"budget_usd": None, "budget_hours": None, "days": None}
    shown = page.script.advises(metric=metric, moved=prices, top=3, **{**nothing, **limits, **pay})
    said = advice(plans[metric], Limits(**limits), prices=moved(page.prices, **prices), top=3, **pay)
    assert shown["verdict"] == said.verdict
    assert shown["why"] == said.why
    assert shown["lines"] == sentences(said)
    assert [one["verdict"] for one in shown["readings"]] == [one.verdict for one in said.readings]
    assert [one["name"] for one in shown["readings"]] == [one.name for one in said.readings]
    assert bool(said.readings) == bool(said.plans)
    assert len(shown["plans"]) == len(said.plans)
    for mine, theirs in zip(shown["plans"], said.plans, strict=True):
        for name in ("recipe", "images", "people", "beyond", "money"):
            assert mine[name] == getattr(theirs, name)
        assert mine["kind"]["people"] == theirs.annotators
        assert mine["kind"]["question"] == theirs.question
        low, high = (round(3600 * end, 6) for end in theirs.hours)  # 1875 s are 31.25 min: no bit more
        assert mine["time"] == hours_between(low, high)
        assert mine["best"] == pytest.approx(theirs.best, abs=0.002)  # draws are packed to a ten thousandth
        assert [mine["predicted"], mine["gain"], mine["gainsEnough"], mine["days"]] == pytest.approx(
            [theirs.predicted, theirs.gain, theirs.gains_enough, theirs.days], rel=1e-9
        )
        assert [end / 3600 for end in mine["seconds"]] == pytest.approx(theirs.hours, rel=1e-9)
        assert mine["interval80"] + mine["interval95"] == pytest.approx([*theirs.interval_80, *theirs.interval_95])
    assert (shown["buy"] and shown["buy"]["recipe"]) == (said.plan and said.plan.recipe)
    assert shown["spec"] == (said.plan and as_spec(said.plan))


def test_where_no_plan_is_worth_buying_the_script_says_so_in_pythons_words(page, plans):
    shown = page.script.advises(budget_usd=10.0, days=0.03)
    said = advice(plans[METRIC], Limits(budget_usd=10.0, days=0.03), prices=page.prices)
    assert [shown["why"], *shown["lines"]] == [said.why, *sentences(said)]
    assert said.least == "no measured plan is sure to be worth buying, whatever the budget"


REFUSED = ({"days": 0.0}, {"budget_usd": None}, {"budget_usd": -5.0})


@pytest.mark.parametrize("limits", REFUSED, ids=str)
def test_the_script_refuses_in_pythons_words(page, plans, limits):
    with pytest.raises(RequestError) as refused:
        advice(plans[METRIC], Limits(**{"budget_usd": 400.0, **limits}), prices=page.prices, wage=12.0, fee=0.333)
    refusal = page.script.advises(**limits)["refusal"]
    assert re.sub(r"not (-?\d+)$", r"not \1.0", refusal) == str(refused.value)  # JavaScript has one kind of number


def test_a_wage_below_the_floor_is_refused_in_pythons_words(page):
    with pytest.raises(RequestError) as refused:
        page.prices.check_wage(5.0)
    assert page.script.advises(wage=5.0)["refusal"] == str(refused.value)


@pytest.mark.parametrize("prices", MOVED, ids=["listed", "moved"])
@pytest.mark.parametrize("question", [None, "click", "t2-clamp"])
@pytest.mark.parametrize("metric", [METRIC, MORE])
def test_the_script_draws_the_bands_of_the_report(page, cells, metric, question, prices):
    there = f"drawn[{json.dumps(metric)}]"
    shown = page.script.says(f"bandsOf({there}.frontier, {there}.cells, {json.dumps(question)}, {json.dumps(prices)})")
    costs = np.array([one["cost"] for one in shown["band"]])
    found = bands_from_draws(cells[metric], moved(page.prices, **prices), question=question, budgets=costs).as_dict()
    assert costs.tolist() == pytest.approx(np.unique([one["cost"] for one in found["cells"]]), rel=1e-9)
    by_recipe = {one["recipe"]: one for one in shown["cells"]}
    assert set(by_recipe) == {one["recipe"] for one in found["cells"]}
    for theirs in found["cells"]:
        mine = by_recipe[theirs["recipe"]]
        assert numbers(mine, "cost", "costLow", "costHigh", "value", "mean", "trials", "interval") == pytest.approx(
            numbers(theirs, "cost", "cost_low", "cost_high", "value", "mean", "trials", "low", "high"), rel=1e-9
        )
        assert numbers(mine, "probability", "probabilities") == pytest.approx(
            numbers(theirs, "on_frontier", "on_frontier_least", "on_frontier_most"), abs=0.002
        )
    for mine, theirs in zip(shown["band"], found["bands"], strict=True):
        assert mine["best"] == pytest.approx(theirs["best"], abs=STEP)
        assert sorted(numbers(mine, "low", "high")) == pytest.approx(numbers(theirs, "low", "high"), abs=STEP)
        widest = numbers(theirs, "simultaneous_low", "simultaneous_high")
        assert sorted(numbers(mine, "allLow", "allHigh")) == pytest.approx(widest, abs=10 * STEP)  # a stretch of these
    line = [shown["cells"][one["place"]]["recipe"] for one in shown["line"]]
    assert line[:-1] == [step["recipe"] for step in found["steps"]]
    assert line[1:] == [step["dearer_recipe"] for step in found["steps"]]
    for mine, theirs in zip(shown["line"][1:], found["steps"], strict=True):
        names = ("gain", "low", "high")
        assert numbers(mine, *names) == pytest.approx(numbers(theirs, *names), abs=STEP)
        assert mine["tie"] == theirs["tie"]


def numbers(one, *names):
    """The values of that name, one after the other; of a pair both."""
    return [each for name in names for each in np.atleast_1d(one[name]).tolist()]


@pytest.mark.parametrize("budget", [1e9, 100.0, 20.0])
@pytest.mark.parametrize("weights", [(100.0, 0.0), (30.0, 70.0), (0.0, 5.0)], ids=str)
def test_the_script_weighs_metrics_as_python_does(page, results, weights, budget):
    shown = page.script.says(f"weigh({list(weights)}, {budget}, {{ ...DATA.start, moved: {{}} }})")
    by_metric = dict(zip((METRIC, MORE), weights, strict=True))
    seconds = budget / (12 * 1.333) * 3600
    found = several_metrics(results, (METRIC, MORE), page.prices, weights=by_metric, budget=seconds)
    recipes = found.table.set_index("cell")["recipe"]
    assert shown["winner"]["recipe"] == recipes[found.winner]
    for mine, theirs in zip(shown["swaps"], found.swaps, strict=True):
        assert mine["share"] == pytest.approx(theirs.weight)
        assert mine["edges"] == pytest.approx(theirs.edges, abs=1e-9)
        assert [one["recipe"] for one in mine["winners"]] == [recipes[cell] for cell in theirs.winner]


@pytest.fixture(scope="module")
def weighed(results, forecast):
    """The script of a page by weights, and what Python plans with.

    Nothing is fitted: `MORE` is a straight line in `METRIC`, so that what weights on both give is so many times that.
    """
    table, name = with_metric(results, f"{METRIC}=0.7,{MORE}=0.3")
    found = WeightedMetric.of(name)
    times = found.shares[METRIC] / found.units[METRIC] + found.shares[MORE] / found.units[MORE] / 4
    rows, drawn = make_rows(table, name), ("values", "hired", "runs", "free_values", "free_runs")
    plans = replace(forecast, rows=rows, **{each: times * getattr(forecast, each)[:200] for each in drawn})
    shown = MetricForecast(metric=name, plans=plans, cells=cell_draws(table, name, draws=100))
    start = PlanRequest(metric=name, limits=Limits(budget_usd=400.0))
    page_ = page_data(frontiers(table, name, PRICES["thesis"]), [shown], start, sweeps=["made-up"])
    return SimpleNamespace(script=Script(page_), plans=plans, name=name)


@pytest.mark.parametrize(
    ("budget", "verdict"), [(2.0, "don't buy"), (30.0, "don't buy"), (76.0, "not known yet"), (400.0, "buy")]
)
def test_weights_are_decided_by_as_one_metric_is(weighed, budget, verdict):
    said = advice(weighed.plans, Limits(budget_usd=budget))
    here = f"{{ ...DATA.start, moved: {{}}, budget_usd: {budget} }}"
    shown = weighed.script.says(f"adviseByWeights([35, 15], drawn, {here})")
    assert (shown["verdict"], shown["why"], shown["lines"]) == (said.verdict, said.why, sentences(said))
    assert said.verdict == verdict == decide_by_hand(weighed.plans, budget)
    assert "0.03 of ce/10h counts 0.7" in said.why


def decide_by_hand(plans, budget):
    """The verdict on weights: what matters is a gain of 1, with a probability of 0.9 by all readings."""
    there = candidate_costs(plans.table, plans.rows, PRICES["thesis"], 12.0, 0.333).usd_high <= budget + 0.005
    if not there.any():
        return "don't buy"
    readings = [(plans.gains >= 1).mean(axis=0), *plans.readings.values()]
    if (np.min(readings, axis=0)[there] >= 0.9).any():
        return "buy"
    never = readings[0][there].max() <= 0.1 and max(one[there].max() for one in readings[1:]) < 0.9
    return "don't buy" if never else "not known yet"


@pytest.mark.parametrize("weights", [[100, 0], [69, 31], [0, 0]], ids=str)
def test_other_weights_take_a_fit(weighed, weights):
    assert weighed.script.says(f"adviseByWeights({weights}, drawn, DATA.start)") is None


NUMBERS = (
    *(0.0, 0.5, 1.5, 2.5, 0.125, 0.0005, 0.0015, 1e-7, -0.25, -0.0005, 9.994, 9.995, 9.999, 999.5, 1000.0, 12345678.0),
    *(89.9, 90.0, 3563.9, 3564.0, 3.59e6, 3.6e6, 1e15, 123456.5, 0.00012345),
    3600 * (1875 / 3600),
    *np.random.default_rng(0).lognormal(0, 6, 200).tolist(),
)


def test_numbers_are_written_as_python_writes_them(page):
    written = {
        "fixed(x, 0)": lambda x: f"{x:.0f}",
        "fixed(x, 2)": lambda x: f"{x:.2f}",
        "fixed(x, 3)": lambda x: f"{x:.3f}",
        "general(x, 3)": lambda x: f"{x:.3g}",
        "general(x, 6)": lambda x: f"{x:.6g}",
        "dollars(x)": dollars,
        "hours(x)": hours,
    }
    for script, python in written.items():
        assert page.script.says(f"{list(NUMBERS)}.map((x) => {script})") == [python(x) for x in NUMBERS]


def test_a_quantile_is_numpys(page):
    values = np.sort(np.random.default_rng(1).normal(size=37)).tolist()
    shares = [0.0, 0.05, 0.1, 0.5, 0.77, 1.0]
    assert page.script.says(f"{shares}.map((share) => quantile({values}, share))") == pytest.approx(
        np.quantile(values, shares)
    )
