"""Soft labels from what one annotator said: most likely class, perhaps a second, and what it is definitely not."""

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from softcore.errors import RequestError, known

ELICITED = (
    "t1-uniform",
    "t1-clamp",
    "t2-uniform",
    "t2-clamp",
    "t1-semantic",
    "t2-semantic",
    "select-two",
    "t2-clamp-released",
)
SEMANTIC = ("t1-semantic", "t2-semantic")
DEFAULT_GAMMA = 0.1
# Probabilities are typed as whole percentages: less than this left over is rounding, not mass.
SPENT = 1e-9


def soft_labels(
    records: pd.DataFrame,
    variety: str,
    n_classes: int,
    gamma: float = DEFAULT_GAMMA,
    similarity: Float[np.ndarray, "classes classes"] | None = None,
) -> Float[np.ndarray, "records classes"]:
    """One soft label a record, rows in the order of `records`, each summing to one.

    `t1` uses the first class and its probability, `t2` also the second. The mass that is left is spread: `uniform`
    evenly over all other classes, `clamp` evenly over those not ticked "definitely not", `semantic` over all other
    classes in proportion to row `top1` of `similarity` (below 0 counts as 0; evenly where nothing is above 0). When
    `clamp` finds all mass spent and a class still possible, the stated classes keep 1 - gamma and the possible ones
    share gamma. Stated probabilities of over one in sum are scaled to one. When mass is left but no class is possible,
    the stated classes are scaled up to one; when they state nothing at all (all zero), they share the mass evenly.

    `select-two` puts 0.5 on each of the two named classes, all on the first where no second was named.
    `t2-clamp-released` is what the thesis's released code makes of "T2 Clamp": stated probabilities scaled to one and
    nothing spread; all on the first class where they are all zero.

    An empty table gives an empty array. Raises RequestError for an unknown variety, a gamma outside 0..1, a semantic
    variety without a similarity. Source: Collins 2022, sections 3.2.2 and B.4.
    """
    if variety not in ELICITED:
        raise known("elicited variety", variety, ELICITED)
    if not 0 <= gamma <= 1:
        raise RequestError(f"gamma must lie in 0..1; it is {gamma}")
    if variety in SEMANTIC and similarity is None:
        raise RequestError(f"variety '{variety}' needs a similarity of classes: confusions or word-vectors")
    stated, chosen = _stated(records, n_classes, second=not variety.startswith("t1-"))
    if variety == "select-two":
        return np.asarray(chosen / chosen.sum(axis=1, keepdims=True))
    if variety == "t2-clamp-released":
        return _as_stated(stated, records["top1"].to_numpy(np.int64))
    if variety in SEMANTIC:
        assert similarity is not None
        weights = _semantic(similarity[records["top1"].to_numpy(np.int64)], ~chosen)
    else:
        weights = (~_ticked(records, n_classes) if variety.endswith("-clamp") else ~chosen).astype(float)
    return complete(stated, chosen, weights, gamma if variety.endswith("-clamp") else 0.0)


def complete(
    stated: Float[np.ndarray, "n classes"],
    chosen: Bool[np.ndarray, "n classes"],
    weights: Float[np.ndarray, "n classes"],
    gamma: float,
) -> Float[np.ndarray, "n classes"]:
    """Labels from `stated` mass: what it leaves goes to the classes not `chosen`, in proportion to `weights` (>= 0).

    When it leaves nothing and a class has weight, those classes get `gamma`. Over one in sum is scaled to one. Rows
    without any weight scale the stated mass up to one; stated mass of zero is then shared evenly by the chosen.
    """
    weights = np.where(chosen, 0.0, weights)
    weight = weights.sum(axis=1, keepdims=True)
    total = stated.sum(axis=1, keepdims=True)
    scaled = np.where(total > 1, stated / np.where(total > 0, total, 1), stated)
    left = np.clip(1 - scaled.sum(axis=1, keepdims=True), 0, None)
    spent = left <= SPENT
    keep = np.where(spent & (weight > 0), 1 - gamma, 1.0)
    spread = np.where(spent, gamma, left) * weights / np.where(weight > 0, weight, 1)
    # Nowhere to spread it: the stated classes take all of it, in proportion or, if all are zero, evenly.
    stranded = ~spent & (weight == 0)
    base = np.where(stranded & (total == 0), chosen / chosen.sum(axis=1, keepdims=True), scaled)
    labels = base * keep + spread
    return np.asarray(labels / labels.sum(axis=1, keepdims=True))


def _stated(records: pd.DataFrame, n_classes: int, *, second: bool) -> tuple[np.ndarray, np.ndarray]:
    """The probability stated for each class, and whether the class was named, as arrays (records, classes)."""
    rows = np.arange(len(records))
    top1, top2 = records["top1"].to_numpy(np.int64), records["top2"].to_numpy(np.int64)
    stated = np.zeros((len(records), n_classes))
    chosen = np.zeros((len(records), n_classes), dtype=bool)
    stated[rows, top1] = records["p1"].to_numpy(float)
    chosen[rows, top1] = True
    if second:
        named = np.flatnonzero(top2 >= 0)
        stated[named, top2[named]] = records["p2"].to_numpy(float)[named]
        chosen[named, top2[named]] = True
    return stated, chosen


def _as_stated(stated: np.ndarray, top1: np.ndarray) -> np.ndarray:
    nothing = np.flatnonzero(stated.sum(axis=1) == 0)
    stated[nothing, top1[nothing]] = 1.0
    return np.asarray(stated / stated.sum(axis=1, keepdims=True))


def _semantic(similarity: np.ndarray, open_classes: np.ndarray) -> np.ndarray:
    weights = np.clip(similarity, 0, None) * open_classes
    return np.where(weights.sum(axis=1, keepdims=True) > 0, weights, open_classes.astype(float))


def _ticked(records: pd.DataFrame, n_classes: int) -> np.ndarray:
    """Which classes each record ticks as definitely not, as a boolean array (records, classes)."""
    ticked = np.zeros((len(records), n_classes), dtype=bool)
    ticks = records["impossible"].to_list()
    ticked[np.repeat(np.arange(len(ticks)), [len(t) for t in ticks]), [k for t in ticks for k in t]] = True
    return ticked
