"""People's soft labels beside clicks: the thesis's figures 3.3, 3.4, B.1 and B.2; 3.2 is in `construction_figure.py`.

The thesis measures how far apart two labels are by a Wasserstein distance and does not say how far apart two classes
are. Classes have no order, so here any two are as far apart as any other two; the distance is then total variation,
the share of mass that would have to move to make one label of the other. The thesis's own three images come out when
the two labels are compared as `scipy.stats.wasserstein_distance(label, label)` does, by their masses sorted by size,
so that the same masses on other classes are at distance 0, and when repeated answers count as further people.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from softcore.card.measures import entropy
from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from sweeps.show.drawing import colour, figure_with_title, subtitle
from sweeps.studies.thesis.figures.construction_figure import construction_figure
from sweeps.studies.thesis.figures.examples import (
    GAMMA,
    NEARLY_HARD,
    LabelPairs,
    equally_rich,
    furthest,
    label_pairs,
    lacks_labels,
    shared_with_similar,
    similar_classes,
    softened,
)
from sweeps.studies.thesis.figures.label_panels import (
    BAR,
    BY_HAND,
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
    frame_panel,
    legend_at,
    n_bars,
    named_image,
    text_at,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STATED, CLICKED = colour("t2-clamp"), colour("click")
MOST = 12  # items in one picture
_ACROSS, _COLUMN = 3, 4.3  # columns of a picture, inches of each
_BY_HAND_TITLE = "People's soft labels beside clicks"
_BOLD = "In bold: the other class that is clicked most on training images of this class."
_NAMES_OF = dict.fromkeys(("cifar10s", "hmix"), ("CIFAR-10S", "CIFAR-10H"))  # of the two labels, where they have names
_DISTANCE = (
    "Distance: total variation, the share of mass that would have to move to make one label of the other: 0 for equal "
    "labels, 1 for labels with nothing in common. It is the Wasserstein distance with any two classes equally far "
    "apart, as classes have no order; the thesis does not say how far apart it takes them to be. "
    "Entropy: how spread out a label is, in nats; 0 when all mass is on one class."
)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A figure that sets people's soft labels beside clicks: its title, which images it shows and why those."""

    title: str
    choose: Callable[[LabelPairs, Dataset], list[int]]
    chosen: str
    of_the_thesis: str = ""  # what is known of the thesis's own choice, for its data


COMPARISONS: Mapping[str, Comparison] = {
    "3.3": Comparison(
        title="Where nearly all clicks are on one class, soft labels show which other class looks like it",
        choose=lambda pairs, dataset: shared_with_similar(pairs, similar_classes(dataset), 3),
        chosen=f"Chosen: of the images with at least {NEARLY_HARD:.0%} of the clicks on one class and whose soft label "
        "has the same first class, those where it adds most to the class in bold, one image a class.",
    ),
    "3.4": Comparison(
        title="Soft labels beside clicks: where they differ most, and where few people say as much as many",
        choose=lambda pairs, dataset: furthest(pairs, 2) + equally_rich(pairs),
        chosen="Chosen: the two images with the largest distance; then, of the tenth of the images whose clicks have "
        "the highest entropy, the one with the smallest distance.",
    ),
    "B.1": Comparison(
        title="The three images on which soft labels and clicks differ most",
        choose=lambda pairs, dataset: furthest(pairs, 3),
        chosen="Chosen: the three images with the largest distance.",
        of_the_thesis="The thesis shows a dog, a frog and a bird: items 2047, 861 and 9681 are furthest when the "
        "masses of the two labels are compared sorted by size, whatever classes they are on (SciPy's "
        "wasserstein_distance of two bare labels), and repeated answers count as further people.",
    ),
    "B.2": Comparison(
        title="Where nearly all clicks are on one class, soft labels keep others possible",
        choose=lambda pairs, dataset: softened(pairs, 3),
        chosen=f"Chosen: of the images with at least {NEARLY_HARD:.0%} of the clicks on one class and whose soft label "
        "has the same first class, those where it adds most entropy, one image a class.",
    ),
}


