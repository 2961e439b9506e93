"""The frontier as one HTML page that needs no network: pictures to point at, and a table of all cells."""

import json
from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

import numpy as np
import pandas as pd

from sweeps.frontier.banded import FrontierBands
from sweeps.frontier.frontier import Frontiers, side_by_side
from sweeps.planning.verdict import frontier_verdicts
from sweeps.results.names import (
    INTERVAL,
    SIMULATED,
    best_means,
    coverage,
    dollars,
    hours,
    in_order,
    lacking_words,
    metric_title,
    metric_unit,
    pay,
    test_set_title,
    value,
    variety_title,
)
from sweeps.results.table import plain_values, records
from sweeps.show.drawing import GREY, colour, cost_axis, mark_scale, marks, step, usd_per_second
from sweeps.show.markup import template
from sweeps.show.shades import SweepBands, chances, traces

SOFTNESS = (
    "Any soft label makes a model less sure of itself, and plain cross-entropy rewards that. One temperature, fitted "
    "after training on images with ordinary labels, does the same for nothing."
)
# Trainings of one recipe, with other seeds and people: pooled standard deviations of the recorded grid's trials.
WHY_MATTERS = (
    "  <dt>What is worth paying for</dt><dd>A gain of 0.03 or more in cross-entropy, or of 0.01 or more in "
    "cross-entropy after one temperature. That is about as much as models of one recipe differ among themselves when "
    "they are trained again with other people's answers (0.027 and 0.011 on CIFAR-10H): of less nobody would see "
    "anything in a single model. In other metrics any gain counts, in weighted ones 1.</dd>\n"
    "  <dt>A seed</dt><dd>One training of every recipe, with its own luck: where a network starts, in which order it "
    "sees the images, who is asked. Several seeds tell a recipe from its luck.</dd>\n"
)
_WHY_SCALED = (
    f"  <dt>Why two pictures</dt><dd>{SOFTNESS} The second picture gives every model that temperature first, so what "
    "is left there is what the labels taught.</dd>"
)


def frontier_page(
    found: Frontiers, *, sweep_id: str, simulated: bool, hardware: str, shades: SweepBands | None = None
) -> str:
    """The page for the frontiers of one sweep.

    `shades` are the frontiers' bands, and why some have none: the page says both. Everything is inside, Plotly's script
    too (5 MB); it works offline and in a sandboxed frame. All names are escaped.
    """
    from plotly.offline import get_plotlyjs

    tables, prices = found.tables, found.prices
    cells = side_by_side(tables)
    shades = shades or SweepBands()
    bands = shades.bands
    figures = [
        {"id": f"panel-{i}", **plotly_figure(metric, table, bands.get(metric))}
        for i, (metric, table) in enumerate(tables.items())
    ]
    likely = {metric: chances(band) for metric, band in bands.items()}
    return Template(template("frontier.html")).substitute(
        look=template("look.css"),
        title=escape(f"Frontier of {sweep_id}"),
        sweep=escape(sweep_id),
        simulated=f'<p class="simulated">{SIMULATED}: a program gave the answers, not people</p>' if simulated else "",
        coverage=escape(coverage(cells)),
        verdicts="\n".join(_verdict(found, metric) for metric in tables),
        legend="\n".join(_legend(tables, shaded=bool(bands))),
        bands="\n".join(f'<p class="quiet">{escape(line)}</p>' for line in shades.lines),
        panels="\n".join(f'<div class="panel" id="{f["id"]}"></div>' for f in figures),
        headings="".join(_headings(list(tables))),
        rows="\n".join(_row(row, list(tables), likely) for row in records(cells)),
        excluded=_excluded(tables),
        why_matters=WHY_MATTERS,
        why_scaled=_WHY_SCALED if any(metric.startswith("scaled-") for metric in tables) else "",
        interval=escape(INTERVAL),
        prices=escape(f"Price list '{prices.name}', at {pay(found.wage, found.fee)} fee. {prices.assumes}"),
        hardware=escape(f"Made by sweep {sweep_id} on {hardware}."),
        plotly=get_plotlyjs(),
        figures=script_json(figures),
    )


