"""The report's section on what the grid says: frontiers with bands, regimes, winners, break-even prices."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from softcore.costs import price, usd
from softcore.errors import RequestError
from sweeps.band_tables import FrontierBands
from sweeps.cell_prices import all_questions
from sweeps.columns import records
from sweeps.frontier_bands import CellDraws, cell_draws, priced
from sweeps.grid_report.panel_bands import LEVEL, fixed_costs
from sweeps.grid_report.pictures import frontiers_png
from sweeps.grid_report.recorded import CO_PRIMARY, between, core, listed, measured, words
from sweeps.grid_report.section import Picture, Section, Sources, Table, any_simulated
from sweeps.recipes import VARIETIES
from sweeps.regimes import DONT_BUY, NO_CHOICE, TIED, Regime
from sweeps.wording import dollars, hours, test_set_short

TITLE = "What the grid says"
PRICES = "thesis"
OTHERS = tuple(f"{name}/{test}" for test in ("10h", "10s") for name in ("rmsce", "fgsm", "accuracy"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """The frontier of one metric: of all questions together at the fixed costs and, as a `curve`, at many; of each
    question alone."""

    metric: str
    curve: FrontierBands
    together: FrontierBands
    alone: Mapping[str, FrontierBands]

    @property
    def best_free(self) -> Mapping[str, Any] | None:
        """The free recipe of the best guess, None where none was trained."""
        free = [row for row in records(self.together.cells) if row["free"]]
        return min(free, key=lambda row: row["value"]) if free else None


def findings(sources: Sources) -> Section:
    """What the grid's cells are worth for what they cost, on every co-primary metric."""
    results = core(sources)
    found = [_found(cell_draws(results, metric)) for metric in measured(results, CO_PRIMARY)]
    there = [metric for metric in OTHERS if metric in results]
    others = [_found(cell_draws(results, metric), matters=0.0) for metric in measured(results, there)] if there else []
    simulated = any_simulated(sources)
    return Section(
        title=TITLE,
        lines=tuple(_lines(found)),
        tables=(
            _alone_table(found),
            *(_together_table(one) for one in found),
            *([_others_table(others)] if others else []),
            _free_table([*found, *others]),
            _break_even_table(found),
        ),
        pictures=tuple(_pictures(found, simulated)),
        summary=tuple(sentence for one in found for sentence in _summary(one)),
        data={"frontiers": {one.metric: one.together.as_dict() for one in (*found, *others)}},
    )


def _found(drawn: CellDraws, matters: float | None = None) -> Found:
    asked = all_questions(drawn.found.cells)
    curve = _curve(drawn, matters)
    if curve is None:
        raise RequestError("no cell that costs anything has a value")
    fixed = fixed_costs(curve.cells["cost"].to_numpy(dtype=float))
    alone = {q: _curve(drawn, matters, q) for q in VARIETIES if q in asked}
    return Found(
        metric=drawn.metric,
        curve=curve,
        together=priced(drawn, PRICES, level=LEVEL, matters=matters, budgets=fixed),
        # A question that was only ever asked with another has no frontier of its own.
        alone={q: frontier for q, frontier in alone.items() if frontier is not None},
    )


def _curve(drawn: CellDraws, matters: float | None, question: str | None = None) -> FrontierBands | None:
    """The frontier at the cost of each cell that asked `question` (any of them without one); None where none did."""
    first = priced(drawn, PRICES, level=LEVEL, matters=matters, question=question)
    costs = np.unique(first.cells.loc[first.cells["cost"] > 0, "cost"])
    if not costs.size:
        return None
    return priced(drawn, PRICES, level=LEVEL, matters=matters, question=question, budgets=costs)


def _lines(found: Sequence[Found]) -> Iterator[str]:
    one = found[0].together
    yield (
        f"{int(one.cells['trials'].sum())} trials of {len(one.cells)} cells. Bands and intervals are {LEVEL:.0%}, from "
        f"joint draws of what the cells are worth, shrunk towards curves so that lucky cells don't win. They are "
        f"{one.covers}."
    )
    if one.assumes:
        yield (
            f"Costs are people's time at the thesis's prices and ${usd(3600):.2f} an hour. A frontier of several "
            f"questions {listed(one.assumes)}: only full pages were timed. Frontiers of one question need no such "
            "assumption."
        )
    yield (
        "Soft labels make a model less sure of itself, which raw cross-entropy rewards and one temperature does for "
        "nothing. Scaled cross-entropy is what is left after it. A purchase is worth its money where it beats the best "
        "free recipe by what matters (0.03 raw, 0.01 scaled) with probability 0.9; a kind of purchase is named on the "
        "same terms, else kinds are tied."
    )
    notes = dict.fromkeys(f"{words(f.metric)}: {note}" for f in found for note in f.together.notes)
    yield from (f"Note: {note}." for note in notes)
    excluded = {f"{cell}: {why}" for f in found for cell, why in f.together.excluded.items()}
    if excluded:
        yield f"Not compared: {'; '.join(sorted(excluded))}."


