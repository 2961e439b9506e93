"""The ranges of M and N' that the model was checked in, candidate purchases in them and beyond, and their costs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.errors import RequestError, unknown_name
from softcore.prices.price_list import PriceList
from softcore.prices.read import usd
from sweeps.frontier.pricing import Purchases, costs
from sweeps.planning.rows import PLAIN, SEPARATE, Rows
from sweeps.results.table import ANSWERS, answer_columns

STEPS = 26  # numbers of items between the least and the most, one of them apart
_COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 50, 64, 80, 100)
_COLUMNS = ("variety", "aggregation", "policy", "annotators", "items", "free", "crowd", "recipe", "cell")


@dataclass(frozen=True, kw_only=True)
class Range:
    """The least and most annotators an item (M) and items (N') measured of a variety trained in one way."""

    variety: str
    policy: str
    aggregation: str
    annotators: tuple[int, int]
    items: tuple[int, int]

    @property
    def name(self) -> str:
        """The variety, and how its models were trained where that is not the plain way."""
        ways = [name for name in (self.policy, self.aggregation) if name not in (PLAIN, SEPARATE)]
        return f"{self.variety} ({', '.join(ways)})" if ways else self.variety

    @property
    def words(self) -> str:
        """What was measured, in words."""
        return f"{self.name}: M {span(*self.annotators)}, N' {span(*self.items)}"


def ranges(rows: Rows) -> tuple[Range, ...]:
    """The range of each variety and way of training among the bought cells, in order of first appearance.

    M that is a mean over items ("all") counts as the nearest whole number.
    """
    bought = rows.cells.iloc[rows.bought]
    found = []
    for (variety, policy, aggregation), cells in bought.groupby(["variety", "policy", "aggregation"], sort=False):
        annotators, items = cells["annotators"].round().astype(int), cells["items"].round().astype(int)
        found.append(
            Range(
                variety=str(variety),
                policy=str(policy),
                aggregation=str(aggregation),
                annotators=(int(annotators.min()), int(annotators.max())),
                items=(int(items.min()), int(items.max())),
            )
        )
    return tuple(found)


def of_variety(measured: Iterable[Range], varieties: Iterable[str] | None) -> tuple[Range, ...]:
    """Those of the ranges that are of `varieties` (of all where None); an unmeasured one is a RequestError."""
    measured = tuple(measured)
    if varieties is None:
        return measured
    wanted = tuple(varieties)
    for variety in wanted:
        if variety not in {r.variety for r in measured}:
            raise unknown_name("question (variety)", variety, dict.fromkeys(r.variety for r in measured))
    return tuple(r for r in measured if r.variety in wanted)


def excess_in_words(measured: Range, annotators: int | None = None, items: int | None = None) -> str:
    """By how much a request for M or N' lies outside the measured range, in words; "" where it lies inside."""
    parts = [
        f"{name} = {wanted} for {measured.name} is {'below' if wanted < low else 'beyond'} the measured "
        f"{span(low, high)}"
        for name, wanted, (low, high) in (("M", annotators, measured.annotators), ("N'", items, measured.items))
        if wanted is not None and not low <= wanted <= high
    ]
    return "; ".join(parts)


def keep_in_range(
    measured: Iterable[Range], annotators: int | None = None, items: int | None = None
) -> tuple[Range, ...]:
    """The ranges that contain the request; where none does, a RequestError that says by how much it lies outside."""
    measured = tuple(measured)
    inside = tuple(r for r in measured if not excess_in_words(r, annotators, items))
    if not inside:
        spans: dict[str, list[str]] = {}
        for r in measured:
            spans.setdefault(excess_in_words(r, annotators, items).replace(f" for {r.name} ", " for {} "), []).append(
                r.name
            )
        far = "; ".join(text.replace("{}", ", ".join(names)) for text, names in spans.items())
        raise RequestError(f"{far}: the model was not checked there; to plan all the same, less surely: --extrapolate")
    return inside


def free_points(rows: Rows) -> pd.DataFrame:
    """The free recipes as points of a model, a row each, so that they are drawn jointly with the candidates."""
    return rows.cells.iloc[rows.free][[*_COLUMNS]].reset_index(drop=True)


def span(low: int, high: int) -> str:
    """ "25", or "25 to 50" where the ends differ."""
    return f"{low}" if low == high else f"{low} to {high}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Cost:
    """The cost of each of p candidates at the lowest and highest prices: seconds of people's time, and dollars."""

    low: Float[np.ndarray, " p"]
    high: Float[np.ndarray, " p"]
    usd_low: Float[np.ndarray, " p"]
    usd_high: Float[np.ndarray, " p"]


def candidates(
    rows: Rows,
    measured: Sequence[Range],
    *,
    images: int | None = None,
    annotators: int | None = None,
    extrapolate: bool = False,
    most_people: int | None = None,
) -> pd.DataFrame:
    """One row a candidate: the columns of `POINT`, `free` (False), `crowd`, `cell` (of its kind) and `answers/X`.

    `images` caps N' and `annotators` fixes M. With `extrapolate`, N' goes from the least measured of any question up to
    `images` and M from 1 to `most_people`: of a pilot's cheaper questions there is one cell each. N' is in steps of the
    range. `beyond` says whether the candidate is outside the range.
    """
    found = []
    least = min((r.items[0] for r in measured), default=1)
    for which in measured:
        like = _like(rows, which)
        mixed = "(" in which.variety
        counts = [annotators] if annotators is not None else _annotator_counts(which, like, extrapolate, most_people)
        low, high = which.items
        top = high if images is None else images if extrapolate else min(images, high)
        if top < low and not extrapolate:
            continue
        for m in counts:
            nearest = like.iloc[(like["annotators"] - m).abs().argsort(kind="stable").iloc[0]]
            rate = np.array([nearest[c] for c in answer_columns(like)], dtype=float)
            if not mixed:
                rate = rate / nearest["annotators"] * m
            for n in _items(min(least if extrapolate else low, top), top, like["items"]):
                found.append(
                    {
                        "variety": which.variety,
                        "aggregation": which.aggregation,
                        "policy": which.policy,
                        "annotators": float(m),
                        "items": float(n),
                        "free": False,
                        "crowd": nearest["crowd"],
                        "cell": nearest["cell"],
                        "beyond": not (which.annotators[0] <= m <= which.annotators[1] and low <= n <= high),
                        **dict(zip(answer_columns(like), rate * n, strict=True)),
                    }
                )
    table = pd.DataFrame(found)
    if table.empty:
        return table
    # Pooling one answer an item is not pooling: such a candidate is there once.
    table["single"] = table["annotators"] == 1
    key = ["variety", "policy", "annotators", "items"]
    twice = table["single"] & table.sort_values("aggregation", key=lambda a: a != "separate").duplicated(key)
    return table[~twice].drop(columns="single").reset_index(drop=True)


def candidate_costs(table: pd.DataFrame, rows: Rows, prices: PriceList, wage: float, fee: float) -> Cost:
    """The cost of each candidate of `table` under `prices`, at `wage` dollars an hour and a platform's `fee` (a share).

    Where prices charge the time that was recorded, a page costs the mean time of the sweep's own pages if that is
    known. A question without a price is a RequestError, as is a click without its overhead.
    """
    low, high = costs(purchases_of(table, rows), prices).ends
    usd_per_second = usd(3600, wage, fee) / 3600
    return Cost(low=low, high=high, usd_low=low * usd_per_second, usd_high=high * usd_per_second)


def purchases_of(table: pd.DataFrame, rows: Rows) -> Purchases:
    """The answers that each candidate buys, and seconds on pages at the mean of the sweep's own pages."""
    columns = answer_columns(table)
    answers = table[columns].to_numpy(dtype=float)
    pages = answers[:, [c != f"{ANSWERS}click" for c in columns]].sum(axis=1)
    return Purchases(
        cells=tuple(table["variety"]),
        questions=tuple(c.removeprefix(ANSWERS) for c in columns),
        answers=answers,
        recorded=np.where(pages > 0, pages * rows.page_seconds, np.nan),
        dataset=(rows.dataset,) * len(table),
    )


def _like(rows: Rows, which: Range) -> pd.DataFrame:
    cells = rows.cells
    same = (cells["variety"] == which.variety) & (cells["policy"] == which.policy) & ~cells["free"].astype(bool)
    return cells[same & (cells["aggregation"] == which.aggregation)]


def _annotator_counts(which: Range, like: pd.DataFrame, extrapolate: bool, most: int | None) -> list[int]:
    """The values of M to plan for: within the range, or 1 to `most` to extrapolate; of mixed questions as measured."""
    seen = {int(m) for m in like["annotators"].round()}
    if "(" in which.variety:
        return sorted(seen)
    low, high = (1, max(which.annotators[1], most or 0)) if extrapolate else which.annotators
    return sorted({m for m in _COUNTS if low <= m <= high} | seen)


def _items(low: int, high: int, seen: pd.Series) -> list[int]:
    """N' in `STEPS` even steps from `low` to `high`, and the measured values between them."""
    measured = {round(n) for n in seen if low <= n <= high}
    return sorted(measured | {round(n) for n in np.linspace(low, high, STEPS + 1)})
