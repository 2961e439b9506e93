"""What cells asked, what that costs under a price list, which of them no other beats at any of its prices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from softcore.errors import RequestError, unknown_name
from softcore.prices.price_list import PriceList
from softcore.prices.read import price_list
from softcore.varieties import FREE, question_of
from sweeps.frontier.break_even import assumption
from sweeps.results.table import ANSWERS, answer_columns

RECORDED = "recorded_seconds"
_DIGITS = 6  # of seconds: equal costs by different ways (3 x 12.8 and 2 x 19.2) must tie


@dataclass(frozen=True, kw_only=True, eq=False)
class Purchases:
    """What each cell of a sweep bought, whatever it costs.

    `answers` [cells, questions] counts the records used (means over replicates, 0 where none), `recorded` [cells] the
    seconds recorded with those that were timed (NaN: not known), `dataset` [cells] names the data set.
    """

    cells: tuple[str, ...]
    questions: tuple[str, ...]
    answers: Float[np.ndarray, "cells questions"]
    recorded: Float[np.ndarray, " cells"]
    dataset: tuple[str, ...]

    @property
    def asked(self) -> tuple[str, ...]:
        """The questions that any cell bought an answer to."""
        return tuple(q for q, column in zip(self.questions, self.answers.T, strict=True) if column.any())


@dataclass(frozen=True, kw_only=True, eq=False)
class QuestionCosts:
    """Seconds of each cell by question at the lowest and at the highest price.

    A question's prices run from `low` to `high` for all cells together, each question on its own.
    """

    questions: tuple[str, ...]
    low: Float[np.ndarray, "cells questions"]
    high: Float[np.ndarray, "cells questions"]

    @property
    def ends(self) -> tuple[Float[np.ndarray, " cells"], Float[np.ndarray, " cells"]]:
        """Seconds of each cell at the lowest and at the highest prices."""
        return np.round(self.low.sum(axis=1), _DIGITS), np.round(self.high.sum(axis=1), _DIGITS)


def purchases(summary: pd.DataFrame) -> Purchases:
    """What the cells of a summary (`sweeps.frontier.frontier.summarise`) bought; a negative count is a RequestError."""
    columns = answer_columns(summary)
    answers = np.nan_to_num(summary[columns].to_numpy(dtype=float)) if columns else np.zeros((len(summary), 0))
    if (answers < 0).any():
        cell = summary["cell"].to_numpy()[(answers < 0).any(axis=1)][0]
        raise RequestError(f"answers can't be negative; cell {cell}")
    recorded = pd.to_numeric(summary[RECORDED], errors="coerce") if RECORDED in summary else None
    return Purchases(
        cells=tuple(summary["cell"].astype(str)),
        questions=tuple(column.removeprefix(ANSWERS) for column in columns),
        answers=answers,
        recorded=np.full(len(summary), np.nan) if recorded is None else recorded.to_numpy(dtype=float),
        dataset=tuple(summary["dataset"].astype(str)) if "dataset" in summary else ("",) * len(summary),
    )


def costs(bought: Purchases, prices: PriceList) -> QuestionCosts:
    """Seconds of each cell by question under `prices`, varieties of one question together.

    Questions that the list charges by what was recorded cost their share of a cell's recorded seconds (of several such
    questions in one cell each has a part in proportion to answers times seconds); where nothing was recorded the list's
    means hold on the data sets that they were measured on. A question that nobody bought needs no price. A missing
    price is a RequestError, as are a click without its overhead and pages without recorded seconds of another data set.
    """
    asked = bought.asked
    each = np.array([prices.interval(q) if q in asked else (0.0, 0.0) for q in bought.questions]).reshape(-1, 2)
    low, high = bought.answers * each[:, 0], bought.answers * each[:, 1]
    if prices.recorded:
        low, high = _as_recorded(bought, prices, low, high)
    together = _together(bought.questions)
    return QuestionCosts(questions=tuple(together), low=_summed(low, together), high=_summed(high, together))


def _as_recorded(
    bought: Purchases, prices: PriceList, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`low` and `high` with what was recorded in place of means where it is known."""
    timed = np.array([q in prices.recorded for q in bought.questions], dtype=bool)
    share = np.array([prices.recorded.get(q, (0.0, 0.0)) for q in bought.questions]).reshape(-1, 2)
    parts = high * timed
    whole = parts.sum(axis=1)
    timed_cells = np.isfinite(bought.recorded) & (whole > 0)
    foreign = np.array([name not in ("", *prices.measured_on) for name in bought.dataset], dtype=bool)
    lacking = ~timed_cells & (whole > 0) & foreign
    if lacking.any():
        cell = int(lacking.argmax())
        raise RequestError(
            f"price list '{prices.name}' takes the seconds recorded with each page, and cell {bought.cells[cell]} of "
            f"{bought.dataset[cell]} has none (column {RECORDED}): use thesis, or a price list of your own (.yaml)"
        )
    seconds = parts / np.where(timed_cells, whole, 1.0)[:, None] * np.where(timed_cells, bought.recorded, 0.0)[:, None]
    taken = timed_cells[:, None] & timed
    return np.where(taken, seconds * share[:, 0], low), np.where(taken, seconds * share[:, 1], high)


def answers_by_question(bought: Purchases) -> Float[np.ndarray, "cells questions"]:
    """How many answers each cell bought to the questions of its `costs`, varieties of one question together."""
    return _summed(bought.answers, _together(bought.questions))


def middle(priced: QuestionCosts) -> Float[np.ndarray, " cells"]:
    """Seconds of each cell at the middle of its interval."""
    low, high = priced.ends
    return np.where(low == high, low, np.round((low + high) / 2, _DIGITS))


