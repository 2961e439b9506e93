"""What a sweep's cells cost, how well they do, and which of them no other beats on both."""

import numpy as np
import pandas as pd

from softcore.errors import RequestError, known
from softcore.prices.read import FREE, PriceList, price_list, usd
from softcore.scoring.metrics import lower_is_better
from softcore.statistics import half_width
from sweeps.frontier.pricing import RECORDED, Purchases, costs, middle, purchases, undominated
from sweeps.frontier.pricing import non_dominated as non_dominated
from sweeps.results.names import question, recipes
from sweeps.results.table import answer_columns, axis_columns, metric_columns

_STORED_COSTS = ("label_seconds_per_item", "label_seconds_total", "label_usd", "train_seconds", "eval_seconds")


def summarise(results: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """One row a cell of a results table, in order of first appearance: what it is, what it cost, how well it did.

    Columns: `cell`, `recipe`, the axes, `n` finished and `n_failed` trials, each metric's mean with `<metric> low` and
    `<metric> high` (Student's t over replicates; NaN where n is 1), means of the stored costs, times and answers. A
    metric that any finished trial of a cell lacks (NaN or infinite) is NaN for that cell: the mean of the trials that
    did not fail to have one would flatter it.
    """
    if missing := [c for c in ("cell", "status") if c not in results]:
        raise RequestError(f"a results table needs the column '{missing[0]}'; it has {', '.join(results.columns)}")
    cells = results.groupby("cell", sort=False)[axis_columns(results)].first()
    summary = cells.reset_index()
    summary.insert(1, "recipe", recipes(summary))
    done = results[results["status"] == "done"]
    counts = done.groupby("cell").size().reindex(cells.index, fill_value=0)
    summary["n"] = counts.to_numpy()
    summary["n_failed"] = (results["status"] == "failed").groupby(results["cell"]).sum().reindex(cells.index).to_numpy()
    metrics = metric_columns(results)
    numbers = done[metrics].astype(float).replace([np.inf, -np.inf], np.nan)
    grouped = numbers.groupby(done["cell"])
    whole = grouped.count().eq(grouped.size(), axis=0).reindex(cells.index, fill_value=False)
    mean = grouped.mean().reindex(cells.index).where(whole)
    half = half_width(grouped.std().reindex(cells.index).to_numpy(), counts.to_numpy()[:, None], level)
    bounds: dict[str, np.ndarray] = {}
    for j, metric in enumerate(metrics):
        middle = mean[metric].to_numpy()
        bounds |= {metric: middle, f"{metric} low": middle - half[:, j], f"{metric} high": middle + half[:, j]}
    others = [c for c in (*_STORED_COSTS, *answer_columns(results)) if c in results]
    means = done[others].astype(float).groupby(done["cell"]).mean().reindex(cells.index)
    if RECORDED in results:  # of some trials only it would not fit the mean of all trials' answers
        times = done[RECORDED].astype(float).groupby(done["cell"])
        means[RECORDED] = times.mean().where(times.count() == times.size()).reindex(cells.index)
    return pd.concat([summary, pd.DataFrame(bounds), means.reset_index(drop=True)], axis="columns")


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
    `label_seconds_low` and `label_seconds_high`), `value` with `low` and `high` (NaN at n = 1), `n`, `n_failed`,
    `free`, `on_frontier`, and `excluded`: why a cell without a value or a cost is not compared, else empty. Where
    prices are intervals a cell is on the frontier unless another beats it at all prices in them. Cells of equal cost
    and equal value are both on the frontier, or neither. An unknown metric or price list is a RequestError, as are a
    wage below the list's floor and a list that can't price what was bought.
    """
    if metric not in metric_columns(results):
        raise known("metric", metric, metric_columns(results) or ["none in these results"])
    prices = price_list(cost)
    wage, fee = (prices.wage if wage is None else wage), (prices.fee if fee is None else fee)
    prices.check_wage(wage)
    sign = 1.0 if lower_is_better(metric) else -1.0
    summary = summarise(results)
    table = summary[["cell", "recipe"]].copy()
    table.insert(0, "metric", metric)
    table["variety"] = summary["variety"].astype(str)
    pages_on = summary["pages_on"] if "pages_on" in summary else [None] * len(summary)
    table["question"] = [question(v, where) for v, where in zip(table["variety"], pages_on, strict=True)]
    table["value"], table["low"], table["high"] = (summary[f"{metric}{end}"] for end in ("", " low", " high"))
    table["n"], table["n_failed"] = summary["n"], summary["n_failed"]
    answered = _answered(summary)
    table["free"] = table["variety"].isin(FREE) & ~answered  # hard labels beside bought mixed images are not free
    priced = costs(purchases(summary), prices)
    known_cost = table["free"].to_numpy() | answered
    table["excluded"] = _excluded(table, results, metric, known_cost)
    seconds, *ends = (np.where(known_cost, s, np.nan) for s in (middle(priced), *priced.ends))
    where = list(table.columns).index("value")
    table.insert(where, "label_seconds_per_item", np.where(seconds == 0, 0.0, seconds / _items(summary)))
    table.insert(where + 1, "label_seconds_total", seconds)
    table.insert(where + 2, "label_seconds_low", ends[0])
    table.insert(where + 3, "label_seconds_high", ends[1])
    table.insert(where + 4, "label_usd", seconds / 3600 * usd(3600, wage, fee))
    compared = (table["excluded"] == "").to_numpy()
    on = np.zeros(len(table), dtype=bool)
    value = sign * table["value"].to_numpy()[compared]
    on[compared] = undominated(priced.low[compared], priced.high[compared], value)
    table.insert(list(table.columns).index("excluded"), "on_frontier", on)
    order = table.assign(rank=sign * table["value"]).sort_values(["label_seconds_total", "rank"], kind="stable").index
    return table.loc[order].reset_index(drop=True)


def to_reprice(results: pd.DataFrame, metric: str) -> tuple[Purchases, np.ndarray]:
    """What the cells of a results table bought and their values [cells], for `sweeps.frontier.pricing.reprice`.

    Of a value less is better; it is NaN where a cell can't be compared. An unknown metric is a RequestError.
    """
    if metric not in metric_columns(results):
        raise known("metric", metric, metric_columns(results) or ["none in these results"])
    summary = summarise(results)
    there = _answered(summary) | summary["variety"].astype(str).isin(FREE).to_numpy()
    value = summary[metric].to_numpy(dtype=float) * (1.0 if lower_is_better(metric) else -1.0)
    return purchases(summary), np.where(there, value, np.nan)


def frontiers(
    results: pd.DataFrame,
    metric: str,
    cost: str | PriceList = "thesis",
    wage: float | None = None,
    fee: float | None = None,
) -> dict[str, pd.DataFrame]:
    """The frontier of `metric`; for cross-entropy, raw or scaled, those of `ce/X` and `scaled-ce/X`, in this order.

    A companion that the results do not have is left out.
    """
    return {m: frontier(results, m, cost, wage, fee) for m in with_companion(metric, results)}


def with_companion(metric: str, results: pd.DataFrame) -> list[str]:
    """`metric`; for cross-entropy, raw or scaled, `ce/X` and `scaled-ce/X`, as far as the results have them."""
    name, _, test_set = metric.partition("/")
    wanted = [metric] if name not in ("ce", "scaled-ce") else [f"ce/{test_set}", f"scaled-ce/{test_set}"]
    return [m for m in wanted if m == metric or m in results]


def side_by_side(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a cell with the columns of all `tables`: first the cells on any frontier, then the others, by cost.

    `value`, `low`, `high`, `on_frontier` and `excluded` are columns by metric, `value ce/10h` and so on.
    """
    own = ["value", "low", "high", "on_frontier", "excluded"]
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


def _answered(summary: pd.DataFrame) -> np.ndarray:
    return (summary[answer_columns(summary)].fillna(0).sum(axis="columns") > 0).to_numpy()


def _excluded(table: pd.DataFrame, results: pd.DataFrame, metric: str, priced: np.ndarray) -> pd.Series:
    """Why each cell can't be compared; empty where it can."""
    reason = pd.Series("", index=table.index, dtype=object)
    reason[~priced] = "bought labels, but no answers on record to price"
    done = results[results["status"] == "done"]
    finite = pd.Series(np.isfinite(done[metric].astype(float).to_numpy()), index=done.index)
    lacking = (~finite).groupby(done["cell"]).sum().reindex(table["cell"], fill_value=0)
    for place, (missing, n) in enumerate(zip(lacking, table["n"], strict=True)):
        if missing:
            reason.iloc[place] = f"{missing} of {n} finished trials have no finite {metric}"
    none = table["n"] == 0
    reason[none] = "no finished trial (" + table["n_failed"].astype(int).astype(str) + " failed)"
    return reason
