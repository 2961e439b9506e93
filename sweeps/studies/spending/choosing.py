"""To choose between two models with B clicks: one each on many images, or several on few? Replayed on real clicks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from softcore.seeding import generator
from sweeps.studies.spending.clicks import RecordedModels, draw_clicks

BUDGETS = (10, 20, 50, 100, 200, 500, 1000, 2000, 3000, 6000, 10_000)
EACH = (1, 3, 10)  # clicks on an image before the next one's turn
GAPS = ((0.01, 0.02), (0.02, 0.05), (0.05, np.inf))  # of the two models' losses with all clicks


@dataclass(frozen=True, kw_only=True, eq=False)
class Choices:
    """How often the better of two models was chosen, by gap, clicks an image and budget.

    `right` has columns `gap`, `pairs`, `each`, `clicks`, `mean` (over pairs and replays) and `low`, `high`: between
    these lie the shares of four pairs of five.
    """

    metric: str
    replays: int
    right: pd.DataFrame


def mean_losses(
    models: RecordedModels, each: int, budgets: Sequence[int], rng: np.random.Generator
) -> Float[np.ndarray, "trials budgets"]:
    """The mean loss of every model over the first clicks of one drawn sequence, at each budget (ascending)."""
    image, label = draw_clicks(models.counts, each, budgets[-1], rng)
    losses = models.losses[:, image, label].astype(np.float64)
    ends = np.minimum(budgets, losses.shape[1])
    sums = np.cumsum(np.add.reduceat(losses, np.concatenate([[0], ends[:-1]]), axis=1), axis=1)
    return sums / ends


def pairs_of(models: RecordedModels) -> Int[np.ndarray, "pairs 2"]:
    """All pairs of trials of different cells with the same seed, as places."""
    found = [
        pair
        for _, rows in models.trials.groupby("seed")
        for pair in combinations(rows.index, 2)
        if models.trials["cell"][pair[0]] != models.trials["cell"][pair[1]]
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def replay_choices(
    models: RecordedModels, *, replays: int = 200, budgets: Sequence[int] = BUDGETS, each: Sequence[int] = EACH
) -> Choices:
    """Draw test clicks `replays` times and choose, in each pair of models, the one with the smaller loss.

    All models meet the same clicks. A draw counts half; "right" is the model with the smaller loss over all clicks.
    """
    budgets = [budget for budget in budgets if budget <= models.counts.sum()]
    pairs, truth = pairs_of(models), models.true_losses
    gap = truth[pairs[:, 1]] - truth[pairs[:, 0]]
    rows = []
    for clicks_each in each:
        right = np.zeros((len(pairs), len(budgets)))
        for replay in range(replays):
            found = mean_losses(models, clicks_each, budgets, generator("replay", replay, clicks_each))
            apart = found[pairs[:, 1]] - found[pairs[:, 0]]
            right += np.where(apart == 0, 0.5, np.sign(apart) == np.sign(gap)[:, None])
        rows += list(_rows(right / replays, np.abs(gap), clicks_each, budgets))
    return Choices(metric=models.metric, replays=replays, right=pd.DataFrame(rows))


def _rows(right: np.ndarray, gap: np.ndarray, each: int, budgets: Sequence[int]):
    for low, high in GAPS:
        chosen = right[(gap >= low) & (gap < high)]
        if not len(chosen):
            continue
        name = f"{low:g} to {high:g}" if np.isfinite(high) else f"{low:g} and more"
        for place, budget in enumerate(budgets):
            ends = np.quantile(chosen[:, place], [0.1, 0.9])
            about: Mapping[str, object] = {"gap": name, "pairs": len(chosen), "each": each, "clicks": budget}
            yield {**about, "mean": chosen[:, place].mean(), "low": ends[0], "high": ends[1]}
