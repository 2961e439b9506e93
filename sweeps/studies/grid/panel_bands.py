"""Bands of one panel's best purchases against what the other panel shows, at fixed costs, on one metric.

Two questions are asked of the band at each cost, so that no winner's curse goes unpredicted. `picked`: the cell that is
recommended from the panel seen, by its shrunk best guess; the value that the other panel shows of that very cell.
`best`: the least mean that the other panel shows among all cells that the cost buys, a minimum of noisy means, held
against draws of just that minimum. Beside them the interval that the thesis prints: Student's t over the seeds of the
panel seen, about the lowest of its means.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from softcore.statistics import half_width
from sweeps.frontier.bands import bands, best_at, winner_at
from sweeps.studies.grid.across import Pairs
from sweeps.uncertainty.shrinkage import Draws

COSTS = 8
LEVEL = 0.9
PICKED, BEST, SEEDS_PICKED, SEEDS_BEST = "picked", "best", "seeds only, picked", "seeds only, best"


@dataclass(frozen=True, kw_only=True, eq=False)
class BandCoverage:
    """Intervals [b, (low, high)] at each cost and the other panel's values [b] that they are held against."""

    intervals: Float[np.ndarray, "b 2"]
    values: Float[np.ndarray, " b"]

    @property
    def covered(self) -> Bool[np.ndarray, " b"]:
        """Which values lie within; one without an interval (NaN) does not."""
        return (self.intervals[:, 0] <= self.values) & (self.values <= self.intervals[:, 1])

    @property
    def width(self) -> float:
        """The mean width."""
        return float(np.diff(self.intervals, axis=1).mean())


@dataclass(frozen=True, kw_only=True, eq=False)
class OneWay:
    """What panel `seen` says of the other at `costs` [b]: bands and seeds-only intervals, each held in both ways.

    `cells` [b] are the places of the recommended cells. `all_at_once` is whether the simultaneous band of `best` holds.
    """

    seen: int
    costs: Float[np.ndarray, " b"]
    cells: np.ndarray
    held: Mapping[str, BandCoverage]
    all_at_once: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class BothWays:
    """Both ways of one metric and one group of cells: bands by the panel seen, and those of variances of both."""

    metric: str
    group: str
    cells: int
    ways: Mapping[int, OneWay]
    known: Mapping[int, OneWay]


def fixed_costs(seconds: Float[np.ndarray, " c"]) -> Float[np.ndarray, " b"]:
    """Eight costs, evenly in their logarithm from the cheapest cell to the dearest: known before any result is."""
    paid = seconds[np.isfinite(seconds) & (seconds > 0)]
    found = np.geomspace(paid.min(), paid.max(), COSTS)
    found[[0, -1]] = paid.min(), paid.max()  # rounding must not miss the cells at the ends
    return found


def one_way(
    paired: Pairs,
    metric: str,
    seen: int,
    drawn: Float[np.ndarray, "n c"],
    seconds: Float[np.ndarray, " c"],
    level: float = LEVEL,
) -> OneWay:
    """What `drawn`, draws of the other panel's means, say at the fixed costs of `seconds` [c]; NaN leaves a cell out.

    A cell is affordable at a cost that is not below its own.
    """
    costs = fixed_costs(seconds)
    here, there = (paired.means(metric, panel) for panel in (seen, 1 - seen))
    predicted = Draws(
        cells=tuple(paired.cells["cell"]),
        values=drawn,
        mean=here,
        bought=np.ones(len(here), dtype=bool),
        covers="the other panel",
        shrunk=True,
    )
    band = bands(predicted, seconds, costs, level)
    picked = winner_at(predicted.best_guess, seconds, costs)
    ends = [(1 - level) / 2, (1 + level) / 2]
    of_picked = np.quantile(drawn[:, picked], ends, axis=0).T
    best = best_at(there, seconds, costs)
    lowest = winner_at(here, seconds, costs)
    over_seeds = _over_seeds(paired, metric, seen, level)[lowest]
    low, high = band.simultaneous.T
    return OneWay(
        seen=seen,
        costs=costs,
        cells=picked,
        held={
            PICKED: BandCoverage(intervals=of_picked, values=there[picked]),
            BEST: BandCoverage(intervals=band.pointwise, values=best),
            SEEDS_PICKED: BandCoverage(intervals=over_seeds, values=there[lowest]),
            SEEDS_BEST: BandCoverage(intervals=over_seeds, values=best),
        },
        all_at_once=bool(((low <= best) & (best <= high)).all()),
    )


def _over_seeds(paired: Pairs, metric: str, panel: int, level: float) -> np.ndarray:
    """Each cell's t interval over its seeds of one panel [c, (low, high)]."""
    cell, values = paired.found.strata.layout.cell[paired.trials[panel]], paired.values(metric, panel)
    count = np.bincount(cell)
    mean = np.bincount(cell, weights=values) / count
    squares = np.bincount(cell, weights=(values - mean[cell]) ** 2)
    half = half_width(np.sqrt(squares / (count - 1)), count, level)
    return np.column_stack([mean - half, mean + half])
