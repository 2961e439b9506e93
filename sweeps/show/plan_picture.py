"""The picture of the page of plans as it is before anything is moved: a PNG for those who can't open the page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweeps.frontier.banded import CellDraws, FrontierBands, bands_at_each_cost
from sweeps.frontier.frontier import Frontiers
from sweeps.frontier.pricing import non_dominated
from sweeps.planning.advise import advice
from sweeps.planning.plan import Advice
from sweeps.results.names import dollars
from sweeps.running.store import write_bytes, write_text
from sweeps.show.drawing import LIKELY, CostAxis, cost_axis, escape_dollars, png_bytes, usd_per_second
from sweeps.show.frontier_png import WIDE, frontier_figure
from sweeps.show.plan_page import MetricForecast, PlanRequest, plan_page
from sweeps.sources import Source

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RED = "#b00020"
_PAPER = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2}  # behind words that lie on marks
_GREY = f"on the frontier with a probability below {LIKELY:g}"


def plan_figure(
    frontiers: Frontiers,
    draws: Mapping[str, CellDraws],
    first_plans: Mapping[str, Advice],
    *,
    budget_usd: float | None,
    simulated: bool,
) -> "Figure":
    """A panel for each metric of `draws`: best guesses with intervals, bands, the budget, the first of its plans.

    `first_plans` has what to do about the budget, by metric.
    """
    bands = {metric: bands_at_each_cost(drawn, frontiers.prices) for metric, drawn in draws.items()}
    tables = {metric: best_guesses(frontiers.tables[metric], found) for metric, found in bands.items()}
    level = f"{next(iter(bands.values())).level:.0%}"
    figure = frontier_figure(
        tables,
        "What to buy for a budget",
        simulated,
        bands=bands,
        covered=f"Best guesses with {level} intervals; dotted where the dearer point ties with the cheaper one.",
        grey=_GREY,
        note=fill(f"Intervals and bands are {next(iter(bands.values())).covers}. {frontiers.prices.assumes}", WIDE),
    )
    for panel, (metric, table) in zip(figure.axes, tables.items(), strict=True):
        cells = table[table["excluded"] == ""]
        axis = cost_axis(cells["label_seconds_total"], usd_per_second(cells))
        _budget(panel, axis, budget_usd)
        if metric in first_plans and first_plans[metric].plans:
            _plan(panel, axis, first_plans[metric])
    return figure


def best_guesses(table: pd.DataFrame, found: FrontierBands) -> pd.DataFrame:
    """A frontier table with the best guesses and intervals of `found` in place of means; their frontier is the line.

    `coloured` says which cells may well be on the frontier, `tied` which of its points tie with the cheaper one before.
    """
    known = found.table().set_index("cell").reindex(table["cell"])
    shown = table.copy()
    for name in ("value", "low", "high"):
        shown[name] = known[name].to_numpy()
    shown["coloured"] = (known["on_frontier"] >= LIKELY).to_numpy()
    shown["on_frontier"] = False
    shown["tied"] = shown["cell"].isin([step.dearer for step in found.steps if step.tie])
    there = ((shown["excluded"] == "") & shown["value"].notna()).to_numpy()
    sign = 1.0 if found.lower_is_better else -1.0
    cost, value = (shown.loc[there, name].to_numpy(dtype=float) for name in ("label_seconds_total", "value"))
    shown.loc[there, "on_frontier"] = non_dominated(cost, sign * value)
    return shown


def _budget(panel: "Axes", axis: CostAxis, budget_usd: float | None) -> None:
    if budget_usd is None or not axis.usd_per_second:
        return
    x = float(np.clip(np.log10(budget_usd / axis.usd_per_second), axis.low, axis.high))
    panel.axvline(x, color=_RED, linestyle="--", linewidth=1.3, zorder=3)
    # Along the line: above the panel it would meet a long title.
    style: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": 9.5, "color": _RED, "rotation": 90, "zorder": 8}
    style["bbox"] = _PAPER
    panel.text(x, 0.02, escape_dollars(f"budget {dollars(budget_usd)}"), transform=panel.get_xaxis_transform(), **style)


def _plan(panel: "Axes", axis: CostAxis, advised: Advice) -> None:
    """A star at what the plan to buy, else the first, costs and is predicted to give, and its 80% interval."""
    plan = advised.plan or advised.plans[0]
    x, (low, high) = float(axis.at([3600 * plan.hours[1]])[0]), plan.interval_80
    bar = [[plan.predicted - low], [high - plan.predicted]]
    style: dict[str, Any] = {"fmt": "*", "color": _RED, "markersize": 15, "markeredgecolor": "white", "capsize": 4}
    panel.errorbar([x], [plan.predicted], yerr=bar, zorder=7, **style)
    panel.set_xlim(axis.low, max(axis.high, x + 0.05))
    words = (
        f"★ {advised.verdict}: {plan.recipe}, {plan.money}\npredicted {plan.predicted:.3f}, 80% {low:.3f} to {high:.3f}"
    )
    place: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 9.5, "color": _RED, "zorder": 8}
    place["bbox"] = _PAPER
    panel.text(0.99, 0.985, escape_dollars(words), transform=panel.transAxes, **place)


def write_plan_page(
    path: Path,
    frontiers: Frontiers,
    found: Sequence[MetricForecast],
    request: PlanRequest,
    sources: Sequence[Source],
    notes: Sequence[str] = (),
) -> list[Path]:
    """Write the page to `path` and the picture beside it (`.png`); the paths of both."""
    names, simulated = [source.name for source in sources], any(source.simulated for source in sources)
    write_text(path, plan_page(frontiers, found, request, sweeps=names, simulated=simulated, notes=notes))
    figure = plan_figure(
        frontiers,
        {each.metric: each.cells for each in found if each.cells is not None},
        advice_of_each(frontiers, found, request),
        budget_usd=request.limits.budget_usd,
        simulated=simulated,
    )
    write_bytes(path.with_suffix(".png"), png_bytes(figure))
    return [path, path.with_suffix(".png")]


def advice_of_each(frontiers: Frontiers, found: Sequence[MetricForecast], request: PlanRequest) -> dict[str, Advice]:
    """What `sweeps plan` says to the request, by metric, as far as each can be planned for."""
    money: dict[str, Any] = {"prices": frontiers.prices, "wage": frontiers.wage, "fee": frontiers.fee}
    return {each.metric: advice(each.plans, request.limits, **money) for each in found if each.plans is not None}
