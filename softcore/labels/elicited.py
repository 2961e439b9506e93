"""Soft labels from what one annotator said: most likely class, perhaps a second, and what it is definitely not."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.completion import Answers
from softcore.errors import RequestError, unknown_name
from softcore.varieties import VARIETIES

DEFAULT_GAMMA = 0.1


def elicited_varieties() -> tuple[str, ...]:
    """The varieties whose answers leave probability to a rule."""
    return tuple(name for name, variety in VARIETIES.items() if variety.complete)


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
    row = VARIETIES.get(variety)
    if row is None or row.complete is None:
        raise unknown_name("elicited variety", variety, elicited_varieties())
    if not 0 <= gamma <= 1:
        raise RequestError(f"gamma must lie in 0..1; it is {gamma}")
    if row.similarity and similarity is None:
        raise RequestError(f"variety '{variety}' needs a similarity of classes: confusions or word-vectors")
    stated, chosen = _stated(records, n_classes, second=row.classes == 2)
    answers = Answers(
        top1=records["top1"].to_numpy(np.int64),
        stated=stated,
        chosen=chosen,
        ticked=_ticked(records, n_classes),
        gamma=gamma,
        similarity=similarity,
    )
    return row.complete(answers)


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


def _ticked(records: pd.DataFrame, n_classes: int) -> np.ndarray:
    """Which classes each record ticks as definitely not, as a boolean array (records, classes)."""
    ticked = np.zeros((len(records), n_classes), dtype=bool)
    ticks = records["impossible"].to_list()
    ticked[np.repeat(np.arange(len(ticks)), [len(t) for t in ticks]), [k for t in ticks for k in t]] = True
    return ticked
