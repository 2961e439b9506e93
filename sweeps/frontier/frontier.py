"""What a sweep's cells cost, how well they do, and which of them no other beats on both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from softcore.prices.price_list import PriceList
from softcore.prices.read import price_list, usd
from softcore.scoring.metrics import lower_is_better, metric_range
from softcore.scoring.weighted import is_weighted, metrics_of
from softcore.statistics import half_width
from sweeps.frontier.pricing import (
    RECORDED,
    Purchases,
    QuestionCosts,
    costs,
    middle,
    non_dominated_over_prices,
    purchases,
)
from sweeps.frontier.weights import with_metric
from sweeps.results.names import question, recipes
from sweeps.results.table import (
    CONTROL,
    FAILED,
    answer_columns,
    axis_columns,
    finished,
    has_answers,
    is_control,
    is_free,
    metric_columns,
    unknown_metric,
)
from sweeps.uncertainty.replicates import replicates
from sweeps.uncertainty.variance import cell_intervals

_STORED_COSTS = ("label_seconds_per_item", "label_seconds_total", "label_usd", "train_seconds", "eval_seconds")


def summarise(results: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """One row a cell of a results table, in order of first appearance: what it is, what it cost, how well it did.

    Columns: `cell`, `recipe`, the axes, `n` finished and `n_failed` trials, each metric's mean with `<metric> low` and
    `<metric> high` (Student's t over replicates; NaN where n is 1), means of the stored costs, times and answers. A
    finished trial without a finite value of a metric is left out of that metric's mean as a failed one is (`frontier`
    counts them): its cell stays.
    """
    if missing := [c for c in ("cell", "status") if c not in results]:
        raise RequestError(f"a results table needs the column '{missing[0]}'; it has {', '.join(results.columns)}")
    cells = results.groupby("cell", sort=False)[axis_columns(results)].first()
    summary = cells.reset_index()
    summary.insert(1, "recipe", recipes(summary))
    done = finished(results)
    counts = done.groupby("cell").size().reindex(cells.index, fill_value=0)
    summary["n"] = counts.to_numpy()
    summary["n_failed"] = (results["status"] == FAILED).groupby(results["cell"]).sum().reindex(cells.index).to_numpy()
    metrics = metric_columns(results)
    numbers = done[metrics].astype(float).replace([np.inf, -np.inf], np.nan)
    grouped = numbers.groupby(done["cell"])
    mean = grouped.mean().reindex(cells.index)
    there = grouped.count().reindex(cells.index, fill_value=0)
    half = half_width(grouped.std().reindex(cells.index).to_numpy(), there.to_numpy(), level)
    bounds: dict[str, np.ndarray] = {}
    for j, metric in enumerate(metrics):
        values = mean[metric].to_numpy()
        low, high = (np.clip(end, *metric_range(metric)) for end in (values - half[:, j], values + half[:, j]))
        bounds |= {metric: values, f"{metric} low": low, f"{metric} high": high}
    others = [c for c in (*_STORED_COSTS, *answer_columns(results)) if c in results]
    means = done[others].astype(float).groupby(done["cell"]).mean().reindex(cells.index)
    if RECORDED in results:  # of some trials only it would not fit the mean of all trials' answers
        times = done[RECORDED].astype(float).groupby(done["cell"])
        means[RECORDED] = times.mean().where(times.count() == times.size()).reindex(cells.index)
    return pd.concat([summary, pd.DataFrame(bounds), means.reset_index(drop=True)], axis="columns")


@dataclass(frozen=True, kw_only=True, eq=False)
class Frontiers:
    """What a sweep's cells cost and how well they do, made once for all that shows it: terminal, files, MLflow.

    `summary` is that of the `results`, `tables` has the frontier of each metric (see `frontier`) in the order shown,
    made with `prices` at `wage` dollars an hour and a platform's `fee`.
    """

    results: pd.DataFrame
    summary: pd.DataFrame
    prices: PriceList
    wage: float
    fee: float
    tables: Mapping[str, pd.DataFrame]


def frontier(
    results: pd.DataFrame,
    metric: str,
    cost: str | PriceList = "thesis",
    wage: float | None = None,
    fee: float | None = None,
) -> pd.DataFrame:
    """One row a cell of a results table, by rising cost: what it costs, its `metric`, whether it is on the frontier.

    Costs are made afresh from the answers that the trials used and the seconds recorded with them (column
    `recorded_seconds`, where the results have it), with the price list `cost` (a name, a YAML file, a list), `wage` in
    dollars an hour and a platform's `fee` as a share (the list's own where None); what the results say of money is not
    read. Columns: `metric`, `cell`, `recipe`, `variety`, `question` (what people were asked), `label_seconds_per_item`,
    `label_seconds_total` and `label_usd` (NaN where no answers are known; the middle of an interval, whose ends are
    `label_seconds_low` and `label_seconds_high`), `value` (the mean of the cell's trials, evened out over seeds and
    panels where cells have others than the rest: `sweeps.uncertainty.estimates`) with `low` and `high` (95% over new
    seeds and people, from the pooled components of all cells' trials; NaN with a single seed), `n` trials with a value,
    `n_failed`, `n_lacking` (finished without a finite value, left out), `free`, `on_frontier`, and `excluded`: why a
    cell without a value or a cost is not compared, else empty. Where prices are intervals a cell is on the frontier
    unless another beats it at all prices in them. Cells of equal cost and equal value are both on the frontier, or
    neither. An unknown metric or price list is a RequestError, as are a wage below the list's floor and a list that
    can't price what was bought.
    """
    results, metric = with_metric(results, metric)
    return _frontiers(results, [metric], cost, wage, fee).tables[metric]


def frontiers(
    results: pd.DataFrame,
    metric: str,
    cost: str | PriceList = "thesis",
    wage: float | None = None,
    fee: float | None = None,
) -> Frontiers:
    """The frontier of `metric`; for cross-entropy, raw or scaled, those of `ce/X` and `scaled-ce/X`, in this order.

    Of weights it is theirs, then that of each metric. A companion that the results do not have is left out. The other
    arguments are those of `frontier`.
    """
    results, metric = with_metric(results, metric)
    return _frontiers(results, with_companion(metric, results), cost, wage, fee)


def _frontiers(
    results: pd.DataFrame, metrics: Sequence[str], cost: str | PriceList, wage: float | None, fee: float | None
) -> Frontiers:
    there = metric_columns(results)
    for metric in metrics:
        if metric not in there:
            raise unknown_metric(metric, there)
    prices = price_list(cost)
    wage, fee = (prices.wage if wage is None else wage), (prices.fee if fee is None else fee)
    prices.check_wage(wage)
    summary = summarise(results)
    seconds = costs(purchases(summary), prices)
    cells = _priced_cells(summary, seconds, usd(3600, wage, fee))
    tables = {metric: _frontier(metric, results, summary, cells, seconds) for metric in metrics}
    return Frontiers(results=results, summary=summary, prices=prices, wage=wage, fee=fee, tables=tables)


def _priced_cells(summary: pd.DataFrame, seconds: QuestionCosts, usd_per_hour: float) -> pd.DataFrame:
    """What each cell of a summary is and costs, whatever the metric."""
    cells = summary[["cell", "recipe"]].copy()
    cells["variety"] = summary["variety"].astype(str)
    pages_on = summary["pages_on"] if "pages_on" in summary else [None] * len(summary)
    cells["question"] = [question(v, where) for v, where in zip(cells["variety"], pages_on, strict=True)]
    free = is_free(summary)
    cost_known = (free | has_answers(summary)).to_numpy()
    total, low, high = (np.where(cost_known, each, np.nan) for each in (middle(seconds), *seconds.ends))
    cells["label_seconds_per_item"] = np.where(total == 0, 0.0, total / _items(summary))
    cells["label_seconds_total"], cells["label_seconds_low"], cells["label_seconds_high"] = total, low, high
    cells["label_usd"] = total / 3600 * usd_per_hour
    cells["n"], cells["n_failed"], cells["free"] = summary["n"], summary["n_failed"], free
    return cells


def _frontier(
    metric: str, results: pd.DataFrame, summary: pd.DataFrame, cells: pd.DataFrame, seconds: QuestionCosts
) -> pd.DataFrame:
    sign = 1.0 if lower_is_better(metric) else -1.0
    table = cells.copy()
    table.insert(0, "metric", metric)
    for name, numbers in _values(results, summary, metric).items():
        table.insert(list(table.columns).index("n"), str(name), numbers.to_numpy())
    done = finished(results)
    without = done.loc[~np.isfinite(done[metric].to_numpy(dtype=float)), "cell"].value_counts()
    lacking = without.reindex(table["cell"], fill_value=0).to_numpy(dtype=int)
    table.insert(list(table.columns).index("free"), "n_lacking", lacking)
    excluded = _excluded(table, metric)
    table["n"] = table["n"] - lacking
    compared = (excluded == "").to_numpy()
    on = np.zeros(len(table), dtype=bool)
    value = sign * table["value"].to_numpy()[compared]
    on[compared] = non_dominated_over_prices(seconds.low[compared], seconds.high[compared], value)
    table["on_frontier"], table["excluded"] = on, excluded
    order = table.assign(rank=sign * table["value"]).sort_values(["label_seconds_total", "rank"], kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _values(results: pd.DataFrame, summary: pd.DataFrame, metric: str) -> pd.DataFrame:
    """What each cell of the `summary` is worth by the trials of all cells: `value`, `low` and `high` of 95%.

    It is the cell's mean without an interval where trials tell of no variance over seeds: one seed, or none that
    differs.
    """
    try:
        found = replicates(results, [metric])
        model = found.variance(metric)
    except RequestError:
        return pd.DataFrame({"value": summary[metric], "low": np.nan, "high": np.nan})
    sign = 1.0 if lower_is_better(metric) else -1.0
    low, high = np.sort(sign * np.stack(cell_intervals(model)), axis=0)
    numbers = np.stack([sign * model.estimates.values, low, high], axis=1).clip(*metric_range(metric))
    return pd.DataFrame(numbers, index=found.cells["cell"], columns=["value", "low", "high"]).reindex(summary["cell"])


def to_reprice(results: pd.DataFrame, metric: str) -> tuple[Purchases, np.ndarray]:
    """What the cells of a results table bought and their values [cells], for `sweeps.frontier.pricing.reprice`.

    Of a value less is better; it is NaN where a cell can't be compared. An unknown metric is a RequestError.
    """
    summary = summarise(results)
    if metric not in (there := metric_columns(summary)):
        raise unknown_metric(metric, there)
    priced = (has_answers(summary) | is_free(summary)) & ~is_control(summary)
    value = _values(results, summary, metric)["value"].to_numpy() * (1.0 if lower_is_better(metric) else -1.0)
    return purchases(summary), np.where(priced, value, np.nan)


def with_companion(metric: str, results: pd.DataFrame) -> list[str]:
    """`metric`; for cross-entropy, raw or scaled, `ce/X` and `scaled-ce/X`, as far as the results have them.

    Of a weighted metric it and those that it is of.
    """
    if is_weighted(metric):
        return [metric, *metrics_of(metric)]
    name, _, test_set = metric.partition("/")
    wanted = [metric] if name not in ("ce", "scaled-ce") else [f"ce/{test_set}", f"scaled-ce/{test_set}"]
    return [m for m in wanted if m == metric or m in results]


def side_by_side(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a cell with the columns of all `tables`: first the cells on any frontier, then the others, by cost.

    `value`, `low`, `high`, `on_frontier` and `excluded` are columns by metric, `value ce/10h` and so on.
    """
    own = ["value", "low", "high", "n_lacking", "on_frontier", "excluded"]
    merged: pd.DataFrame | None = None
    for metric, table in tables.items():
        renamed = table.drop(columns="metric").rename(columns={column: f"{column} {metric}" for column in own})
        later = renamed[["cell", *(f"{column} {metric}" for column in own)]]
        merged = renamed if merged is None else merged.merge(later, on="cell", validate="one_to_one")
    if merged is None:
        raise RequestError("a frontier needs a metric; none was given")
    best = merged[[f"on_frontier {metric}" for metric in tables]].any(axis=1)
    order = merged.assign(rest=~best).sort_values(["rest", "label_seconds_total"], kind="stable").index
    return merged.loc[order].reset_index(drop=True)


def _items(summary: pd.DataFrame) -> np.ndarray:
    """Items with bought labels a cell [n]: a trial's two stored costs have their number between them, else the axis."""
    items = pd.to_numeric(summary["items"], errors="coerce") if "items" in summary else pd.Series(np.nan, summary.index)
    if {"label_seconds_total", "label_seconds_per_item"} <= set(summary.columns):
        each = summary["label_seconds_per_item"]
        items = (summary["label_seconds_total"] / each.where(each > 0)).fillna(items)
    return items.to_numpy(dtype=float)


def _excluded(table: pd.DataFrame, metric: str) -> pd.Series:
    """Why each cell can't be compared; empty where it can. `n` is here that of finished trials."""
    reason = pd.Series("", index=table.index, dtype=object)
    reason[table["label_seconds_total"].isna()] = "bought labels, but no answers on record to price"
    reason[table["n"] == table["n_lacking"]] = f"no finished trial has a finite {metric}"
    reason[is_control(table)] = CONTROL
    none = table["n"] == 0
    reason[none] = "no finished trial (" + table["n_failed"].astype(int).astype(str) + " failed)"
    return reason
