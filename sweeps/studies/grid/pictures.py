"""The pictures of the report on the grid."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from softcore.prices.read import usd
from sweeps.results.names import metric_title, metric_unit, test_set_short, variety_title
from sweeps.show.drawing import (
    CostAxis,
    colour,
    cost_axis,
    escape_dollars,
    figure_with_title,
    marks,
    png_bytes,
    subtitle,
)
from sweeps.studies.grid.panel_bands import BEST, LEVEL, SEEDS_BEST

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweeps.studies.grid.frontiers import MetricFrontiers
    from sweeps.studies.grid.panel_bands import BothWays

INK, MISS, QUIET = "#0055a4", "#d62728", "#8a8a8a"


def panels_png(together: Sequence["BothWays"], simulated: bool) -> bytes:
    """A panel for each metric: the band from A, the best on B at each cost, the interval over seeds alone."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    rows = -(-len(together) // 2)
    figure = figure_with_title(12.5, 1.2 + 3.6 * rows, "Bands from panels A, values of panels B", simulated)
    subtitle(figure, "The best purchase at eight fixed costs, all questions together; other people, the same seeds")
    boxes = figure.subplots(rows, 2, squeeze=False)
    height = figure.get_figheight()
    figure.subplots_adjust(left=0.07, right=0.985, top=1 - 1.35 / height, bottom=0.75 / height, hspace=0.55, wspace=0.2)
    for box, one in zip(boxes.flat, together, strict=False):
        _bands_against_values(box, one)
    for box in boxes.flat[len(together) :]:
        box.set_axis_off()
    handles = [
        Patch(color=INK, alpha=0.22, label=f"{LEVEL:.0%} band from A for the best on B"),
        Line2D([], [], color=INK, marker="o", linestyle="none", label="best on B, covered"),
        Line2D([], [], color=MISS, marker="X", linestyle="none", label="not covered"),
        Line2D([], [], color=QUIET, label="over A's seeds only (t)"),
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.004, 1 - 0.62 / height), ncols=4, frameon=False)
    return png_bytes(figure)


def _bands_against_values(box: "Axes", one: "BothWays") -> None:
    way = next(iter(one.ways.values()))
    axis = cost_axis(way.costs, usd(1.0))
    x, held, seeds = axis.at(way.costs), way.held[BEST], way.held[SEEDS_BEST]
    box.vlines(x, *held.intervals.T, color=INK, alpha=0.25, linewidth=11)
    box.vlines(x + 0.025 * (axis.high - axis.low), *seeds.intervals.T, color=QUIET, linewidth=2)
    hit = held.covered
    box.scatter(x[hit], held.values[hit], color=INK, s=34, zorder=4)
    box.scatter(x[~hit], held.values[~hit], color=MISS, marker="X", s=46, zorder=4)
    finish(box, axis, one.metric)


def finish(box: "Axes", axis: CostAxis, metric: str) -> None:
    """Title, ticks and labels of a panel over costs."""
    box.set_xticks([x for x, _ in axis.ticks], [escape_dollars(text) for text in axis.words("\n")])
    box.set_xlim(axis.low, axis.high)
    box.grid(axis="y", color="#e6e6e6", linewidth=0.7)
    box.set_axisbelow(True)
    box.set_ylabel(metric_unit(metric), fontsize=9)
    title = f"{metric_title(metric)}, {test_set_short(metric.split('/')[1])}"
    box.set_title(escape_dollars(title), fontsize=10.5, loc="left")


def frontiers_png(found: Sequence["MetricFrontiers"], name: str, simulated: bool) -> bytes:
    """A row for each metric: the bands of each question alone, beside the band of all questions together."""
    from matplotlib.lines import Line2D

    figure = figure_with_title(13.5, 1.2 + 3.9 * len(found), f"What labels give for what they cost: {name}", simulated)
    subtitle(
        figure, f"The best for a cost or less, {LEVEL:.0%} bands: left what each question buys, right all together"
    )
    boxes = figure.subplots(len(found), 2, squeeze=False)
    height = figure.get_figheight()
    figure.subplots_adjust(left=0.065, right=0.985, top=1 - 1.45 / height, bottom=0.7 / height, hspace=0.5, wspace=0.17)
    for (left, right), one in zip(boxes, found, strict=True):
        _each_question(left, one)
        _all_questions(right, one)
        left.sharey(right)
    asked = list(dict.fromkeys(question for one in found for question in one.alone))
    lines = [Line2D([], [], color=colour(q), linewidth=2, label=variety_title(q)) for q in asked]
    lines.append(Line2D([], [], color="#222222", linestyle="--", label="best free recipe"))
    figure.legend(handles=lines, loc="upper left", bbox_to_anchor=(0.004, 1 - 0.62 / height), ncols=8, frameon=False)
    return png_bytes(figure)


def _each_question(box: "Axes", one: "MetricFrontiers") -> None:
    cells = one.together.cells
    axis = cost_axis(cells.loc[cells["cost"] > 0, "cost"], usd(1.0))
    for question, frontier in one.purchases.items():
        band, ink = frontier.bands, colour(question)
        x = axis.at(band.budgets)
        low, high = band.pointwise.T
        box.fill_between(x, low, high, color=ink, alpha=0.13, linewidth=0, step="post")
        box.step(x, band.best, color=ink, linewidth=1.6, where="post")
    _free_line(box, one)
    finish(box, axis, one.metric)


def _all_questions(box: "Axes", one: "MetricFrontiers") -> None:
    cells, band = one.curve.cells, one.curve.bands
    paid = cells[cells["cost"] > 0]
    axis = cost_axis(paid["cost"], usd(1.0))
    x = axis.at(band.budgets)
    for edges, depth in ((band.simultaneous, 0.18), (band.pointwise, 0.3)):
        low, high = edges.T
        box.fill_between(x, low, high, color=QUIET, alpha=depth, linewidth=0, step="post")
    box.step(x, band.best, color="#444444", linewidth=1.6, where="post")
    for variety, group in paid.groupby("variety", sort=False):
        at, value = axis.at(group["cost"]), group["value"].to_numpy()
        bars = abs(group[["low", "high"]].to_numpy().T - value)
        ink = colour(str(variety))
        box.errorbar(at, value, yerr=bars, fmt="none", ecolor=ink, elinewidth=0.8, alpha=0.6, zorder=3)
        box.scatter(at, value, color=ink, marker=marks(str(variety))[0], s=26, zorder=4)
    _free_line(box, one)
    finish(box, axis, one.metric)


def _free_line(box: "Axes", one: "MetricFrontiers") -> None:
    if one.best_free is not None:
        box.axhline(one.best_free["value"], color="#222222", linestyle="--", linewidth=1.1)
