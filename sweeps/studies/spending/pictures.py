"""The pictures of the report on spending clicks on test labels."""

from typing import TYPE_CHECKING

from sweeps.results.names import metric_words
from sweeps.show.drawing import escape_dollars, figure_with_title, png_bytes, subtitle
from sweeps.studies.spending.choosing import Choices
from sweeps.studies.spending.rounds import RANDOM, TRUTH, Rounds
from sweeps.studies.spending.splitting import Splits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INKS = ("#0055a4", "#d95f02", "#1b9e77", "#7570b3", "#8a8a8a")


def choices_png(found: Choices, simulated: bool) -> bytes:
    """A panel for each gap: how often the better model is chosen against clicks, a line for clicks an image."""
    gaps = list(dict.fromkeys(found.right["gap"]))
    figure = figure_with_title(
        4.3 * len(gaps) + 0.4, 4.6, "Choosing the better of two models by test clicks", simulated
    )
    subtitle(
        figure, f"{metric_words(found.metric)}; lines are means over pairs of models, shades hold four pairs of five"
    )
    panels = figure.subplots(1, len(gaps), sharey=True, squeeze=False)[0]
    figure.subplots_adjust(left=0.07, right=0.985, top=0.76, bottom=0.15, wspace=0.08)
    for panel, gap in zip(panels, gaps, strict=True):
        rows = found.right[found.right["gap"] == gap]
        for ink, (each, line) in zip(INKS, rows.groupby("each"), strict=False):
            label = f"{each} click{'' if each == 1 else 's'} an image"
            panel.plot(line["clicks"], line["mean"], color=ink, marker="o", markersize=3.5, label=label)
            panel.fill_between(line["clicks"], line["low"], line["high"], color=ink, alpha=0.13, linewidth=0)
        panel.set_title(f"apart by {gap} ({rows['pairs'].iloc[0]} pairs)", fontsize=10, loc="left")
        _finish(panel, "clicks on test images")
        panel.axhline(0.5, color="#8a8a8a", linewidth=0.8, linestyle=(0, (4, 3)))
    panels[0].set_ylabel("the better one is chosen", fontsize=9)
    panels[0].yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    panels[0].legend(frameon=False, fontsize=9, loc="upper left")
    return png_bytes(figure)


def splits_png(found: Splits, simulated: bool) -> bytes:
    """The true loss of the chosen model against the clicks spent in all, a line for what went into training."""
    figure = figure_with_title(8.6, 5.2, "One budget, split between training and test labels", simulated)
    subtitle(figure, f"{found.metric} of the model chosen; shades are 95% intervals over {found.seeds} seeds")
    panel = figure.subplots()
    figure.subplots_adjust(left=0.1, right=0.97, top=0.82, bottom=0.12)
    for ink, (training, line) in zip(INKS, found.chosen.groupby("training"), strict=False):
        spent = "nothing" if training == 0 else f"{training:,} clicks"
        total = line["total"].clip(lower=10)
        panel.plot(total, line["loss"], color=ink, marker="o", markersize=4, label=f"{spent} on training labels")
        panel.fill_between(total, line["low"], line["high"], color=ink, alpha=0.13, linewidth=0)
    _finish(panel, "clicks in all: on training and on test images (the leftmost point of a line: a model at random)")
    panel.set_ylabel("loss with all clicks, lower is better", fontsize=9)
    panel.legend(frameon=False, fontsize=9)
    return png_bytes(figure)


def rounds_png(found: Rounds, simulated: bool) -> bytes:
    """Accuracy gained on held-out images by round, a line for who labels."""
    figure = figure_with_title(8.6, 5.2, "Rounds of relabelling what the model gets wrong", simulated)
    subtitle(figure, f"accuracy on held-out images since the start; shades are 95% intervals over {found.seeds} seeds")
    panel = figure.subplots()
    figure.subplots_adjust(left=0.1, right=0.97, top=0.82, bottom=0.12)
    for ink, (arm, line) in zip(INKS, found.progress.groupby("labels", sort=False), strict=False):
        words = {TRUTH: "errors, labelled with the truth", RANDOM: "as many at random, labelled with the truth"}
        dashes = (0, (5, 2)) if arm == RANDOM else "-"
        label = words.get(str(arm), f"errors, labelled by {arm}")
        panel.plot(line["round"], line["gain"], color=ink, marker="o", markersize=4, label=label, linestyle=dashes)
        panel.fill_between(line["round"], line["low"], line["high"], color=ink, alpha=0.12, linewidth=0)
    panel.axhline(0, color="#8a8a8a", linewidth=0.8)
    _finish(panel, "round", logarithmic=False)
    panel.set_ylabel("accuracy gained", fontsize=9)
    panel.legend(frameon=False, fontsize=9, loc="upper left")
    return png_bytes(figure)


def _finish(panel: "Axes", words: str, logarithmic: bool = True) -> None:
    if logarithmic:
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(lambda clicks, _: f"{clicks:,.0f}")
    panel.set_xlabel(escape_dollars(words), fontsize=9)
    panel.grid(color="#e9e9e9", linewidth=0.7)
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=8)
