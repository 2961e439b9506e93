"""What a frontier with bands looks like as a table and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from sweeps.bands import Bands, Step
from sweeps.break_even import BreakEven
from sweeps.columns import records
from sweeps.plain import plain
from sweeps.regimes import Regime
from sweeps.shrinkage import Draws

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
        return plain(
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
                "regimes": [{**asdict(regime), "words": regime.words} for regime in self.regimes],
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
    table["low"], table["high"] = np.quantile(draws.values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    table["on_frontier"], table["on_frontier_least"], table["on_frontier_most"] = (
        np.where(np.isfinite(cost[1]), on_frontier[i], np.nan) for i in (1, 0, 2)
    )
    table["covers"] = list(covers)
    return table