def comparison_figure(name: str, dataset: Dataset, items: Sequence[int] = ()) -> "Figure":
    """A figure of `COMPARISONS`: images with the mean soft label of all their people beside the shares of clicks.

    `items` (12 at most) are shown instead of those that the figure's rule chooses. Labels are T2 Clamp with gamma 0.1.
    Raises RequestError where the data has no clicks, an item has no labels, or the rule finds no image.
    Source: Collins (2022), figures 3.3, 3.4, B.1 and B.2; the rules are ours.
    """
    about = COMPARISONS[name]
    if len(items) > MOST:
        raise RequestError(f"figure {name} shows at most {MOST} items; {len(items)} were given")
    pairs = label_pairs(dataset)
    places = [_position(item, pairs, dataset) for item in items or about.choose(pairs, dataset)]
    if not places:
        raise RequestError(f"figure {name}: its rule finds no image in {dataset.name}; choose some with --item")
    similar = similar_classes(dataset) if name == "3.3" else None
    title, chosen = (_BY_HAND_TITLE, BY_HAND) if items else (about.title, about.chosen)
    width = LEFT + _COLUMN * _ACROSS
    own = about.of_the_thesis if dataset.name in _NAMES_OF else ""
    words = (chosen, "" if similar is None else _BOLD, _DISTANCE, "" if items else own)
    lines = caption_lines(" ".join(filter(None, words)), width)
    tall = 0.48 + IMAGE + 0.1 + n_bars(dataset.classes) * BAR + 0.65
    top = HEAD + 0.3
    height = top + tall * -(-len(places) // _ACROSS) + caption_height(lines)
    figure = figure_with_title(width, height, title, dataset.simulated)
    subtitle(figure, f"Thesis figure {name}, drawn from {dataset.title}")
    _comparison_legend(figure, dataset)
    for number, place in enumerate(places):
        at = (LEFT + _COLUMN * (number % _ACROSS), top + tall * (number // _ACROSS))
        _pair(figure, dataset, pairs, place, at, similar)
    caption(figure, lines)
    return figure


LABEL_FIGURES: Mapping[str, Callable[[Dataset, Sequence[int]], "Figure"]] = {
    "3.2": construction_figure,
    **{name: partial(comparison_figure, name) for name in COMPARISONS},
}


def _pair(
    figure: "Figure",
    dataset: Dataset,
    pairs: LabelPairs,
    place: int,
    at: tuple[float, float],
    similar: np.ndarray | None,
) -> None:
    """One image with its two labels as bars below it, upper left corner `at` (left, top)."""
    left, top = at
    named_image(figure, dataset, int(pairs.items[place]), left, top)
    stated, clicked = pairs.stated[place], pairs.clicked[place]
    facts = [
        (f"distance {pairs.distance[place]:.2f}", "black"),
        (f"{pairs.people[place]} people's soft labels:\nentropy {_nats(stated)}", STATED),
        (f"{pairs.clicks[place]} clicks:\nentropy {_nats(clicked)}", CLICKED),
    ]
    for down, (fact, ink) in zip((0.5, 0.85, 1.4), facts, strict=True):
        text_at(figure, left + IMAGE + 0.15, top + down, fact, size=9.5, color=ink, linespacing=1.25)
    names, shown, kept = bars_shown(dataset.classes, np.stack([stated, clicked]))
    panel = axes_at(figure, left + NAMES, top + 0.48 + IMAGE + 0.1, _COLUMN - NAMES - 0.35, len(names) * BAR)
    rows = np.arange(len(names))
    bars(panel, rows - 0.2, shown[0], 0.38, STATED)
    bars(panel, rows + 0.2, shown[1], 0.38, CLICKED)
    alike = -1 if similar is None else int(similar[clicked.argmax()])
    bold = np.flatnonzero(kept == alike)
    frame_panel(panel, names, int(bold[0]) if alike >= 0 and len(bold) else -1)


def _comparison_legend(figure: "Figure", dataset: Dataset) -> None:
    from matplotlib.patches import Patch

    stated, clicked = _NAMES_OF.get(dataset.name, ("soft label", "clicks"))
    soft = f"{stated}: the mean of a few people's soft labels (T2 Clamp, gamma {GAMMA:g}: see figure 3.2)"
    entries = [
        (Patch(color=STATED), soft),
        (Patch(color=CLICKED), f"{clicked}: the share of people who clicked a class"),
    ]
    legend_at(figure, entries, 0.12, 0.76)


def _nats(label: np.ndarray) -> str:
    return f"{abs(entropy(label[None])[0]):.2f}"  # 0 of a hard label comes out as -0


def _position(item: int, pairs: LabelPairs, dataset: Dataset) -> int:
    place = int(np.searchsorted(pairs.items, item))
    if place == len(pairs.items) or pairs.items[place] != item:
        raise lacks_labels(item, dataset, pairs.items)
    return place
