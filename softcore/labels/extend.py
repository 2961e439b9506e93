"""`rest: simulated`: answers of the simulator for the training items that no page of the panel is about."""

import numpy as np
from jaxtyping import Int

from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from softcore.labels.aggregate import BY_PERSON
from softcore.labels.elicited import DEFAULT_GAMMA
from softcore.labels.label_set import LabelSet, group
from softcore.labels.similarity import class_similarity
from softcore.labels.simulate import DRAWS, Simulator, fit, item_entropies, simulate
from softcore.policy import LabelPolicy
from softcore.seeding import generator


def check_simulated(variety: str, aggregation: str | None) -> None:
    """Refuse what makes no sense beside simulated answers: no page of T2 Clamp, or pooling by who answered."""
    if variety != "t2-clamp":
        raise RequestError(
            "rest: simulated gives T2 Clamp labels, soft endpoints without soft labels make no sense: "
            f"variety must be t2-clamp; it is {variety}"
        )
    if aggregation in BY_PERSON:
        raise RequestError(
            f"rest: simulated gives answers of nobody, so aggregation '{aggregation}' can't weigh people; "
            "allowed: separate, mean, majority"
        )


def simulated_rest(
    dataset: Dataset,
    policy: LabelPolicy,
    items: Int[np.ndarray, " items"],
    trained_on: Int[np.ndarray, " train"],
    *,
    seed: int,
    panel: int,
) -> tuple[LabelSet, int]:
    """Simulated answers about `items`, and the number of clicks that were read of them (all that they have).

    As many a item as the policy has annotators; for "all", as many as most annotated items of the data set have pages.
    Draws are nested: answer m about an item is the same for every larger M, whatever other items are asked about. What
    is fitted is fitted on `trained_on`, the seed's training items: all of their pages (the whole table, not the
    panel's share alone), their clicks, the confusions between their classes where the policy names no similarity.

    Raises RequestError where an item has no clicks known as counts, or what `fit` and `simulate` refuse.
    """
    if not len(items):
        nothing = np.zeros((0, len(dataset.classes)))
        return group(items, nothing, np.zeros(0, dtype=str), policy.variety), 0
    clicks = np.zeros((len(items), 1)) if dataset.counts is None else dataset.counts[items]
    unknown = items[clicks.sum(axis=1) == 0]
    if len(unknown):
        raise RequestError(
            f"rest: simulated draws first choices from clicks known as counts; {dataset.name} has none for "
            f"{len(unknown)} of the {len(items)} items to label (the first is item {unknown[0]})"
        )
    simulator = fit_simulator(dataset, trained_on, policy.similarity)
    shares = clicks / clicks.sum(axis=1, keepdims=True)
    entropy = item_entropies(dataset, dataset.records)[items]
    gamma = DEFAULT_GAMMA if policy.gamma is None else policy.gamma
    answers = [
        simulate(simulator, shares, entropy, _draws(len(dataset.labels), seed, panel, number)[items], gamma)
        for number in range(_answers_an_item(dataset, policy))
    ]
    labels = group(
        np.tile(items, len(answers)),
        np.concatenate([answer.probs for answer in answers]),
        np.full(len(items) * len(answers), "", dtype=str),
        policy.variety,
        np.concatenate([answer.top1 for answer in answers]),
    )
    return labels, int(clicks.sum())


def fit_simulator(dataset: Dataset, items: Int[np.ndarray, " items"], similarity: str | None = None) -> Simulator:
    """The simulator fitted on all pages about `items`, with the named similarity of classes (None: confusions)."""
    pages = dataset.records[dataset.records["item"].isin(items)]
    closeness = class_similarity(dataset, similarity or "confusions", items)
    return fit(pages, item_entropies(dataset, pages), closeness, len(dataset.classes))


def _draws(n_items: int, seed: int, panel: int, number: int) -> np.ndarray:
    """The uniform numbers of each item's answer `number`, drawn for all items: row i is item i's whoever is asked."""
    # Keys count from 1: a key of 0 at the end would be the same stream as none.
    return generator("simulation", seed, panel, 1 + number).random((n_items, DRAWS))


def _answers_an_item(dataset: Dataset, policy: LabelPolicy) -> int:
    if policy.annotators not in ("all", None):
        return int(policy.annotators)
    pages = dataset.records[~dataset.records["is_repeat"] & (dataset.records["question"] == "page")]
    return int(np.bincount(pages.groupby("item").size()).argmax())
