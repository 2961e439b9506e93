"""How the labels of an item become what a batch trains on: kept separate, or pooled by a named method."""

from collections.abc import Callable

import numpy as np

from softcore.errors import known
from softcore.labels.by_person import check_choices, dawid_skene, glad, mace
from softcore.labels.label_set import LabelSet, pooled, votes

BY_PERSON = ("dawid-skene", "glad", "mace")  # these need to know who answered


def separate(labels: LabelSet) -> LabelSet:
    """Every annotator's label stays; each batch draws one of them (Collins 2022, section 3.3.2)."""
    return labels


def mean(labels: LabelSet) -> LabelSet:
    """The mean of an item's labels, one row an item (Collins 2022, section 3.3.2, the aggregation Psi)."""
    sums = np.add.reduceat(labels.probs, labels.offsets[:-1], axis=0) if len(labels.items) else labels.probs
    return pooled(labels, sums / np.maximum(labels.counts, 1)[:, None])


def majority(labels: LabelSet) -> LabelSet:
    """All mass on the class that most of an item's people chose first; classes that tie share it evenly.

    Raises RequestError for labels without first choices. Source: Collins 2022, section 2.3.2.
    """
    check_choices(labels, "majority")
    counted = votes(labels)
    most = counted == counted.max(axis=1, keepdims=True)
    return pooled(labels, most / most.sum(axis=1, keepdims=True))


AGGREGATORS: dict[str, Callable[[LabelSet], LabelSet]] = {
    "separate": separate,
    "mean": mean,
    "majority": majority,
    "dawid-skene": dawid_skene,
    "glad": glad,
    "mace": mace,
}


def aggregate(labels: LabelSet, method: str) -> LabelSet:
    """`labels` by the named method; RequestError lists the known methods."""
    if method not in AGGREGATORS:
        raise known("aggregation", method, AGGREGATORS)
    return AGGREGATORS[method](labels)