def plotly_figure(metric: str, table: pd.DataFrame, found: FrontierBands | None = None) -> dict[str, Any]:
    """Plotly's data and layout for one frontier table, with the bands `found`."""
    cells = table[table["excluded"] == ""]
    axis = cost_axis(cells["label_seconds_total"], usd_per_second(cells))
    data = [] if found is None else traces(axis, found)
    likely = {} if found is None else chances(found)
    if cells["on_frontier"].any():
        x, y = step(axis, cells)
        line = {"color": "#555555", "width": 2}
        data.append({"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip"})
    for (variety, on), group in cells.sort_values("on_frontier").groupby(["variety", "on_frontier"], sort=False):
        data.append(_points(axis.at(group["label_seconds_total"]), group, str(variety), bool(on), metric, likely))
    strip = {"type": "rect", "yref": "paper", "x0": axis.low, "x1": axis.edge, "y0": 0, "y1": 1, "layer": "below"}
    title = f"<b>{escape(metric_title(metric))}</b><br>{escape(test_set_title(metric.split('/')[1]))}"
    layout = {
        "title": {"text": title, "font": {"size": 15}, "x": 0, "xref": "paper", "xanchor": "left"},
        "margin": {"l": 70, "r": 10, "t": 62, "b": 78},
        "showlegend": False,
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "bgcolor": "white", "font": {"color": "#222222"}},
        "plot_bgcolor": "white",
        "shapes": [strip | {"fillcolor": "#f0f0f0", "line": {"width": 0}}] if axis.edge is not None else [],
        "xaxis": {
            "title": {"text": "What the labels cost: people's time and money"},
            "tickangle": 0,
            "tickvals": [x for x, _ in axis.ticks],
            "ticktext": axis.words("<br>"),
            "range": [axis.low, axis.high],
            "showgrid": False,
            "zeroline": False,
            "linecolor": "#888888",
            "mirror": True,
        },
        "yaxis": {
            "title": {"text": metric_unit(metric)},
            "gridcolor": "#e6e6e6",
            "zeroline": False,
            "linecolor": "#888888",
            "mirror": True,
        },
    }
    return {"data": [plain_values(trace) for trace in data], "layout": layout}


def _points(
    x: np.ndarray, group: pd.DataFrame, variety: str, on: bool, metric: str, likely: Mapping[str, str]
) -> dict[str, Any]:
    ink = colour(variety) if on else GREY
    size = round(10 * mark_scale(variety) ** 0.5)
    fill = ["white" if alone else ink for alone in group["low"].isna()]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": escape(variety_title(variety), quote=False),
        "x": x,
        "y": group["value"],
        "error_y": {
            "type": "data",
            "array": group["high"] - group["value"],
            "arrayminus": group["value"] - group["low"],
            "color": ink,
            "thickness": 1.4,
            "width": 4,
        },
        "marker": {"color": fill, "size": size, "symbol": marks(variety)[1], "line": {"color": ink, "width": 1.6}},
        "hovertext": [_hover(row, metric, likely.get(row["cell"])) for row in records(group)],
        "hoverinfo": "text",
    }


def _hover(row: Mapping[str, Any], metric: str, likely: str | None) -> str:
    interval = f"95% interval over replicates: {row['low']:.3f} to {row['high']:.3f}"
    lines = [
        f"<b>{escape(row['recipe'], quote=False)}</b>",
        f"People are asked: {escape(row['question'], quote=False)}",
        "Free" if row["free"] else f"Costs {_cost(row)}, {row['label_seconds_per_item']:.3g} s an image",
        f"{escape(metric_title(metric), quote=False)}: {row['value']:.3f}",
        "No interval: one replicate" if np.isnan(row["low"]) else interval,
        f"n = {row['n']} replicate{'' if row['n'] == 1 else 's'}" + _failed(row),
        "On the frontier" if row["on_frontier"] else "Another cell does as well or better and costs no more",
        *([] if likely is None else [f"Other seeds and people would have it there with probability {likely}"]),
    ]
    return "<br>".join(lines)


