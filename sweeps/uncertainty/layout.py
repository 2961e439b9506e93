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

    `annotators` an item (infinite where every panel is hired anew), `disjoint` where panels of one seed share nobody,
    `drawn` says in words what a draw is.
    """

    annotators: float = np.inf
    disjoint: bool = True
    drawn: str = "whole people"


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """The cell, seed and panel of n trials, and what each of the cells asks of whom.

    `cells` are the names of c cells, `cell` [n] their places in it, `seed`, `panel` and `repeat` [n] (None: no trial
    repeats another) any whole numbers. A cell asks `annotators` [c] (M) of its `crowd` [c] on a `share` [c] of the
    items that there are; cells of `NOBODY` have none.
    """

    cells: tuple[str, ...]
    cell: Int[np.ndarray, " n"]
    seed: Int[np.ndarray, " n"]
    panel: Int[np.ndarray, " n"]
    crowd: tuple[str, ...]
    annotators: Float[np.ndarray, " c"]
    share: Float[np.ndarray, " c"]
    pools: Mapping[str, Pool] = field(default_factory=dict)
    repeat: Int[np.ndarray, " n"] | None = None

    def __post_init__(self) -> None:
        """Refuse layouts that give no variance, or whose cells have no trial."""
        if len(np.unique(self.seed)) < 2:
            raise RequestError(f"a variance over seeds needs two seeds or more; there is {len(np.unique(self.seed))}")
        if len(np.unique(self.cell)) != len(self.cells):
            raise RequestError("every cell of a layout needs a trial")
        trials = np.stack([self.cell, self.seed, self.panel, *([] if self.repeat is None else [self.repeat])])
        if np.unique(trials, axis=1).shape[1] != len(self.cell):
            raise RequestError("a cell has two trials of one seed, panel and repeat; a replicate counts once")

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

        M people have 1 / M; panels of one seed what they have in common: of a queue of P an item panel 0 takes the
        first M, panel 1 the last M, panels 2 and 3 the next from both ends (`softcore.labels.panels`), so that panel 0
        at M is part of itself at M', and panel 2 at M = 1 part of panel 0 at M = 2. Panels of different seeds, drawn
        from one pool of P, share 1 / P: that of a finite population. Where cells differ in their items it shrinks with
        the share of items in common.
        """
        rows = self.of_crowd(crowd)
        pool = self.pool(crowd)
        annotators = np.minimum(self.annotators[self.cell[rows]], pool.annotators)
        share, seed, panel = self.share[self.cell[rows]], self.seed[rows], self.panel[rows]
        nested = np.sqrt(np.minimum.outer(share, share) / np.maximum.outer(share, share))
        anew = np.sqrt(np.outer(share, share)) / pool.annotators
        same_seed, same_panel = seed[:, None] == seed, panel[:, None] == panel
        shared = self._in_common(panel, annotators, pool.annotators) / np.outer(annotators, annotators) * nested
        return np.where(same_seed & (same_panel | pool.disjoint), shared, anew)

    @staticmethod
    def _in_common(panel: np.ndarray, annotators: np.ndarray, pool: float) -> np.ndarray:
        """How many people an item two trials of one seed have in common [m, m], by places in a queue of `pool`."""
        pair, from_the_end = panel // 2, panel % 2 == 1
        size = pool if np.isfinite(pool) else 2.0 * ((pair + 1) * annotators).max(initial=1.0)  # both ends far apart
        first = np.where(from_the_end, size - (pair + 1) * annotators, pair * annotators)
        last = first + annotators
        return np.maximum(0.0, np.minimum.outer(last, last) - np.maximum.outer(first, first))
