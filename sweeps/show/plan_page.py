"""The plan as one HTML page that needs no network: sliders for budget, pay, prices and weights, and what they change.

Python fits and draws once; the page prices, filters and ranks (`templates/*.js`), so that moving a slider takes no fit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from string import Template
from typing import Any

from softcore.errors import RequestError
from softcore.prices.price_list import LOW_WAGE, PriceList
from softcore.prices.read import PRICES, price_list
from softcore.varieties import CLICK, VARIETIES, question_of
from sweeps.frontier.banded import CellDraws, cell_draws
from sweeps.frontier.frontier import Frontiers
from sweeps.frontier.regimes import ENOUGH
from sweeps.planning.advise import CLICKS
from sweeps.planning.forecast import Forecast, make_forecast
from sweeps.planning.plan import SENTENCES
from sweeps.planning.rank import Limits
from sweeps.results.names import SIMULATED, pay
from sweeps.results.table import plain_values
from sweeps.show.drawing import LIKELY, ROUND_TIMES
from sweeps.show.frontier_page import SOFTNESS, WHY_MATTERS, script_json
from sweeps.show.markup import template
from sweeps.show.plan_page_data import (
    LEVEL,
    cell_data,
    frontier_data,
    look_data,
    metric_data,
    plan_data,
    price_data,
    weights_data,
)

SCRIPTS = ("draws.js", "plans.js", "plan_words.js", "bands.js", "controls.js", "picture.js", "show.js")
_WHY_SCALED = (
    f"  <dt>Raw and scaled</dt><dd>{SOFTNESS} The scaled metric gives every model that temperature first, so what "
    "is left is what the labels taught.</dd>"
)


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """What the page starts with: the metric, the limits, how many plans, and the options that the command line had.

    `cost`, `overhead` (of a click) and `options` (all that no slider moves) are words of the command line.
    """

    metric: str
    limits: Limits
    top: int = 5
    cost: tuple[str, ...] = ()
    overhead: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class MetricForecast:
    """A metric's plans and the joint draws of the measured cells; of a metric that can't be planned for, why not."""

    metric: str
    plans: Forecast | None
    cells: CellDraws | None
    why_not: str = ""


def metric_forecasts(frontiers: Frontiers, first: Forecast, options: Mapping[str, Any]) -> list[MetricForecast]:
    """`first` and, of cross-entropy, its companion raw or scaled, with the same `options` of `make_forecast`."""
    return [_metric_forecast(frontiers, metric, first, options) for metric in frontiers.tables]


def _metric_forecast(frontiers: Frontiers, metric: str, first: Forecast, options: Mapping[str, Any]) -> MetricForecast:
    results, summary = frontiers.results, frontiers.summary
    if metric == first.rows.metric:
        return MetricForecast(metric=metric, plans=first, cells=cell_draws(results, metric, summary=summary))
    try:
        plans = make_forecast(results, metric=metric, **options)
        return MetricForecast(metric=metric, plans=plans, cells=cell_draws(results, metric, summary=summary))
    except RequestError as error:
        return MetricForecast(metric=metric, plans=None, cells=None, why_not=str(error))


def plan_page(
    frontiers: Frontiers,
    found: Sequence[MetricForecast],
    request: PlanRequest,
    *,
    sweeps: Sequence[str],
    simulated: bool,
    notes: Sequence[str] = (),
) -> str:
    """The page of the plans that the results of `sweeps` give at the prices of `frontiers`, by the metrics `found`.

    Everything is inside, Plotly's script too (5 MB); it works offline and in a sandboxed frame. All names are escaped.
    """
    from plotly.offline import get_plotlyjs

    content = page_data(frontiers, found, request, sweeps=sweeps, notes=notes)
    prices, paid = frontiers.prices, pay(frontiers.wage, frontiers.fee)
    scaled = any(each.metric.startswith("scaled-") for each in found)
    return Template(template("plan.html")).substitute(
        title=escape(f"Plans from {', '.join(sweeps)}"),
        look=template("look.css"),
        style=template("plan.css"),
        simulated=f'<p class="simulated">{SIMULATED}: a program gave the answers, not people</p>' if simulated else "",
        made=escape(f"Learnt from {', '.join(sweeps)}"),
        prices=escape(f"Price list '{prices.name}', at {paid} fee. {prices.assumes}"),
        likely=f"{LIKELY:.0%}",
        level=f"{LEVEL:.0%}",
        why_matters=WHY_MATTERS,
        why_scaled=_WHY_SCALED if scaled else "",
        plotly=get_plotlyjs(),
        data=script_json(plain_values(content)),
        script="\n".join(template(name) for name in SCRIPTS),
    )


def page_data(
    frontiers: Frontiers,
    found: Sequence[MetricForecast],
    request: PlanRequest,
    *,
    sweeps: Sequence[str],
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """All that the page's script reads, as plain values."""
    prices = frontiers.prices
    cells = cell_data(frontiers.summary, prices)
    metrics = []
    for each in found:
        content: dict[str, Any] = {"plan": None, "frontier": None, "why_not": each.why_not}
        if each.plans is not None and each.cells is not None:
            content["plan"] = plan_data(each.plans, prices)
            content["frontier"] = frontier_data(each.cells, cells, each.plans.rows.sign)
        metrics.append({**metric_data(each.metric), **content})
    kinds = [kind for metric in metrics if metric["plan"] for kind in metric["plan"]["kinds"]]
    questions = price_data((cells, kinds), prices)
    return {
        "sweeps": list(sweeps),
        "metrics": metrics,
        "cells": cells,
        "weights": weights_data(
            frontiers.summary, cells, request.metric, prices, [each.metric for each in found if each.plans is not None]
        ),
        "looks": look_data(dict.fromkeys(cell["variety"] for cell in cells)),
        "prices": {
            "assumes": prices.assumes,
            "wage_floor": prices.wage_floor,
            "clicks": {
                "now": prices.interval(CLICK)[1] if CLICK in {q["question"] for q in questions} else None,
                "tried": CLICKS,
                **{name: price_list(name).interval(CLICK)[1] for name in ("measured", "thesis")},
            },
            "like": prices.name if prices.name in PRICES else None,
            "questions": questions,
            "varieties": {q["question"]: _varieties(q["question"]) for q in questions},
        },
        "start": {
            "metric": request.metric,
            **asdict(request.limits),
            "wage": frontiers.wage,
            "fee": frontiers.fee,
            "top": request.top,
        },
        "cost": list(request.cost),
        "overhead": list(request.overhead),
        "options": list(request.options),
        "level": f"{LEVEL:.0%}",
        "enough": ENOUGH,
        "likely": LIKELY,
        "ticks": ROUND_TIMES,
        "sentences": {**_sentences(found), "low_wage": _low_wage(prices)},
        "notes": list(notes),
    }


def _sentences(found: Sequence[MetricForecast]) -> dict[str, str]:
    """The sentences of plans, which plans there are filled in: the same on every metric."""
    known = next((each.plans.known for each in found if each.plans is not None), "")
    return {name: sentence.replace("{known}", known) for name, sentence in SENTENCES.items()}


def _varieties(question: str) -> list[str]:
    """The varieties that ask this question, whatever they read from the answer."""
    return [question, *(name for name in VARIETIES if name != question and question_of(name) == question)]


def _low_wage(prices: PriceList) -> str:
    return LOW_WAGE.replace("{name}", prices.name).replace("{floor}", f"{prices.wage_floor:g}")
