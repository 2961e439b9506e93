"""How one person's answer becomes four soft labels: the thesis's figure 3.2."""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from sweeps.results.names import variety_title
from sweeps.show.drawing import colour, figure_with_title, subtitle
from sweeps.studies.thesis.figures.examples import FOUR, GAMMA, telling_answer
from sweeps.studies.thesis.figures.label_panels import (
    BAR,
    BY_HAND,
    GREY,
    HEAD,
    IMAGE,
    LEFT,
    NAMES,
    axes_at,
    bars,
    bars_shown,
    caption,
    caption_height,
    caption_lines,
    faded,
    frame_panel,
    legend_at,
    named_image,
    text_at,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMN, _LABELS = 2.55, 3.2  # inches across of a label's panel; inches left of the labels
_BARS = HEAD + 0.8  # inches above the bars
_LINE = 0.21  # inches down of a line of the answer
_LISTED = 9  # classes ruled out that are named
_CHOSEN = (
    "Chosen: of the answers that name two classes, rule others out and leave something to spread and a class to take "
    "it, the one whose four labels differ most from each other."
)
_RULES = {
    "t1-uniform": "first class; the rest\nevenly over all others",
    "t1-clamp": "first class; the rest over\nwhat is not ruled out",
    "t2-uniform": "both classes; the rest\nevenly over all others",
    "t2-clamp": "both classes; the rest over\nwhat is not ruled out",
}


def construction_figure(dataset: Dataset, items: Sequence[int] = ()) -> "Figure":
    """One answer in words beside its image, and the four soft labels that are made of it (gamma 0.1).

    Strong bars are what the person stated, faint ones what the rule spread. `items` (one at most) names the image;
    without it the answer is the one whose four labels differ most. Raises RequestError for more items, for one that
    nobody answered, and where people were asked for clicks only. Source: Collins (2022), figure 3.2.
    """
    if len(items) > 1:
        raise RequestError(f"figure 3.2 shows one answer about one item; {len(items)} items were given")
    answer, labels = telling_answer(dataset, items)
    names, shown, kept = bars_shown(dataset.classes, labels)
    left, tall = _LABELS + NAMES, len(names) * BAR
    width = left + _COLUMN * len(FOUR)
    lines = caption_lines(_caption(answer, chosen_by_hand=bool(items)), width)
    said = [part for line in answer_words(answer, dataset.classes) for part in wrap(line, 32, subsequent_indent="   ")]
    below = max(_BARS + tall + 0.75, HEAD + IMAGE + 1.1 + _LINE * len(said))
    height = below + caption_height(lines)
    figure = figure_with_title(width, height, "How one person's answer becomes a soft label", dataset.simulated)
    subtitle(figure, f"Thesis figure 3.2, drawn from {dataset.title}")
    named_image(figure, dataset, int(answer["item"]), LEFT, HEAD)
    text_at(figure, LEFT, HEAD + IMAGE + 0.6, "One person said:", size=10.5, weight="bold")
    text_at(figure, LEFT, HEAD + IMAGE + 0.87, "\n".join(said), linespacing=1.4)
    for place, (variety, masses) in enumerate(zip(FOUR, shown, strict=True)):
        x = left + _COLUMN * place
        text_at(figure, x, HEAD, f"{'ABCD'[place]}  {variety_title(variety)}", size=11.5, weight="bold")
        text_at(figure, x, HEAD + 0.27, _RULES[variety], size=9, color=GREY)
        panel = axes_at(figure, x, _BARS, _COLUMN - 0.3, tall)
        rows, stated = np.arange(len(names)), np.isin(kept, _stated(answer, variety))
        bars(panel, rows[stated], masses[stated], 0.7, colour(variety))
        bars(panel, rows[~stated], masses[~stated], 0.7, colour(variety), faint=True)
        if variety.endswith("clamp"):
            ruled_out = rows[np.isin(kept, answer["impossible"])]
            panel.plot(np.full(len(ruled_out), 0.035), ruled_out, "x", color="#777777", markersize=5)
        frame_panel(panel, names if place == 0 else [""] * len(names))
    _legend(figure, left, _BARS + tall + 0.45)
    caption(figure, lines)
    return figure


def answer_words(answer: pd.Series, classes: Sequence[str]) -> list[str]:
    """What a person said, a line each: the classes with their probabilities, what is ruled out, what is left over.

    More than nine classes ruled out are counted, not named.
    """
    stated = [("most likely", answer["top1"], float(answer["p1"]))]
    if answer["top2"] >= 0:
        stated.append(("second", answer["top2"], float(answer["p2"])))
    lines = [f"{rank}: {classes[k]}, {_percent(p)}" for rank, k, p in stated]
    if len(stated) == 1:
        lines.append("second: none")
    ruled_out = [classes[k] for k in answer["impossible"]]
    many = f"{len(ruled_out)} of {len(classes)} classes"
    lines.append(f"definitely not: {(many if len(ruled_out) > _LISTED else ', '.join(ruled_out)) or 'nothing ticked'}")
    total = sum(p for _, _, p in stated)
    over = f"in all {_percent(total)}: scaled to 100%" if total > 1 + 1e-9 else f"left over: {_percent(1 - total)}"
    return [*lines, over]


def _caption(answer: pd.Series, chosen_by_hand: bool) -> str:
    return (
        "T1 labels use the first class only, T2 labels the second too. Uniform spreads what the stated probabilities "
        "leave of 100% over all other classes, Clamp only over those that are not ruled out; where they leave nothing, "
        f"Clamp keeps gamma = {GAMMA:g} for these, and where none is left to take it the stated classes are scaled up. "
        + (BY_HAND if chosen_by_hand else _CHOSEN)
        + f" It is annotator {answer['annotator']}'s."
    )


def _legend(figure: "Figure", left: float, top: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries = [
        (Patch(color=GREY), "stated by the person"),
        (Patch(color=faded(GREY)), "spread by the rule"),
        (Line2D([], [], color="#777777", marker="x", linestyle="none"), "ruled out: “definitely not”"),
    ]
    legend_at(figure, entries, left, top)


def _stated(answer: pd.Series, variety: str) -> list[int]:
    """The classes that a variety takes from the answer."""
    return [answer["top1"]] if variety.startswith("t1") or answer["top2"] < 0 else [answer["top1"], answer["top2"]]


def _percent(share: float) -> str:
    return f"{100 * share:.4g}%"
