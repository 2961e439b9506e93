"""From a data set and a label policy to the targets of one trial: panels, labels, aggregation, the rest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from softcore.datasets import Dataset
from softcore.errors import RequestError, known
from softcore.labels.aggregate import aggregate
from softcore.labels.elicited import DEFAULT_GAMMA, ELICITED, SEMANTIC, soft_labels
from softcore.labels.extend import check_simulated, simulated_rest
from softcore.labels.label_set import LabelSet, group
from softcore.labels.panels import check_annotators, draw_clicks, draw_records, split_annotated
from softcore.labels.similarity import class_similarity
from softcore.labels.votes import DEFAULT_BETA, one_hot, random_labels, smoothed, uniform_labels
from softcore.policy import LabelPolicy

REST = ("hard", "none", "simulated")


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What a trial trains on. Labels of `items[i]` are rows `offsets[i]:offsets[i + 1]` of `probs`.

    `panel` holds whose answers are in it, before any aggregation. `answers` counts the answers used by question;
    `recorded_seconds` is the time recorded with them (NaN when none was). `held_out` lists the annotated items that
    this seed never trains on.

    With `rest: simulated`, `answers` also has the clicks that the simulator read: all those of the items that it
    labels. Not in it: the pages that the simulator is fitted on beyond the panel's, and the clicks of the fit (a
    similarity's confusions are such). Those were paid once, when the data set was collected, whatever a cell's M and
    N' are; so the cost of such a cell is that of its panel and its clicks, and takes the fit as given. Simulated
    answers are no answers and never in `panel`.
    """

    items: Int[np.ndarray, " items"]
    offsets: Int[np.ndarray, " bounds"]
    probs: Float[np.ndarray, "labels classes"]
    held_out: Int[np.ndarray, " out"]
    panel: LabelSet
    answers: dict[str, int]
    recorded_seconds: float


def people_labels(
    dataset: Dataset,
    variety: str,
    items: Int[np.ndarray, " n"],
    *,
    annotators=None,
    gamma=None,
    seed=0,
    panel=0,
    similarity: Float[np.ndarray, "classes classes"] | None = None,
) -> tuple[LabelSet, float]:
    """The labels that people gave on `items` before any aggregation, and the seconds recorded with them.

    A semantic variety needs the `similarity` of classes (`softcore.labels.similarity`).
    """
    m = "all" if annotators is None else annotators
    check_annotators(m, most_answers(dataset, variety), "answers")
    if variety == "click" and dataset.counts is not None:
        # Drawn over all annotated items first, so that an item's clicks don't depend on its company.
        asked = dataset.annotated_items
        rows, classes = draw_clicks(dataset.counts[asked], m, seed, panel)
        kept = np.isin(asked[rows], items)
        probs = one_hot(classes[kept], len(dataset.classes))
        nobody = np.full(int(kept.sum()), "", dtype=str)
        return group(asked[rows][kept], probs, nobody, variety, classes[kept]), float("nan")
    records = draw_records(asked_records(dataset, variety), m, seed, panel)
    records = records[records["item"].isin(items)]
    choices = records["top1"].to_numpy(np.int64)
    if variety == "click":  # no clicks were collected: the first choice alone stands for one
        probs = one_hot(choices, len(dataset.classes))
    else:
        gamma = DEFAULT_GAMMA if gamma is None else gamma
        probs = soft_labels(records, variety, len(dataset.classes), gamma, similarity)
    seconds = records["seconds"].to_numpy(float)
    recorded = float(np.nansum(seconds)) if np.isfinite(seconds).any() else float("nan")
    people = records["annotator"].to_numpy().astype(str)
    return group(records["item"].to_numpy(np.int64), probs, people, variety, choices), recorded


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

    Items come sorted. What is fitted (confusions, the simulator) is fitted on the training items that this seed does
    not hold out. Raises RequestError for an unknown variety, aggregation or rest, an M that no item has, an N' beyond
    the annotated items that this seed may train on, or what a variety, aggregation or rest can't do with the data.
    """
    if policy.variety not in VARIETIES:
        raise known("variety", policy.variety, VARIETIES)
    if policy.rest not in REST:
        raise known("rest", policy.rest, REST)
    if policy.rest == "simulated":
        check_simulated(policy.variety, policy.aggregation)
    order, held_out = split_annotated(dataset.annotated_items, dataset.held_out, seed)
    n_items = len(order) if policy.items is None else policy.items
    if not 1 <= n_items <= len(order):
        raise RequestError(f"items must lie in 1..{len(order)}, the annotated items left to train on; it is {n_items}")
    labelled = np.sort(order[:n_items])
    trained_on = np.setdiff1d(dataset.train_items, held_out)
    panel_set, recorded = VARIETIES[policy.variety](dataset, policy, labelled, trained_on, seed, panel)
    asks_people = policy.variety in PEOPLE
    aggregation = policy.aggregation or "separate"
    sets = [aggregate(panel_set, aggregation) if asks_people else panel_set]
    answers = {policy.variety: len(panel_set.probs)} if asks_people else {}
    # Of items that nobody was asked this question about (pages and clicks may be mixed) nothing more is known.
    rest = np.setdiff1d(trained_on, panel_set.items)
    if policy.rest == "simulated":
        simulated, clicks = simulated_rest(dataset, policy, rest, trained_on, seed=seed, panel=panel)
        sets.append(aggregate(simulated, aggregation))
        answers["click"] = clicks
    items, offsets, probs = _join(sets, rest if policy.rest == "hard" else rest[:0], dataset, policy)
    return Targets(
        items=items,
        offsets=offsets,
        probs=probs,
        held_out=held_out,
        panel=panel_set,
        answers=answers,
        recorded_seconds=recorded,
    )


def _join(sets: list[LabelSet], rest: np.ndarray, dataset: Dataset, policy: LabelPolicy):
    """The labels of all `sets` and hard ones of the rest in one ragged set, sorted by item."""
    others = _reference(dataset, rest, policy)
    label_items = np.concatenate([*(labels.label_items for labels in sets), rest])
    probs = np.concatenate([*(labels.probs for labels in sets), others])
    joined = group(label_items, probs, np.full(len(label_items), "", dtype=str), "")
    return joined.items, joined.offsets, joined.probs


def _reference(dataset: Dataset, items: np.ndarray, policy: LabelPolicy) -> np.ndarray:
    """The hard labels of `items`; label smoothing smooths all training items (Collins 2022, section B.2)."""
    k = len(dataset.classes)
    if policy.variety == "smoothed":
        return smoothed(dataset.labels[items], k, DEFAULT_BETA if policy.beta is None else policy.beta)
    return one_hot(dataset.labels[items], k)


# (data set, policy, items to label, training items that this seed may learn from, seed, panel)
Maker = Callable[[Dataset, LabelPolicy, np.ndarray, np.ndarray, int, int], tuple[LabelSet, float]]


def _from_people(
    dataset: Dataset, policy: LabelPolicy, items: np.ndarray, trained_on: np.ndarray, seed: int, panel: int
):
    semantic = policy.variety in SEMANTIC
    return people_labels(
        dataset,
        policy.variety,
        items,
        annotators=policy.annotators,
        gamma=policy.gamma,
        seed=seed,
        panel=panel,
        similarity=class_similarity(dataset, policy.similarity, trained_on) if semantic else None,
    )


def _free(probs: Callable[[Dataset, LabelPolicy, np.ndarray, int], np.ndarray]) -> Maker:
    """A maker that asks nobody: one label an item."""

    def make(dataset: Dataset, policy: LabelPolicy, items: np.ndarray, trained_on: np.ndarray, seed: int, panel: int):
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
