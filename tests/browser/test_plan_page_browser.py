"""The page of plans in a real browser: whatever is moved, it shows what `sweeps plan` prints at the same numbers."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from sweeps.commands.plan import plan, plan_row
from sweeps.frontier.banded import bands_at_each_cost, cell_draws
from sweeps.planning.plan import Plan
from sweeps.sources import from_names
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, QUESTIONS, World, bought_cells, planted_table
from tests.sweeps.show.several_metrics import several_metrics

pytestmark = pytest.mark.slow  # about 15 s of a core

RECORDED = str(Path(__file__).parents[2] / "docs" / "results" / "chapter-3-98e1f367.csv")
NASTY = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
SHOWN = """(() => {
  const texts = (where) => [...document.querySelectorAll(where)].map((one) => one.innerText);
  const rows = [...document.querySelectorAll('#plans tbody tr')];
  return {
    verdict: texts('#verdict .big')[0], why: texts('#why')[0], refused: texts('#verdict.refused p')[0],
    rows: rows.map((row) => [...row.cells].map((cell) => cell.innerText)), lines: texts('#lines li'),
    spec: document.getElementById('spec').value, spec_shown: !document.getElementById('spec-section').hidden,
  };
})()"""


def move(browser, **controls):
    """Move controls as a person does: a value, and the event that goes with it; sliders where there are any."""
    for name, value in controls.items():
        slides = value != "" and browser.run(f"document.getElementById('{name}-slider') !== null")
        put(browser, f"{name}-slider" if slides else name, value)
    return browser.run(SHOWN)


def put(browser, control, value):
    """Put a value into one input."""
    one = f"document.getElementById('{control}')"
    browser.run(f"{one}.value = {json.dumps(value)}; {one}.dispatchEvent(new Event('input', {{bubbles: true}}))")
    return browser.run(SHOWN)


def printed(name=RECORDED, **options):
    """`sweeps plan --json`."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        plan([str(name)], as_json=True, **options)
    return json.loads(out.getvalue())


def capital(line):
    return line[:1].upper() + line[1:]


def assert_as_printed(shown, said):
    """What the page shows, text by text, is what the command line says."""
    assert shown["verdict"] == capital(said["verdict"])
    assert shown["why"] == capital(said["why"])
    stop, step = (said[name] and said[name]["words"] for name in ("stop", "next_step"))
    first = [said[name] for name in ("free", "firmness", "settle", "click", "dearer")]
    buys = (
        [stop, said["second"], step, said["dearest"]] if said["verdict"] == "buy" else [said["least"], said["second"]]
    )
    assert shown["lines"] == [capital(line) for line in (*first, *buys) if line]
    assert len(shown["rows"]) == len(said["plans"])
    for place, (texts, one) in enumerate(zip(shown["rows"], said["plans"], strict=True)):
        line = plan_row(place, Plan(**one), said["buy"])
        first = f"{line.pop('plan')}\n{line.pop('ask')}"
        predicted = f"{line['predicted']}\n[{one['interval_95'][0]:.3f}, {one['interval_95'][1]:.3f}]"
        assert texts == [first, *map(str, (line | {"predicted": predicted}).values())]
    assert shown["spec_shown"] == (said["buy"] is not None)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of the recorded chapter 3, and its folder."""
    path = tmp_path_factory.mktemp("page") / "plan.html"
    printed(budget_usd=400.0, page=path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A made-up results table, whose pages gain far more than smoothing, and its page."""
    folder = tmp_path_factory.mktemp("made")
    gains = {"first": dict.fromkeys(QUESTIONS, 0.3), "everybody": dict.fromkeys(QUESTIONS, 0.6)}
    found = planted_table(World(**gains), [*bought_cells(["click", "t2-clamp"]), *FREE_CELLS], np.random.default_rng(0))
    found.to_csv(folder / "made.csv", index=False)
    printed(folder / "made.csv", metric=METRIC, budget_usd=400.0, page=folder / "plan.html")
    return folder / "made.csv", folder / "plan.html"


MOVES = (  # what is moved, from the position before, and what the command line is asked
    ({}, {"budget_usd": 400.0}),
    ({"budget_usd": 150}, {"budget_usd": 150.0}),
    ({"budget_usd": 600, "wage": 20, "fee": 10}, {"budget_usd": 600.0, "wage": 20.0, "fee": 0.1}),
    (
        {"days": 0.2, "people_at_once": 50, "hours_per_day": 6},
        {"budget_usd": 600.0, "wage": 20.0, "fee": 0.1, "days": 0.2, "people_at_once": 50, "hours_per_day": 6.0},
    ),
    (
        {"budget_usd": "", "days": "", "budget_hours": 12.5, "wage": 12, "fee": 33.3},
        {"budget_hours": 12.5, "people_at_once": 50, "hours_per_day": 6.0},
    ),
)