def reprice(
    bought: Purchases, value: Float[np.ndarray, " cells"], lists: Iterable[PriceList]
) -> list[tuple[QuestionCosts, Bool[np.ndarray, " cells"]]]:
    """Costs and frontier of the same cells under each of many price lists; of `value` less is better.

    Cells without a finite value are on no frontier. Nothing is read or summarised again: a list takes milliseconds.
    """
    there = np.isfinite(value)
    found = []
    for prices in lists:
        priced, on = costs(bought, prices), np.zeros(len(value), dtype=bool)
        on[there] = non_dominated_over_prices(priced.low[there], priced.high[there], value[there])
        found.append((priced, on))
    return found


def non_dominated_over_prices(
    low: Float[np.ndarray, "n questions"], high: Float[np.ndarray, "n questions"], value: Float[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Which of n cells no other beats at all prices between `low` and `high` (seconds by question) alike.

    Each question's price lies anywhere between its two ends, the same for all cells. One cell beats another if it is no
    worse and at no price dearer, and better, or cheaper at some price; equal cells stand or fall together. With points
    it is the usual frontier. `value` must be finite, less is better.
    """
    if np.array_equal(low, high):
        return non_dominated(np.round(low.sum(axis=1), _DIGITS), value)
    cheapest, dearest = low.sum(axis=1), high.sum(axis=1)
    order = np.lexsort((np.round(cheapest + dearest, _DIGITS), value))
    # Most cells cost more at their cheapest than one that is no worse does at its dearest: beaten, and done with.
    least_dear = np.minimum.accumulate(dearest[order])[np.searchsorted(value[order], value, side="right") - 1]
    order = order[(np.round(least_dear - cheapest, _DIGITS) >= 0)[order]]
    # Who is beaten is beaten by one that is not (the relation is transitive), and no cell is beaten by a later one.
    best = np.empty(len(value), dtype=np.int64)
    n_best = 0
    on = np.zeros(len(value), dtype=bool)
    for i in order:
        others = best[:n_best]
        cheaper, dearer = low[others] - low[i], high[others] - high[i]
        most = np.round(np.maximum(cheaper, dearer).sum(axis=1), _DIGITS)
        least = np.round(np.minimum(cheaper, dearer).sum(axis=1), _DIGITS)
        if not ((most <= 0) & ((value[others] < value[i]) | (least < 0))).any():
            on[i] = True
            best[n_best] = i
            n_best += 1
    return on


def non_dominated(cost: Float[np.ndarray, " n"], value: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Which of n points no other beats: bool [n] for `cost` [n] and `value` [n], both finite, less of each is better.

    A point is beaten by one that is no worse on both and better on one; equal points stand or fall together. Sorts, so
    n log n. Source: the usual definition of a Pareto front in two dimensions.
    """
    if not len(cost):
        return np.zeros(0, dtype=bool)
    levels, group = np.unique(cost, return_inverse=True)
    best = np.full(len(levels), np.inf)
    np.minimum.at(best, group, value)
    cheaper = np.concatenate([[np.inf], np.minimum.accumulate(best)[:-1]])
    return (value == best[group]) & (best < cheaper)[group]


def _together(questions: Sequence[str]) -> dict[str, list[int]]:
    """Places of the varieties that ask the same question, by the question; those that ask nobody are left out."""
    places: dict[str, list[int]] = {}
    for j, variety in enumerate(questions):
        if variety not in FREE:
            places.setdefault(question_of(variety), []).append(j)
    return places


def _summed(seconds: np.ndarray, together: Mapping[str, list[int]]) -> np.ndarray:
    columns = [seconds[:, places].sum(axis=1) for places in together.values()]
    return np.column_stack(columns) if columns else np.zeros((len(seconds), 0))


CellCosts = Mapping[str, float] | PriceList | str  # of each cell by name, or a price list


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


def comparable_cells(cells: pd.DataFrame, question: str | None) -> Bool[np.ndarray, " c"]:
    """Which cells a frontier of `question` compares: the free ones, and those that asked it alone; all without one."""
    if question is None:
        return np.ones(len(cells), dtype=bool)
    wanted, there = question_of(question), all_questions(cells)
    if wanted not in there:
        raise unknown_name("question of these results", question, there or ["none: nothing was bought"])
    return np.array([asked == {wanted} for asked in questions_of(cells)]) | cells["free"].to_numpy(dtype=bool)


def cell_costs(cells: pd.DataFrame, bought: Purchases, given: CellCosts) -> Float[np.ndarray, "3 c"]:
    """What each cell costs at the lowest prices, at their middle and at the highest; NaN where that is not known."""
    names = [str(cell) for cell in cells["cell"]]
    if isinstance(given, Mapping):
        if missing := [name for name in names if name not in given]:
            raise RequestError(f"{len(missing)} cells have no cost, '{missing[0]}' among them; give each one, or NaN")
        return np.tile([float(given[name]) for name in names], (3, 1))
    seconds = costs(bought, price_list(given))
    place = pd.Index(bought.cells).get_indexer(pd.Index(names))
    there = cells["free"].to_numpy(dtype=bool) | np.array([bool(asked) for asked in questions_of(cells)])
    low, high = seconds.ends
    return np.where(there, np.stack([low, middle(seconds), high])[:, place], np.nan)


def assumptions(cells: pd.DataFrame, given: CellCosts, unit: str) -> tuple[str, ...]:
    """What a frontier of these cells takes for granted of prices: of several questions each one's, and intervals."""
    names = all_questions(cells)
    if isinstance(given, Mapping):
        return () if len(names) < 2 else (f"assumes the costs given, of {', '.join(names)}",)
    prices = price_list(given)
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
