"""From a data set and a label policy to the targets of one trial: panels, labels, aggregation, the rest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from softcore.datasets import Dataset
from softcore.errors import RequestError, known
from softcore.labels.aggregate import aggregate
from softcore.labels.elicited import DEFAULT_GAMMA, ELICITED, soft_labels
from softcore.labels.label_set import LabelSet, group
from softcore.labels.panels import check_annotators, draw_clicks, draw_records, split_annotated
from softcore.labels.votes import DEFAULT_BETA, one_hot, random_labels, smoothed, uniform_labels
from softcore.policy import LabelPolicy

REST = ("hard", "none")


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What a trial trains on. Labels of `items[i]` are rows `offsets[i]:offsets[i + 1]` of `probs`.

    `panel` holds whose answers are in it, before any aggregation. `answers` counts the answers used
    by question; `recorded_seconds` is the time recorded with them (NaN when none was). `held_out` lists the annotated
    items that this seed never trains on.
    """

    items: Int[np.ndarray, " items"]
    offsets: Int[np.ndarray, " bounds"]
    probs: Float[np.ndarray, "labels classes"]
    held_out: Int[np.ndarray, " out"]
    panel: LabelSet
    answers: dict[str, int]
    recorded_seconds: float


def people_labels(
    dataset: Dataset, variety: str, items: Int[np.ndarray, " n"], *, annotators=None, gamma=None, seed=0, panel=0
) -> tuple[LabelSet, float]:
    """The labels that people gave on `items` before any aggregation, and the seconds recorded with them."""
    m = "all" if annotators is None else annotators
    check_annotators(m, most_answers(dataset, variety), "answers")
    if variety == "click" and dataset.counts is not None:
        # Drawn over all annotated items first, so that an item's clicks don't depend on its company.
        asked = dataset.annotated_items
        rows, classes = draw_clicks(dataset.counts[asked], m, seed, panel)
        kept = np.isin(asked[rows], items)
        probs = one_hot(classes[kept], len(dataset.classes))
        nobody = np.full(int(kept.sum()), "", dtype=str)
        return group(asked[rows][kept], probs, nobody, variety), float("nan")
    records = draw_records(asked_records(dataset, variety), m, seed, panel)
    records = records[records["item"].isin(items)]
    if variety == "click":  # no clicks were collected: the first choice alone stands for one
        probs = one_hot(records["top1"].to_numpy(np.int64), len(dataset.classes))
    else:
        probs = soft_labels(records, variety, len(dataset.classes), DEFAULT_GAMMA if gamma is None else gamma)
    seconds = records["seconds"].to_numpy(float)
    recorded = float(np.nansum(seconds)) if np.isfinite(seconds).any() else float("nan")
    people = records["annotator"].to_numpy().astype(str)
    return group(records["item"].to_numpy(np.int64), probs, people, variety), recorded


def asked_records(dataset: Dataset, variety: str) -> pd.DataFrame:
    """The records that can answer the variety's question: pages, and for a click clicks or else pages' first choices.

    Raises RequestError where people were only asked for clicks and the variety needs probabilities.
    """
    pages = dataset.records["question"] == "page"
    if variety == "click" and not pages.all():
        return dataset.records[~pages]
    if not pages.any():
        raise RequestError(f"{dataset.name} has clicks only, variety '{variety}' needs pages; known here: click")
    return dataset.records[pages]


def most_answers(dataset: Dataset, variety: str) -> int:
    """The most answers to the variety's question that any annotated item has."""
    if variety == "click" and dataset.counts is not None:
        return int(dataset.counts[dataset.annotated_items].sum(axis=1).max())
    records = asked_records(dataset, variety)
    return int(records[~records["is_repeat"]].groupby("item").size().max())


def build(dataset: Dataset, policy: LabelPolicy, *, seed: int, panel: int = 0) -> Targets:
    """The targets of one trial, a pure function of its arguments.

    Items come sorted. Raises RequestError for an unknown variety, aggregation or rest, an M that no item has, or an N'
    beyond the annotated items that this seed may train on.
    """
    if policy.variety not in VARIETIES:
        raise known("variety", policy.variety, VARIETIES)
    if policy.rest not in REST:
        raise known("rest", policy.rest, REST)
    order, held_out = split_annotated(dataset.annotated_items, dataset.held_out, seed)
    n_items = len(order) if policy.items is None else policy.items
    if not 1 <= n_items <= len(order):
        raise RequestError(f"items must lie in 1..{len(order)}, the annotated items left to train on; it is {n_items}")
    labelled = np.sort(order[:n_items])
    panel_set, recorded = VARIETIES[policy.variety](dataset, policy, labelled, seed, panel)
    asks_people = policy.variety in PEOPLE
    used = aggregate(panel_set, policy.aggregation or "separate") if asks_people else panel_set
    others = dataset.train_items if policy.rest == "hard" else np.zeros(0, dtype=np.int64)
    # Of items that nobody was asked this question about (pages and clicks may be mixed) nothing more is known.
    rest = np.setdiff1d(others, np.concatenate([panel_set.items, held_out]))
    items, offsets, probs = _join(used, rest, dataset, policy)
    return Targets(
        items=items,
        offsets=offsets,
        probs=probs,
        held_out=held_out,
        panel=panel_set,
        answers={policy.variety: len(panel_set.probs)} if asks_people else {},
        recorded_seconds=recorded,
    )


def _join(used: LabelSet, rest: np.ndarray, dataset: Dataset, policy: LabelPolicy):
    """Labelled items and the rest in one ragged set, sorted by item."""
    others = _reference(dataset, rest, policy)
    label_items = np.concatenate([used.label_items, rest])
    joined = group(label_items, np.concatenate([used.probs, others]), np.full(len(label_items), "", dtype=str), "")
    return joined.items, joined.offsets, joined.probs


def _reference(dataset: Dataset, items: np.ndarray, policy: LabelPolicy) -> np.ndarray:
    """The hard labels of `items`; label smoothing smooths all training items (Collins 2022, section B.2)."""
    k = len(dataset.classes)
    if policy.variety == "smoothed":
        return smoothed(dataset.labels[items], k, DEFAULT_BETA if policy.beta is None else policy.beta)
    return one_hot(dataset.labels[items], k)


Maker = Callable[[Dataset, LabelPolicy, np.ndarray, int, int], tuple[LabelSet, float]]


def _from_people(dataset: Dataset, policy: LabelPolicy, items: np.ndarray, seed: int, panel: int):
    return people_labels(
        dataset,
        policy.variety,
        items,
        annotators=policy.annotators,
        gamma=policy.gamma,
        seed=seed,
        panel=panel,
    )


def _free(probs: Callable[[Dataset, LabelPolicy, np.ndarray, int], np.ndarray]) -> Maker:
    """A maker that asks nobody: one label an item."""

    def make(dataset: Dataset, policy: LabelPolicy, items: np.ndarray, seed: int, panel: int):
        labels = group(items, probs(dataset, policy, items, seed), np.full(len(items), "", dtype=str), policy.variety)
        return labels, 0.0

    return make


VARIETIES: dict[str, Maker] = {
    **dict.fromkeys((*ELICITED, "click"), _from_people),
    "hard": _free(lambda data, policy, items, seed: _reference(data, items, policy)),
    "smoothed": _free(lambda data, policy, items, seed: _reference(data, items, policy)),
    "random": _free(lambda data, policy, items, seed: random_labels(len(data.labels), len(data.classes), seed)[items]),
    "uniform": _free(lambda data, policy, items, seed: uniform_labels(len(items), len(data.classes))),
}
PEOPLE = (*ELICITED, "click")
