"""What an annotation-time budget buys of answers at the thesis's prices: M, or N'."""

import math
from dataclasses import dataclass
from typing import Any

from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from softcore.labels.ask import most_answers
from softcore.prices.read import price


@dataclass(frozen=True)
class Budget:
    """What an annotation-time budget buys in one cell, and what of it can't be spent."""

    hours: float
    buys: str
    annotators: int | str
    items: int
    spent_hours: float
    unspent_hours: float


def spend(axes: dict[str, Any], dataset: Dataset, available: int) -> Budget:
    """Resolve `budget_hours` into M (or N') at the thesis's price of the variety; sets them in `axes`."""
    hours, buys, variety = axes["budget_hours"], axes["budget_buys"], axes["variety"]
    seconds, most = price(variety), most_answers(dataset, variety)
    if buys == "annotators":
        fixed, bought, cap = axes["items"], "annotators", most
    elif axes["annotators"] == "all":
        raise RequestError("budget_buys: items needs a number of annotators an item, not 'all'")
    else:
        fixed, bought, cap = axes["annotators"], "items", available
    one = seconds * fixed / 3600
    count = min(math.floor(hours / one + 1e-9), cap)
    if count < 1:
        what = f"one annotator on {fixed} items" if bought == "annotators" else f"{fixed} annotators on one item"
        raise RequestError(f"budget_hours {hours:g} buys no {variety} label: {what} takes {one:.3g} hours")
    axes[bought] = count
    spent = count * one
    return Budget(hours, buys, axes["annotators"], axes["items"], spent, hours - spent)
