"""The parts of pictures of labels, placed in inches from the top left: images, bars a class, words, a caption."""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from softcore.data.dataset import Dataset
from sweeps.show.drawing import escape_dollars

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IMAGE = 1.5  # inches across and down
NAMES = 1.15  # inches left of bars for the classes' names
BAR = 0.27  # inches down for one class
HEAD, LEFT = 0.95, 0.3  # inches above the first panels and left of them
FAINT = 0.35  # how much of its colour mass keeps that nobody stated
GREY = "#444444"
BY_HAND = "Chosen by hand."
_MOST_BARS = 12
_LONGEST_NAME = 14
_LINE, _LETTERS = 0.185, 14.6  # of the caption: inches a line, letters an inch


def bars_shown(classes: Sequence[str], labels: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names [k], masses [n, k] and class indices [k] of the bars that show `labels` [n, K].

    All classes in their order where there are at most 12; else the 11 with the most mass in any label (the lowest
    index on a tie), in their order, and the sum of the others, whose index is -1.
    """
    names = [short(name, _LONGEST_NAME) for name in classes]
    if len(classes) <= _MOST_BARS:
        return names, labels, np.arange(len(classes))
    kept = np.sort(np.argsort(-labels.max(axis=0), kind="stable")[: _MOST_BARS - 1])
    others = 1 - labels[:, kept].sum(axis=1, keepdims=True)
    shown = np.concatenate([labels[:, kept], np.clip(others, 0, 1)], axis=1)
    return [names[k] for k in kept] + [f"{len(classes) - len(kept)} others"], shown, np.append(kept, -1)


def short(name: str, most: int) -> str:
    """`name`, cut off with an ellipsis where it has more than `most` letters."""
    return name if len(name) <= most else name[: most - 1] + "…"


def n_bars(classes: Sequence[str]) -> int:
    """How many bars `bars_shown` gives."""
    return min(len(classes), _MOST_BARS)


def axes_at(figure: "Figure", left: float, top: float, width: float, height: float) -> "Axes":
    """New axes of `width` x `height` inches."""
    wide, tall = figure.get_size_inches()
    return figure.add_axes((left / wide, 1 - (top + height) / tall, width / wide, height / tall))


def text_at(figure: "Figure", left: float, top: float, words: str, size: float = 10, **style: Any) -> None:
    """`words` whose upper left corner is at (left, top) inches."""
    wide, tall = figure.get_size_inches()
    figure.text(left / wide, 1 - top / tall, escape_dollars(words), fontsize=size, va="top", **style)


def named_image(figure: "Figure", dataset: Dataset, item: int, left: float, top: float) -> None:
    """The item's number, its reference label and below them its image, enlarged by Lanczos' method as people saw it."""
    text_at(figure, left, top, f"item {item}", size=11.5, weight="bold")
    text_at(
        figure,
        left,
        top + 0.23,
        f"reference label: {short(dataset.classes[dataset.labels[item]], 25)}",
        size=9.5,
        color=GREY,
    )
    panel = axes_at(figure, left, top + 0.48, IMAGE, IMAGE)
    pixels = dataset.images[item]
    panel.imshow(pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., 0], cmap="gray", interpolation="lanczos")
    panel.set_axis_off()


def bars(panel: "Axes", at: np.ndarray, masses: np.ndarray, thickness: float, ink: str, faint: bool = False) -> None:
    """Bars of `masses` [k] at heights `at` [k], with their numbers from a half percent on."""
    panel.barh(at, masses, height=thickness, color=faded(ink) if faint else ink)
    for height, mass in zip(at, masses, strict=True):
        if mass >= 0.005:
            panel.text(mass + 0.015, height, f"{mass:.2f}", fontsize=7.5, va="center", color=GREY, zorder=4)


def faded(ink: str) -> tuple[float, float, float]:
    """`ink` mixed with white: unlike a transparent one it hides what lies below."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - FAINT * (1 - part) for part in to_rgb(ink))
    return red, green, blue


def frame_panel(panel: "Axes", names: Sequence[str], bold: int = -1) -> None:
    """Scales of a panel of bars, the first class at the top; the name at `bold`, if any, stands out."""
    panel.set_yticks(range(len(names)), [escape_dollars(name) for name in names], fontsize=9)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.set_xlim(0, 1.12)
    panel.set_xticks([0, 0.5, 1], ["0", "0.5", "1"], fontsize=8)
    panel.set_xlabel("probability", fontsize=8.5, labelpad=1)
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="x", color="#e6e6e6", linewidth=0.7)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    if bold >= 0:
        panel.get_yticklabels()[bold].set_fontweight("bold")


def legend_at(figure: "Figure", entries: Sequence[tuple[Any, str]], left: float, top: float) -> None:
    """A line of (mark, words) whose upper left corner is at (left, top) inches."""
    wide, tall = figure.get_size_inches()
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (left / wide, 1 - top / tall), "borderpad": 0}
    figure.legend(*zip(*entries, strict=True), ncols=len(entries), frameon=False, fontsize=10, **place)


def caption_lines(words: str, width: float) -> list[str]:
    """`words` as lines that fit a picture of `width` inches."""
    return wrap(words, int((width - 0.4) * _LETTERS))


def caption_height(lines: Sequence[str]) -> float:
    """Inches that `caption` takes at the foot."""
    return 0.3 + _LINE * len(lines)


def caption(figure: "Figure", lines: Sequence[str]) -> None:
    """The lines at the foot of the picture."""
    top = figure.get_figheight() - caption_height(lines) + 0.12
    for number, line in enumerate(lines):
        text_at(figure, 0.15, top + _LINE * number, line, size=9, color=GREY)
