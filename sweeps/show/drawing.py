"""What the PNG and the page share: a colour and a mark for each variety, and a cost axis that shows zero."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.scoring.metrics import lower_is_better
from softcore.varieties import VARIETIES
from sweeps.results.names import SIMULATED, dollars, hours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sweeps.frontier.banded import FrontierBands

GREY = "#b4b4b4"
SHADE, SHADE_ALL = (0.14, 0.09)  # how dark the bands of each cost and of all costs at once are, in BAND's colour
BAND = "#0055a4"
LIKELY = 0.05  # probability of being on the frontier below which a mark is grey

# Of varieties not known here; those that are have theirs in softcore/varieties.py.
_OTHER_COLOUR = "#17becf"
_OTHER = ("h", "hexagon", "⬢")
_SMALL = {"v": 1.5, "<": 1.5, ">": 1.5, "p": 1.6, "P": 1.4, "X": 1.4, "h": 1.3, "^": 1.5, "H": 1.3, "*": 1.9, "d": 1.3}


_SHORT = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, *(60.0 * m for m in (1, 2, 5, 10, 20, 30)))
ROUND_TIMES = (  # seconds that a tick may stand at: coarse, fine and finest
    (1.0, 60.0, *(3600 * 10.0**k for k in range(7))),
    (*_SHORT, *(3600 * m * 10.0**k for k in range(7) for m in (1, 2, 5))),
    (*_SHORT, *(3600 * m * 10.0**k for k in range(7) for m in (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9))),
)


def colour(variety: str) -> str:
    """The colour of a variety; one for all that are not known here."""
    return VARIETIES[variety].colour if variety in VARIETIES else _OTHER_COLOUR


def marks(variety: str) -> tuple[str, str, str]:
    """The mark of a variety for matplotlib, for Plotly and as a character."""
    return VARIETIES[variety].mark if variety in VARIETIES else _OTHER


def mark_scale(variety: str) -> float:
    """The factor on a mark's area that makes it look as large as a circle."""
    return _SMALL.get(marks(variety)[0], 1.0)


@dataclass(frozen=True)
class CostAxis:
    """A logarithmic axis of people's time with a place for zero at its left: positions, and ticks in words.

    `edge` is the right end of the strip that holds zero, None where nothing is free or nothing costs.
    """

    zero: float
    edge: float | None
    low: float
    high: float
    ticks: tuple[tuple[float, float], ...]  # position, seconds
    usd_per_second: float

    def at(self, seconds: Sequence[float] | np.ndarray | pd.Series) -> np.ndarray:
        """Positions [n] of `seconds` [n]; NaN for NaN."""
        seconds = np.asarray(seconds, dtype=float)
        return np.where(seconds == 0, self.zero, np.log10(np.where(seconds > 0, seconds, np.nan)))

    def words(self, newline: str) -> list[str]:
        """Tick labels: time, and below it money."""
        lines = [(hours(s) if s else "free", dollars(s * self.usd_per_second)) for _, s in self.ticks]
        return [newline.join(line) for line in lines]


def cost_axis(seconds: Sequence[float] | np.ndarray | pd.Series, usd_per_second: float = 0.0) -> CostAxis:
    """The axis that shows all of `seconds` [n], zeros among them; NaN is left out."""
    seconds = np.asarray(seconds, dtype=float)
    paid = np.log10(seconds[seconds > 0])
    some_free = bool((seconds <= 0).any())
    if not len(paid):
        return CostAxis(0.0, None, -1.0, 1.0, ((0.0, 0.0),), usd_per_second)
    pad = max(0.06 * np.ptp(paid), 0.08)
    low, high = paid.min() - pad, paid.max() + pad
    strip = 0.2 * (high - low) if some_free else 0.0
    zero = low - strip / 2
    ticks = [(zero, 0.0)] if some_free else []
    for seconds_there in _round_times(10**low, 10**high):
        position = float(np.log10(seconds_there))
        if not ticks or position - ticks[-1][0] > 0.085 * (high - low + strip):  # room for the words
            ticks.append((position, seconds_there))
    return CostAxis(zero, low if some_free else None, low - strip, high, tuple(ticks), usd_per_second)


def usd_per_second(table: pd.DataFrame) -> float:
    """The rate that a frontier table was priced at; 0 where nothing was bought."""
    seconds = table["label_seconds_total"].sum()
    return float(table["label_usd"].sum() / seconds) if seconds > 0 else 0.0


