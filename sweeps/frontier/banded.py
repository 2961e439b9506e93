"""The frontier of a sweep with all that is uncertain about it: one entry for the command line, reports and pages.

Draws of what cells are worth know nothing of prices: `cell_draws` makes them once, `bands_from_draws` sets them
against as many price lists as one likes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.errors import RequestError
from softcore.scoring.metrics import lower_is_better
from softcore.seeding import generator
from sweeps.frontier.bands import Bands, Step, bands, on_frontier, steps
from sweeps.frontier.break_even import BreakEven, break_even
from sweeps.frontier.frontier import summarise
from sweeps.frontier.pricing import (
    CellCosts,
    Purchases,
    all_questions,
    answers_to,
    assumptions,
    cell_costs,
    comparable_cells,
    purchases,
)
from sweeps.frontier.regimes import MATTERS, Regime, regimes
from sweeps.frontier.weights import with_metric
from sweeps.results.names import BETTER, MORE
from sweeps.results.table import CONTROL, FAILED, finished, is_control, plain_values, records
from sweeps.uncertainty.layout import Pool
from sweeps.uncertainty.replicates import Replicates, replicates
from sweeps.uncertainty.shrinkage import FEW, Draws
from sweeps.uncertainty.strata import CELL, PANELS, PEOPLE, SEED
from sweeps.uncertainty.variance import VarianceModel, covers_of_cells

_VALUES = ("mean", "value", "low", "high")


@dataclass(frozen=True, kw_only=True, eq=False)
class FrontierBands:
    """A frontier of `metric` with its intervals, at `level` each, and the words that go with them.

    `covers` says what intervals are over, `assumes` what is taken for granted of prices, `notes` what else a reader
    must know, `excluded` why a cell is not compared. `cells` has a row a cell (see `table`), its values and those of
    `bands` as lower is better: of a metric of which more is better `table` and `as_dict` turn them round. Gains, gaps
    and differences are how much better, always.
    """

    metric: str
    lower_is_better: bool
    level: float
    unit: str
    question: str | None
    draws: int
    covers: str
    assumes: tuple[str, ...]
    notes: tuple[str, ...]
    excluded: Mapping[str, str]
    cells: pd.DataFrame
    bands: Bands
    steps: tuple[Step, ...]
    regimes: tuple[Regime, ...]
    break_even: tuple[BreakEven, ...]

    def table(self) -> pd.DataFrame:
        """One row a cell, by rising cost, cells without a cost last.

        Columns: `cell`, `recipe`, `variety`, `kind`, `free`, `cost` with `cost_low` and `cost_high` where prices are
        intervals, `trials`, `mean` (as seen), `value` (the best guess) with `low` and `high`, `on_frontier` (the
        probability, at the middle of prices) with `on_frontier_least` and `on_frontier_most` over prices, `covers`.
        """
        table = self.cells.copy()
        if not self.lower_is_better:
            table[["low", "high"]] = table[["high", "low"]]
            table[list(_VALUES)] = -table[list(_VALUES)]
        return table.sort_values(["cost", "cell"], kind="stable", na_position="last", ignore_index=True)

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON; what is not a finite number is None."""
        names = self.cells.set_index("cell")["recipe"]
        return plain_values(
            {
                "metric": self.metric,
                "lower_is_better": self.lower_is_better,
                "level": self.level,
                "unit": self.unit,
                "question": self.question,
                "draws": self.draws,
                "covers": self.covers,
                "assumes": list(self.assumes),
                "notes": list(self.notes),
                "excluded": dict(self.excluded),
                "cells": records(self.table()),
                "bands": self._bands(names),
                "steps": [
                    {**asdict(step), "recipe": names[step.cell], "dearer_recipe": names[step.dearer]}
                    for step in self.steps
                ],
                "regimes": [_without_verdict(regime) for regime in self.regimes],
                "break_even": [asdict(ratio) for ratio in self.break_even],
            }
        )

    def _bands(self, names: pd.Series) -> list[dict[str, Any]]:
        band, sign = self.bands, 1.0 if self.lower_is_better else -1.0
        rows = []
        for i, budget in enumerate(band.budgets):
            low, high = sorted(sign * band.pointwise[i])
            all_low, all_high = sorted(sign * band.simultaneous[i])
            rows.append(
                {
                    "budget": budget,
                    "best": sign * band.best[i],
                    "low": low,
                    "high": high,
                    "simultaneous_low": all_low,
                    "simultaneous_high": all_high,
                    "winner": band.winner[i],
                    "winner_recipe": names[band.winner[i]],
                    "winner_share": band.share[i],
                }
            )
        return rows


def _without_verdict(regime: Regime) -> dict[str, Any]:
    """What is ahead of what: whether it is worth buying is `planning.verdict`'s to say, which has other plans, too."""
    kept = {name: value for name, value in asdict(regime).items() if name != "verdict"}
    return {"budget": kept.pop("budget"), "ahead": regime.ahead, **kept}


