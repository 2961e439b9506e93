"""The frontiers that the report's findings rest on, of each question alone and of all together, and their tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from softcore.errors import RequestError
from softcore.prices.read import price, usd
from softcore.varieties import VARIETIES
from sweeps.frontier.banded import CellDraws, FrontierBands, bands_from_draws
from sweeps.frontier.pricing import CellCosts, all_questions
from sweeps.frontier.regimes import DONT_BUY
from sweeps.results.names import dollars, hours, variety_title
from sweeps.results.table import records
from sweeps.studies.document import Table
from sweeps.studies.grid.panel_bands import LEVEL, fixed_costs
from sweeps.studies.grid.recorded import between, metric_words

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


def alone_table(found: Sequence[MetricFrontiers]) -> Table:
    """Each question's best purchase at the dearest cost, beside the best free recipe."""
    rows = []
    for one in found:
        for question, frontier in one.alone.items():
            if not frontier.regimes:
                continue
            dearest, names = frontier.regimes[-1], frontier.cells.set_index("cell")["recipe"]
            band = one.purchases[question].bands
            rows.append(
                (
                    one.metric,
                    variety_title(question),
                    hours(dearest.budget),
                    f"{names[band.winner[-1]]} ({band.share[-1]:.2f})",
                    between(band.best[-1], *band.pointwise[-1]),
                    between(dearest.gain, dearest.gain_low, dearest.gain_high),
                    f"{dearest.worth:.2f}" if np.isfinite(dearest.worth) else "–",
                    "no" if dearest.verdict == DONT_BUY else "yes",
                )
            )
    return Table(
        caption="Each question alone: its best purchase at the dearest cost, against the best free recipe",
        headings=(
            *("metric", "question", "up to", "best most often (share)", f"best [{LEVEL:.0%}]"),
            *("gain over the best free recipe", "probability of a gain", "pays"),
        ),
        rows=tuple(rows),
        numbers=(2, 4, 5, 6),
    )


def together_table(one: MetricFrontiers) -> Table:
    """The best of all questions together at the fixed costs, with regimes."""
    band, names = one.together.bands, one.together.cells.set_index("cell")["recipe"]
    rows = []
    for i, (budget, regime) in enumerate(zip(band.budgets, one.together.regimes, strict=True)):
        rows.append(
            (
                hours(float(budget)),
                dollars(usd(float(budget))),
                between(band.best[i], *band.pointwise[i]),
                "[{:.3f}, {:.3f}]".format(*band.simultaneous[i]),
                f"{names[band.winner[i]]} ({band.share[i]:.2f})",
                between(regime.gain, regime.gain_low, regime.gain_high),
                f"{regime.worth:.2f}" if np.isfinite(regime.worth) else "–",
                regime.verdict,
            )
        )
    return Table(
        caption=f"{metric_words(one.metric)}, all questions together, at eight fixed costs",
        headings=(
            *("people's time", "money", f"best [{LEVEL:.0%}]", "all costs at once", "best most often (share)"),
            *("gain over the best free recipe", "probability of a gain", "regime"),
        ),
        rows=tuple(rows),
        numbers=(0, 1, 2, 3, 5, 6),
    )


def others_table(others: Sequence[MetricFrontiers]) -> Table:
    """The best at the dearest cost on metrics that have no gap that matters."""
    rows = []
    for one in others:
        content = one.together.as_dict()
        band, regime = content["bands"][-1], one.together.regimes[-1]
        low, high = sorted((band["low"], band["high"]))
        rows.append(
            (
                one.metric,
                f"{band['winner_recipe']} ({band['winner_share']:.2f})",
                between(band["best"], low, high),
                str(one.best_free["recipe"]) if one.best_free else "–",
                between(regime.gain, regime.gain_low, regime.gain_high),
                f"{regime.worth:.2f}" if np.isfinite(regime.worth) else "–",
            )
        )
    return Table(
        caption="Other metrics: the best at the dearest cost (no gap that matters is known, so no regime is named)",
        headings=(
            *("metric", "best most often (share)", f"best [{LEVEL:.0%}]", "best free recipe"),
            *("how much better", "probability of better"),
        ),
        rows=tuple(rows),
        numbers=(2, 4, 5),
    )


def free_table(found: Sequence[MetricFrontiers]) -> Table:
    """The free recipes on every metric."""
    rows: dict[str, list[str]] = {}
    for place, one in enumerate(found):
        for row in records(one.together.table()):
            if row["free"]:
                texts = rows.setdefault(str(row["recipe"]), ["–"] * len(found))
                texts[place] = between(row["value"], row["low"], row["high"])
    return Table(
        caption="Free recipes, which ask nobody",
        headings=("recipe", *(one.metric for one in found)),
        rows=tuple((name, *texts) for name, texts in rows.items()),
        numbers=tuple(range(1, len(found) + 1)),
    )


def break_even_table(found: Sequence[MetricFrontiers]) -> Table:
    """Clicks against each page where most answers to it were bought; the JSON has every amount."""
    rows = []
    for one in found:
        for page in dict.fromkeys(ratio.other for ratio in one.together.break_even):
            most = max((r for r in one.together.break_even if r.other == page), key=lambda ratio: ratio.answers)
            beats = f"{most.worth:.2f}" if np.isfinite(most.worth) else "–"
            rows.append((one.metric, most.words(price(page)), beats))
    return Table(
        caption="How dear a click may become before pages win",
        headings=("metric", "break-even", "these pages beat the best free recipe with probability"),
        rows=tuple(rows),
        numbers=(2,),
    )
