"""What a card measures of answers: seconds, consistency, entropy."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import entr

CARD_VARIETY = "t2-clamp"  # all that was elicited


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


def entropy(weights: np.ndarray) -> Float[np.ndarray, " n"]:
    """Shannon entropy (nats) of each row of `weights` [n, K] after scaling it to sum to 1; 0 log 0 is 0."""
    return np.asarray(entr(weights / weights.sum(axis=1, keepdims=True)).sum(axis=1))