def cells_table(
    cells: pd.DataFrame,
    draws: Draws,
    *,
    cost: Float[np.ndarray, "3 c"],
    on_frontier: Float[np.ndarray, "3 c"],
    covers: Sequence[str],
    trials: np.ndarray,
    level: float,
) -> pd.DataFrame:
    """The rows of `FrontierBands.cells`; `cost` and `on_frontier` are [least, at the middle of prices, most]."""
    table = cells[["cell", "recipe", "variety", "kind", "free"]].copy()
    table["cost"], table["cost_low"], table["cost_high"] = cost[1], cost[0], cost[2]
    table["trials"] = trials
    table["mean"], table["value"] = draws.mean, draws.best_guess
    table["low"], table["high"] = np.quantile(draws.values, draws.shares(level), axis=0)
    table["high"] = (table["high"] + draws.worse).clip(*draws.ends)
    table["on_frontier"], table["on_frontier_least"], table["on_frontier_most"] = (
        np.where(np.isfinite(cost[1]), on_frontier[i], np.nan) for i in (1, 0, 2)
    )
    table["covers"] = list(covers)
    return table


CLICK = "click"
BUDGETS = 30


@dataclass(frozen=True, kw_only=True, eq=False)
class CellDraws:
    """Joint draws of what the cells of a results table are worth on `metric`, whatever anything costs.

    `bought` is what all cells of the table bought, `excluded` why some of them have no draws, by cell; `notes` are
    what a reader of the intervals must know.
    """

    metric: str
    found: Replicates
    model: VarianceModel
    draws: Draws
    bought: Purchases
    excluded: Mapping[str, str]
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse draws that are not of these cells."""
        if self.draws.cells != tuple(self.found.cells["cell"]):
            raise RequestError("draws and cells are not of one results table")


def frontier_bands(
    results: pd.DataFrame,
    metric: str,
    costs: CellCosts = "thesis",
    *,
    level: float = 0.9,
    draws: int = 1000,
    question: str | None = None,
    budgets: Float[np.ndarray, " b"] | None = None,
    matters: float | None = None,
    unit: str = "s",
    pools: Mapping[str, Pool] | None = None,
) -> FrontierBands:
    """The frontier of a results table's `metric` with bands at `level`, each budget's regime, the break-even price.

    `costs` are those of the cells by name (in `unit`), or a price list (its name, a YAML file, a list), then in
    seconds. With `question` the cells that asked it alone, beside the free recipes; without, all cells, and the result
    says what it assumes. `budgets` are 30 from the cheapest purchase to the dearest unless they are given (and 0 where
    something is free). `matters` is the gap that a regime takes, by default 0.03 of `ce`, 0.01 of `scaled-ce`.
    An unknown metric, question or price list is a RequestError, as are results with a single seed, or without spread.
    """
    drawn = cell_draws(results, metric, draws=draws, pools=pools)
    return bands_from_draws(drawn, costs, level=level, question=question, budgets=budgets, matters=matters, unit=unit)


def cell_draws(
    results: pd.DataFrame,
    metric: str,
    *,
    draws: int = 1000,
    seed: int = 0,
    pools: Mapping[str, Pool] | None = None,
    summary: pd.DataFrame | None = None,
) -> CellDraws:
    """`draws` joint draws of what the cells of a results table are worth; the same ones for the same `seed`.

    `summary` is the results' own, where there is one already.
    """
    results, metric = with_metric(results, metric)
    controls = is_control(results)
    found = replicates(results[~controls], [metric], pools)
    summary = summarise(results) if summary is None else summary
    there = {*found.cells["cell"], *results["cell"][controls]}
    lacking = summary[~summary["cell"].isin(there)]
    model = found.variance(metric)
    return CellDraws(
        metric=metric,
        found=found,
        model=model,
        draws=found.draws(model, generator("uncertainty", seed), draws, metric=metric),
        bought=purchases(summary),
        excluded={
            str(cell): f"no finite {metric} in any finished trial" if n else "no finished trial"
            for cell, n in zip(lacking["cell"], lacking["n"], strict=True)
        }
        | dict.fromkeys(map(str, results["cell"][controls]), CONTROL),
        notes=(*_lacking_words(results, metric), *_notes(model)),
    )


def bands_from_draws(
    drawn: CellDraws,
    costs: CellCosts = "thesis",
    *,
    level: float = 0.9,
    question: str | None = None,
    budgets: Float[np.ndarray, " b"] | None = None,
    matters: float | None = None,
    unit: str = "s",
) -> FrontierBands:
    """`frontier_bands` from draws that there are already: costs can change as often as one likes."""
    if not 0 < level < 1:
        raise RequestError(f"level must lie between 0 and 1, not {level}")
    cells, draws = drawn.found.cells, drawn.draws
    asked = comparable_cells(cells, question)
    every = np.where(asked, cell_costs(cells, drawn.bought, costs), np.nan)
    cost = every[1]
    if not np.isfinite(cost).any():
        raise RequestError("no cell has a value and a cost: a frontier needs one")
    budgets = _budgets(cost) if budgets is None else np.asarray(budgets, dtype=float)
    matters = MATTERS.get(drawn.metric.partition("/")[0]) if matters is None else matters
    notes = list(drawn.notes)
    if matters is None:
        notes.append(f"no regime is named: which gap in {drawn.metric} matters was not said")
    found: list[Regime] = []
    if matters is not None:
        found = regimes(draws, cost, tuple(cells["kind"]), budgets, matters, level)
    ends = [on_frontier(draws, each) for each in every]
    ratios, why_not = _break_evens(drawn, asked, level)
    return FrontierBands(
        metric=drawn.metric,
        lower_is_better=lower_is_better(drawn.metric),
        level=level,
        unit=unit,
        question=question,
        draws=len(draws.values),
        covers=draws.covers,
        assumes=assumptions(cells[asked], costs, unit),
        notes=(*notes, *why_not),
        excluded={**drawn.excluded, **dict.fromkeys(cells["cell"][asked & np.isnan(cost)], "no known cost")},
        cells=cells_table(
            cells,
            draws,
            cost=every,
            on_frontier=np.stack([np.min(ends, axis=0), ends[1], np.max(ends, axis=0)]),
            covers=covers_of_cells(drawn.model.strata),
            trials=np.bincount(drawn.model.strata.layout.cell),
            level=level,
        )[asked],
        bands=bands(draws, cost, budgets, level),
        steps=steps(draws, cost, level),
        regimes=tuple(found),
        break_even=ratios,
    )


def bands_at_each_cost(drawn: CellDraws, costs: CellCosts = "thesis") -> FrontierBands:
    """`bands_from_draws` at every cost that a cell has: the steps of a picture, whatever lies between them."""
    each = cell_costs(drawn.found.cells, drawn.bought, costs)[1]
    return bands_from_draws(drawn, costs, budgets=np.unique(each[np.isfinite(each)]))


def _budgets(cost: np.ndarray) -> Float[np.ndarray, " b"]:
    paid = cost[cost > 0]
    if not paid.size:
        return np.zeros(1)
    grid = np.geomspace(paid.min(), paid.max(), BUDGETS) if paid.min() < paid.max() else paid[:1]
    grid[[0, -1]] = paid.min(), paid.max()  # rounding must not miss the cells at the ends
    return np.concatenate([[0.0], grid]) if (cost == 0).any() else grid


def _break_evens(drawn: CellDraws, asked: np.ndarray, level: float) -> tuple[tuple[BreakEven, ...], tuple[str, ...]]:
    """Clicks against each kind of page, where both were bought in two amounts or more; else why not, in words."""
    cells, kinds = drawn.found.cells, drawn.found.cells["kind"].to_numpy()
    clicks = answers_to(cells, CLICK) * (kinds == MORE) * asked
    paged = asked & (kinds == BETTER)
    found: list[BreakEven] = []
    why_not: list[str] = []
    for page in all_questions(cells[paged]) if clicks.any() else []:
        answers = answers_to(cells, page) * paged
        try:
            amounts = np.unique(answers[answers > 0])
            found += break_even(drawn.draws, clicks, answers, amounts, one=CLICK, other=page, level=level)
        except RequestError as error:
            why_not.append(str(error))
    return tuple(found), tuple(dict.fromkeys(why_not))


def _lacking_words(results: pd.DataFrame, metric: str) -> tuple[str, ...]:
    """That trials failed or lack the metric, and what the bands make of it; nothing where none did."""
    done = finished(results)
    failed = int((results["status"] == FAILED).sum())
    without = int((~np.isfinite(done[metric].to_numpy(dtype=float))).sum())
    if not failed and not without:
        return ()
    parts = [f"{failed} failed"] * bool(failed) + [f"{without} finished without {metric}"] * bool(without)
    return (
        f"of {len(done) + failed} trials {' and '.join(parts)}: they may be the worst of their cells, and intervals "
        "are widened as far as if they were",
    )


def _notes(model: VarianceModel) -> tuple[str, ...]:
    """What a reader of the intervals must know: few replicates, noise that is not alike, people not seen to vary."""
    strata, crowds = model.strata, model.strata.layout.crowds
    words = {SEED: "seeds", CELL: "a cell within a seed"} | {PANELS + name: f"panels of {name}" for name in crowds}
    found = [
        f"the variance of {words[name]} rests on few replicates ({df:.3g} degrees of freedom)"
        for name, df in zip(strata.names, strata.df, strict=True)
        if name in words and df < FEW
    ]
    if crowds and not any(PEOPLE + crowd in strata.components for crowd in crowds):
        found.append("no cell has two panels of one seed: intervals are over seeds only, too short for other people")
    found += [f"the noise of cells grows with {g.by}: intervals there are too short" for g in model.growth if g.grows]
    return tuple(found)
