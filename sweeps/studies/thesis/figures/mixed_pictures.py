"""The thesis's figures that show mixed images: three of them with their coefficients, one with its labels."""

from typing import TYPE_CHECKING, Any

import numpy as np

from softcore.data.dataset import Dataset
from softcore.data.hmix import MixedImages, mix_images
from softcore.errors import RequestError
from softcore.labels.elicited import DEFAULT_GAMMA, soft_labels
from sweeps.show.drawing import figure_with_title, subtitle
from sweeps.studies.thesis.figures.label_panels import (
    BAR,
    GREY,
    NAMES,
    axes_at,
    bars_shown,
    caption,
    caption_height,
    caption_lines,
    frame_panel,
    legend_at,
    text_at,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GENERATING, INFERRED = "#0055a4", "#d55e00"  # what was mixed, what people say: blue and red as in the thesis
FEWEST_PEOPLE = 3  # behind each example of figure 4.3
_FIRST, _SECOND = "#a9c4de", "#e6dfcf"  # shares of the two classes in a bar
_MIXED, _ORIGINAL, _COLUMN, _HEAD, _LEFT = 1.8, 0.82, 3.75, 1.0, 0.3  # inches


def mixed_of(dataset: Dataset, name: str) -> MixedImages:
    """The data set's mixed images; RequestError, naming figure `name`, where it has none."""
    if dataset.mixed is None:
        raise RequestError(f"figure {name}: {dataset.name} has no mixed images; data set hmix has them")
    return dataset.mixed


def examples_figure(dataset: Dataset) -> "Figure":
    """Three mixed images with their generating and mean inferred coefficients: least, middling and most moved.

    Of the images that at least three people saw, by how far the mean of their first answers lies from the generating
    coefficient; ties by file name. Raises RequestError where there is no such image. Source: Collins (2022), figure
    4.3; the rule is ours.
    """
    mixed = mixed_of(dataset, "4.3")
    first = mixed.inferences[~mixed.inferences["is_repeat"]]
    said = first.groupby("mixed")["coefficient"].agg(["mean", "size"])
    said = said[said["size"] >= FEWEST_PEOPLE]
    if said.empty:
        raise RequestError(f"figure 4.3: no mixed image of {dataset.name} was seen by {FEWEST_PEOPLE} people")
    images = said.index.to_numpy()
    moved = np.abs(said["mean"].to_numpy() - mixed.coefficients[images]).round(9)
    order = np.argsort(moved, kind="stable")
    width = _LEFT + 3 * _COLUMN
    lines = caption_lines(
        f"Chosen: of the {len(images):,} images that at least {FEWEST_PEOPLE} people saw, the one whose mean inferred "
        "coefficient lies nearest to the generating one, the one in the middle of that order, the one farthest off. "
        "Small: the two originals. Images are enlarged for this picture.",
        width,
    )
    height = _HEAD + 0.3 + _MIXED + 1.35 + caption_height(lines)
    title = "What share of a mixed image people see: three examples"
    figure = figure_with_title(width, height, title, dataset.simulated)
    subtitle(figure, f"Thesis figure 4.3, drawn from {dataset.title}")
    places = (("nearest", order[0]), ("in the middle", order[len(order) // 2]), ("farthest", order[-1]))
    for column, (words, place) in enumerate(places):
        left, n_people = _LEFT + _COLUMN * column, said["size"].iloc[place]
        text_at(figure, left, _HEAD, f"{words}: moved by {moved[place]:.2f}", size=11.5, weight="bold")
        _originals(figure, dataset, mixed, int(images[place]), (left, _HEAD + 0.3))
        both = (mixed.coefficients[images[place]], said["mean"].iloc[place])
        _shares(figure, _names(dataset, mixed, int(images[place])), both, int(n_people), left)
    caption(figure, lines)
    return figure


def soft_label_figure(dataset: Dataset) -> "Figure":
    """A mixed image, the label that mixup gives it, and the mean soft label of people who were not told its classes.

    The image is the thesis's example, a horse and a ship mixed half and half (the first by file name), or the first
    image with soft labels where there is none. Labels are T2 Clamp with gamma 0.1. Raises RequestError where no mixed
    image has soft labels. Source: Collins (2022), figure 5.1.
    """
    mixed = mixed_of(dataset, "5.1")
    records = mixed.records[~mixed.records["is_repeat"]]
    if records.empty:
        raise RequestError(f"figure 5.1: no mixed image of {dataset.name} has soft labels")
    image, chosen = _example(dataset, mixed, np.unique(records["item"].to_numpy(np.int64)))
    said = soft_labels(records[records["item"] == image], "t2-clamp", len(dataset.classes), DEFAULT_GAMMA)
    two_hot, share = np.zeros(len(dataset.classes)), mixed.coefficients[image]
    np.add.at(two_hot, dataset.labels[mixed.endpoints[image]], [share, 1 - share])
    names, shown, _ = bars_shown(dataset.classes, np.concatenate([[two_hot, said.mean(axis=0)], said]))
    people = "one person" if len(said) == 1 else f"{len(said)} people"
    width, tall = 9.6, len(names) * BAR * 1.3
    lines = caption_lines(
        f"Chosen: {chosen} ({mixed.names[image]}). Soft label: the mean of what {people} stated, T2 Clamp, gamma "
        f"{DEFAULT_GAMMA:g}; dots: each person. They were told that images were mixed, not which classes.",
        width,
    )
    height = _HEAD + 0.35 + max(tall, _MIXED) + 0.45 + caption_height(lines)
    figure = figure_with_title(
        width, height, "A mixed image: what it was made of, and what people see", dataset.simulated
    )
    subtitle(figure, f"Thesis figure 5.1, drawn from {dataset.title}")
    _originals(figure, dataset, mixed, image, (_LEFT, _HEAD + 0.35))
    left = _LEFT + _COLUMN + NAMES - 0.2
    panel = axes_at(figure, left, _HEAD + 0.35, width - left - 0.25, tall)
    rows = np.arange(len(names))
    for at, masses, ink in ((rows - 0.2, shown[0], GENERATING), (rows + 0.2, shown[1], INFERRED)):
        panel.barh(at, masses, height=0.38, color=ink)
    for person in shown[2:]:
        panel.plot(person, rows + 0.2, "o", color="white", markeredgecolor="#333333", markersize=4.5, zorder=5)
    frame_panel(panel, names)
    panel.set_xlim(-0.02, 1.04)
    _legend(figure, left - NAMES)
    caption(figure, lines)
    return figure


def _example(dataset: Dataset, mixed: MixedImages, labelled: np.ndarray) -> tuple[int, str]:
    """The image of figure 5.1 and why it was chosen."""
    classes = [sorted(dataset.classes[k] for k in dataset.labels[ends]) for ends in mixed.endpoints[labelled]]
    alike = [
        int(image)
        for image, pair in zip(labelled, classes, strict=True)
        if pair == ["horse", "ship"] and mixed.coefficients[image] == 0.5
    ]
    if alike:
        return alike[0], "the thesis's example, a horse and a ship mixed half and half, the first by file name"
    return int(labelled[0]), "the first image with soft labels, by file name"


def _names(dataset: Dataset, mixed: MixedImages, image: int) -> list[str]:
    return [dataset.classes[k] for k in dataset.labels[mixed.endpoints[image]]]


def _originals(figure: "Figure", dataset: Dataset, mixed: MixedImages, image: int, at: tuple[float, float]) -> None:
    """The mixed image, and right of it its two originals with their shares and classes; `at` is (left, top)."""
    left, top = at
    ends, share, names = mixed.endpoints[image], mixed.coefficients[image], _names(dataset, mixed, image)
    _pixels(figure, mix_images(dataset.images, ends[None], np.array([share]))[0], left, top, _MIXED)
    for row, (item, part, name) in enumerate(zip(ends, (share, 1 - share), names, strict=True)):
        down = top + row * (_MIXED - _ORIGINAL)
        _pixels(figure, dataset.images[item], left + _MIXED + 0.15, down, _ORIGINAL)
        text_at(figure, left + _MIXED + _ORIGINAL + 0.22, down + 0.2, f"{part:g}\n{name}", size=9, color=GREY)


def _pixels(figure: "Figure", pixels: np.ndarray, left: float, top: float, size: float) -> None:
    panel = axes_at(figure, left, top, size, size)
    panel.imshow(pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., 0], cmap="gray", interpolation="lanczos")
    panel.set_axis_off()


def _shares(figure: "Figure", names: list[str], both: tuple[float, float], people: int, left: float) -> None:
    """Two bars below an example, split between its two classes: how it was mixed and what its people infer."""
    panel = axes_at(figure, left + 0.82, _HEAD + 0.3 + _MIXED + 0.3, _COLUMN - 1.25, 0.62)
    style: dict[str, Any] = {"va": "center", "fontsize": 9.5}
    for row, share in enumerate(both):
        panel.barh(row, share, color=_FIRST, height=0.8)
        panel.barh(row, 1 - share, left=share, color=_SECOND, height=0.8)
        panel.text(0.02, row, f"{share:.2f}", **style)
        panel.text(0.98, row, f"{1 - share:.2f}", ha="right", **style)
    panel.set_yticks([0, 1], ["mixed", "inferred"], fontsize=9.5)
    panel.set_ylim(1.5, -0.5)
    panel.set_xlim(0, 1)
    panel.set_xticks([])
    panel.tick_params(axis="y", length=0)
    panel.spines[:].set_visible(False)
    panel.set_title(names[0], fontsize=9.5, loc="left", pad=3)
    panel.set_title(names[1], fontsize=9.5, loc="right", pad=3)
    text_at(figure, left, _HEAD + 0.3 + _MIXED + 1.02, f"inferred: mean of {people} people", size=9, color=GREY)


def _legend(figure: "Figure", left: float) -> None:
    from matplotlib.patches import Patch

    entries = [(Patch(color=GENERATING), "what was mixed: mixup's label"), (Patch(color=INFERRED), "what people see")]
    legend_at(figure, entries, left, _HEAD - 0.02)