def test_moved_sliders_show_the_plan_that_the_command_line_prints(browser, page):
    browser.open(page)
    browser.run("ready")
    for moved, asked in MOVES:
        assert_as_printed(move(browser, **moved), printed(**asked))


def test_what_is_worth_buying_depends_on_the_budget(browser, made):
    results, page = made
    browser.open(page)
    browser.run("ready")
    verdicts = []
    for moved, asked in (({}, 400.0), ({"budget_usd": 5}, 5.0), ({"budget_usd": 150}, 150.0)):
        said = printed(results, metric=METRIC, budget_usd=asked)
        assert_as_printed(move(browser, **moved), said)
        verdicts.append(said["verdict"])
    assert verdicts == ["buy", "don't buy", "buy"]


def test_other_prices_change_it_as_a_price_list_does(browser, page, tmp_path):
    browser.open(page)
    browser.run("ready")
    prices = tmp_path / "dear-clicks.yaml"
    prices.write_text("name: dear clicks\nlike: thesis\nseconds: {click: 7.5}\n")
    dear = printed(budget_usd=400.0, cost=str(prices))
    assert_as_printed(move(browser, click=7.5), dear)
    assert dear["plans"] != printed(budget_usd=400.0)["plans"]
    assert "click: 7.5" in browser.run("document.getElementById('command').textContent")
    halved = {"t2-clamp": 16, "t2-uniform": 12.8, "t1-clamp": 9.6, "t1-uniform": 6.4}
    prices.write_text(f"name: all\nlike: thesis\nseconds: {json.dumps({'click': 7.5, **halved} | _twins(halved))}\n")
    assert_as_printed(move(browser, page=16), printed(budget_usd=400.0, cost=str(prices)))


def _twins(seconds):
    """The same for the varieties that ask what others ask."""
    return {twin: seconds[q] for twin, q in (("t1-semantic", "t1-uniform"), ("t2-semantic", "t2-uniform"))} | {
        "t2-clamp-released": seconds["t2-clamp"]
    }


def test_the_raw_metric_is_a_switch_away_and_its_verdict_its_own(browser, page):
    browser.open(page)
    browser.run("ready")
    browser.run("document.querySelector('#metrics input[value=\"ce/10h\"]').click()")
    shown, said = browser.run(SHOWN), printed(budget_usd=400.0, metric="ce/10h")
    assert said["verdict"] == "don't buy"
    assert_as_printed(shown, said)


def test_what_is_refused_is_refused_in_the_same_words(browser, page):
    browser.open(page)
    browser.run("ready")
    assert_as_printed(put(browser, "budget_usd", 4), printed(budget_usd=4.0))
    browser.run("document.getElementById('reset').click()")
    refused = put(browser, "wage", 5)["refused"]
    assert refused.startswith("A wage of $5 an hour is below the floor of price list 'thesis': $8 an hour")


def test_the_spec_is_the_one_that_is_written(browser, made, tmp_path):
    results, page = made
    browser.open(page)
    browser.run("ready")
    printed(results, metric=METRIC, budget_usd=400.0, spec=tmp_path / "plan.yaml")
    assert browser.run(SHOWN)["spec"] == (tmp_path / "plan.yaml").read_text("utf-8")
    browser.run("document.getElementById('copy').click()")
    browser.run("new Promise((done) => setTimeout(done, 300))")
    chosen = "(() => { const box = document.getElementById('spec'); return [box.selectionStart, box.selectionEnd] })()"
    assert browser.run(chosen) == [0, len((tmp_path / "plan.yaml").read_text("utf-8"))]
    assert browser.run("document.getElementById('copied').textContent")


def test_an_address_keeps_what_was_moved(browser, page):
    browser.open(page, "#budget_usd=150&wage=15&seconds.click=5")
    browser.run("ready")
    assert browser.run("[settings.budget_usd, settings.wage, settings.moved.click]") == [150, 15, [5, 5]]
    move(browser, budget_usd=200)
    assert "budget_usd=200" in browser.run("location.hash")


