"""Which images and answers the figures of labels show: rules computed from the data, ties by item number."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from softcore.card.measures import entropy
from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from softcore.labels.aggregate import aggregate
from softcore.labels.ask import asked_records, people_labels
from softcore.labels.elicited import soft_labels

GAMMA = 0.1
FOUR = ("t1-uniform", "t1-clamp", "t2-uniform", "t2-clamp")
NEARLY_HARD = 0.9  # share of the clicks on one class from which they count as nearly hard
RICHEST = 0.1  # share of the images that count as rich: those with the highest entropy of clicks


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelPairs:
    """Two labels of each of n items, by rising item: what people stated and what others clicked.

    `stated` float64 [n, K] is the mean T2 Clamp label (gamma 0.1) of the item's `people`; `clicked` float64 [n, K] has
    the shares of its `clicks`. `classes` int64 [n] are the reference labels.
    """

    items: np.ndarray
    classes: np.ndarray
    stated: np.ndarray
    clicked: np.ndarray
    people: np.ndarray
    clicks: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """Total variation between the two labels, float64 [n] in 0..1."""
        return np.asarray(np.abs(self.stated - self.clicked).sum(axis=1) / 2)

    @property
    def nearly_hard(self) -> np.ndarray:
        """Whether at least nine in ten clicks are on the class that is also the stated label's first, bool [n]."""
        return np.asarray(self._agree & (self.clicked.max(axis=1) >= NEARLY_HARD))

    @property
    def _agree(self) -> np.ndarray:
        return np.asarray(self.stated.argmax(axis=1) == self.clicked.argmax(axis=1))


def label_pairs(dataset: Dataset) -> LabelPairs:
    """The labels of all annotated items whose clicks are known.

    Raises RequestError where no clicks are known, or where people were asked for clicks only.
    """
    if dataset.counts is None:
        raise RequestError(f"{dataset.name} has no counts of clicks to set beside people's soft labels")
    labels, _ = people_labels(dataset, "t2-clamp", dataset.annotated_items, gamma=GAMMA)
    clicks = dataset.counts[labels.items].sum(axis=1)
    kept = clicks > 0
    if not kept.any():
        raise RequestError(f"{dataset.name} has no item with both clicks and soft labels")
    items = labels.items[kept]
    return LabelPairs(
        items=items,
        classes=dataset.labels[items],
        stated=aggregate(labels, "mean").probs[kept],
        clicked=dataset.counts[items] / clicks[kept][:, None],
        people=labels.counts[kept],
        clicks=clicks[kept],
    )


def furthest(pairs: LabelPairs, n: int) -> list[int]:
    """The n items with the largest distance between their two labels, largest first."""
    return [int(item) for item in pairs.items[_falling(pairs.distance)][:n]]


def equally_rich(pairs: LabelPairs) -> list[int]:
    """Of the tenth of the items with the highest entropy of clicks (one at least), that with the smallest distance."""
    n_rich = max(1, int(RICHEST * len(pairs.items)))
    rich = np.sort(_falling(entropy(pairs.clicked))[:n_rich])
    return [int(pairs.items[rich[_falling(-pairs.distance[rich])[0]]])]


def softened(pairs: LabelPairs, n: int) -> list[int]:
    """Items with nearly hard clicks whose stated label adds most entropy and has the same first class; one a class."""
    fit = np.flatnonzero(pairs.nearly_hard)
    gain = (entropy(pairs.stated) - entropy(pairs.clicked))[fit]
    return _one_a_class(pairs, fit[_falling(gain)], n)


def shared_with_similar(pairs: LabelPairs, similar: np.ndarray, n: int) -> list[int]:
    """Items with nearly hard clicks whose stated label has the same first class and adds most mass to the class
    `similar` [K] to it; one a class."""
    fit = np.flatnonzero(pairs.nearly_hard)
    added = (pairs.stated - pairs.clicked)[fit, similar[pairs.clicked[fit].argmax(axis=1)]]
    return _one_a_class(pairs, fit[_falling(added)], n)


def similar_classes(dataset: Dataset) -> np.ndarray:
    """For each class the other one that is clicked most on its training items, int64 [K]; the lowest index on a tie."""
    if dataset.counts is None:
        raise RequestError(f"{dataset.name} has no counts of clicks to tell similar classes from")
    k = len(dataset.classes)
    confused = np.zeros((k, k))
    np.add.at(confused, dataset.labels[dataset.train_items], dataset.counts[dataset.train_items])
    np.fill_diagonal(confused, -1)
    return np.asarray(confused.argmax(axis=1))


def telling_answer(dataset: Dataset, items: Sequence[int] = ()) -> tuple[pd.Series, np.ndarray]:
    """The answer (of those about `items`, or of all) whose four labels differ most, and these labels [4, K].

    Answers that name two classes, the likelier one first, rule some out and leave some mass and a class to take it come
    before the others: they show every part of the rules. Then by the distance of the two labels that are nearest to
    each other, then by the mean distance of all pairs; ties by item, then annotator. Raises RequestError where there
    are no answers.
    """
    answers = asked_records(dataset, "t2-clamp")
    answers = answers[~answers["is_repeat"] & answers["item"].isin(items or dataset.annotated_items)]
    if answers.empty:
        raise lacks_labels(items[0], dataset, dataset.annotated_items)
    answers = answers.sort_values(["item", "annotator"], kind="stable", ignore_index=True)
    labels = np.stack([soft_labels(answers, variety, len(dataset.classes), GAMMA) for variety in FOUR], axis=1)
    apart = np.stack([np.abs(labels[:, a] - labels[:, b]).sum(axis=1) / 2 for a, b in combinations(range(4), 2)])
    whole = _uses_all_parts(answers, len(dataset.classes))
    best = int(np.lexsort((-apart.mean(axis=0).round(9), -apart.min(axis=0).round(9), ~whole))[0])
    return answers.iloc[best], labels[best]


def lacks_labels(item: int, dataset: Dataset, known: np.ndarray) -> RequestError:
    """The refusal of an item that has not what a figure draws; `known` lists those that have, ascending."""
    some = ", ".join(str(i) for i in known[:3])
    return RequestError(
        f"item {item} of {dataset.name} has no labels to draw; {len(known):,} items have them, such as {some}"
    )


def _uses_all_parts(answers: pd.DataFrame, n_classes: int) -> np.ndarray:
    ruled_out = answers["impossible"].map(len).to_numpy()
    first, second = answers["p1"].to_numpy(float), answers["p2"].to_numpy(float)  # NaN, so False, where none was named
    some_left = (first + second < 1 - 1e-9) & (ruled_out < n_classes - 2)
    return np.asarray((first >= second) & (ruled_out > 0) & some_left)


def _falling(score: np.ndarray) -> np.ndarray:
    """Positions by falling score; equal ones (to nine decimals) keep their order, which is that of items."""
    return np.argsort(-score.round(9), kind="stable")


def _one_a_class(pairs: LabelPairs, order: np.ndarray, n: int) -> list[int]:
    """The first n items of `order` (positions) that have n different reference labels."""
    _, first = np.unique(pairs.classes[order], return_index=True)
    return [int(item) for item in pairs.items[order[np.sort(first)]][:n]]
