"""The frontiers that the report's findings rest on: of each question alone, and of all together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from softcore.errors import RequestError
from softcore.varieties import VARIETIES
from sweeps.frontier.banded import CellDraws, FrontierBands, bands_from_draws
from sweeps.frontier.pricing import CellCosts, all_questions
from sweeps.results.table import records
from sweeps.studies.grid.panel_bands import LEVEL, fixed_costs

PRICES = "thesis"


@dataclass(frozen=True, kw_only=True, eq=False)
class MetricFrontiers:
    """The frontier of one metric, free recipes in it: `together` at the fixed costs, as a `curve` at every cell's.

    `alone` has each question's at every cell's cost, `purchases` the same without the free recipes.
    """

    metric: str
    curve: FrontierBands
    together: FrontierBands
    alone: Mapping[str, FrontierBands]
    purchases: Mapping[str, FrontierBands]

    @property
    def best_free(self) -> Mapping[str, Any] | None:
        """The free recipe of the best guess, None where none was trained."""
        free = [row for row in records(self.together.cells) if row["free"]]
        return min(free, key=lambda row: row["value"]) if free else None


def frontiers_of(drawn: CellDraws, matters: float | None = None) -> MetricFrontiers:
    """The frontiers of drawn cells at the thesis's prices; RequestError where nothing that has a value was bought.

    `matters` is the gap that a regime takes, by default that of the metric (none is named where it has none).
    """
    asked = all_questions(drawn.found.cells)
    curve = _curve(drawn, PRICES, matters)
    if curve is None:
        raise RequestError("no cell that costs anything has a value")
    of_each = curve.cells.set_index("cell")["cost"]
    paid = {str(cell): cost if cost > 0 else np.nan for cell, cost in of_each.items()}
    there = {q: _curve(drawn, PRICES, matters, q) for q in VARIETIES if q in asked}
    # A question that was only ever asked with another has no frontier of its own.
    alone = {q: frontier for q, frontier in there.items() if frontier is not None}
    return MetricFrontiers(
        metric=drawn.metric,
        curve=curve,
        together=bands_from_draws(drawn, PRICES, level=LEVEL, matters=matters, budgets=fixed_costs(of_each.to_numpy())),
        alone=alone,
        purchases={
            q: bands_from_draws(drawn, paid, level=LEVEL, question=q, budgets=alone[q].bands.budgets) for q in alone
        },
    )


def _curve(
    drawn: CellDraws, costs: CellCosts, matters: float | None, question: str | None = None
) -> FrontierBands | None:
    """The frontier at the cost of each cell that asked `question` (any of them without one); None where none did."""
    first = bands_from_draws(drawn, costs, level=LEVEL, matters=matters, question=question)
    budgets = np.unique(first.cells.loc[first.cells["cost"] > 0, "cost"])
    if not budgets.size:
        return None
    return bands_from_draws(drawn, costs, level=LEVEL, matters=matters, question=question, budgets=budgets)