def test_bands_and_probabilities_are_those_of_the_report(browser, page):
    browser.open(page)
    browser.run("ready")
    (source,) = from_names([RECORDED])
    found = bands_at_each_cost(cell_draws(source.results, "scaled-ce/10h"))
    cells = {one["recipe"]: one for one in browser.run("pictured.found.cells")}
    for one in found.as_dict()["cells"]:
        assert cells[one["recipe"]]["probability"] == pytest.approx(one["on_frontier"], abs=0.002)
        assert cells[one["recipe"]]["cost"] == pytest.approx(one["cost"], rel=1e-9)
        assert cells[one["recipe"]]["value"] == pytest.approx(one["value"], abs=1e-9)
    bands = found.as_dict()["bands"]
    shown = browser.run("pictured.found.band")
    assert [one["cost"] for one in shown] == pytest.approx([one["budget"] for one in bands])
    names = {"low": "low", "high": "high", "allLow": "simultaneous_low", "allHigh": "simultaneous_high"}
    for mine, theirs in names.items():
        assert [one[mine] for one in shown] == pytest.approx([one[theirs] for one in bands], abs=2e-5)
    ties = [step["dearer_recipe"] for step in found.as_dict()["steps"] if step["tie"]]
    tied = "pictured.found.line.filter(({tie}) => tie)"
    assert browser.run(f"{tied}.map(({{place}}) => pictured.found.cells[place].recipe)") == ties


def test_weights_choose_the_cell_that_python_chooses(browser, page):
    browser.open(page)
    browser.run("ready")
    (source,) = from_names([RECORDED])
    titles = browser.run("DATA.weights.metrics.map(({title, test_set}) => `${title} ${test_set}`)")
    metrics = [m for m in source.results.columns if "/10" in m and not m.startswith("answers")]
    assert len(metrics) == len(titles)
    weights = {"ce/10h": 20.0, "scaled-ce/10h": 50.0, "accuracy/10h": 100.0}
    for k, name in enumerate(metrics):
        put(browser, f"weight-{k}", weights.get(name, 0))
    shown = browser.run("document.getElementById('best-mean').innerText")
    every, seconds = {m: weights.get(m, 0.0) for m in metrics}, 400 / (12 * 1.333) * 3600
    found = several_metrics(source.results, metrics, weights=every, budget=seconds)
    winner = found.table.set_index("cell")["recipe"][found.winner]
    assert shown.startswith(f"Best mean by these weights within $400: {winner}, ")
    swap = next(one for one in found.swaps if one.metric == metrics[0])
    edges = browser.run("weigh(settings.weights, 400, settings).swaps[0].edges")
    assert edges == pytest.approx(swap.edges, abs=1e-6)


def test_weights_that_were_asked_for_are_judged_by_as_one_metric_is(browser, tmp_path):
    asked = "scaled-ce/10h=0.7,accuracy/10h=0.3"
    said = printed(budget_usd=400.0, metric=asked, page=tmp_path / "plan.html")
    browser.open(tmp_path / "plan.html")
    browser.run("ready")
    assert_as_printed(browser.run(SHOWN), said)
    text = "document.getElementById('{}')?.innerText ?? ''"
    by_weights = browser.run(text.format("weights-verdict"))
    assert by_weights == f"By these weights: {said['verdict']}: {said['why']}"
    places = browser.run("DATA.weights.metrics.map(({metric}) => metric)")
    put(browser, f"weight-{places.index('accuracy/10h')}", 50)
    assert browser.run(text.format("weights-verdict")) == ""
    assert "--metric 'scaled-ce/10h=70,accuracy/10h=50'" in browser.run(text.format("weights-command"))
    put(browser, f"weight-{places.index('accuracy/10h')}", 0)  # all on one metric: it is judged by as that one
    alone = printed(budget_usd=400.0, metric="scaled-ce/10h")
    assert browser.run(text.format("weights-verdict")) == f"By these weights: {alone['verdict']}: {alone['why']}"
    browser.run("document.querySelectorAll('#metrics input')[1].click()")
    assert_as_printed(browser.run(SHOWN), alone)
    assert "--metric scaled-ce/10h " in browser.run("document.getElementById('command').textContent")


def test_names_from_data_stay_names_in_a_browser(browser, tmp_path):
    made = planted_table(World(), [*bought_cells(), *FREE_CELLS], np.random.default_rng(3))
    made["model"] = np.where(made["cell"].isin(["c03", "c07"]), NASTY, "cnn")
    made.to_csv(tmp_path / "made.csv", index=False)
    said = printed(str(tmp_path / "made.csv"), metric=METRIC, budget_usd=2000.0, top=60, page=tmp_path / "plan.html")
    browser.open(tmp_path / "plan.html", width=390)
    browser.run("ready")
    browser.run("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    for trace in range(4, 8):  # what is pointed at is named, too
        browser.run(f"Plotly.Fx.hover('picture', [{{curveNumber: {trace}, pointNumber: 0}}])")
    assert any(NASTY in one["recipe"] for one in said["plans"])
    assert NASTY in browser.run("document.body.innerText")
    assert browser.run("window.hacked") is None
    assert browser.run("document.querySelectorAll('body script').length") == 2
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert browser.run("document.documentElement.scrollWidth") == 390  # nothing sticks out on a phone
