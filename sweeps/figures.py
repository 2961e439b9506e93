"""The frontier as a PNG; the curves' pictures are in `curves.py` and can be had from here too."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweeps.canvas import figure_with_title, plain, points, save, subtitle
from sweeps.columns import records
from sweeps.curves import cost_curve_png, items_curve_png
from sweeps.drawing import GREY, colour, cost_axis, marks, step, usd_per_second
from sweeps.recipes import VARIETIES
from sweeps.wording import coverage, dollars, hours, metric_title, metric_unit, test_set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["cost_curve_png", "frontier_figure", "frontier_png", "items_curve_png"]

_WIDE, _TALL = 7.4, 3.6  # inches of a panel
_ABOVE, _LINE = 1.95, 0.2
_LISTED = 9  # frontier cells named below a panel


def frontier_png(
    tables: Mapping[str, pd.DataFrame], path: Path, title: str, simulated: bool, *, note: str = ""
) -> None:
    """Write the picture of `frontier_figure` to `path`."""
    save(frontier_figure(tables, title, simulated, note=note), path)


def frontier_figure(tables: Mapping[str, pd.DataFrame], title: str, simulated: bool, *, note: str = "") -> "Figure":
    """A panel for each metric's frontier table: cost against value, the frontier as a line, the other cells grey.

    Bars are the intervals; a cell with one replicate has none and an open mark. Cells that were excluded are counted
    below the panel. `note` (what the prices assume) stands at the foot.
    """
    keys = {metric: _key(table) for metric, table in tables.items()}
    below = 0.95 + _LINE * max(map(len, keys.values())) + 0.35
    width, height = max(_WIDE * len(tables), 11.0), _ABOVE + _TALL + below
    figure = figure_with_title(width, height, title, simulated)
    subtitle(figure, coverage(next(iter(tables.values()))))
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    figure.subplots_adjust(left=0.75 / width, right=1 - 0.2 / width, top=1 - _ABOVE / height, bottom=below / height)
    figure.subplots_adjust(wspace=0.85 * len(tables) / (width - 0.95))
    for panel, (metric, table) in zip(panels, tables.items(), strict=True):
        _panel(panel, metric, table, keys[metric])
    there = {v for table in tables.values() for v in table.loc[table["excluded"] == "", "variety"]}
    _legends(figure, [v for v in VARIETIES if v in there] + sorted(there - set(VARIETIES)))
    figure.text(0.012, 0.12 / height, plain(note), fontsize=9, color="#444444")
    return figure


def _panel(panel: "Axes", metric: str, table: pd.DataFrame, key: Sequence[str]) -> None:
    from matplotlib.patheffects import withStroke

    cells = table[table["excluded"] == ""]
    axis = cost_axis(cells["label_seconds_total"], usd_per_second(cells))
    if axis.edge is not None:
        panel.axvspan(axis.low, axis.edge, color="#f2f2f2", zorder=0)
    best = cells[cells["on_frontier"]]
    if len(best):
        panel.plot(*step(axis, cells), color="#555555", linewidth=1.6, zorder=2)
    for (variety, on), group in cells.groupby(["variety", "on_frontier"], sort=False):
        ink = colour(str(variety)) if on else GREY
        points(panel, axis.at(group["label_seconds_total"]), group, ink, str(variety), 4 if on else 3)
    number_style: dict[str, Any] = {
        "xytext": (7, 6),
        "textcoords": "offset points",
        "fontsize": 10,
        "weight": "bold",
        "path_effects": [withStroke(linewidth=3, foreground="white")],
    }
    for number, (x, y) in enumerate(zip(axis.at(best["label_seconds_total"]), best["value"], strict=True), 1):
        panel.annotate(str(number), (x, y), zorder=6, **number_style)
    panel.set_xticks([x for x, _ in axis.ticks], [plain(words) for words in axis.words("\n")])
    panel.set_xlim(axis.low, axis.high)
    panel.margins(y=0.08)
    panel.grid(axis="y", color="#e6e6e6", linewidth=0.7)
    panel.set_axisbelow(True)
    panel.set_xlabel("What the labels cost: people's time and money", fontsize=10)
    panel.set_ylabel(metric_unit(metric), fontsize=10)
    title = f"{metric_title(metric)}\n{test_set_title(metric.split('/')[1])}"
    panel.set_title(plain(title), fontsize=11, loc="left")
    place: dict[str, Any] = {"va": "top", "fontsize": 9.5, "linespacing": 1.45}
    panel.text(0, -0.82 / _TALL, "\n".join(key), transform=panel.transAxes, **place)


def _key(table: pd.DataFrame) -> list[str]:
    """The frontier's cells by number, and how many cells could not be drawn."""
    rows = records(table[table["on_frontier"]])
    lines = ["On the frontier, where nothing that costs less does as well:" if rows else "No cell to compare yet."]
    for number, row in list(enumerate(rows, 1))[:_LISTED]:
        cost = "free" if row["free"] else f"{hours(row['label_seconds_total'])}, {dollars(row['label_usd'])}"
        lines.append(f"  {number}  {row['recipe']} ({cost}): {row['value']:.3f}")
    if len(rows) > _LISTED:
        lines.append(f"  and {len(rows) - _LISTED} more")
    if excluded := int((table["excluded"] != "").sum()):
        lines.append(f"Not drawn: {excluded} cell{'s' if excluded > 1 else ''}; the frontier's table says why.")
    return [plain(line) for line in lines]


def _legends(figure: "Figure", varieties: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    def mark(ink: str, shape: str) -> Line2D:
        return Line2D([], [], color=ink, marker=shape, linestyle="none", markersize=8)

    asked = [(mark(colour(v), marks(v)[0]), plain(VARIETIES.get(v, v))) for v in varieties]
    drawn = [
        (Line2D([], [], color="#555555"), "frontier: the best to be had for that cost or less"),
        (mark(GREY, "o"), "grey: another cell does as well or better and costs no more"),
    ]
    for line, entries in enumerate((asked, drawn)):
        if entries:
            figure.legend(
                *zip(*entries, strict=True),
                loc="upper left",
                bbox_to_anchor=(0.004, 1 - (0.66 + 0.28 * line) / figure.get_figheight()),
                ncols=len(entries),
                frameon=False,
                fontsize=10,
                columnspacing=1.4,
                handletextpad=0.4,
            )
