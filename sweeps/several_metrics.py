"""Several metrics of a sweep at once: cells that no other beats on all of them and cost, and what weights decide."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.errors import RequestError, known
from softcore.scoring.metrics import lower_is_better
from sweeps.cell_prices import Costs, cell_costs
from sweeps.columns import metric_columns, records
from sweeps.frontier import summarise
from sweeps.pareto import OBJECTIVES, WeightSwap, hypervolume, pareto, weight_swaps, weighted
from sweeps.plain import plain
from sweeps.pricing import purchases
from sweeps.regimes import MATTERS


@dataclass(frozen=True, kw_only=True, eq=False)
class SeveralMetrics:
    """The cells of a sweep on several metrics and cost, at the means of their replicates.

    `table` has a row a cell by rising cost: `cell`, `recipe`, `cost`, the metrics, `on_front` (no other cell is as good
    on all and better on one, cost included) and `score` (NaN without weights or beyond the budget; less is better).
    `hypervolume` is what the cells dominate up to `reference`, the worst value of each metric and the highest cost, as
    a share of all between the best and the worst; None with more than three metrics. `winner` has the least score and
    `swaps` the weights that would change it.
    """

    metrics: tuple[str, ...]
    table: pd.DataFrame
    hypervolume: float | None
    reference: Mapping[str, float]
    units: Mapping[str, float]
    winner: str | None
    swaps: tuple[WeightSwap, ...]

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON; what is not a finite number is None."""
        rest = {name: getattr(self, name) for name in ("metrics", "hypervolume", "reference", "units", "winner")}
        return plain({**rest, "cells": records(self.table), "swaps": [asdict(swap) for swap in self.swaps]})


def several_metrics(
    results: pd.DataFrame,
    metrics: Sequence[str],
    costs: Costs = "thesis",
    *,
    weights: Mapping[str, float] | None = None,
    units: Mapping[str, float] | None = None,
    budget: float = np.inf,
) -> SeveralMetrics:
    """The cells of a results table on two metrics or more and cost, and the winner within `budget` under `weights`.

    A unit of a metric is the difference in it that counts as much as a unit of another: by default the gap that matters
    (0.03 of `ce`, 0.01 of `scaled-ce`), of other metrics a tenth of the range of the cells. Cells that lack one of the
    metrics or a cost are left out. Fewer than two metrics, an unknown one, a weight of another metric or a budget that
    buys nothing are a RequestError.
    """
    metrics = tuple(dict.fromkeys(metrics))
    if len(metrics) < 2:
        raise RequestError(f"several metrics are two or more, not {len(metrics)}")
    for name in (*metrics, *(weights or {})):
        if name not in (there := metric_columns(results)) or name not in metrics:
            raise known("metric", name, metrics if name in there else there)
    summary = summarise(results)
    bought = purchases(summary)
    summary["free"] = bought.answers.sum(axis=1) == 0
    cost = cell_costs(summary, bought, costs)[1]
    signs = np.array([1.0 if lower_is_better(name) else -1.0 for name in metrics])
    losses = summary[list(metrics)].to_numpy(dtype=float) * signs
    kept = np.isfinite(losses).all(axis=1) & np.isfinite(cost)
    if not kept.any():
        raise RequestError(f"no cell has {', '.join(metrics)} and a cost")
    summary, losses, cost = summary[kept].reset_index(drop=True), losses[kept], cost[kept]
    both = np.column_stack([losses, cost])
    table = summary[["cell", "recipe", *metrics]].copy()
    table.insert(2, "cost", cost)
    table["on_front"] = pareto(both)
    table["score"] = np.nan
    said = _units(metrics, losses, units or {})
    winner, swaps = None, tuple[WeightSwap, ...]()
    if weights is not None:
        within = np.flatnonzero(cost <= budget)
        if not len(within):
            raise RequestError(f"a budget of {budget:g} buys nothing: the cheapest cell costs {cost.min():g}")
        each = {name: weights.get(name, 0.0) for name in metrics}
        score = weighted(losses[within], np.array(list(each.values())), said)
        table.loc[within, "score"] = score
        cells = tuple(str(cell) for cell in table["cell"].iloc[within])
        winner, swaps = cells[int(score.argmin())], weight_swaps(cells, losses[within], each, said)
    worst = both.max(axis=0)
    return SeveralMetrics(
        metrics=metrics,
        table=table.sort_values(["cost", "cell"], kind="stable", ignore_index=True),
        hypervolume=_share(both) if len(metrics) < OBJECTIVES else None,
        reference=dict(zip((*metrics, "cost"), worst * np.append(signs, 1.0), strict=True)),
        units=dict(zip(metrics, said, strict=True)),
        winner=winner,
        swaps=swaps,
    )


def _units(metrics: Sequence[str], losses: np.ndarray, units: Mapping[str, float]) -> Float[np.ndarray, " k"]:
    found = []
    for name, column in zip(metrics, losses.T, strict=True):
        usual = MATTERS.get(name.partition("/")[0], float(np.ptp(column)) / 10 or 1.0)
        found.append(units.get(name, usual))
    return np.array(found, dtype=float)


def _share(losses: np.ndarray) -> float:
    """The hypervolume up to the worst values, of the box between the best and the worst ones."""
    low, high = losses.min(axis=0), losses.max(axis=0)
    spread = high - low
    scaled = np.divide(losses - low, spread, out=np.zeros_like(losses), where=spread > 0)
    return hypervolume(scaled, np.ones(losses.shape[1]))
