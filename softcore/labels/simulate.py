"""Simulated page answers: what people typed, fitted apart for clear and for ambiguous images, and drawn again.

A hand-made model of how one answer comes about (Collins 2022, section B.5). It knows no people: every answer is as
independent of the others about its image as it is of those about other images.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from softcore.completion import complete
from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from softcore.labels.aggregate import BY_PERSON
from softcore.labels.elicited import DEFAULT_GAMMA, soft_labels
from softcore.labels.label_set import LabelSet, group
from softcore.labels.similarity import class_similarity
from softcore.policy import LabelPolicy
from softcore.seeding import generator

LOW_ENTROPY = 0.1  # nats; above it the high-entropy fit is used, also between the thesis's levels (0.1 < H <= 0.25)
EDGE = 0.005  # half a percentage point: a typed 0 or 100 counts as this far inside 0..1, where a Beta has a density
DRAWS = 4  # uniform numbers an answer is made of: class, first probability, number possible, second probability


@dataclass(frozen=True, kw_only=True)
class Level:
    """What people typed about images of one entropy level.

    `answers` of them were fitted; `p1` and `p2` are the Betas' (a, b), `p2` None where fewer than two different second
    probabilities were typed: no second class is simulated then. `possible[k]` is how many answers left k classes other
    than the first choice unticked; `second` the share that named a second class (shown, not used: in the thesis's
    steps everyone with a class possible gives it mass).
    """

    answers: int
    p1: tuple[float, float]
    p2: tuple[float, float] | None
    possible: tuple[int, ...]
    second: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulator:
    """A fitted simulator: a level for click entropy of up to 0.1 nats, one for more, and how alike classes are.

    A level is None where too few answers were there to fit it: fewer than two different first probabilities.
    """

    low: Level | None
    high: Level | None
    similarity: Float[np.ndarray, "classes classes"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatedAnswers:
    """Simulated answers, one a row, in the terms of `softcore.data.records`, and their T2 Clamp labels `probs`.

    `possible` marks the classes other than `top1` that were not ruled out, `top2` among them; -1 and NaN: none named.
    """

    top1: Int[np.ndarray, " n"]
    p1: Float[np.ndarray, " n"]
    top2: Int[np.ndarray, " n"]
    p2: Float[np.ndarray, " n"]
    possible: Bool[np.ndarray, "n classes"]
    probs: Float[np.ndarray, "n classes"]


def fit(
    records: pd.DataFrame,
    entropy_by_item: Float[np.ndarray, " items"],
    similarity: Float[np.ndarray, "classes classes"],
    n_classes: int,
) -> Simulator:
    """A simulator of the pages in `records`, repeats left out, each put to the level of `entropy_by_item[its item]`.

    Betas are fitted by maximum likelihood on 0..1 to the probabilities as typed, drawn in to 0.005..0.995; an absent
    second probability is left out. Pass training items' records only. Raises RequestError for an item without an
    entropy (NaN). Source: Collins 2022, section B.5.
    """
    first = records[~records["is_repeat"] & (records["question"] == "page")]
    entropy = entropy_by_item[first["item"].to_numpy(np.int64)]
    if np.isnan(entropy).any():
        item = int(first["item"].to_numpy()[np.isnan(entropy)][0])
        raise RequestError(f"the simulator can't be fitted: item {item} has no entropy; it needs clicks or answers")
    low = entropy <= LOW_ENTROPY
    return Simulator(
        low=_fit_level(first[low], n_classes), high=_fit_level(first[~low], n_classes), similarity=similarity
    )


def _fit_level(records: pd.DataFrame, n_classes: int) -> Level | None:
    p1 = _beta(records["p1"].to_numpy(float))
    if p1 is None:
        return None
    ticked = records["impossible"].map(len).to_numpy(np.int64)
    return Level(
        answers=len(records),
        p1=p1,
        p2=_beta(records["p2"].to_numpy(float)),
        possible=tuple(np.bincount(n_classes - 1 - ticked, minlength=n_classes).tolist()),
        second=float((records["top2"] >= 0).mean()),
    )


def _beta(probabilities: np.ndarray) -> tuple[float, float] | None:
    """(a, b) of the Beta fitted to the probabilities that are not NaN; None if fewer than two differ."""
    from scipy.stats import beta

    inside = np.clip(probabilities[~np.isnan(probabilities)], EDGE, 1 - EDGE)
    if len(np.unique(inside)) < 2:
        return None
    a, b, _, _ = beta.fit(inside, floc=0, fscale=1)
    return float(a), float(b)


def item_entropies(dataset: Dataset, records: pd.DataFrame) -> Float[np.ndarray, " items"]:
    """Entropy (nats) of each of the data set's items, NaN where nothing is known about it.

    Of its clicks where they are known as counts, else of the mean T2 Clamp label (gamma 0.1) of its pages in `records`
    (repeats left out), so that anyone's own records will do. The two are not alike: labels are softer than clicks.
    """
    from scipy.stats import entropy

    weights = np.zeros((len(dataset.labels), len(dataset.classes)))
    first = records[~records["is_repeat"] & (records["question"] == "page")]
    labels = soft_labels(first, "t2-clamp", len(dataset.classes), DEFAULT_GAMMA)
    np.add.at(weights, first["item"].to_numpy(np.int64), labels)
    if dataset.counts is not None:
        weights = np.where(dataset.counts.sum(axis=1, keepdims=True) > 0, dataset.counts, weights)
    with np.errstate(invalid="ignore"):  # 0 / 0 where nothing is known
        return np.asarray(entropy(weights, axis=1))


def simulate(
    simulator: Simulator,
    click_probs: Float[np.ndarray, "n classes"],
    entropy: Float[np.ndarray, " n"],
    draws: Float[np.ndarray, "n 4"],
    gamma: float = DEFAULT_GAMMA,
) -> SimulatedAnswers:
    """One simulated answer a row, from `DRAWS` uniform numbers in [0, 1) each: row i depends on row i alone.

    1. The first choice is drawn from the image's clicks. 2. Its probability from the Beta of the image's level.
    3. The other classes are ranked by their similarity to it (ties in class order). 4. How many of them are possible
    is drawn from the level's histogram; the first ones of the ranking are. 5. If any is, the closest gets a
    probability drawn from the Beta of second ones. 6. What is left is spread evenly over the other possible classes.
    The sixth step is the T2 Clamp of people's own answers, `gamma` and all: both Betas are drawn apart, so their sum
    may exceed one and is then scaled to one.

    Raises RequestError for an image whose level could not be fitted. Source: Collins 2022, section B.5.
    """
    n, n_classes = click_probs.shape
    rows = np.arange(n)
    shares = np.cumsum(click_probs, axis=1)
    top1 = (draws[:, [0]] >= shares / shares[:, [-1]]).sum(axis=1)
    p1, p2, n_possible = np.zeros(n), np.full(n, np.nan), np.zeros(n, dtype=np.int64)
    for level, mine in _levels(simulator, entropy):
        p1[mine] = _quantile(level.p1, draws[mine, 1])
        n_possible[mine] = _count(level.possible, draws[mine, 2])
        if level.p2 is not None:
            p2[mine] = _quantile(level.p2, draws[mine, 3])
    closeness = simulator.similarity[top1].astype(float)
    closeness[rows, top1] = -np.inf  # itself comes last: at most K - 1 classes are possible besides it
    ranking = np.argsort(-closeness, axis=1, kind="stable")
    possible = np.zeros((n, n_classes), dtype=bool)
    np.put_along_axis(possible, ranking, np.arange(n_classes) < n_possible[:, None], axis=1)
    named = (n_possible >= 1) & ~np.isnan(p2)
    top2 = np.where(named, ranking[:, 0], -1)
    p2 = np.where(named, p2, np.nan)
    stated = np.zeros((n, n_classes))
    stated[rows, top1] = p1
    stated[rows[named], top2[named]] = p2[named]
    probs = complete(stated, stated_classes(top1, top2, n_classes), possible.astype(float), gamma)
    return SimulatedAnswers(top1=top1, p1=p1, top2=top2, p2=p2, possible=possible, probs=probs)


def stated_classes(
    top1: Int[np.ndarray, " n"], top2: Int[np.ndarray, " n"], n_classes: int
) -> Bool[np.ndarray, "n classes"]:
    """Which classes each answer names, first and (unless -1) second."""
    classes = np.arange(n_classes)
    return np.asarray((classes == top1[:, None]) | (classes == top2[:, None]))


def _levels(simulator: Simulator, entropy: np.ndarray) -> list[tuple[Level, np.ndarray]]:
    """Each level that an image needs, and the rows of those images."""
    low = entropy <= LOW_ENTROPY
    found = []
    for name, level, mine in (("low", simulator.low, low), ("high", simulator.high, ~low)):
        if not mine.any():
            continue
        if level is None:
            raise RequestError(
                f"the simulator has no fit for images of {name} entropy (limit {LOW_ENTROPY} nats), but {mine.sum()} "
                "are to be simulated: too few answers about such images are there to fit"
            )
        found.append((level, np.flatnonzero(mine)))
    return found


def _quantile(parameters: tuple[float, float], draws: np.ndarray) -> np.ndarray:
    from scipy.special import betaincinv

    return np.asarray(betaincinv(*parameters, draws))


def _count(histogram: tuple[int, ...], draws: np.ndarray) -> np.ndarray:
    shares = np.cumsum(histogram) / sum(histogram)
    return np.searchsorted(shares, draws, side="right")


def check_simulated(dataset: Dataset, variety: str, aggregation: str | None) -> None:
    """Refuse what simulated answers can't be: without clicks, no page of T2 Clamp, or pooled by who answered."""
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
    if dataset.counts is None:
        raise RequestError(f"rest: simulated draws first choices from clicks known as counts; {dataset.name} has none")


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

    Raises RequestError for an item without clicks, and what `fit` and `simulate` refuse.
    """
    if not len(items):
        nothing = np.zeros((0, len(dataset.classes)))
        return group(items, nothing, np.zeros(0, dtype=str), policy.variety), 0
    assert dataset.counts is not None  # `check_simulated` refuses it, before any label is made
    clicks = dataset.counts[items]
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
