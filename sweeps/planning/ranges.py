"""The range of M and N' in which the model was checked, and requests that lie outside it."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from softcore.errors import RequestError, unknown_name
from sweeps.planning.rows import PLAIN, SEPARATE, Rows

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