def step(axis: CostAxis, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the frontier's line: the best value to be had at a cost or less, up to the axis's right end."""
    best = _line(table)
    x = np.append(axis.at(best["label_seconds_total"]), axis.high)
    values = best["value"].to_numpy(dtype=float)
    return np.repeat(x, 2)[1:-1], np.repeat(values, 2)


def _line(table: pd.DataFrame) -> pd.DataFrame:
    """The points that the line goes through, each better than all cheaper ones.

    Where prices are intervals a cell may be on the frontier, as no other beats it at all of them, and be beaten at
    their middle: the line passes below it.
    """
    best = table[table["on_frontier"]].drop_duplicates(["label_seconds_total", "value"])
    if not len(best):
        return best
    lower = lower_is_better(str(best["metric"].iloc[0]))
    loss = best["value"] if lower else -best["value"]
    return best[loss < loss.cummin().shift(fill_value=np.inf)]


def segments(axis: CostAxis, table: pd.DataFrame) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """The frontier's line piece by piece, each from a point to the next dearer one, and whether those two tie.

    Those tie that the table's column `tied` says tie with the point before; without it none is known to.
    """
    best = _line(table)
    x = np.append(axis.at(best["label_seconds_total"]), axis.high)
    y = best["value"].to_numpy(dtype=float)
    tied = best["tied"].to_numpy(dtype=bool) if "tied" in best else np.zeros(len(best), dtype=bool)
    pieces = [(x[[i, i + 1, i + 1]], y[[i, i, i + 1]], bool(tied[i + 1])) for i in range(len(best) - 1)]
    return [*pieces, (x[-2:], y[[-1, -1]], False)] if len(best) else []


@dataclass(frozen=True, eq=False)
class Shades:
    """The bands of a frontier as corners of steps: positions [n], and the low and high end of each band [n, 2]."""

    x: Float[np.ndarray, " n"]
    each: Float[np.ndarray, "n 2"]
    all_at_once: Float[np.ndarray, "n 2"]


def shade_corners(axis: CostAxis, found: "FrontierBands") -> Shades:
    """Where the best value at each cost lies, pointwise and at all costs at once, up to the axis's right end."""
    rows = found.as_dict()["bands"]
    x = np.append(axis.at([row["budget"] for row in rows]), axis.high)

    def corners(low: str, high: str) -> np.ndarray:
        return np.repeat(np.array([[row[low], row[high]] for row in rows]), 2, axis=0)

    return Shades(np.repeat(x, 2)[1:-1], corners("low", "high"), corners("simultaneous_low", "simultaneous_high"))


def _round_times(low: float, high: float) -> list[float]:
    """Round numbers of seconds, minutes or hours in low..high, about three to six of them."""
    choices = [[s for s in times if low <= s <= high] for times in ROUND_TIMES]
    enough = [times for times in choices if len(times) >= 3]
    return enough[0] if enough else choices[-1] or [float(f"{np.sqrt(low * high):.2g}")]


def figure_with_title(width: float, height: float, title: str, simulated: bool) -> "Figure":
    """An empty figure of `width` x `height` inches with its title, and the warning if answers were simulated."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110)
    top = 1 - 0.16 / height
    figure.text(0.012, top, escape_dollars(title), fontsize=14, weight="bold", va="top")
    if simulated:
        box = {"facecolor": "#b00020", "edgecolor": "none", "boxstyle": "round,pad=0.35"}
        words: dict[str, Any] = {"fontsize": 12, "weight": "bold", "color": "white", "va": "top", "ha": "right"}
        figure.text(1 - 0.2 / width, top, SIMULATED, bbox=box, **words)
    return figure


def subtitle(figure: "Figure", words: str) -> None:
    """A line of `words` below the title."""
    figure.text(
        0.012, 1 - 0.48 / figure.get_figheight(), escape_dollars(words), fontsize=10.5, color="#444444", va="top"
    )


def draw_points(panel: "Axes", x: np.ndarray, table: pd.DataFrame, ink: str, variety: str, layer: float) -> None:
    """Points at `x` [n] and `value` with bars from `low` to `high`; open marks where there is no interval."""
    spread = table[["low", "high"]].to_numpy(dtype=float)
    value = table["value"].to_numpy(dtype=float)
    lone = np.isnan(spread).any(axis=1)
    bars = np.abs(spread[~lone].T - value[~lone])
    style: dict[str, Any] = {"fmt": "none", "ecolor": ink, "elinewidth": 1.3, "capsize": 3}
    panel.errorbar(x[~lone], value[~lone], yerr=bars, zorder=layer, **style)
    mark, size = marks(variety)[0], 52 * mark_scale(variety)
    filled: dict[str, Any] = {"color": ink, "edgecolors": "white", "linewidths": 0.6}
    panel.scatter(x[~lone], value[~lone], s=size, marker=mark, zorder=layer, **filled)
    panel.scatter(x[lone], value[lone], s=size, marker=mark, zorder=layer, facecolors="white", edgecolors=ink)


def escape_dollars(words: str) -> str:
    """`words` as matplotlib shows them unchanged: two dollars are not mathematics."""
    return words.replace("$", r"\$")


def png_bytes(figure: "Figure") -> bytes:
    """The bytes of a figure's PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
