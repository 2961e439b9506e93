"""Several metrics of a sweep at once: cells that no other beats on all of them and cost, and what weights decide."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from softcore.errors import RequestError, known
from softcore.scoring.metrics import lower_is_better
from sweeps.frontier.cell_prices import Costs, cell_costs
from sweeps.frontier.frontier import summarise
from sweeps.frontier.pricing import purchases
from sweeps.frontier.regimes import MATTERS
from sweeps.results.table import metric_columns, plain, records

OBJECTIVES = 4  # hypervolume by slices takes time that grows fast with them


@dataclass(frozen=True, kw_only=True)
class WeightSwap:
    """Who wins as the weight of `metric` runs from 0 to 1, the others keeping their proportions.

    `winner[i]` wins from `edges[i]` to `edges[i + 1]`; the weight in force is `weight`, and the winner keeps winning
    from `low` to `high`.
    """

    metric: str
    weight: float
    low: float
    high: float
    edges: tuple[float, ...]
    winner: tuple[str, ...]


def pareto(losses: Float[np.ndarray, "n k"]) -> Bool[np.ndarray, " n"]:
    """Which of n points no other beats on all k objectives, of each of which less is better.

    A point is beaten by one that is no worse on all and better on one: equal points stand or fall together. A point
    with NaN is on no front and beats nobody.
    """
    losses = np.asarray(losses, dtype=float)
    whole = np.isfinite(losses).all(axis=1)
    found = whole.copy()
    points = losses[whole]
    for place in np.flatnonzero(whole):
        other = points
        found[place] = not ((other <= losses[place]).all(axis=1) & (other < losses[place]).any(axis=1)).any()
    return found


def hypervolume(losses: Float[np.ndarray, "n k"], reference: Float[np.ndarray, " k"]) -> float:
    """The volume that n points dominate up to `reference`, of 2 to 4 objectives of which less is better.

    Points that do not beat the reference on every objective add nothing; no point gives 0. Made of slices along the
    last objective (Zitzler 1999, section 6.3).
    """
    losses, reference = np.atleast_2d(np.asarray(losses, dtype=float)), np.asarray(reference, dtype=float)
    if not 2 <= losses.shape[1] == len(reference) <= OBJECTIVES:
        raise RequestError(f"a hypervolume needs 2 to {OBJECTIVES} objectives and a reference for each")
    return _volume(losses[(losses < reference).all(axis=1)], reference)


def weighted(
    losses: Float[np.ndarray, "n k"], weights: Float[np.ndarray, " k"], units: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " n"]:
    """The weighted sum of n cells' losses, each in its unit; less is better.

    Weights are shares (they are divided by their sum); a negative one, or none above 0, is a RequestError, as is a unit
    that is not above 0. A unit says which differences in two metrics count the same, whatever other cells there are.
    """
    return np.asarray(losses, dtype=float) / _units_pareto(units) @ _shares(weights)


def weight_swaps(
    cells: tuple[str, ...],
    losses: Float[np.ndarray, "n k"],
    weights: Mapping[str, float],
    units: Float[np.ndarray, " k"],
) -> tuple[WeightSwap, ...]:
    """For each metric of `weights` (in the order of the losses' columns): at which weights another cell would win.

    Scores are straight lines in a weight, so that the winner's edges are exact. Of ties the first cell wins.
    """
    shares = _shares(np.array(list(weights.values())))
    scaled = np.asarray(losses, dtype=float) / _units_pareto(units)
    found = []
    for place, metric in enumerate(weights):
        others = np.delete(shares, place)
        others = others / others.sum() if others.sum() > 0 else np.full(len(others), 1 / max(len(others), 1))
        rest = np.delete(scaled, place, axis=1) @ others
        edges, winner = _lowest_lines(rest, scaled[:, place] - rest)
        at = int(np.clip(np.searchsorted(edges, shares[place], side="right") - 1, 0, len(winner) - 1))
        found.append(
            WeightSwap(
                metric=metric,
                weight=float(shares[place]),
                low=edges[at],
                high=edges[at + 1],
                edges=tuple(edges),
                winner=tuple(cells[cell] for cell in winner),
            )
        )
    return tuple(found)


def _volume(points: np.ndarray, reference: np.ndarray) -> float:
    if not len(points):
        return 0.0
    if points.shape[1] == 2:
        points = points[np.lexsort((points[:, 1], points[:, 0]))]
        floor = np.minimum.accumulate(np.concatenate([[reference[1]], points[:, 1]]))
        return float(((reference[0] - points[:, 0]) * (floor[:-1] - floor[1:])).sum())
    points = points[np.argsort(points[:, -1], kind="stable")]
    depth = np.diff(np.append(points[:, -1], reference[-1]))
    return float(
        sum(_volume(points[: i + 1, :-1], reference[:-1]) * depth[i] for i in range(len(points)) if depth[i] > 0)
    )


def _lowest_lines(start: np.ndarray, slope: np.ndarray) -> tuple[list[float], list[int]]:
    """The lower envelope on 0..1 of lines start + slope x: its edges, and the line between each two."""
    x, edges, winner = 0.0, [0.0], list[int]()
    current = int(np.lexsort((slope, start))[0])
    while True:
        winner.append(current)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = (start - start[current]) / (slope[current] - slope)
        crossing = np.where(slope < slope[current], np.maximum(crossing, x), np.inf)
        following = int(np.lexsort((slope, crossing))[0])
        if not crossing[following] < 1:
            return [*edges, 1.0], winner
        x, current = float(crossing[following]), following
        edges.append(x)


def _shares(weights: np.ndarray) -> np.ndarray:
    weights = np.asarray(weights, dtype=float)
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.sum() > 0:
        raise RequestError(f"weights must be 0 or more, one of them above 0, not {weights.tolist()}")
    return weights / weights.sum()


def _units_pareto(units: np.ndarray) -> np.ndarray:
    units = np.asarray(units, dtype=float)
    if not (np.isfinite(units) & (units > 0)).all():
        raise RequestError(f"units must be above 0, not {units.tolist()}")
    return units


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
