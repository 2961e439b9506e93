"""Soft labels from what one annotator said: most likely class, perhaps a second, and what it is definitely not."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.errors import RequestError, known

ELICITED = ("t1-uniform", "t1-clamp", "t2-uniform", "t2-clamp")
DEFAULT_GAMMA = 0.1
# Probabilities are typed as whole percentages: less than this left over is rounding, not mass.
SPENT = 1e-9


def soft_labels(
    records: pd.DataFrame, variety: str, n_classes: int, gamma: float = DEFAULT_GAMMA
) -> Float[np.ndarray, "records classes"]:
    """One soft label a record, rows in the order of `records`, each summing to one.

    `t1` uses the first class and its probability, `t2` also the second. The mass that is left is spread evenly:
    `uniform` over all other classes, `clamp` over those not ticked "definitely not". When `clamp` finds all mass spent
    and a class still possible, the stated classes keep 1 - gamma and the possible ones share gamma. Stated
    probabilities of over one in sum are scaled to one. When mass is left but no class is possible, the stated classes
    are scaled up to one; when they state nothing at all (all zero), they share the mass evenly.

    An empty table gives an empty array. Raises RequestError for an unknown variety or a gamma outside 0..1.
    Source: Collins 2022, section 3.2.2.
    """
    if variety not in ELICITED:
        raise known("elicited variety", variety, ELICITED)
    if not 0 <= gamma <= 1:
        raise RequestError(f"gamma must lie in 0..1; it is {gamma}")
    rows = np.arange(len(records))
    top1, top2 = records["top1"].to_numpy(np.int64), records["top2"].to_numpy(np.int64)
    stated = np.zeros((len(records), n_classes))
    chosen = np.zeros((len(records), n_classes), dtype=bool)
    stated[rows, top1] = records["p1"].to_numpy(float)
    chosen[rows, top1] = True
    if variety.startswith("t2"):
        second = np.flatnonzero(top2 >= 0)
        stated[second, top2[second]] = records["p2"].to_numpy(float)[second]
        chosen[second, top2[second]] = True
    open_classes = ~chosen
    if variety.endswith("clamp"):
        open_classes &= ~_ticked(records, n_classes)
    return _complete(stated, chosen, open_classes, gamma if variety.endswith("clamp") else 0.0)


def _complete(stated: np.ndarray, chosen: np.ndarray, open_classes: np.ndarray, gamma: float) -> np.ndarray:
    """Spread what `stated` leaves over `open_classes`; keep `gamma` for them when it leaves nothing."""
    total = stated.sum(axis=1, keepdims=True)
    scaled = np.where(total > 1, stated / np.where(total > 0, total, 1), stated)
    left = np.clip(1 - scaled.sum(axis=1, keepdims=True), 0, None)
    n_open = open_classes.sum(axis=1, keepdims=True)
    spent = left <= SPENT
    keep = np.where(spent & (n_open > 0), 1 - gamma, 1.0)
    spread = np.where(spent, gamma, left) * open_classes / np.maximum(n_open, 1)
    # Nowhere to spread it: the stated classes take all of it, in proportion or, if all are zero, evenly.
    stranded = ~spent & (n_open == 0)
    base = np.where(stranded & (total == 0), chosen / chosen.sum(axis=1, keepdims=True), scaled)
    labels = base * keep + spread
    return np.asarray(labels / labels.sum(axis=1, keepdims=True))


def _ticked(records: pd.DataFrame, n_classes: int) -> np.ndarray:
    """Which classes each record ticks as definitely not, as a boolean array (records, classes)."""
    ticked = np.zeros((len(records), n_classes), dtype=bool)
    ticks = records["impossible"].to_list()
    ticked[np.repeat(np.arange(len(ticks)), [len(t) for t in ticks]), [k for t in ticks for k in t]] = True
    return ticked
