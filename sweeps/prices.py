"""Price lists for a sweep: with clicks as measured where that can be had, and at which prices its winners swap."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from softcore.data.clicks_archive import measured_clicks
from softcore.datasets import data_root as root_of
from softcore.errors import RequestError
from softcore.prices.price_list import with_click_overhead
from softcore.prices.read import PriceList, price_list
from sweeps.columns import records
from sweeps.frontier import summarise, to_reprice
from sweeps.report_table import ReportTable
from sweeps.show import table
from sweeps.swaps import swaps

if TYPE_CHECKING:
    from sweeps.sweep import Sweep


def prices_for(
    sweep: "Sweep", cost: str, *, click_overhead: float | None = None, data_root: str | Path | None = None
) -> PriceList:
    """The price list `cost` as it holds for a sweep.

    Clicks of CIFAR-10H are priced as measured where the list takes them so and the annotator-level archive is below the
    data root (the sweep's own unless another is named); `click_overhead` seconds are added to each.
    """
    prices = price_list(cost)
    manifest = sweep.store.manifest()
    if prices.measure_clicks and manifest["dataset"] in prices.measured_on:
        prices = measured_clicks(prices, root_of(data_root or manifest["data_root"]))
    return prices if click_overhead is None else with_click_overhead(prices, click_overhead)


def swaps_table(sweep: "Sweep", metric: str, prices: PriceList, questions: list[str]) -> ReportTable:
    """At which prices of `questions` (moved together) which cell leaves the frontier of `metric`, and to which."""
    results = sweep.results()
    bought, value = to_reprice(results, metric)
    recipes = summarise(results).set_index("cell")["recipe"]
    found = swaps(bought, value, prices, questions)
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
