"""How expensive one question may become, against another, before the other buys the better labels for the same money.

Both questions' best values are followed over the number of answers bought, linearly in its logarithm between cells and
never beyond them. At a budget the dearer question reaches some value; the other question's answers that reach the same
value, divided into the budget, are the price at which both cost the same. Nothing of it needs a price of the cheaper
question, which is what nobody measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from softcore.errors import RequestError
from sweeps.uncertainty.shrinkage import Draws


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """The price of an answer to `one`, in answers to `other`, at which both buy the same, where `answers` are bought.

    `ratio` is its median, `low` and `high` the interval at `level`. Beyond the cells that there are nothing is said:
    `least` and `most` are the ratios that they can tell, and a bound outside them is infinite or 0. `worth` is the
    probability that these answers to `other` beat the best free recipe (NaN without one).
    """

    one: str
    other: str
    answers: float
    ratio: float
    low: float
    high: float
    least: float
    most: float
    level: float
    worth: float
    covers: str

    def words(self, price: float, unit: str = "s") -> str:
        """The headline: the price below which `one` wins, with its interval, an answer to `other` at `price`."""
        middle, low, high = (_bound(x, self.least, self.most, price, unit) for x in (self.ratio, self.low, self.high))
        against = f"against {self.answers:,.0f} answers to {self.other} at {price:g} {unit}"
        interval = f"{middle} ({self.level:.0%}: {low} to {high})"
        return f"{against}, {self.one} breaks even at {interval}; it wins below"


def break_even(
    draws: Draws,
    answers_one: Float[np.ndarray, " c"],
    answers_other: Float[np.ndarray, " c"],
    bought: Sequence[float] | np.ndarray,
    *,
    one: str = "click",
    other: str = "page",
    level: float = 0.9,
) -> list[BreakEven]:
    """The break-even price of `one` against `other` where so many (`bought`) answers to `other` are bought.

    Cells count for a question where they bought answers to it (`answers_one`, `answers_other`, 0 where none) and to no
    other of the two. Fewer answers than in the smallest cell of `other` are a RequestError; of more than in the largest
    the largest cell's are bought. A question with fewer than two numbers of answers is a RequestError.
    """
    counts_one, best_one = _followed(draws, answers_one, answers_other, one)
    counts_other, best_other = _followed(draws, answers_other, answers_one, other)
    lowest, highest = draws.shares(level)
    free = draws.values[:, ~draws.bought].min(axis=1) if (~draws.bought).any() else None
    found = []
    for wanted in np.asarray(bought, dtype=float):
        if wanted < counts_other[0]:
            raise RequestError(f"{wanted:g} answers to {other} were never bought; the fewest are {counts_other[0]:g}")
        answers = min(wanted, counts_other[-1])
        value = _at(counts_other, best_other, answers)
        needed = _needed(counts_one, best_one, value)
        ratio = np.divide(answers, needed, out=np.full(len(needed), np.inf), where=needed > 0)
        low, middle, high = np.quantile(ratio, [lowest, 0.5, highest], method="nearest")
        found.append(
            BreakEven(
                one=one,
                other=other,
                answers=float(answers),
                ratio=float(middle),
                low=float(low),
                high=float(high),
                least=float(answers / counts_one[-1]),
                most=float(answers / counts_one[0]),
                level=level,
                worth=float("nan") if free is None else float((value < free).mean()),
                covers=draws.covers,
            )
        )
    return found


def assumption(question: str, price: float, unit: str = "s") -> str:
    """What a frontier that combines questions must carry."""
    return f"assumes that a {question} costs {price:g} {unit}"


def _bound(ratio: float, least: float, most: float, price: float, unit: str) -> str:
    if ratio <= 0:
        return f"less than {least * price:.3g} {unit}"
    return f"more than {most * price:.3g} {unit}" if np.isinf(ratio) else f"{ratio * price:.3g} {unit}"


def _followed(draws: Draws, answers: np.ndarray, others: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of answers [k], rising, and the best value that so many or fewer reach [draws, k]."""
    cells = np.flatnonzero((answers > 0) & ~(others > 0))
    counts, place = np.unique(answers[cells], return_inverse=True)
    if len(counts) < 2:
        raise RequestError(f"a break-even needs cells with two numbers of answers to {name} or more, not {len(counts)}")
    best = np.full((len(draws.values), len(counts)), np.inf)
    for cell, at in zip(cells, place, strict=True):
        best[:, at] = np.minimum(best[:, at], draws.values[:, cell])
    return counts, np.minimum.accumulate(best, axis=1)


def _at(counts: np.ndarray, best: np.ndarray, answers: float) -> np.ndarray:
    """The best value [draws] of so many answers, linear in their logarithm between numbers that were bought."""
    right = int(np.clip(np.searchsorted(counts, answers), 1, len(counts) - 1))
    share = np.log(answers / counts[right - 1]) / np.log(counts[right] / counts[right - 1])
    return (1 - share) * best[:, right - 1] + share * best[:, right]


def _needed(counts: np.ndarray, best: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The least answers [draws] that reach `value`: infinite where none do, 0 where the fewest already do."""
    reached = best <= value[:, None]
    first = np.where(reached.any(axis=1), reached.argmax(axis=1), len(counts))
    right = np.clip(first, 1, len(counts) - 1)
    rows = np.arange(len(value))
    above, below = best[rows, right - 1], best[rows, right]
    drop = np.where(above > below, above - below, 1.0)
    share = np.clip((above - value) / drop, 0, 1)
    needed = counts[right - 1] * (counts[right] / counts[right - 1]) ** share
    return np.where(first == 0, 0.0, np.where(first == len(counts), np.inf, needed))
