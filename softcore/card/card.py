"""A data set's card: who answered what, how odd, how long it took, how far people agree with themselves and others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from softcore.card.measures import CARD_VARIETY, consistency, entropy, seconds
from softcore.data.dataset import Dataset
from softcore.labels.elicited import DEFAULT_GAMMA, soft_labels


def describe(dataset: Dataset, root: Path | None = None) -> dict[str, Any]:
    """The card of `dataset` as nested dicts of plain Python values, fit for JSON; `root` is where its files are.

    People, answers, seconds and entropies are over first answers; repeats stand apart. Distances and entropies (nats)
    are of T2 Clamp labels with gamma 0.1. What can't be computed is `{"absent": reason}`, never 0 or NaN. Mixed images
    are a section of their own, `mixed`, which is there only where the data set has them.
    """
    records = dataset.records
    labels = soft_labels(records, CARD_VARIETY, len(dataset.classes), DEFAULT_GAMMA)
    first = ~records["is_repeat"].to_numpy(dtype=bool)
    an_item = records[first].groupby("item").size()
    n, height, width, channels = dataset.images.shape
    from softcore.card.costs import describe_costs

    card = {
        "name": dataset.name,
        "title": dataset.title,
        "simulated": dataset.simulated,
        "images": {"n": n, "height": height, "width": width, "channels": channels},
        "classes": list(dataset.classes),
        "items": {
            "training": len(dataset.train_items),
            "annotated": len(dataset.annotated_items),
            "held_out_by_each_seed": dataset.held_out,
            "validation": len(dataset.validation_items),
            "test": {name: len(test.items) for name, test in dataset.fixed_tests.items()},
        },
        "people": int(records["annotator"].nunique()),
        "answers": int(first.sum()),
        "repeats": int((~first).sum()),
        "answers_an_item": {
            "min": int(an_item.min()),
            "max": int(an_item.max()),
            "distribution": {m: int(count) for m, count in enumerate(np.bincount(an_item)) if count},
        },
        "odd_rows": dict(dataset.odd_rows),
        "page_seconds": seconds(records),
        "costs": describe_costs(dataset, root),
        "repeat_consistency": consistency(records, labels),
        "entropy": entropies(dataset, labels[first]),
        "clicks": clicks(dataset),
        "default_metric": dataset.default_metric,
        "notes": list(dataset.notes),
        "fingerprints": dict(dataset.fingerprints),
    }
    if dataset.mixed is not None:
        from softcore.card.mixed import describe_mixed

        card["mixed"] = describe_mixed(dataset.mixed, dataset.labels, len(dataset.classes))
    return card


def entropies(dataset: Dataset, labels: Float[np.ndarray, "answers classes"]) -> dict[str, Any]:
    """Mean over items of the entropy (nats) of the mean label, beside that of clicks.

    `labels` are those of first answers, in the records' order.
    """
    items = dataset.records.loc[~dataset.records["is_repeat"], "item"].to_numpy(np.int64)
    _, index = np.unique(items, return_inverse=True)
    sums = np.zeros((index.max() + 1, labels.shape[1]))
    np.add.at(sums, index, labels)
    card: dict[str, Any] = {"of_mean_labels_annotated_items": float(entropy(sums).mean())}
    if dataset.counts is None:
        return card | {"of_clicks": {"absent": "no clicks are known"}}
    clicked = dataset.counts.sum(axis=1) > 0
    asked = np.intersect1d(dataset.annotated_items, np.flatnonzero(clicked))
    if asked.size:
        card["of_clicks_annotated_items"] = float(entropy(dataset.counts[asked]).mean())
    return card | {"of_clicks_all_items_with_clicks": float(entropy(dataset.counts[clicked]).mean())}


def clicks(dataset: Dataset) -> Mapping[str, Any]:
    """Items with clicks, clicks in all, and the fewest and most an item."""
    if dataset.counts is None:
        return {"absent": "no clicks are known"}
    an_item = dataset.counts.sum(axis=1)
    an_item = an_item[an_item > 0]
    return {
        "items": len(an_item),
        "total": int(an_item.sum()),
        "mean_an_item": float(an_item.mean()),
        "min_an_item": int(an_item.min()),
        "max_an_item": int(an_item.max()),
    }
