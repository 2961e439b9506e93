"""Tables of `sweeps report bands` and `sweeps frontier --swaps`: how far chance and prices may change a frontier."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from softcore.prices.price_list import PriceList
from softcore.prices.read import price, usd
from sweeps.frontier.banded import FrontierBands
from sweeps.frontier.frontier import summarise, to_reprice
from sweeps.frontier.swaps import swaps
from sweeps.planning.plan import money_between
from sweeps.planning.verdict import Verdicts
from sweeps.results.names import dollars, hours, hours_between, metric_words
from sweeps.results.table import plain_values, records
from sweeps.show.tables import ReportTable, table


def bands_content(found: FrontierBands, verdicts: Verdicts) -> dict[str, Any]:
    """Everything of the bands and the verdicts, ready for JSON; each budget has its own."""
    content = found.as_dict() | {"verdict": verdicts.words, "verdicts": plain_values(verdicts.as_dict())}
    for row in content["bands"]:
        there = verdicts.at_seconds(row["budget"])
        row |= {"verdict": there.verdict, "plan": there.bought}
    return content


def bands_tables(found: FrontierBands, verdicts: Verdicts, prices: PriceList, name: str) -> Iterator[ReportTable]:
    """A table of the cells and one of the budgets; costs are people's time, and money at the pay of `prices`."""
    title = f"{name}: {metric_words(found.metric)}"
    usd_per_second = usd(3600, prices.wage, prices.fee) / 3600
    level = f"{found.level:.0%}"
    yield table([_cell(row, level, usd_per_second) for row in records(found.table())], title)
    best = bands_content(found, verdicts)
    rows = [
        _budget(row, regime["ahead"], level, usd_per_second)
        for row, regime in zip(best["bands"], _regimes(best), strict=True)
    ]
    # Where more time buys nothing better the row before still holds.
    kept = [row for i, row in enumerate(rows) if not i or _what(row) != _what(rows[i - 1])]
    yield table(kept, "The best from each cost on")


def bands_lines(found: FrontierBands, verdicts: Verdicts, prices: PriceList) -> Iterator[str]:
    """The verdict, what intervals cover and prices assume, ties between neighbours, break-even prices, other notes."""
    yield f"{verdicts.words}."
    yield f"Intervals ({found.level:.0%}) cover: {found.covers}."
    yield from (f"It {assumed}." for assumed in found.assumes)
    content = found.as_dict()
    for step in content["steps"]:
        if step["tie"]:
            yield (
                f"A tie: {step['dearer_recipe']} is {step['gain']:.3f} [{step['low']:.3f}, {step['high']:.3f}] better "
                f"than {step['recipe']}."
            )
    for ratio in found.break_even:
        yield f"Break-even: {ratio.words(price(ratio.other, prices))}."
    yield from (f"Note: {note}." for note in found.notes)
    yield from (f"Not compared: {cell}: {why}." for cell, why in found.excluded.items())


def _what(row: dict[str, Any]) -> list[Any]:
    return list(row.values())[2:]  # without what it costs


def _regimes(content: dict[str, Any]) -> list[dict[str, Any]]:
    return content["regimes"] or [{"ahead": "–"}] * len(content["bands"])


def _cell(row: dict[str, Any], level: str, usd_per_second: float) -> dict[str, Any]:
    cost = "free" if row["free"] else hours_between(row["cost_low"], row["cost_high"])
    low, high = (row[end] * usd_per_second for end in ("cost_low", "cost_high"))
    return {
        "recipe": row["recipe"],
        "people's time": cost,
        "money": "free" if row["free"] else money_between(low, high),
        "mean": f"{row['mean']:.3f}",
        f"best guess [{level}]": f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]",
        "on the frontier": "–" if row["on_frontier"] != row["on_frontier"] else f"{row['on_frontier']:.2f}",
        "trials": row["trials"],
    }


def _budget(row: dict[str, Any], ahead: str, level: str, usd_per_second: float) -> dict[str, Any]:
    return {
        "people's time": hours(row["budget"]),
        "money": dollars(row["budget"] * usd_per_second),
        f"best [{level}]": f"{row['best']:.3f} [{row['low']:.3f}, {row['high']:.3f}]",
        "all at once": f"[{row['simultaneous_low']:.3f}, {row['simultaneous_high']:.3f}]",
        "most often": f"{row['winner_recipe']} ({row['winner_share']:.2f})",
        "ahead": ahead or "–",
        "verdict": row["verdict"],
    }


def swaps_table(results: pd.DataFrame, metric: str, prices: PriceList, questions: list[str]) -> ReportTable:
    """At which prices of `questions` (moved together) which cell leaves the frontier of `metric`, and to which."""
    recipes = summarise(results).set_index("cell")["recipe"]
    found = swaps(*to_reprice(results, metric), prices, questions)
    rows: list[dict[str, Any]] = [
        {
            "swap": number,
            "factor": round(row["factor"], 4),
            "seconds": None if np.isnan(row["seconds"]) else round(row["seconds"], 3),
            "as it gets": row["when"],
            "leaves the frontier": recipes[row["cell"]],
            "because of": recipes[row["beaten_by"]],
        }
        for number, row in enumerate(records(found), 1)
    ]
    if not rows:
        raise RequestError(f"no price of {', '.join(questions)} changes the frontier of {metric}")
    return table(
        rows, title=f"Where winners on {metric} swap, moving the price of {', '.join(questions)} ({prices.name})"
    )