def _verdict(found: Frontiers, metric: str) -> str:
    """A metric's verdict and its best means, as a paragraph each."""
    name = f"{metric_title(metric)} ({test_set_title(metric.split('/')[1])})"
    said, means = frontier_verdicts(found)[metric].words, best_means(found.tables[metric])
    return f'<p><b>{escape(name)}.</b> {escape(said)}.</p>\n<p class="quiet">{escape(means)}</p>'


def _legend(tables: Mapping[str, pd.DataFrame], shaded: bool) -> list[str]:
    there = {v for table in tables.values() for v in table.loc[table["excluded"] == "", "variety"]}
    order = in_order(there)
    marked = [(colour(v), marks(v)[2], variety_title(v)) for v in order] + [(GREY, "●", "not on the frontier")]
    entries = [
        f'<span><span class="mark" style="color:{ink}">{mark}</span>{escape(name)}</span>' for ink, mark, name in marked
    ]
    bands = ("shade", "where the best at each cost lies"), ("shade all", "at all costs at once")
    entries += [f'<span><span class="{kind}"></span>{words}</span>' for kind, words in bands if shaded]
    return [*entries, '<span><span class="line"></span>frontier</span>']


def _headings(metrics: list[str]) -> list[str]:
    plain = ["Recipe", "What people are asked"]
    numbers = ["People's time", "Money", "Seconds an image", *map(metric_title, metrics), "n"]
    return [*(f"<th>{escape(h)}</th>" for h in plain), *(f'<th class="number">{escape(h)}</th>' for h in numbers)]


def _row(row: Mapping[str, Any], metrics: list[str], likely: Mapping[str, Mapping[str, str]]) -> str:
    each = row["label_seconds_per_item"]
    paid = [hours(row["label_seconds_total"]), dollars(row["label_usd"]), "–" if np.isnan(each) else f"{each:.3g}"]
    cells = [f"<td>{escape(row['recipe'])}</td>", f"<td>{escape(row['question'])}</td>"]
    cells += [f'<td class="number">{text}</td>' for text in (["free", "$0", "0"] if row["free"] else paid)]
    for metric in metrics:
        mean, _, interval = value(*(row[f"{name} {metric}"] for name in ("value", "low", "high"))).partition(" ")
        on = " on" if row[f"on_frontier {metric}"] else ""
        chance = likely.get(metric, {}).get(row["cell"])
        there = "" if chance is None else f"<br><small>frontier: {chance}</small>"
        cells.append(f'<td class="number{on}">{mean}<br><small>{interval or "no interval"}</small>{there}</td>')
    beaten = "" if any(row[f"on_frontier {metric}"] for metric in metrics) else ' class="beaten"'
    return f'<tr{beaten}>{"".join(cells)}<td class="number">{row["n"]}{_failed(row)}</td></tr>'


def _excluded(tables: Mapping[str, pd.DataFrame]) -> str:
    reasons = {
        f"<li>{escape(metric)}: {escape(row['recipe'])}: {escape(row['excluded'])}</li>": None
        for metric, table in tables.items()
        for row in records(table[table["excluded"] != ""])
    }
    lacking = {
        f"<li>{escape(metric)}: {escape(words)}</li>": None
        for metric, table in tables.items()
        for words in lacking_words(table)
    }
    lists = (("Not compared", reasons), ("Left out", lacking))
    return "\n".join(f"<h2>{title}</h2>\n<ul>{''.join(items)}</ul>" for title, items in lists if items)


def _cost(row: Mapping[str, Any]) -> str:
    return f"{hours(row['label_seconds_total'])} of people's time, {dollars(row['label_usd'])}"


def _failed(row: Mapping[str, Any]) -> str:
    return f" (and {row['n_failed']} failed)" if row["n_failed"] else ""


def script_json(item: Any) -> str:
    """`item` as JSON that can't end the script element it stands in."""
    text = json.dumps(item, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
