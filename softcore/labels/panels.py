"""Who answers what: the (annotator, item) pairs whose answers a trial may use.

Draws are nested: the first M answers of an item are the same for every larger M of the same seed and panel, and the
first N' items are part of every larger N'. Annotators are drawn for each image apart, as the thesis's code does, so
"M = 2" is not two people; whole people are hired in `people.py`.
"""

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from softcore.policy import Annotators
from softcore.seeding import generator
from softcore.varieties import CLICK


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


def by_count(dataset: Dataset, variety: str) -> bool:
    """Whether the variety's answers are known as counts: then nobody knows by whom they are."""
    return variety == CLICK and dataset.counts is not None


def draw_clicks(
    counts: Int[np.ndarray, "items classes"], annotators: Annotators, seed: int, panel: int, *, apart: bool = False
) -> tuple[Int[np.ndarray, " clicks"], Int[np.ndarray, " clicks"]]:
    """Clicks drawn without replacement from each item's counts: (row of `counts`, class) of each, sorted by row.

    Counts carry no annotator, so a draw is by click and not by person. Panels of a seed are drawn independently of one
    another; `apart`, they share no click (`in_panel`), and panel 0 draws what it always draws.
    """
    rows, classes = np.nonzero(counts)
    repeats = counts[rows, classes]
    rows, classes = np.repeat(rows, repeats), np.repeat(classes, repeats)
    keys = generator("panel", seed, 0 if apart else panel).random(len(rows))
    order = np.lexsort((keys, rows))
    rows, classes = rows[order], classes[order]
    if annotators == "all":
        return rows, classes
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    if not apart:
        kept = rank < int(annotators)
        return rows[kept], classes[kept]
    size = np.bincount(rows, minlength=len(counts))[rows]
    kept = in_panel(rank, size, panel, int(annotators))
    order = np.lexsort((from_its_end(rank, size, panel)[kept], rows[kept]))
    return rows[kept][order], classes[kept][order]


def in_panel(
    rank: Int[np.ndarray, " n"], size: Int[np.ndarray, " n"], panel: int, annotators: int
) -> Bool[np.ndarray, " n"]:
    """Which places `rank` (0, 1, ...) of queues that are `size` long belong to `panel` at M = `annotators`.

    Panel 0 takes the first M of a queue and panel 1 the last M, panel 2 the next from the front, panel 3 from the end,
    and so on: so panels of one M share no place, and a panel's M is part of its M + 1 where it is panel 0 or 1. A queue
    that is too short leaves the later panels less, or nothing.
    """
    pair, last = divmod(panel, 2)
    taken = (pair + last) * annotators  # at the other end of the queue, by panels before this one
    place = from_its_end(rank, size, panel)
    return np.asarray((place >= pair * annotators) & (place < np.minimum((pair + 1) * annotators, size - taken)))


def from_its_end(rank: Int[np.ndarray, " n"], size: Int[np.ndarray, " n"], panel: int) -> Int[np.ndarray, " n"]:
    """Places `rank` of queues that are `size` long, counted from the end that `panel` takes from: even, the front."""
    return size - 1 - rank if panel % 2 else rank


def check_panel(panel: int, annotators: Annotators, most: int, what: str) -> None:
    """Refuse a panel that could not be had without sharing some of the at most `most` of an image with another."""
    half = most // 2
    if panel and (annotators == "all" or (panel // 2 + 1) * int(annotators) > half):
        raise RequestError(
            f"panel {panel} with annotators {annotators} would share {what} with another panel: of {most} at most "
            f"panels 0 and 1 take up to {half} each, later ones 1 as long as there are some, panel 0 alone up to all"
        )


def check_annotators(annotators: object, most: int, what: str) -> None:
    """Refuse an M that is not "all" or a whole number from 1 to the `most` answers that any item has."""
    if annotators == "all":
        return
    if isinstance(annotators, bool) or not isinstance(annotators, int) or not 1 <= annotators <= most:
        raise RequestError(f"annotators must be 'all' or 1..{most}, the most {what} of any item; it is {annotators}")
