"""Predicting one panel of people from another under the same seeds: joint draws of its values.

Panels A (0) and B (1) of a seed share its initial weights, order and images, and no person. What is predicted is what B
shows, so that its people's noise is in the draws; what the seed adds is in both panels and enters once.

Nothing of the panel that is predicted is read. The variances come from the other panel of the grid and, for people,
from those panels of `grid-variance` that hired from the same end of each batch's queue (0 and 2 for A, 1 and 3 for B):
at M up to 3 of 6 these are other people than the predicted panel's, within every seed. One panel a seed can't show how
much of what a cell or a crowd adds in a seed another panel would share. All of it counts as the panel's own: this errs
on the wide side.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.errors import RequestError
from softcore.scoring.metrics import lower_is_better
from sweeps.results.table import finished, has_answers
from sweeps.uncertainty.layout import Layout
from sweeps.uncertainty.replicates import Replicates, replicates
from sweeps.uncertainty.shrinkage import SAMPLES, Observations, predicted_draws
from sweeps.uncertainty.strata import CELL, CROWD, OWN, PEOPLE, REST, covariance
from sweeps.uncertainty.variance import VarianceModel

A, B = 0, 1
NAMES = ("A", "B")
LEAST_SEEDS = 2
_SAME_END = {A: (0, 2), B: (1, 3)}  # panels that hire from the same end of a queue
_UNKNOWN = (CELL, CROWD)  # not known to be shared by panels


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """The bought cells of a grid that have panels A and B of the most seeds, two or more.

    `found` holds them all; `trials` [2, n] are the places in it of A's and of B's trials, one pair a cell and seed.
    `fewer` counts the cells left out because both panels have fewer seeds.
    """

    found: Replicates
    trials: np.ndarray
    fewer: int

    @property
    def seeds(self) -> int:
        """How many seeds each cell has."""
        return self.trials.shape[1] // len(self.cells)

    @property
    def cells(self) -> pd.DataFrame:
        """A row a cell, as `Replicates.cells`."""
        return self.found.cells

    def values(self, metric: str, panel: int) -> Float[np.ndarray, " n"]:
        """A panel's values of `metric`, of which less is better (of one where more is better, the negative)."""
        sign = 1.0 if lower_is_better(metric) else -1.0
        return sign * self.found.results[metric].to_numpy(dtype=float)[self.trials[panel]]

    def means(self, metric: str, panel: int) -> Float[np.ndarray, " c"]:
        """A panel's mean of each cell over its seeds."""
        cell = self.found.strata.layout.cell[self.trials[panel]]
        return np.bincount(cell, weights=self.values(metric, panel)) / np.bincount(cell)


def pairs(grid: pd.DataFrame, metrics: list[str]) -> Pairs:
    """The pairs of a grid's results table; RequestError where no cell has both panels of two seeds or more."""
    done = finished(grid[has_answers(grid) & grid["panel"].isin((A, B))])
    done = done[done.groupby(["cell", "seed"])["panel"].transform("nunique") == 2]
    seeds = done.groupby("cell")["seed"].nunique()
    if seeds.empty or seeds.max() < LEAST_SEEDS:
        raise RequestError(f"no cell has panels A and B of {LEAST_SEEDS} seeds or more")
    done = done[done["cell"].map(seeds) == seeds.max()]
    found = replicates(done.reset_index(drop=True), metrics)
    layout = found.strata.layout
    order = np.lexsort((layout.seed, layout.cell, layout.panel))
    return Pairs(found=found, trials=order.reshape(2, -1), fewer=int((seeds < seeds.max()).sum()))


def draws(
    paired: Pairs,
    model: VarianceModel,
    metric: str,
    seen: int,
    rng: np.random.Generator,
    n: int = 1000,
    *,
    shared: bool = False,
    people: bool = True,
) -> Float[np.ndarray, "n c"]:
    """`n` joint draws of the means [c] that the panel other than `seen` shows of `metric`, from what `seen` showed.

    `model` gives the variances. With `shared` what a cell and a crowd add in a seed counts as the same for both panels,
    as the model of both panels has it. Without `people` they, and what is a trial's own, are left out on purpose.
    """
    cells = paired.cells
    return predicted_draws(
        seen_by(paired, model, metric, seen, shared=shared, people=people),
        model.draw_variances(SAMPLES, rng),
        tuple(cells["curve"]),
        paired.found.features(),
        np.ones(len(cells), dtype=bool),
        rng,
        n,
    )


def panel_variance(paired: Pairs, variance: pd.DataFrame, metric: str, seen: int) -> VarianceModel:
    """The variance model of the panel `seen` and of the panels of `variance` that hire from the same end."""
    rows = paired.found.results.iloc[paired.trials[seen]]
    more = finished(variance[variance["panel"].isin(_SAME_END[seen])])
    both = pd.concat([rows, more], ignore_index=True).drop_duplicates("trial")
    return replicates(both, [metric]).variance(metric)


def seen_by(
    paired: Pairs, model: VarianceModel, metric: str, seen: int, *, shared: bool = False, people: bool = True
) -> Observations:
    """The means of the panel `seen`, and what their errors share with what the other panel shows; as in `draws`."""
    layout = paired.found.strata.layout
    weights = [_weights(layout, rows) for rows in (paired.trials[seen], paired.trials[1 - seen])]
    same = layout.panel[:, None] == layout.panel
    noise, pull, around = [], [], []
    for name in model.strata.components:
        of_trials = covariance(layout, name)
        if name in _UNKNOWN and not shared:
            of_trials = of_trials * same
        if name.startswith((PEOPLE, OWN, REST)) and not people:
            of_trials = of_trials * 0.0
        here, there = weights
        error, across = here @ of_trials @ here.T, there @ of_trials @ here.T
        noise.append(error)
        pull.append(error - across)
        around.append(error + there @ of_trials @ there.T - across - across.T)
    return Observations(
        mean=paired.means(metric, seen), noise=np.array(noise), pull=np.array(pull), around=np.array(around)
    )


def _weights(layout: Layout, rows: np.ndarray) -> np.ndarray:
    """How much each of the layout's trials counts for each cell's mean over the trials in `rows` [c, n]."""
    weights = np.zeros((len(layout.cells), len(layout.cell)))
    weights[layout.cell[rows], rows] = 1.0
    return weights / weights.sum(axis=1)[:, None]
