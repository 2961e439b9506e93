"""At which prices of a question the winners of a frontier change places."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.errors import RequestError, unknown_name
from softcore.prices.price_list import PriceList
from softcore.varieties import question_of
from sweeps.frontier.pricing import Purchases, QuestionCosts, costs, middle

_CHUNK = 256  # rows of cells by cells at a time
Questions = str | Sequence[str]


def swaps(
    bought: Purchases, value: Float[np.ndarray, " cells"], prices: PriceList, questions: Questions
) -> pd.DataFrame:
    """One row a price at which a cell leaves the frontier, while the price of `questions` moves and the others stay.

    The price of the questions (one, or several together) is multiplied by a factor from 0 up; intervals of the others
    are taken at their middle. A cell is on the frontier between two factors at most, since any other cell beats it
    below one factor, above one, always or never. Columns: `factor`, `seconds` (the price itself; NaN for several
    questions or a price by what was recorded), `cell`, `beaten_by`, and `when`: the cell leaves as the price gets
    `dearer` or `cheaper` than this. Sorted by factor; empty where nothing changes. Of `value` less is better, cells
    without one are left out. A question that nobody bought, or a price of 0, is a RequestError.
    """
    asked = (questions,) if isinstance(questions, str) else tuple(questions)
    fixed, varied, unit, compared = _split(bought, value, prices, asked)
    low, below, high, above = _ranges(fixed, varied, value[compared])
    cells = np.array(bought.cells)[compared]
    rows = []
    for i in np.flatnonzero((low < high) & (high > 0)):
        if low[i] > 0:
            rows.append({"factor": low[i], "cell": cells[i], "beaten_by": cells[below[i]], "when": "cheaper"})
        if np.isfinite(high[i]):
            rows.append({"factor": high[i], "cell": cells[i], "beaten_by": cells[above[i]], "when": "dearer"})
    table = pd.DataFrame(rows, columns=["factor", "cell", "beaten_by", "when"])
    table.insert(1, "seconds", table["factor"].astype(float) * unit)
    return table.sort_values(["factor", "cell"], kind="stable", ignore_index=True)


def _split(
    bought: Purchases, value: np.ndarray, prices: PriceList, asked: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """Seconds that stay, seconds that a factor multiplies, the price that it multiplies, and which cells count."""
    for question in asked:
        if question not in bought.asked:
            raise unknown_name("question of these results", question, bought.asked)
    priced = costs(bought, prices)
    compared = np.isfinite(value)
    names = {question_of(q) for q in asked}
    moved = np.array([name in names for name in priced.questions])

    def seconds(columns: np.ndarray) -> np.ndarray:
        part = QuestionCosts(questions=(), low=priced.low[:, columns], high=priced.high[:, columns])
        return middle(part)[compared]

    if not priced.high[:, moved].any():
        raise RequestError(f"price list '{prices.name}' has no price of {', '.join(asked)} to multiply: it is 0")
    point = len(asked) == 1 and asked[0] not in prices.recorded
    ends = prices.interval(asked[0])
    return seconds(~moved), seconds(moved), sum(ends) / 2 if point else np.nan, compared


def _ranges(
    fixed: np.ndarray, varied: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Each cell's range of factors on the frontier, and which cell beats it below and above: low, below, high, above.

    Cost is `fixed` + factor x `varied`. A cell that is never on the frontier has low >= high.
    """
    n = len(value)
    low, high = np.zeros(n), np.full(n, np.inf)
    below, above = np.full(n, -1), np.full(n, -1)
    for start in range(0, n, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, n))
        # [rows, n]: by how much another cell costs more at factor 0, and more for each factor.
        at_zero, slope = fixed - fixed[rows, None], varied - varied[rows, None]
        better, equal = value < value[rows, None], value == value[rows, None]
        at = np.divide(-at_zero, slope, out=np.full(slope.shape, np.nan), where=slope != 0)
        never = ((slope == 0) & ((better & (at_zero <= 0)) | (equal & (at_zero < 0)))).any(axis=1)
        rival = better | equal
        lower = np.where(rival & (slope > 0), at, -np.inf)
        upper = np.where(rival & (slope < 0), at, np.inf)
        below[rows], above[rows] = lower.argmax(axis=1), upper.argmin(axis=1)
        low[rows], high[rows] = np.maximum(lower.max(axis=1), 0), upper.min(axis=1)
        high[rows[never]] = -np.inf
    return low, below, high, above
