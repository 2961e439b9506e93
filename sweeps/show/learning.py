"""Learning curves of a sweep's cells as a picture."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from sweeps.results.names import in_order, metric_title, metric_unit, replicates_words
from sweeps.results.table import records
from sweeps.show.drawing import colour, escape_dollars, figure_with_title, subtitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSS = "training_loss"
SHOWN = (LOSS, "ce", "scaled-ce", "accuracy")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))  # of the cells of one variety, in turn
FEW = 8  # cells whose shades can be told apart; those of more are fainter
COLUMNS = 3  # of the legend


def learning_curves_figure(curves: pd.DataFrame, title: str, simulated: bool) -> "Figure":
    """Training loss and scores on validation images against epochs, one line a cell: the mean over its replicates.

    `curves` are those of `Sweep.curves`. The shade of a line is one standard deviation over replicates either way; a
    cell with one replicate has none. Scores that no trial has are left out.
    """
    shown = [name for name in SHOWN if curves[name].notna().any()]
    varieties = in_order(curves["variety"])
    cells = curves.drop_duplicates("cell").sort_values("variety", key=lambda v: v.map(varieties.index), kind="stable")
    lines = -(-len(cells) // COLUMNS)
    width, height = 11.0, 7.4 + 0.2 * lines
    figure = figure_with_title(width, height, title, simulated)
    subtitle(figure, _words(curves))
    panels = figure.subplots(2, 2, squeeze=False).ravel()
    figure.subplots_adjust(left=0.065, right=0.985, top=1 - 1.15 / height, bottom=(0.75 + 0.2 * lines) / height)
    figure.subplots_adjust(hspace=0.32, wspace=0.17)
    turn = cells.groupby("variety").cumcount() % len(DASHES)
    for panel, name in zip(panels, shown, strict=False):
        for cell, k in zip(records(cells), turn, strict=True):
            style = {"color": colour(cell["variety"]), "linestyle": DASHES[k], "label": escape_dollars(cell["recipe"])}
            _draw(panel, curves.loc[curves["cell"] == cell["cell"], ["epoch", name]], style, alpha=_shade(len(cells)))
        panel.set_title("Training loss" if name == LOSS else metric_title(name), fontsize=10, loc="left")
        panel.set_ylabel("nats, lower is better" if name == LOSS else metric_unit(name), fontsize=9)
        panel.set_xlabel("epochs", fontsize=9)
        panel.grid(color="#e9e9e9", linewidth=0.7)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=8)
        panel.xaxis.get_major_locator().set_params(integer=True)
    for spare in panels[len(shown) :]:
        spare.set_axis_off()
    entries: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.05, 0.0), "handlelength": 3.4}
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=COLUMNS, frameon=False, fontsize=9, **entries)
    return figure


def _words(curves: pd.DataFrame) -> str:
    trials = curves.groupby("cell")["trial"].nunique().rename("n").to_frame()
    words = f"{replicates_words(trials)}: lines are means"
    if (trials["n"] > 1).any():
        words += ", shades one standard deviation over replicates either way"
    return f"{words}. Scores are on the labels of {curves['validation_images'].max():.0f} validation images."


def _shade(cells: int) -> float:
    return 0.16 * min(1.0, FEW / cells)


def _draw(panel: "Axes", points: pd.DataFrame, style: dict[str, Any], alpha: float) -> None:
    """One cell's mean by epoch, and its spread where it has one."""
    by_epoch = points.groupby("epoch").agg(["mean", "std"]).droplevel(0, axis=1)
    mean, spread = by_epoch["mean"].to_numpy(), by_epoch["std"].to_numpy()
    panel.plot(by_epoch.index, mean, linewidth=1.4, marker="." if len(mean) == 1 else None, **style)
    panel.fill_between(by_epoch.index, mean - spread, mean + spread, color=style["color"], alpha=alpha, linewidth=0)
