"""From a data set and a label policy to the targets of one trial: panels, labels, aggregation, the rest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from softcore.data.dataset import Dataset
from softcore.errors import RequestError, unknown_name
from softcore.labels.aggregate import aggregate
from softcore.labels.ask import LabelRequest, MadeLabels, Maker, check_replicate, from_people
from softcore.labels.controls import CONTROLS, MATCHED_ENTROPY, matched_entropy
from softcore.labels.label_set import LabelSet, group
from softcore.labels.people import first_batches, split
from softcore.labels.simulate import check_simulated, simulated_rest
from softcore.labels.votes import DEFAULT_BETA, one_hot, random_labels, smoothed_labels, uniform_labels
from softcore.policy import LabelPolicy
from softcore.varieties import CLICK, FREE, VARIETIES

REST = ("hard", "none", "simulated")


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What a trial trains on. Labels of `items[i]` are rows `offsets[i]:offsets[i + 1]` of `probs`.

    `panel` holds whose answers are in it, before any aggregation. `answers` counts the answers used by question;
    `recorded_seconds` is the time recorded with them (NaN when none was); of mixed questions that of the pages, and
    `answers` has the clicks that decided where pages were asked, which are in no label. `held_out` lists the annotated
    items that this seed never trains on.

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


def build(dataset: Dataset, policy: LabelPolicy, *, seed: int, panel: int = 0) -> Targets:
    """The targets of one trial, a pure function of its arguments.

    Items come sorted. What is fitted (confusions, the simulator) is fitted on the training items that this seed does
    not hold out. Raises RequestError for an unknown variety, aggregation or rest, an M that no item has, an N' beyond
    the annotated items that this seed may train on, a panel that would share people or clicks with another where panels
    share none (`check_replicate`), or what a policy can't do with the data.
    """
    if policy.variety not in VARIETIES:
        raise unknown_name("variety", policy.variety, VARIETIES)
    if policy.rest not in REST:
        raise unknown_name("rest", policy.rest, REST)
    if policy.rest == "simulated":
        check_simulated(dataset, policy.variety, policy.aggregation)
    if policy.control not in (None, *CONTROLS):
        raise unknown_name("control", policy.control, CONTROLS)
    check_replicate(dataset, policy, panel)
    parts = split(dataset, policy.holdout, seed)
    n_items = len(parts.order) if policy.items is None else policy.items
    if not 1 <= n_items <= len(parts.order):
        raise RequestError(
            f"items must lie in 1..{len(parts.order)}, the annotated items left to train on; it is {n_items}"
        )
    asks_people = policy.variety not in FREE
    batches = first_batches(parts.batches, n_items) if policy.hiring and asks_people else ()
    labelled = np.concatenate([b.items for b in batches]) if batches else parts.order[:n_items]
    trained_on = np.setdiff1d(dataset.train_items, parts.held_out)
    request = LabelRequest(
        dataset=dataset,
        policy=policy,
        items=np.sort(labelled),
        batches=batches,
        trained_on=trained_on,
        seed=seed,
        panel=panel,
    )
    panel_set, answers, recorded = (from_people if asks_people else FROM_NOBODY[policy.variety])(request)
    aggregation = policy.aggregation or "separate"
    labels = aggregate(panel_set, aggregation) if asks_people else panel_set
    sets = [matched_entropy(labels, seed, panel) if policy.control == MATCHED_ENTROPY else labels]
    # Of items that nobody was asked this question about (pages and clicks may be mixed) nothing more is known.
    rest = np.setdiff1d(trained_on, panel_set.items)
    if policy.rest == "simulated":
        simulated, clicks = simulated_rest(dataset, policy, rest, trained_on, seed=seed, panel=panel)
        sets.append(aggregate(simulated, aggregation))
        answers[CLICK] = clicks
    items, offsets, probs = _join(sets, rest if policy.rest == "hard" else rest[:0], dataset, policy)
    return Targets(
        items=items,
        offsets=offsets,
        probs=probs,
        held_out=parts.held_out,
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
        return smoothed_labels(dataset.labels[items], k, DEFAULT_BETA if policy.beta is None else policy.beta)
    return one_hot(dataset.labels[items], k)


def _free(probs: Callable[[Dataset, LabelPolicy, np.ndarray, int], np.ndarray]) -> Maker:
    """A maker that asks nobody: one label an item."""

    def make(request: LabelRequest) -> MadeLabels:
        made = probs(request.dataset, request.policy, request.items, request.seed)
        nobody = np.full(len(request.items), "", dtype=str)
        return group(request.items, made, nobody, request.policy.variety), {}, 0.0

    return make


FROM_NOBODY: dict[str, Maker] = {
    "hard": _free(lambda data, policy, items, seed: _reference(data, items, policy)),
    "smoothed": _free(lambda data, policy, items, seed: _reference(data, items, policy)),
    "random": _free(lambda data, policy, items, seed: random_labels(len(data.labels), len(data.classes), seed)[items]),
    "uniform": _free(lambda data, policy, items, seed: uniform_labels(len(items), len(data.classes))),
}
