"""Scores of groups of a test set's items: by class, by how far people agree, or by any other groups."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.stats import entropy

from softcore.scoring.metrics import METRICS, Logits, Scores, all_scores, metric_card

LEAST = 10  # items a group
# Of people's entropy, in nats. Fixed and not terciles: a band is the same on every test set, and the many items that
# all people agree on stay together.
BANDS = (0.1, 0.5)
COLUMNS = ("metric", "group", "n", "value", "absent")


def class_groups(targets: Float[np.ndarray, "n k"], classes: Sequence[str]) -> dict[str, Int[np.ndarray, " m"]]:
    """The items (rows of `targets`) of each class, in the order of `classes`: where it has most mass, first on ties."""
    likeliest = targets.argmax(axis=1)
    return {name: np.flatnonzero(likeliest == place) for place, name in enumerate(classes)}


def entropy_groups(
    targets: Float[np.ndarray, "n k"], bands: Sequence[float] = BANDS
) -> dict[str, Int[np.ndarray, " m"]]:
    """The items (rows of `targets`) of each band of people's entropy (nats), lowest first; each has its lower end."""
    band = np.searchsorted(bands, entropy(targets, axis=1), side="right")
    return {name: np.flatnonzero(band == place) for place, name in enumerate(band_names(bands))}


def band_names(bands: Sequence[float] = BANDS) -> list[str]:
    """The names of bands of people's entropy, lowest first: one more than there are ends."""
    between = [f"{low:g} to {high:g} nats" for low, high in pairwise(bands)]
    return [f"below {bands[0]:g} nats", *between, f"{bands[-1]:g} nats and more"]


def group_scores(
    logits: Logits,
    targets: Float[np.ndarray, "n k"],
    groups: Mapping[str, Int[np.ndarray, " m"]],
    *,
    metrics: Collection[str] | None = None,
    least: int = LEAST,
) -> pd.DataFrame:
    """Metrics of groups of items: a row a metric and group, with `COLUMNS`; all metrics, or those that are named.

    `groups` are rows of `targets` by the group's name; they may overlap. A group of fewer than `least` items has no
    value (NaN), nor has one on which the metric has none; `absent` says why, and is "" elsewhere. Calibration errors of
    small groups are biased upward: compare groups of a like size. Raises RequestError for an unknown metric.
    """
    for name in metrics or ():
        metric_card(name)
    names = [name for name in METRICS if metrics is None or name in metrics]
    found = {group: _scores(logits, targets, which, names, least) for group, which in groups.items()}
    rows = [
        (name, group, len(groups[group]), each.values.get(name, np.nan), each.absent.get(name, ""))
        for name in names
        for group, each in found.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _scores(logits: Logits, targets: np.ndarray, which: np.ndarray, names: Sequence[str], least: int) -> Scores:
    n = len(which)
    if n < least:
        few = f"{n} item{'' if n == 1 else 's'}, {least} needed"
        return Scores(values={}, absent=dict.fromkeys(names, few))
    return all_scores(logits.rows(which), targets[which], names)
