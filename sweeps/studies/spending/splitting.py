"""One budget of clicks, split between training and test labels: what the model that is then chosen is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from softcore.seeding import generator
from softcore.statistics import mean_interval
from sweeps.studies.spending.choosing import mean_losses
from sweeps.studies.spending.clicks import RecordedModels

TEST_CLICKS = (30, 100, 300, 1000, 3000, 10_000)


@dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """The true loss of the model chosen by test clicks, by what was spent on training labels.

    `chosen` has columns `training` (clicks), `candidates` (cells that so many clicks can train), `test` (clicks),
    `total`, `loss` (mean over seeds and replays), `low`, `high` (95% interval over seeds) and `best` (the loss of the
    candidate that is best in truth, a mean over seeds). With 0 test clicks a candidate is taken at random.
    """

    metric: str
    seeds: int
    replays: int
    chosen: pd.DataFrame


def replay_splits(models: RecordedModels, *, replays: int = 200, test_clicks: Sequence[int] = TEST_CLICKS) -> Splits:
    """Choose among the cells that a training budget allows by so many test clicks (one an image), seed by seed.

    Cells that asked for anything but clicks have no part. RequestError where none cost any click: there is no split.
    """
    clicks = models.trials.groupby("cell")["clicks"].mean()
    levels = sorted({0.0, *clicks.dropna()})
    if len(levels) < 2:
        raise RequestError("no cell was trained on bought clicks: there is no budget to split")
    budgets = [budget for budget in test_clicks if budget <= models.counts.sum()]
    truth, trials = models.true_losses, models.trials
    found = [mean_losses(models, 1, budgets, generator("replay", replay, 1)) for replay in range(replays)]
    seeds = sorted(trials["seed"].unique())
    rows = []
    for level in levels:
        cells = list(clicks.index[clicks <= level])
        losses, best, blind = np.zeros((len(seeds), len(budgets))), np.zeros(len(seeds)), np.zeros(len(seeds))
        for s, seed in enumerate(seeds):
            places = np.flatnonzero(((trials["seed"] == seed) & trials["cell"].isin(cells)).to_numpy())
            best[s], blind[s] = truth[places].min(), truth[places].mean()
            for each in found:
                losses[s] += truth[places[each[places].argmin(axis=0)]]
        losses /= replays
        for test, values in [(0, blind), *zip(budgets, losses.T, strict=True)]:
            interval = mean_interval(values)
            rows.append(
                {
                    "training": round(level),
                    "candidates": len(cells),
                    "test": test,
                    "total": round(level) + test,
                    "loss": interval.mean,
                    "low": interval.low,
                    "high": interval.high,
                    "best": float(best.mean()),
                }
            )
    return Splits(metric=models.metric, seeds=len(seeds), replays=replays, chosen=pd.DataFrame(rows))
