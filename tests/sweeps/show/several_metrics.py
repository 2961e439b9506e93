"""What the page's script works out of weights on several metrics, written down a second time: tests compare the two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.prices.price_list import PriceList
from softcore.prices.read import price_list
from softcore.scoring.metrics import lower_is_better
from sweeps.frontier.frontier import summarise
from sweeps.frontier.pricing import costs, middle, purchases
from sweeps.show.plan_page_data import metric_units


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


@dataclass(frozen=True, kw_only=True)
class Weighing:
    """Of the cells of `table` the id of the one that wins within a budget, and the weights that would change it."""

    table: pd.DataFrame
    winner: str
    swaps: tuple[WeightSwap, ...]


def several_metrics(
    results: pd.DataFrame,
    metrics: Sequence[str],
    prices: str | PriceList = "thesis",
    *,
    weights: Mapping[str, float],
    budget: float = np.inf,
) -> Weighing:
    """The winner on `metrics`, which all cells must have, under `weights` among those of `budget` seconds or less."""
    summary = summarise(results)
    cost = middle(costs(purchases(summary), price_list(prices)))
    signs = np.array([1.0 if lower_is_better(name) else -1.0 for name in metrics])
    losses = summary[list(metrics)].to_numpy(dtype=float) * signs
    units = metric_units(summary, metrics)
    cells, losses = summary[cost <= budget], losses[cost <= budget]
    each = {name: weights.get(name, 0.0) for name in metrics}
    names = tuple(cells["cell"].astype(str))
    score = weighted(losses, np.array(list(each.values())), units)
    return Weighing(table=summary, winner=names[int(score.argmin())], swaps=weight_swaps(names, losses, each, units))


def weighted(
    losses: Float[np.ndarray, "n k"], weights: Float[np.ndarray, " k"], units: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " n"]:
    """The weighted sum of n cells' losses, each in its unit; less is better.

    Weights are shares (they are divided by their sum). A unit says which differences in two metrics count the same,
    whatever other cells there are.
    """
    return np.asarray(losses, dtype=float) / np.asarray(units, dtype=float) @ weights / np.sum(weights)


def weight_swaps(
    cells: tuple[str, ...],
    losses: Float[np.ndarray, "n k"],
    weights: Mapping[str, float],
    units: Float[np.ndarray, " k"],
) -> tuple[WeightSwap, ...]:
    """For each metric of `weights` (in the order of the losses' columns): at which weights another cell would win.

    Scores are straight lines in a weight, so that the winner's edges are exact. Of ties the first cell wins.
    """
    shares = np.array(list(weights.values()), dtype=float)
    shares = shares / shares.sum()
    scaled = np.asarray(losses, dtype=float) / np.asarray(units, dtype=float)
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
