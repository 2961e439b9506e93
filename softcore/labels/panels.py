"""Who answers what: the (annotator, item) pairs whose answers a trial may use.

Draws are nested: the first M answers of an item are the same for every larger M of the same seed and panel, and the
first N' items are part of every larger N'. Annotators are drawn for each image apart, as the thesis's code does, so
"M = 2" is not two people.
"""

import numpy as np
import pandas as pd
from jaxtyping import Int

from softcore.errors import RequestError
from softcore.seeding import generator

Annotators = int | str  # a number of annotators an item, or "all"


def split_annotated(
    annotated: Int[np.ndarray, " n"], held_out: int, seed: int
) -> tuple[Int[np.ndarray, " kept"], Int[np.ndarray, " out"]]:
    """The annotated items in this seed's nested order, and the `held_out` ones that it never trains on (sorted)."""
    order = generator("items", seed).permutation(np.sort(annotated))
    return order[held_out:], np.sort(order[:held_out])


def draw_records(records: pd.DataFrame, annotators: Annotators, seed: int, panel: int) -> pd.DataFrame:
    """At most `annotators` first answers an item; an item with fewer gives all it has, a repeat is never drawn.

    Hand it the data set's whole table and select items afterwards: the draw of an item then does not depend on which
    other items are asked about. Rows come sorted by item, in the order of the draw.
    """
    first = records[~records["is_repeat"]]
    keys = generator("panel", seed, panel).random(len(first))
    drawn = first.iloc[np.lexsort((keys, first["item"].to_numpy()))]
    if annotators == "all":
        return drawn
    return drawn[drawn.groupby("item").cumcount() < int(annotators)]


def draw_clicks(
    counts: Int[np.ndarray, "items classes"], annotators: Annotators, seed: int, panel: int
) -> tuple[Int[np.ndarray, " clicks"], Int[np.ndarray, " clicks"]]:
    """Clicks drawn without replacement from each item's counts: (row of `counts`, class) of each, sorted by row.

    Counts carry no annotator, so a draw is by click and not by person.
    """
    rows, classes = np.nonzero(counts)
    repeats = counts[rows, classes]
    rows, classes = np.repeat(rows, repeats), np.repeat(classes, repeats)
    keys = generator("panel", seed, panel).random(len(rows))
    order = np.lexsort((keys, rows))
    rows, classes = rows[order], classes[order]
    if annotators == "all":
        return rows, classes
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = rank < int(annotators)
    return rows[kept], classes[kept]


def check_annotators(annotators: object, most: int, what: str) -> None:
    """Refuse an M that is not "all" or a whole number from 1 to the `most` answers that any item has."""
    if annotators == "all":
        return
    if isinstance(annotators, bool) or not isinstance(annotators, int) or not 1 <= annotators <= most:
        raise RequestError(f"annotators must be 'all' or 1..{most}, the most {what} of any item; it is {annotators}")
