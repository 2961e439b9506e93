"""The best value at each cost with its bands, and how likely each cell is to be on the frontier, from joint draws.

A pointwise band holds the truth at each cost with the probability named; a simultaneous one holds it at all costs at
once. Draws are priced here: costs can change as often as one likes.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from softcore.errors import RequestError
from sweeps.uncertainty.shrinkage import Draws


@dataclass(frozen=True, kw_only=True, eq=False)
class Bands:
    """The best value that `budgets` [b] buy, of which less is better: its median and two bands [b, (low, high)].

    `level` is each band's, `covers` what it is over. The `pointwise` one ends below where the draws' best does, and
    above where the best single cell does: the best of many cells looks too good where nothing differs, and no budget's
    best is worse than any one cell that it buys. The `simultaneous` one is the `pointwise` one stretched about the
    median by as much as the draws' best needs for `level` of them to lie in it at all budgets. `winner` [b] is the cell
    that is best most often, in `share` [b] of the draws.
    """

    budgets: Float[np.ndarray, " b"]
    best: Float[np.ndarray, " b"]
    pointwise: Float[np.ndarray, "b 2"]
    simultaneous: Float[np.ndarray, "b 2"]
    winner: tuple[str, ...]
    share: Float[np.ndarray, " b"]
    level: float
    covers: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """A point of the frontier against the next dearer one: how much lower that one's value is, and whether they tie.

    They tie where the interval of the difference covers 0.
    """

    cell: str
    dearer: str
    gain: float
    low: float
    high: float
    tie: bool


def bands(draws: Draws, costs: Float[np.ndarray, " c"], budgets: Float[np.ndarray, " b"], level: float = 0.9) -> Bands:
    """The best value at each of `budgets`, and its bands at `level`, of cells that cost `costs` (seconds or money).

    Costs that are NaN leave their cell out. A budget below the cheapest cell is a RequestError.
    """
    best, cell = _best(draws.values, costs, budgets)
    lowest, highest = draws.shares(level)
    low, middle, high = np.quantile(best, [lowest, 0.5, highest], axis=0)
    factor = np.quantile(_outside(best, low, middle, high).max(axis=1), highest - lowest)
    of_each_cell = np.quantile(draws.values, highest, axis=0) + draws.worse
    high = best_at(of_each_cell.clip(*draws.ends), costs, budgets)
    stretched = (middle + max(factor, 1.0) * np.stack([low - middle, high - middle])).clip(*draws.ends)
    winner, share = _most_often(cell, len(costs))
    return Bands(
        budgets=np.asarray(budgets, dtype=float),
        best=middle,
        pointwise=np.stack([low, high], axis=1),
        simultaneous=stretched.T,
        winner=tuple(draws.cells[place] for place in winner),
        share=share,
        level=level,
        covers=draws.covers,
    )


def best_at(
    values: Float[np.ndarray, "*draws c"], costs: Float[np.ndarray, " c"], budgets: Float[np.ndarray, " b"]
) -> Float[np.ndarray, "*draws b"]:
    """The least of `values` that each of `budgets` buys, a budget that equals a cost included."""
    return _best(values, costs, budgets)[0]


def winner_at(
    values: Float[np.ndarray, "*draws c"], costs: Float[np.ndarray, " c"], budgets: Float[np.ndarray, " b"]
) -> Int[np.ndarray, "*draws b"]:
    """The place of the cell that has the least of `values` at each of `budgets`; of equal ones the cheapest."""
    return _best(values, costs, budgets)[1]


def on_frontier(draws: Draws, costs: Float[np.ndarray, " c"]) -> Float[np.ndarray, " c"]:
    """How often no other cell beats each one on value and cost; 0 where the cost is NaN."""
    return frontier_of_each(draws.values, costs).mean(axis=0)


def frontier_of_each(values: Float[np.ndarray, "d c"], costs: Float[np.ndarray, " c"]) -> Bool[np.ndarray, "d c"]:
    """Which cells are on the frontier of each draw: better than all cheaper ones, as good as any at their cost."""
    order, sorted_costs = _by_cost(costs)
    found = np.zeros(values.shape, dtype=bool)
    if not len(order):
        return found
    starts = np.flatnonzero(np.diff(sorted_costs, prepend=-np.inf) > 0)
    least = np.minimum.reduceat(values[:, order], starts, axis=1)
    cheaper = np.minimum.accumulate(least, axis=1)
    cheaper = np.column_stack([np.full(len(values), np.inf), cheaper[:, :-1]])
    group = np.searchsorted(starts, np.arange(len(order)), side="right") - 1
    found[:, order] = (values[:, order] == least[:, group]) & (least < cheaper)[:, group]
    return found


def steps(draws: Draws, costs: Float[np.ndarray, " c"], level: float = 0.9) -> tuple[Step, ...]:
    """The frontier of the cells' best guesses, each point against the next dearer one: what the dearer one gains."""
    line = np.flatnonzero(frontier_of_each(draws.best_guess[None], costs)[0])
    line = line[np.lexsort((draws.best_guess[line], np.asarray(costs)[line]))]
    found = []
    for here, there in itertools.pairwise(line):
        gain = draws.values[:, here] - draws.values[:, there]
        low, high = np.quantile(gain, draws.shares(level))
        found.append(
            Step(
                cell=draws.cells[here],
                dearer=draws.cells[there],
                gain=float(gain.mean()),
                low=float(low),
                high=float(high),
                tie=bool(low <= 0 <= high),
            )
        )
    return tuple(found)


def _by_cost(costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cells with a cost, the cheapest first, and their costs."""
    costs = np.asarray(costs, dtype=float)
    order = np.argsort(costs, kind="stable")[: int(np.isfinite(costs).sum())]
    return order, costs[order]


def _best(values: np.ndarray, costs: np.ndarray, budgets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least of `values` at each budget, and the place of the cell that has it."""
    order, sorted_costs = _by_cost(costs)
    upto = np.searchsorted(sorted_costs, budgets, side="right") - 1
    if not len(order) or (upto < 0).any():
        cheapest = f"the cheapest cell costs {sorted_costs[0]:g}" if len(order) else "no cell has a cost"
        raise RequestError(f"a budget of {np.min(budgets):g} buys nothing: {cheapest}")
    running = np.minimum.accumulate(values[..., order], axis=-1)
    new = np.ones(running.shape, dtype=bool)
    new[..., 1:] = running[..., 1:] < running[..., :-1]
    last = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0), axis=-1)
    return running[..., upto], order[last[..., upto]]


def _outside(best: np.ndarray, low: np.ndarray, middle: np.ndarray, high: np.ndarray) -> np.ndarray:
    """How far from the median each draw is at each budget, in widths of its side of the band."""
    up, down = np.maximum(high - middle, 1e-300), np.maximum(middle - low, 1e-300)
    return np.where(best >= middle, (best - middle) / up, (middle - best) / down)


def _most_often(cell: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
    counts = np.stack([np.bincount(column, minlength=cells) for column in cell.T])
    return counts.argmax(axis=1), counts.max(axis=1) / len(cell)
