"""The labelled sets that a trial is scored on."""

import numpy as np

from softcore.datasets import Dataset, TestSet
from softcore.labels.aggregate import mean
from softcore.labels.build import people_labels
from softcore.labels.elicited import DEFAULT_GAMMA
from softcore.labels.panels import split_annotated


def test_sets(dataset: Dataset, seed: int) -> dict[str, TestSet]:
    """Every test set by name: the fixed ones, and the annotated items that this seed holds out.

    The held-out items are labelled by the mean T2 Clamp (gamma 0.1) of all their people, whatever the trial trains on;
    where people were asked for clicks only, by the mean of those.
    """
    sets = dict(dataset.fixed_tests)
    _, held_out = split_annotated(dataset.annotated_items, dataset.held_out, seed)
    if len(held_out):
        asked = "t2-clamp" if (dataset.records["question"] == "page").any() else "click"
        labels, _ = people_labels(dataset, asked, held_out, gamma=DEFAULT_GAMMA)
        pooled = mean(labels)
        sets[dataset.held_out_test] = TestSet(items=pooled.items, targets=np.asarray(pooled.probs))
    return sets


test_sets.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest's
