"""The labelled sets that a trial is scored on when it has been trained."""

import numpy as np

from softcore.data.dataset import Dataset, TestSet
from softcore.labels.aggregate import mean
from softcore.labels.ask import people_labels
from softcore.labels.elicited import DEFAULT_GAMMA
from softcore.labels.people import split


def test_sets(dataset: Dataset, seed: int, holdout: str | None = None) -> dict[str, TestSet]:  # noqa: PT028 (no test)
    """Every test set by name: the fixed ones, and the annotated items that this seed holds out.

    They are held out by image (`holdout` None or "images") or in whole batches of people and images ("batches"); hand
    it what the trial's label policy has. The held-out items are labelled by the mean T2 Clamp (gamma 0.1) of all their
    people, whatever the trial trains on; where people were asked for clicks only, by the mean of those.
    """
    sets = dict(dataset.fixed_tests)
    held_out = split(dataset, holdout, seed).held_out
    if len(held_out):
        asked = "t2-clamp" if (dataset.records["question"] == "page").any() else "click"
        labels, _ = people_labels(dataset, asked, held_out, gamma=DEFAULT_GAMMA)
        pooled = mean(labels)
        sets[dataset.held_out_test] = TestSet(items=pooled.items, targets=np.asarray(pooled.probs))
    return sets


test_sets.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest's
