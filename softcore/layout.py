"""Which trials share what: a cell, a seed, a panel of people, and the noise that comes with each.

Trials of one seed share its draw of initial weights, order and hold-out; trials of one panel share its people; panels
of different seeds are drawn again from the same pool, so that they share people too, and no number of seeds averages
those out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from softcore.errors import RequestError

NOBODY = ""  # the crowd of cells that ask nobody anything


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Whom the panels of a crowd are drawn from.

    `people` an item (infinite where every panel is hired anew), `disjoint` where panels of one seed share nobody,
    `drawn` says in words what a draw is.
    """

    people: float = np.inf
    disjoint: bool = True
    drawn: str = "whole people"


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """The cell, seed and panel of n trials, and what each of the cells asks of whom.

    `cells` are the names of c cells, `cell` [n] their places in it, `seed` and `panel` [n] any whole numbers. A cell
    asks `people` [c] (M) of its `crowd` [c] on a `share` [c] of the items that there are; cells of `NOBODY` have none.
    """

    cells: tuple[str, ...]
    cell: Int[np.ndarray, " n"]
    seed: Int[np.ndarray, " n"]
    panel: Int[np.ndarray, " n"]
    crowd: tuple[str, ...]
    people: Float[np.ndarray, " c"]
    share: Float[np.ndarray, " c"]
    pools: Mapping[str, Pool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse layouts that give no variance, or whose cells have no trial."""
        if len(np.unique(self.seed)) < 2:
            raise RequestError(f"a variance over seeds needs two seeds or more; there is {len(np.unique(self.seed))}")
        if len(np.unique(self.cell)) != len(self.cells):
            raise RequestError("every cell of a layout needs a trial")
        trials = np.stack([self.cell, self.seed, self.panel])
        if np.unique(trials, axis=1).shape[1] != len(self.cell):
            raise RequestError("a cell has two trials of one seed and panel; a replicate counts once")

    @property
    def crowds(self) -> tuple[str, ...]:
        """The crowds that are asked something, in order of first appearance."""
        return tuple(name for name in dict.fromkeys(self.crowd) if name != NOBODY)

    def pool(self, crowd: str) -> Pool:
        """The pool of `crowd`; hired anew every time where none was named."""
        return self.pools.get(crowd, Pool())

    def of_crowd(self, crowd: str) -> Int[np.ndarray, " m"]:
        """The places of the trials of `crowd`."""
        return np.flatnonzero(np.array([name == crowd for name in self.crowd])[self.cell])

    def overlap(self, crowd: str) -> Float[np.ndarray, "m m"]:
        """Covariance of people's noise between the trials of `crowd`, where one person on every item has variance 1.

        M people have 1 / M; the nested panels of one seed 1 / max(M, M'); panels of one seed that share nobody 0, but
        panel 2 takes people of one queue after panel 0 and panel 3 after panel 1, so that k people whom a smaller M of
        theirs has in common with a larger M of the first have k / (M M'). Panels of different seeds, drawn from one
        pool of P an item, have 1 / P: that of a finite population. Where cells differ in their items it shrinks with
        the share of items in common.
        """
        rows = self.of_crowd(crowd)
        pool = self.pool(crowd)
        people = np.minimum(self.people[self.cell[rows]], pool.people)
        share, seed, panel = self.share[self.cell[rows]], self.seed[rows], self.panel[rows]
        few, many = np.minimum.outer(people, people), np.maximum.outer(people, people)
        nested = np.sqrt(np.minimum.outer(share, share) / np.maximum.outer(share, share))
        anew = np.sqrt(np.outer(share, share)) / pool.people
        alike = panel[:, None] == panel
        same = np.where(alike, nested / many, anew)
        if pool.disjoint:
            same = _in_common(panel, people, pool.people) / (few * many) * nested
        return np.where(seed[:, None] == seed, same, anew)


def _in_common(panel: np.ndarray, people: np.ndarray, pool: float) -> np.ndarray:
    """How many people [m, m] of an item two panels of one seed share that take theirs from the ends of one queue.

    Panel 0 takes the first M of the queue and panel 1 the last, panels 2 and 3 the next M from either end.
    """
    start = panel // 2 * people
    stop, front = start + people, panel % 2 == 0
    one_end = np.minimum.outer(stop, stop) - np.maximum.outer(start, start)
    # Of panels at different ends, places of the other's are counted from the one's end.
    low, high = (pool - stop, pool - start)
    both_ends = np.minimum(stop[:, None], high) - np.maximum(start[:, None], low)
    return np.maximum(0, np.where(front[:, None] == front, one_end, both_ends))
