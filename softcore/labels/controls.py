"""Labels that keep how unsure people were and lose what they were unsure about: a control, not a way to label."""

from dataclasses import replace

import numpy as np

from softcore.labels.label_set import LabelSet
from softcore.seeding import generator

MATCHED_ENTROPY = "matched-entropy"
CONTROLS = (MATCHED_ENTROPY,)


def matched_entropy(labels: LabelSet, seed: int, panel: int) -> LabelSet:
    """The labels of each item with the mass on all classes but its first shuffled among those classes.

    The first class of an item is that with the most mass over all its labels (the first one of several); one draw an
    item, the same for all its labels, so that an item's labels together keep their entropy and their first class as
    well as each keeps its entropy. What a model gains from these it gains from softness; what people's own labels gain
    beyond is what people know about which classes are alike.
    """
    k = labels.probs.shape[1]
    sums = np.add.reduceat(labels.probs, labels.offsets[:-1], axis=0) if len(labels.items) else labels.probs
    first = sums.argmax(axis=1)
    rng = generator("control", seed, panel)
    order = np.argsort(rng.random((len(labels.items), k)), axis=1)
    # Of each order, leave out the first class and put it back in its own place.
    others = order[order != first[:, None]].reshape(-1, k - 1)
    places = np.tile(np.arange(k), (len(labels.items), 1))
    places = places[places != first[:, None]].reshape(-1, k - 1)
    source = np.empty((len(labels.items), k), dtype=np.int64)
    np.put_along_axis(source, places, others, axis=1)
    np.put_along_axis(source, first[:, None], first[:, None], axis=1)
    every = np.repeat(source, labels.counts, axis=0)
    return replace(labels, probs=np.take_along_axis(labels.probs, every, axis=1))
