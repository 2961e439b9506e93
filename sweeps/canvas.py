"""What all PNGs share: title, warning, points with their intervals. Matplotlib without pyplot, so no global state."""

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweeps.drawing import enlarged, marks
from sweeps.results.names import SIMULATED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure_with_title(width: float, height: float, title: str, simulated: bool) -> "Figure":
    """An empty figure of `width` x `height` inches with its title, and the warning if answers were simulated."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110)
    top = 1 - 0.16 / height
    figure.text(0.012, top, plain(title), fontsize=14, weight="bold", va="top")
    if simulated:
        box = {"facecolor": "#b00020", "edgecolor": "none", "boxstyle": "round,pad=0.35"}
        words: dict[str, Any] = {"fontsize": 12, "weight": "bold", "color": "white", "va": "top", "ha": "right"}
        figure.text(1 - 0.2 / width, top, SIMULATED, bbox=box, **words)
    return figure


def subtitle(figure: "Figure", words: str) -> None:
    """A line of `words` below the title."""
    figure.text(0.012, 1 - 0.48 / figure.get_figheight(), plain(words), fontsize=10.5, color="#444444", va="top")


def points(panel: "Axes", x: np.ndarray, table: pd.DataFrame, ink: str, variety: str, layer: float) -> None:
    """Points at `x` [n] and `value` with bars from `low` to `high`; open marks where there is no interval."""
    spread = table[["low", "high"]].to_numpy(dtype=float)
    value = table["value"].to_numpy(dtype=float)
    lone = np.isnan(spread).any(axis=1)
    bars = np.abs(spread[~lone].T - value[~lone])
    style: dict[str, Any] = {"fmt": "none", "ecolor": ink, "elinewidth": 1.3, "capsize": 3}
    panel.errorbar(x[~lone], value[~lone], yerr=bars, zorder=layer, **style)
    mark, size = marks(variety)[0], 52 * enlarged(variety)
    filled: dict[str, Any] = {"color": ink, "edgecolors": "white", "linewidths": 0.6}
    panel.scatter(x[~lone], value[~lone], s=size, marker=mark, zorder=layer, **filled)
    panel.scatter(x[lone], value[lone], s=size, marker=mark, zorder=layer, facecolors="white", edgecolors=ink)


def plain(words: str) -> str:
    """`words` as matplotlib shows them unchanged: two dollars are not mathematics."""
    return words.replace("$", r"\$")


def save(figure: "Figure", path: Path | IO[bytes]) -> None:
    """Write `figure` as a PNG whatever the name's ending, or into an open file."""
    figure.savefig(path, format="png")
