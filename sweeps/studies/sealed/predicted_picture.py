"""What was predicted of the sealed cells against what was seen of them, as a picture."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sweeps.results.names import in_order, metric_title, test_set_short, variety_title
from sweeps.show.drawing import colour, figure_with_title, mark_scale, marks, subtitle
from sweeps.studies.document import Picture
from sweeps.studies.sealed.judge import Judgement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL, _ABOVE, _BELOW = 4.6, 1.1, 1.0  # inches


def predicted_picture(judged: Sequence[Judgement], simulated: bool) -> Picture:
    """A panel a metric: each cell's seen mean across, the prediction of the chosen model with its 95% interval up."""
    width, height = _PANEL * len(judged), _ABOVE + _PANEL + _BELOW
    figure = figure_with_title(width, height, "Sealed cells: predicted against seen", simulated)
    subtitle(
        figure,
        "medians and 95% intervals of the model that leaving cells out had chosen; open marks are beyond what it was "
        "checked on; on the line they agree",
    )
    panels = figure.subplots(1, len(judged), squeeze=False)[0]
    figure.subplots_adjust(left=0.75 / width, right=1 - 0.2 / width, top=1 - _ABOVE / height, bottom=_BELOW / height)
    figure.subplots_adjust(wspace=0.8 * len(judged) / (width - 0.95))
    for panel, one in zip(panels, judged, strict=True):
        _panel(panel, one)
    panels[0].set_ylabel("predicted")
    there = {str(name) for one in judged for name in one.cells["variety"]}
    _legend(panels[0], in_order(there))
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return Picture(
        name="sealed",
        words="Predicted against seen, with 95% intervals, for "
        + "; ".join(f"{one.metric} ({one.default})" for one in judged),
        png=file.getvalue(),
    )


def _panel(panel: "Axes", one: Judgement) -> None:
    for (variety, inside), cells in one.cells.groupby(["variety", "inside"], sort=False):
        _points(panel, cells, one.default, str(variety), bool(inside))
    bounds = one.cells[["seen", f"{one.default} low 95", f"{one.default} high 95"]].to_numpy(dtype=float)
    ends = np.array([bounds.min(), bounds.max()]) + 0.04 * np.ptp(bounds) * np.array([-1, 1])
    panel.plot(ends, ends, color="#999999", linewidth=1, zorder=1)
    panel.set(xlim=ends, ylim=ends, aspect="equal", xlabel="seen")
    metric, _, test = one.metric.partition("/")
    panel.set_title(f"{metric_title(metric)}, {test_set_short(test)}: {one.default}", fontsize=10)


def _points(panel: "Axes", cells: pd.DataFrame, model: str, variety: str, inside: bool) -> None:
    middle, ink = cells[model].to_numpy(dtype=float), colour(variety)
    ends = cells[[f"{model} low 95", f"{model} high 95"]].to_numpy(dtype=float)
    panel.errorbar(cells["seen"], middle, yerr=np.abs(ends.T - middle), fmt="none", ecolor=ink, elinewidth=1, zorder=2)
    face = ink if inside else "white"
    size = 44 * mark_scale(variety)
    panel.scatter(cells["seen"], middle, s=size, marker=marks(variety)[0], facecolors=face, edgecolors=ink, zorder=3)


def _legend(panel: "Axes", varieties: Sequence[str]) -> None:
    """Below the first panel, for all of them."""
    for name in varieties:
        panel.scatter([], [], marker=marks(name)[0], color=colour(name), label=variety_title(name))
    panel.legend(loc="upper left", bbox_to_anchor=(0, -0.12), ncols=len(varieties), fontsize=9, frameon=False)
