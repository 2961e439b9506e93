"""The page of plans: what its script is given, that names from data stay names, the files that are written."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from softcore.errors import RequestError
from softcore.prices.read import PRICES
from sweeps.commands.plan import plan
from sweeps.frontier import banded, frontier
from sweeps.frontier.frontier import frontiers, summarise
from sweeps.planning.advise import advice
from sweeps.planning.candidates import candidate_costs
from sweeps.planning.forecast import make_forecast
from sweeps.planning.plan import as_spec, spec_template
from sweeps.planning.rank import Limits
from sweeps.show.plan_page import PlanRequest, metric_forecasts, page_data, plan_page
from sweeps.show.plan_picture import write_plan_page
from sweeps.sources import Source
from sweeps.studies.coverage.planted_plans import METRIC

NASTY = "<script>window.hacked = 1</script>&\"'"
LIMITS = Limits(budget_usd=300.0, days=3.0)


def compared(results, prices="thesis"):
    return frontiers(results, METRIC, PRICES[prices], 12.0, 0.333)


def asked():
    return PlanRequest(metric=METRIC, limits=LIMITS)


@pytest.fixture(scope="module")
def found(clear, forecast):
    return metric_forecasts(compared(clear), forecast, {})


@pytest.fixture(scope="module")
def data(clear, found):
    return page_data(compared(clear), found, asked(), sweeps=["made-up"])


@pytest.mark.parametrize("prices", ["thesis", "page"])
def test_seconds_an_image_come_to_what_candidates_cost(clear, forecast, found, prices):
    (metric,) = page_data(compared(clear, prices), found, asked(), sweeps=[])["metrics"]
    candidates, kinds = metric["plan"]["candidates"], metric["plan"]["kinds"]
    cost = candidate_costs(forecast.table, forecast.rows, PRICES[prices], 12.0, 0.333)
    for end, expected in ((1, cost.low), (2, cost.high)):
        each = [sum(three[end] for three in kind["seconds"].values()) for kind in kinds]
        seconds = [n * each[kind] for n, kind in zip(candidates["items"], candidates["kind"], strict=True)]
        assert seconds == pytest.approx(expected.tolist(), rel=1e-12)


def test_the_script_is_given_what_the_command_line_ranks_by(forecast, data):
    candidates = data["metrics"][0]["plan"]["candidates"]
    assert candidates["expected"] == forecast.expected.tolist()
    assert candidates["worth"] == forecast.worth_buying.tolist()
    best = advice(forecast, LIMITS).plans[0]
    place = candidates["name"].index(best.recipe)
    assert candidates["interval_80"][place] == best.interval_80
    assert candidates["people"][place] == best.people


def test_a_price_is_a_point_or_an_interval_as_the_list_has_it(clear, found):
    questions = page_data(compared(clear, "page"), found, asked(), sweeps=[])["prices"]["questions"]
    ends = {one["question"]: (one["low"], one["high"]) for one in questions}
    assert ends["click"] == pytest.approx((2.5, 2.5))
    assert ends["t2-clamp"] == pytest.approx((44.38, 44.38))
    assert ends["t1-uniform"] == pytest.approx((17.752, 44.38))


def test_every_measured_cell_has_its_cost_and_its_draws(clear, data):
    (metric,) = data["metrics"]
    assert len(data["cells"]) == clear["cell"].nunique()
    assert metric["frontier"]["cells"] == list(range(len(data["cells"])))
    assert metric["frontier"]["draws"]["shape"] == [1000, len(data["cells"])]
    assert "panels" in metric["frontier"]["covers"]
    assert set(metric["frontier"]["questions"]) == {"click", "t1-uniform", "t1-clamp", "t2-uniform", "t2-clamp"}


def test_weights_are_offered_on_metrics_that_every_cell_has(clear, forecast, found, data):
    assert data["weights"] is None  # one metric: there is nothing to weigh
    more = clear.assign(**{"accuracy/10h": 1 - clear[METRIC] / 4, "fgsm/10h": clear[METRIC] * 4})
    more.loc[more["cell"] == "c03", "fgsm/10h"] = np.nan
    weights = page_data(compared(more), found, asked(), sweeps=[])["weights"]
    assert [one["title"] for one in weights["metrics"]] == ["Cross-entropy", "Accuracy"]
    assert weights["start"] == [100.0, 0.0]
    assert [one["sign"] for one in weights["metrics"]] == [1.0, -1.0]
    assert "fgsm/10h" in weights["left_out"]


def test_a_companion_that_can_not_be_planned_for_says_why(clear, forecast):
    scaled = clear.assign(**{"scaled-ce/10h": clear[METRIC].where(clear["cell"].isin(["c00", "c01"]))})
    (raw, other) = metric_forecasts(compared(scaled), forecast, {})
    assert raw.plans is forecast
    assert other.plans is None
    assert "needs 6 bought cells" in other.why_not
    metrics = page_data(compared(scaled), [raw, other], asked(), sweeps=[])["metrics"]
    assert metrics[1]["plan"] is None
    assert metrics[1]["why_not"] == other.why_not


def test_a_spec_on_the_page_is_the_one_that_is_written(forecast, data):
    plan_ = advice(forecast, LIMITS).plans[0]
    content = data["metrics"][0]["plan"]
    kind = content["kinds"][content["candidates"]["kind"][content["candidates"]["name"].index(plan_.recipe)]]
    assert kind["spec"] == spec_template(plan_.axes, plan_.metric)
    assert not re.search(r"<\w+>", as_spec(plan_))
    assert re.findall(r"<(\w+)>", kind["spec"]).count("images") == 2


def test_names_from_data_stay_names(clear, seen):
    odd = clear.assign(model=np.where(clear["cell"].isin(["c03", "c07"]), NASTY, "cnn"), dataset=f"cifar10s{NASTY}")
    ready = make_forecast(odd, metric=METRIC)
    pages = [
        plan_page(
            compared(odd),
            metric_forecasts(compared(odd), ready, {}),
            asked(),
            sweeps=[NASTY],
            simulated=False,
            notes=[NASTY],
        ),
        plan_page(
            compared(clear), metric_forecasts(compared(clear), ready, {}), asked(), sweeps=["plain"], simulated=True
        ),
    ]
    nasty, plain = map(seen, pages)
    assert NASTY in nasty.text
    assert [sum(tag == "script" for tag, _ in one.elements) for one in (nasty, plain)] == [2, 2]  # Plotly and ours
    ours = pages[0].rsplit("<script>", 1)[1]
    assert "window.hacked" in ours
    assert "<script" not in ours
    assert "SIMULATED ANNOTATORS" not in nasty.text
    assert "SIMULATED ANNOTATORS" in plain.text
    assert not [a for _, attrs in nasty.elements for name, a in attrs.items() if name in ("src", "href")]


def test_page_and_picture_summarise_the_results_once(clear, forecast, tmp_path, monkeypatch):
    made = []
    for module in (frontier, banded):
        monkeypatch.setattr(module, "summarise", lambda results: made.append(summarise(results)) or made[-1])
    all_cells = compared(clear)
    found = metric_forecasts(all_cells, forecast, {})
    write_plan_page(tmp_path / "plan.html", all_cells, found, asked(), [Source(name="x", results=clear, about={})])
    assert len(made) == 1


def test_the_picture_stands_beside_the_page(clear, found, tmp_path):
    source = Source(name="made-up", results=clear, about={"simulated": True})
    page, picture = write_plan_page(tmp_path / "plan.html", compared(clear), found, asked(), [source])
    assert picture == tmp_path / "plan.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert page.stat().st_size < 12e6
    assert sorted(tmp_path.iterdir()) == [page, picture]
    content = re.search(r"const DATA = (.*);\n", page.read_text("utf-8"))
    assert json.loads(content[1])["start"]["budget_usd"] == 300.0


def test_a_page_of_another_ending_is_refused_before_anything_is_read():
    with pytest.raises(RequestError, match=r"--page: .*plan.png must end in .html"):
        plan(["nothing-of-this-name"], page=Path("plan.png"), budget_usd=100.0)
