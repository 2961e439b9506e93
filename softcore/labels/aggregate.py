"""How the labels of an item become what a batch trains on: kept separate, or pooled by a named method."""

from collections.abc import Callable

import numpy as np

from softcore.errors import known
from softcore.labels.label_set import LabelSet


def separate(labels: LabelSet) -> LabelSet:
    """Every annotator's label stays; each batch draws one of them (Collins 2022, section 3.3.2)."""
    return labels


def mean(labels: LabelSet) -> LabelSet:
    """The mean of an item's labels, one row an item (Collins 2022, section 3.3.2, the aggregation Psi)."""
    sums = np.add.reduceat(labels.probs, labels.offsets[:-1], axis=0) if len(labels.items) else labels.probs
    return LabelSet(
        items=labels.items,
        offsets=np.arange(len(labels.items) + 1),
        probs=sums / np.maximum(labels.counts, 1)[:, None],
        annotators=np.full(len(labels.items), "", dtype=str),
        question=labels.question,
    )


AGGREGATORS: dict[str, Callable[[LabelSet], LabelSet]] = {"separate": separate, "mean": mean}


def aggregate(labels: LabelSet, method: str) -> LabelSet:
    """`labels` by the named method; RequestError lists the known methods."""
    if method not in AGGREGATORS:
        raise known("aggregation", method, AGGREGATORS)
    return AGGREGATORS[method](labels)
