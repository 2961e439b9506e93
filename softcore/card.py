"""A data set's card: who answered what, how odd, how long it took, how far people agree with themselves and others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.datasets import Dataset
from softcore.labels.elicited import DEFAULT_GAMMA, soft_labels

CARD_VARIETY = "t2-clamp"  # all that was elicited


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
    from softcore.card_costs import describe_costs  # what it reads needs this file's `entropy`

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
        from softcore.card_mixed import describe_mixed  # it needs this file's `seconds`

        card["mixed"] = describe_mixed(dataset.mixed, dataset.labels, len(dataset.classes))
    return card


def seconds(records: pd.DataFrame) -> dict[str, Any]:
    """Time of first answers (mean, median, total hours) and, apart, the mean of repeats; untimed ones are left out."""
    repeat = records["is_repeat"].to_numpy(dtype=bool)
    timed = records.loc[~repeat, "seconds"].dropna()
    if timed.empty:
        return {"absent": "no answer has a time"}
    again = records.loc[repeat, "seconds"].dropna()
    return {
        "over": "first answers",
        "timed": len(timed),
        "mean": float(timed.mean()),
        "median": float(timed.median()),
        "total_hours": float(timed.sum() / 3600),
        "mean_of_repeats": float(again.mean()) if len(again) else {"absent": "no repeat has a time"},
    }


def consistency(records: pd.DataFrame, labels: Float[np.ndarray, "records classes"]) -> dict[str, Any]:
    """How far one person's two answers about an image agree, and how far two people's do: each a dict of means.

    `labels` belong to the rows of `records`. Pairs are a repeat with its first answer, and any two first answers about
    one image; means are over all such pairs. Distance is total variation, half the sum of absolute differences. The
    most likely class is the label's arg-max, the lowest index on a tie. (The 0.124 that is sometimes given for
    CIFAR-10S counts the session that is stored twice both times.)
    """
    numbered = records[["annotator", "item", "is_repeat"]].assign(row=np.arange(len(records)))
    first, again = numbered[~numbered["is_repeat"]], numbered[numbered["is_repeat"]]
    within = again.merge(first, on=["annotator", "item"], suffixes=("", "_other"))
    between = first.merge(first, on="item", suffixes=("", "_other"))
    between = between[between["row"] < between["row_other"]]
    return {
        "one_person_twice": _agreement(within, labels, "nobody was asked twice"),
        "two_people": _agreement(between, labels, "no image has answers of two people"),
    }


def _agreement(pairs: pd.DataFrame, labels: np.ndarray, reason: str) -> dict[str, Any]:
    if pairs.empty:
        return {"absent": reason}
    one, other = (labels[pairs[column].to_numpy()] for column in ("row", "row_other"))
    return {
        "pairs": len(pairs),
        "total_variation": float(np.abs(one - other).sum(axis=1).mean() / 2),
        "same_most_likely_class": float((one.argmax(axis=1) == other.argmax(axis=1)).mean()),
    }


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


def entropy(weights: np.ndarray) -> Float[np.ndarray, " n"]:
    """Shannon entropy (nats) of each row of `weights` [n, K] after scaling it to sum to 1; 0 log 0 is 0."""
    p = weights / weights.sum(axis=1, keepdims=True)
    return np.asarray(-(p * np.log(np.where(p > 0, p, 1))).sum(axis=1))


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
