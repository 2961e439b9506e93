"""Metrics against cost, against the number of annotators or of labelled items, as pictures."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from softcore.errors import RequestError, unknown_name
from softcore.prices.price_list import PriceList
from sweeps.frontier.frontier import frontiers, summarise
from sweeps.results.names import coverage, metric_title, metric_unit, recipes, test_set_short
from sweeps.results.table import ANSWERS, is_free, metric_columns, records, test_set_names
from sweeps.show.drawing import (
    colour,
    cost_axis,
    draw_points,
    escape_dollars,
    figure_with_title,
    marks,
    subtitle,
    usd_per_second,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def cost_curve_figure(
    results: pd.DataFrame,
    title: str,
    simulated: bool,
    *,
    metrics: Sequence[str] = (),
    cost: str | PriceList = "thesis",
    wage: float | None = None,
    fee: float | None = None,
) -> "Figure":
    """Metrics (columns) on test sets (rows) against people's time, one line a variety, free recipes as dashed levels.

    `metrics` are names without test sets, all of the results' by default. Costs are made afresh from the answers.
    Source: Collins (2022), figure 3.5.
    """
    grid = _grid(results, metrics)
    found = frontiers(results, grid[0][0], cost, wage, fee)
    priced, summary = found.tables[grid[0][0]], _with_lone_answers(found.summary)
    summary["line"] = recipes(summary, without=("annotators", "budget_hours"))
    summary["seconds"] = priced.set_index("cell")["label_seconds_total"].reindex(summary["cell"]).to_numpy()
    free = is_free(summary)
    axis = cost_axis(summary.loc[~free & (summary["n"] > 0), "seconds"], usd_per_second(priced))
    summary["x"] = axis.at(summary["seconds"])
    label = f"Across: what the labels cost: people's time and money. {found.prices.assumes}"
    figure, panels = _panels(grid, title, simulated, coverage(summary), label)
    for metric, panel in panels.items():
        _curves(panel, metric, summary, levels=free)
        panel.set_xticks([x for x, _ in axis.ticks], [escape_dollars(words) for words in axis.words("\n")])
        panel.set_xlim(axis.low, axis.high)
    _legend(figure, panels)
    return figure


def items_curve_figure(results: pd.DataFrame, title: str, simulated: bool, *, metrics: Sequence[str] = ()) -> "Figure":
    """Metrics (columns) on test sets (rows) against N', one line a variety; cells without N' are dashed levels.

    Source: Collins (2022), figure 3.6.
    """
    grid = _grid(results, metrics)
    summary = summarise(results)
    summary["line"] = recipes(summary, without=("items", "budget_hours"))
    summary["x"] = pd.to_numeric(summary["items"], errors="coerce").astype(float)
    figure, panels = _panels(grid, title, simulated, coverage(summary), "Across: N', items with human labels")
    for metric, panel in panels.items():
        _curves(panel, metric, summary, levels=summary["x"].isna())
        panel.set_xticks(sorted(summary["x"].dropna().unique()))
    _legend(figure, panels)
    return figure


def annotators_curve_figure(
    results: pd.DataFrame, title: str, simulated: bool, *, metrics: Sequence[str] = ()
) -> "Figure":
    """Metrics (columns) on test sets (rows) against M, one line a variety; cells without M are dashed levels.

    The axis of M is logarithmic. An M of "all" stands at the answers an item that were really used.
    Source: Collins (2022), figure B.3.
    """
    grid = _grid(results, metrics)
    summary = _with_lone_answers(summarise(results))
    summary["line"] = recipes(summary, without=("annotators", "budget_hours"))
    summary["x"] = _answers_an_item(summary)
    figure, panels = _panels(grid, title, simulated, coverage(summary), "Across: M, annotators an item")
    ticks = sorted(summary["x"].dropna().round(2).unique())
    for metric, panel in panels.items():
        _curves(panel, metric, summary, levels=summary["x"].isna())
        panel.set_xscale("log")
        panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        panel.set_xticks([], minor=True)
    _legend(figure, panels)
    return figure


def _answers_an_item(summary: pd.DataFrame) -> pd.Series:
    """M of each cell of a summary: its axis; where that is "all", the answers used an item; NaN for cells without."""
    used = pd.Series([row.get(f"{ANSWERS}{row['variety']}") for row in records(summary)], summary.index, dtype=float)
    named = pd.to_numeric(summary["annotators"], errors="coerce").astype(float)
    everyone = summary["annotators"].map(lambda m: isinstance(m, str))
    return named.where(~everyone, used / pd.to_numeric(summary["items"], errors="coerce").astype(float))


def _with_lone_answers(summary: pd.DataFrame) -> pd.DataFrame:
    """Cells with one answer an item have nothing to aggregate: they begin the line of each aggregation."""
    ways = summary.groupby("variety")["aggregation"].agg(lambda column: list(column.dropna().unique()) or [None])
    chosen = [
        ways[variety] if missing else [way]
        for variety, way, missing in zip(
            summary["variety"], summary["aggregation"], summary["aggregation"].isna(), strict=True
        )
    ]
    listed = summary.assign(aggregation=pd.Series(chosen, index=summary.index, dtype=object))
    return listed.explode("aggregation", ignore_index=True)


def _curves(panel: "Axes", metric: str, summary: pd.DataFrame, levels: pd.Series) -> None:
    own = {metric: "value", f"{metric} low": "low", f"{metric} high": "high"}
    table = summary[["line", "variety", "x", *own]].rename(columns=own).assign(level=levels, free=is_free(summary))
    table = table[table["value"].notna()]
    for line, unsorted in table[~table["level"]].groupby("line", sort=False):
        group = unsorted.sort_values("x", kind="stable")
        variety = str(group["variety"].iloc[0])
        style: dict[str, Any] = {"color": colour(variety), "marker": marks(variety)[0], "linewidth": 1.4}
        panel.plot(group["x"], group["value"], label=escape_dollars(str(line)), **style)
        draw_points(panel, group["x"].to_numpy(dtype=float), group, colour(variety), variety, 3)
    for row in records(table[table["level"]]):
        style = {"color": colour(str(row["variety"])), "linestyle": "--", "linewidth": 1.2}
        panel.axhline(row["value"], label=escape_dollars(f"{row['line']}{' (free)' if row['free'] else ''}"), **style)
        if row["low"] == row["low"]:  # NaN with one replicate
            panel.axhspan(row["low"], row["high"], color=style["color"], alpha=0.1, linewidth=0)
    short = test_set_short(metric.split("/")[1])
    panel.set_title(escape_dollars(f"{metric_title(metric)}\n{short}"), fontsize=10, loc="left")
    panel.set_ylabel(metric_unit(metric), fontsize=9)
    panel.grid(color="#e9e9e9", linewidth=0.7)
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=8)


def _grid(results: pd.DataFrame, metrics: Sequence[str]) -> list[list[str]]:
    """Metric columns, a list a test set."""
    there = metric_columns(results)
    names = list(dict.fromkeys(column.split("/")[0] for column in there))
    if not there:
        raise RequestError("nothing to draw: the results have no metric yet")
    for name in metrics:
        if name not in names:
            raise unknown_name("metric", name, names)
    rows = [
        [f"{name}/{test}" for name in metrics or names if f"{name}/{test}" in there] for test in test_set_names(results)
    ]
    return [row for row in rows if row]


def _panels(
    grid: list[list[str]], title: str, simulated: bool, words: str, label: str
) -> tuple["Figure", dict[str, "Axes"]]:
    wide, tall = max(map(len, grid)), len(grid)
    width, height = max(3.7 * wide + 0.5, 9.0), 3.0 * tall + 2.3
    figure = figure_with_title(width, height, title, simulated)
    subtitle(figure, words)
    axes = figure.subplots(tall, wide, squeeze=False)
    figure.subplots_adjust(left=0.75 / width, right=1 - 0.2 / width, top=1 - 1.2 / height, bottom=1.6 / height)
    figure.subplots_adjust(wspace=0.3, hspace=0.5)
    figure.text(0.012, 1.05 / height, escape_dollars(label), fontsize=10)
    panels: dict[str, Axes] = {}
    for row, names in zip(axes, grid, strict=True):
        panels |= dict(zip(names, row, strict=False))
        for spare in row[len(names) :]:
            spare.set_axis_off()
    return figure, panels


def _legend(figure: "Figure", panels: Mapping[str, "Axes"]) -> None:
    entries: dict[str, Artist] = {}
    for panel in panels.values():
        handles, labels = panel.get_legend_handles_labels()
        entries |= {label: handle for label, handle in zip(labels, handles, strict=True) if label not in entries}
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.004, 1.0 / figure.get_figheight())}
    figure.legend(list(entries.values()), list(entries), ncols=4, frameon=False, fontsize=9, **place)
