"""The thesis's figures of mixed images: inferred against generating coefficients, confidence; the table of all."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from softcore.card.measures import entropy
from softcore.data.dataset import Dataset
from softcore.errors import RequestError, unknown_name
from softcore.statistics import clustered_mean
from softcore.training.logistic import fit_curves
from sweeps.show.drawing import escape_dollars, figure_with_title, subtitle
from sweeps.studies.thesis.figures.label_panels import axes_at, caption, caption_height, caption_lines
from sweeps.studies.thesis.figures.mixed_pictures import INFERRED, examples_figure, mixed_of, soft_label_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOW, HIGH = 0.1, 0.5  # nats: at most and at least, what the thesis calls low and high entropy (section 4.2.2)
_DOTS, _FIT = "#9a9a9a", "#0055a4"
_WIDE, _TALL, _HEAD, _LEFT = 8.6, 4.2, 1.0, 0.85  # inches: the picture; its panel down; above and left of the panel
_DOTS_SAY = "Grey dots: answers, moved sideways so that they can be told apart."
_DRAWN = f"{_DOTS_SAY} Bar and dot: quartiles and median."


def all_coefficients_figure(dataset: Dataset) -> "Figure":
    """Inferred against generating coefficient, all first answers, with median and quartiles.

    Raises RequestError for a data set without mixed images. Source: Collins (2022), figure 4.2.
    """
    mixed = mixed_of(dataset, "4.2")
    first = mixed.inferences[~mixed.inferences["is_repeat"]]
    x, y = mixed.coefficients[first["mixed"].to_numpy()], first["coefficient"].to_numpy(dtype=float)
    figure, panel = _panel(
        dataset,
        "What share of a mixed image people see, against what it was made with",
        "4.2",
        f"{len(first):,} answers of {first['annotator'].nunique()} people about {len(np.unique(first['mixed'])):,} "
        f"images; the share is that of the class that comes first in the alphabet. {_DRAWN} They show how far answers "
        "lie apart, not how well the median is known. Dashed: what was mixed.",
    )
    panel.plot([0, 1], [0, 1], color="#555555", linestyle="--", linewidth=1.2, zorder=2)
    for coefficient in np.unique(x):
        _strip(panel, coefficient, y[x == coefficient], 0.07, INFERRED)
    _shares(panel, "generating coefficient: share of the pixels", "inferred coefficient: share that people see")
    return figure


def boundary_figure(dataset: Dataset, first: str = "deer", second: str = "airplane") -> "Figure":
    """The category boundary of one class pair: answers, their mean a coefficient with its interval, the fitted curve.

    Across runs from all `first` to all `second`. The logistic curve is fitted to all first answers whose endpoints are
    training items. Raises RequestError for an unknown class, one class twice, or a pair that nobody was asked about.
    Source: Collins (2022), figure 4.4 and appendix C.
    """
    mixed = mixed_of(dataset, "4.4")
    for name in (first, second):
        if name not in dataset.classes:
            raise unknown_name("class", name, dataset.classes)
    a, b = dataset.classes.index(first), dataset.classes.index(second)
    answers = mixed.inferences[~mixed.inferences["is_repeat"]]
    ends = dataset.labels[mixed.endpoints[answers["mixed"].to_numpy()]]
    answers = answers[((ends == (a, b)) | (ends == (b, a))).all(axis=1) & (a != b)]
    if answers.empty:
        raise RequestError(f"figure 4.4: nobody was asked about a mix of {first} and {second}")
    image, people = answers["mixed"].to_numpy(), answers["annotator"].to_numpy()
    turned = dataset.labels[mixed.endpoints[image, 0]] == a
    x = np.where(turned, 1 - mixed.coefficients[image], mixed.coefficients[image]).round(6)
    y = np.where(turned, 1 - answers["coefficient"], answers["coefficient"])
    curves = fit_curves(mixed, dataset.labels, dataset.train_items)
    alone = (min(a, b), max(a, b)) not in curves.fallbacks
    fitted_to = "these" if alone else "all class pairs, as this one has too few answers"
    figure, panel = _panel(
        dataset,
        f"From {first} to {second}: what share people see in mixes of the two",
        "4.4",
        f"{len(answers)} answers of {len(set(people))} people about {len(set(image))} images. {_DOTS_SAY} Diamonds: "
        "means with 95% intervals over people and images, cut at 0 and 1. Curve: logistic (appendix C), fitted to "
        f"{fitted_to}. Dashed: what was mixed.",
    )
    panel.plot([0, 1], [0, 1], color="#555555", linestyle="--", linewidth=1.2, zorder=2)
    across = np.linspace(0, 1, 101)
    panel.plot(across, curves(across, b, a), color=_FIT, linewidth=1.8, zorder=3)
    for coefficient in np.unique(x):
        here = x == coefficient
        _dots(panel, coefficient, y[here], 0.03)
        _mean(panel, coefficient, y[here], people[here], image[here])
    _shares(panel, f"share of the {second} in the pixels", f"share of the {second} that people see")
    panel.set_xticks([0, *np.unique(x), 1], [f"0\nall {first}", *(f"{c:g}" for c in np.unique(x)), f"1\nall {second}"])
    return figure


def confidence_figure(dataset: Dataset) -> "Figure":
    """Confidence in the inferred coefficient, by whether the clicks on the two endpoints are sure or not.

    Low entropy of clicks is at most 0.1 nats, high at least 0.5; answers about other images are counted, not drawn.
    Raises RequestError where no clicks are known. Source: Collins (2022), figure 4.5.
    """
    mixed = mixed_of(dataset, "4.5")
    if dataset.counts is None:
        raise RequestError(f"figure 4.5: {dataset.name} has no counts of clicks to take the endpoints' entropy from")
    answers = mixed.inferences[~mixed.inferences["is_repeat"]]
    image, people = answers["mixed"].to_numpy(), answers["annotator"].to_numpy()
    of_ends = entropy(dataset.counts[mixed.endpoints[image]].reshape(-1, len(dataset.classes))).reshape(-1, 2)
    low, high = of_ends <= LOW, of_ends >= HIGH
    groups = {
        "both sure": low.all(axis=1),
        "one sure, one unsure": (low | high).all(axis=1) & low.any(axis=1) & high.any(axis=1),
        "both unsure": high.all(axis=1),
    }
    values = answers["confidence"].to_numpy(dtype=float)
    drawn = sum(int(group.sum()) for group in groups.values())
    figure, panel = _panel(
        dataset,
        "How confident people are, by how sure clicks on the two originals were",
        "4.5",
        f"Sure: entropy of the clicks at most {LOW:g} nats; unsure: at least {HIGH:g}. {drawn:,} of {len(answers):,} "
        f"answers are about such images, the others are not drawn. {_DRAWN} Diamonds: means with 95% intervals over "
        "people and images, cut at 0 and 1.",
    )
    ticks = []
    for at, (words, group) in enumerate(groups.items()):
        ticks.append(f"{words}\n{group.sum():,} answers, {len(np.unique(image[group])):,} images")
        if group.any():
            _strip(panel, at, values[group], 0.3, INFERRED)
            _mean(panel, at + 0.28, values[group], people[group], image[group])
    panel.set_xticks(range(len(groups)), ticks, fontsize=9.5)
    panel.set_xlim(-0.5, len(groups) - 0.4)
    panel.set_ylim(-0.03, 1.03)
    panel.set_ylabel("confidence in the inferred coefficient", fontsize=10)
    return figure


MIXED_FIGURES: Mapping[str, Callable[[Dataset], "Figure"]] = {
    "4.2": all_coefficients_figure,
    "4.3": examples_figure,
    "4.4": boundary_figure,
    "4.5": confidence_figure,
    "5.1": soft_label_figure,
}


def _panel(dataset: Dataset, title: str, name: str, words: str) -> tuple["Figure", "Axes"]:
    lines = caption_lines(words, _WIDE)
    height = _HEAD + _TALL + 0.75 + caption_height(lines)
    figure = figure_with_title(_WIDE, height, title, dataset.simulated)
    subtitle(figure, f"Thesis figure {name}, drawn from {dataset.title}")
    panel = axes_at(figure, _LEFT, _HEAD, _WIDE - _LEFT - 0.25, _TALL)
    panel.grid(color="#e9e9e9", linewidth=0.7)
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=9)
    panel.spines[["top", "right"]].set_visible(False)
    caption(figure, lines)
    return figure, panel


def _shares(panel: "Axes", across: str, up: str) -> None:
    panel.set_xlim(-0.03, 1.03)
    panel.set_ylim(-0.03, 1.03)
    panel.set_xlabel(escape_dollars(across), fontsize=10)
    panel.set_ylabel(escape_dollars(up), fontsize=10)


def _strip(panel: "Axes", at: float, values: np.ndarray, wide: float, ink: str) -> None:
    """Answers as dots around `at`, with their quartiles and median."""
    _dots(panel, at, values, wide)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    panel.plot([at, at], [low, high], color=ink, linewidth=5, solid_capstyle="butt", zorder=4)
    panel.plot([at], [middle], "o", color="white", markeredgecolor=ink, markeredgewidth=2, markersize=9, zorder=5)


def _dots(panel: "Axes", at: float, values: np.ndarray, wide: float) -> None:
    """Dots at `values`, spread over `wide` by the golden ratio: even, and the same on every run."""
    aside = (np.arange(len(values)) * 0.6180339887 % 1 - 0.5) * wide
    faint = float(np.clip(40 / max(len(values), 1), 0.18, 0.6))
    panel.scatter(at + aside, values, s=9, color=_DOTS, alpha=faint, linewidths=0, zorder=1)


def _mean(panel: "Axes", at: float, values: np.ndarray, people: Sequence[str] | np.ndarray, images: np.ndarray) -> None:
    found = clustered_mean(values, np.asarray(people).astype(str), images)
    bar = None
    if found.low is not None and found.high is not None:
        bar = [[found.mean - max(found.low, 0)], [min(found.high, 1) - found.mean]]
    panel.errorbar([at], [found.mean], yerr=bar, fmt="D", color="#222222", markersize=6, capsize=4, zorder=6)
