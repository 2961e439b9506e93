"""What the cells of a frontier with bands asked, what that costs, and what is taken for granted of it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from softcore.errors import RequestError, known
from softcore.prices.read import PriceList, price_list
from softcore.varieties import question_of
from sweeps.frontier.break_even import assumption
from sweeps.frontier.pricing import Purchases, middle
from sweeps.frontier.pricing import costs as priced
from sweeps.results.table import ANSWERS, answer_columns

Costs = Mapping[str, float] | PriceList | str  # of each cell by name, or a price list


def questions_of(cells: pd.DataFrame) -> list[set[str]]:
    """The questions that each cell asked; varieties that read one question's answers otherwise are that question."""
    columns = answer_columns(cells)
    names = [question_of(column.removeprefix(ANSWERS)) for column in columns]
    bought = cells[columns].to_numpy(dtype=float) > 0
    return [{name for name, there in zip(names, row, strict=True) if there} for row in bought]


def all_questions(cells: pd.DataFrame) -> list[str]:
    """The questions that any of the cells asked."""
    return sorted(set().union(*questions_of(cells)))


def answers_to(cells: pd.DataFrame, question: str) -> Float[np.ndarray, " c"]:
    """How many answers to `question` each cell bought, however they are read."""
    columns = [c for c in answer_columns(cells) if question_of(c.removeprefix(ANSWERS)) == question]
    return cells[columns].sum(axis=1).to_numpy(dtype=float)


def compared(cells: pd.DataFrame, question: str | None) -> Bool[np.ndarray, " c"]:
    """Which cells a frontier of `question` compares: the free ones, and those that asked it alone; all without one."""
    if question is None:
        return np.ones(len(cells), dtype=bool)
    wanted, there = question_of(question), all_questions(cells)
    if wanted not in there:
        raise known("question of these results", question, there or ["none: nothing was bought"])
    return np.array([asked == {wanted} for asked in questions_of(cells)]) | cells["free"].to_numpy(dtype=bool)


def cell_costs(cells: pd.DataFrame, bought: Purchases, costs: Costs) -> Float[np.ndarray, "3 c"]:
    """What each cell costs at the lowest prices, at their middle and at the highest; NaN where that is not known."""
    names = [str(cell) for cell in cells["cell"]]
    if isinstance(costs, Mapping):
        if missing := [name for name in names if name not in costs]:
            raise RequestError(f"{len(missing)} cells have no cost, '{missing[0]}' among them; give each one, or NaN")
        return np.tile([float(costs[name]) for name in names], (3, 1))
    seconds = priced(bought, price_list(costs))
    place = pd.Index(bought.cells).get_indexer(pd.Index(names))
    there = cells["free"].to_numpy(dtype=bool) | np.array([bool(asked) for asked in questions_of(cells)])
    low, high = seconds.ends
    return np.where(there, np.stack([low, middle(seconds), high])[:, place], np.nan)


def assumptions(cells: pd.DataFrame, costs: Costs, unit: str) -> tuple[str, ...]:
    """What a frontier of these cells takes for granted of prices: of several questions each one's, and intervals."""
    names = all_questions(cells)
    if isinstance(costs, Mapping):
        return () if len(names) < 2 else (f"assumes the costs given, of {', '.join(names)}",)
    prices = price_list(costs)
    found = []
    for name in names:
        low, high = prices.interval(name)
        if name in prices.recorded:
            found.append(f"takes a {name} at the seconds recorded with it, on average {(low + high) / 2:.3g} {unit}")
        elif len(names) > 1 or low != high:
            found.append(assumption(name, (low + high) / 2, unit))
        if low != high:
            found[-1] += f", the middle of {low:.3g} to {high:.3g} {unit}"
    return tuple(found)
