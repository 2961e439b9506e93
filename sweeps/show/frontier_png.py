"""The frontier as a PNG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweeps.results.names import (
    coverage,
    dollars,
    hours,
    in_order,
    metric_title,
    metric_unit,
    test_set_title,
    variety_title,
)
from sweeps.results.table import records
from sweeps.show.drawing import (
    BAND,
    GREY,
    SHADE,
    SHADE_ALL,
    CostAxis,
    colour,
    cost_axis,
    draw_points,
    escape_dollars,
    figure_with_title,
    marks,
    png_bytes,
    segments,
    shade_corners,
    subtitle,
    usd_per_second,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sweeps.frontier.banded import FrontierBands

_WIDE, _TALL = 7.4, 3.6  # inches of a panel
_ABOVE, _LINE = 1.95, 0.2
WIDE = 165  # characters of a line below the panels
_TITLE = 68  # characters of a line of a panel's title
_LISTED = 9  # frontier cells named below a panel


def frontier_png(
    tables: Mapping[str, pd.DataFrame],
    path: Path,
    title: str,
    simulated: bool,
    *,
    note: str = "",
    bands: Mapping[str, "FrontierBands"] | None = None,
) -> None:
    """Write the picture of `frontier_figure` to `path`."""
    path.write_bytes(png_bytes(frontier_figure(tables, title, simulated, note=note, bands=bands)))


def frontier_figure(
    tables: Mapping[str, pd.DataFrame],
    title: str,
    simulated: bool,
    *,
    note: str = "",
    bands: Mapping[str, "FrontierBands"] | None = None,
    covered: str = "",
    grey: str = "another cell does as well or better and costs no more",
) -> "Figure":
    """A panel for each metric's frontier table: cost against value, the frontier as a line, the other cells grey.

    Bars are the intervals; a cell with one replicate has none and an open mark. Cells that were excluded are counted
    below the panel. `bands` shade where the best value at each cost lies, for the metrics that have them. `covered`
    says what the intervals are over (by default that of the table's), `grey` what a grey mark is; a table's column
    `coloured`, where it has one, says which are not, `tied` which points tie with the cheaper one before. `note` (what
    the prices assume) stands at the foot.
    """
    bands = bands or {}
    keys = {metric: _key(table) for metric, table in tables.items()}
    below = 0.95 + _LINE * max(map(len, keys.values())) + 0.35 + _LINE * note.count("\n")
    titles = {metric: _panel_title(metric) for metric in tables}
    above = _ABOVE + _LINE * (max(title.count("\n") for title in titles.values()) - 1)
    width, height = max(_WIDE * len(tables), 11.0), above + _TALL + below
    figure = figure_with_title(width, height, title, simulated)
    subtitle(figure, covered or coverage(next(iter(tables.values()))))
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    figure.subplots_adjust(left=0.75 / width, right=1 - 0.2 / width, top=1 - above / height, bottom=below / height)
    figure.subplots_adjust(wspace=0.85 * len(tables) / (width - 0.95))
    for panel, (metric, table) in zip(panels, tables.items(), strict=True):
        _panel(panel, metric, table, keys[metric], bands.get(metric))
        panel.set_title(escape_dollars(titles[metric]), fontsize=11, loc="left")
    there = {v for table in tables.values() for v in table.loc[table["excluded"] == "", "variety"]}
    _legends(figure, in_order(there), grey, bands)
    figure.text(0.012, 0.12 / height, escape_dollars(note), fontsize=9, color="#444444")
    return figure


def _panel_title(metric: str) -> str:
    """The metric and its test set, or the parts of a weighted one, in lines that are as long as a panel is wide."""
    return f"{metric_title(metric)}\n{fill(test_set_title(metric.split('/')[1]), _TITLE)}"


def _panel(panel: "Axes", metric: str, table: pd.DataFrame, key: Sequence[str], found: "FrontierBands | None") -> None:
    from matplotlib.patheffects import withStroke

    cells = table[table["excluded"] == ""]
    axis = cost_axis(cells["label_seconds_total"], usd_per_second(cells))
    if axis.edge is not None:
        panel.axvspan(axis.low, axis.edge, color="#f2f2f2", zorder=0)
    if found is not None:
        _shade(panel, axis, found)
    best = cells[cells["on_frontier"]]
    for x, y, tied in segments(axis, cells):
        panel.plot(x, y, color="#555555", linewidth=1.6, linestyle=":" if tied else "-", zorder=2)
    coloured = "coloured" if "coloured" in cells else "on_frontier"
    for (variety, on), group in cells.groupby(["variety", coloured], sort=False):
        ink = colour(str(variety)) if on else GREY
        draw_points(panel, axis.at(group["label_seconds_total"]), group, ink, str(variety), 4 if on else 3)
    number_style: dict[str, Any] = {
        "xytext": (7, 6),
        "textcoords": "offset points",
        "fontsize": 10,
        "weight": "bold",
        "path_effects": [withStroke(linewidth=3, foreground="white")],
    }
    for number, (x, y) in enumerate(zip(axis.at(best["label_seconds_total"]), best["value"], strict=True), 1):
        panel.annotate(str(number), (x, y), zorder=6, **number_style)
    panel.set_xticks([x for x, _ in axis.ticks], [escape_dollars(words) for words in axis.words("\n")])
    panel.set_xlim(axis.low, axis.high)
    panel.margins(y=0.08)
    panel.grid(axis="y", color="#e6e6e6", linewidth=0.7)
    panel.set_axisbelow(True)
    panel.set_xlabel("What the labels cost: people's time and money", fontsize=10)
    panel.set_ylabel(metric_unit(metric), fontsize=10)
    place: dict[str, Any] = {"va": "top", "fontsize": 9.5, "linespacing": 1.45}
    panel.text(0, -0.82 / _TALL, "\n".join(key), transform=panel.transAxes, **place)


def _shade(panel: "Axes", axis: CostAxis, found: "FrontierBands") -> None:
    shade = shade_corners(axis, found)
    for ends, alpha in ((shade.all_at_once, SHADE_ALL), (shade.each, SHADE)):
        panel.fill_between(shade.x, *ends.T, color=BAND, alpha=alpha, linewidth=0, zorder=1)


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
    return [escape_dollars(line) for line in lines]


def _legends(figure: "Figure", varieties: Sequence[str], grey: str, bands: Mapping[str, "FrontierBands"]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def mark(ink: str, shape: str) -> Line2D:
        return Line2D([], [], color=ink, marker=shape, linestyle="none", markersize=8)

    asked: list[tuple[Artist, str]] = [
        (mark(colour(v), marks(v)[0]), escape_dollars(variety_title(v))) for v in varieties
    ]
    drawn: list[tuple[Artist, str]] = [
        (Line2D([], [], color="#555555"), "frontier: the best to be had for that cost or less"),
        (mark(GREY, "o"), f"grey: {grey}"),
    ]
    level = f"{max(found.level for found in bands.values()):.0%}" if bands else ""
    shaded: list[tuple[Artist, str]] = [
        (Patch(color=BAND, alpha=SHADE + SHADE_ALL, linewidth=0), f"where the best at each cost lies ({level})"),
        (Patch(color=BAND, alpha=SHADE_ALL, linewidth=0), "the same at all costs at once"),
    ]
    for line, entries in enumerate((asked, drawn, shaded if bands else [])):
        if entries:
            figure.legend(
                *zip(*entries, strict=True),
                loc="upper left",
                bbox_to_anchor=(0.004, 1 - (0.66 + 0.28 * line) / figure.get_figheight()),
                ncols=len(entries),
                frameon=False,
                fontsize=10 if len(entries) < 12 else 9,
                columnspacing=1.4 if len(entries) < 12 else 1.1,
                handletextpad=0.4,
            )