def _summary(one: Found) -> Iterator[str]:
    """For the top of the report: whether buying pays at the dearest cost, and the regimes on the way there."""
    regimes, band = one.together.regimes, one.together.bands
    name, free = words(one.metric), one.best_free
    if not regimes:
        return
    last = regimes[-1]
    names = one.together.cells.set_index("cell")["recipe"]
    bought = names[band.winner[-1]]
    yield f"{name}: {_worth(last, bought, free)} {_runs(regimes)}"


def _worth(last: Regime, winner: str, free: Mapping[str, Any] | None) -> str:
    if free is None:
        return f"up to {hours(last.budget)} of people's time {winner} is best most often; no free recipe was trained."
    gain = between(last.gain, last.gain_low, last.gain_high)
    verb = "does not pay" if last.verdict == DONT_BUY else "pays"
    return (
        f"up to {hours(last.budget)} of people's time buying {verb}: the best purchase is {gain} better than the best "
        f"free recipe ({free['recipe']}), with probability {last.worth:.2f}."
    )


def _runs(regimes: Sequence[Regime]) -> str:
    """What each stretch of budgets is best spent on, in a sentence."""
    runs: list[list[Regime]] = []
    for regime in regimes:
        if runs and runs[-1][0].verdict == regime.verdict:
            runs[-1].append(regime)
        else:
            runs.append([regime])
    said = []
    for run in runs:
        first, last = run[0].budget, run[-1].budget
        where = f"at {hours(first)}" if first == last else f"from {hours(first)} to {hours(last)}"
        named = {TIED: "kinds of purchase are tied", NO_CHOICE: f"only {run[0].best} can be had"}
        said.append(f"{where} {named.get(run[0].verdict, run[0].verdict)}")
    return f"Of eight budgets: {'; '.join(said)}."


def _alone_table(found: Sequence[Found]) -> Table:
    rows = []
    for one in found:
        for question, frontier in one.alone.items():
            if not frontier.regimes:
                continue
            dearest, names = frontier.regimes[-1], frontier.cells.set_index("cell")["recipe"]
            rows.append(
                (
                    one.metric,
                    VARIETIES[question],
                    hours(dearest.budget),
                    f"{names[frontier.bands.winner[-1]]} ({frontier.bands.share[-1]:.2f})",
                    between(frontier.bands.best[-1], *frontier.bands.pointwise[-1]),
                    between(dearest.gain, dearest.gain_low, dearest.gain_high),
                    f"{dearest.worth:.2f}" if np.isfinite(dearest.worth) else "–",
                    "no" if dearest.verdict == DONT_BUY else "yes",
                )
            )
    return Table(
        caption="Each question alone, beside the free recipes: what all of the money that could be spent on it buys",
        headings=(
            *("metric", "question", "up to", "best most often (share)", f"best [{LEVEL:.0%}]"),
            *("gain over the best free recipe", "probability of a gain", "worth it"),
        ),
        rows=tuple(rows),
        numbers=(2, 4, 5, 6),
    )


def _together_table(one: Found) -> Table:
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
        caption=f"{words(one.metric)}, all questions together, at eight fixed costs",
        headings=(
            *("people's time", "money", f"best [{LEVEL:.0%}]", "all costs at once", "best most often (share)"),
            *("gain over the best free recipe", "probability of a gain", "regime"),
        ),
        rows=tuple(rows),
        numbers=(0, 1, 2, 3, 5, 6),
    )


def _others_table(others: Sequence[Found]) -> Table:
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


def _free_table(found: Sequence[Found]) -> Table:
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


def _break_even_table(found: Sequence[Found]) -> Table:
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


def _pictures(found: Sequence[Found], simulated: bool) -> Iterator[Picture]:
    for test_set in dict.fromkeys(one.metric.partition("/")[2] for one in found):
        here = [one for one in found if one.metric.endswith(f"/{test_set}")]
        shown = listed([words(one.metric) for one in here])
        yield Picture(
            name=test_set,
            words=f"The best to be had for a cost on {test_set_short(test_set)}, with bands: {shown}",
            png=frontiers_png(here, test_set_short(test_set), simulated),
        )
