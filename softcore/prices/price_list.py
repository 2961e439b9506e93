"""A price list: seconds of a person's time for one answer to each question, as a point or as an interval."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

from softcore.errors import RequestError, unknown_name
from softcore.varieties import CLICK, FREE

LOW_WAGE = "a wage of ${wage} an hour is below the floor of price list '{name}': ${floor} an hour or more is allowed"

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """Seconds of a person's time for one record of each variety, as (low, high), and in words what that assumes.

    Where both ends are equal the price is a point. `recorded` names the questions that are charged a share (low, high)
    of the seconds recorded with their own records wherever these are known; `seconds` then holds for results without
    them, on the data sets `measured_on`. `click_overhead` is added to a click; None means that clicks can't be priced
    before somebody says what it is. With `measure_clicks` a click's own seconds are those of CIFAR-10H where they can
    be had. `wage` and `fee` are what is paid unless something else is said; no wage below `wage_floor` dollars an hour
    is accepted.
    """

    name: str
    seconds: Mapping[str, Interval]
    basis: str
    click_basis: str = ""
    recorded: Mapping[str, Interval] = field(default_factory=lambda: MappingProxyType({}))
    measured_on: tuple[str, ...] = ()
    click_overhead: float | None = 0.0
    measure_clicks: bool = False
    wage: float = 12.0
    fee: float = 0.333
    wage_floor: float = 0.0

    @property
    def assumes(self) -> str:
        """What the prices assume, in sentences; of clicks too."""
        return f"{self.basis} {self.click_basis}".strip()

    def interval(self, variety: str) -> Interval:
        """Seconds (low, high) for one record of `variety`; (0, 0) for the free ones.

        A variety without a price is a RequestError that lists those that have one, as is a click whose overhead nobody
        has said.
        """
        if variety in FREE:
            return 0.0, 0.0
        if variety not in self.seconds:
            raise unknown_name(f"variety in price list '{self.name}'", variety, (*self.seconds, *FREE))
        low, high = self.seconds[variety]
        if variety != CLICK:
            return low, high
        if self.click_overhead is None:
            raise RequestError(
                f"price list '{self.name}' prices whole sessions, and nobody measured a session of clicks: say what a "
                "click costs on top of its own seconds (--click-overhead SECONDS), or use thesis or page"
            )
        return low + self.click_overhead, high + self.click_overhead

    def check_wage(self, wage: float) -> None:
        """Refuse a `wage` (dollars an hour) below the floor, or one that is no number of 0 or more."""
        if not (math.isfinite(wage) and wage >= 0):
            raise RequestError(f"wage must be a finite number of 0 or more, not {wage}")
        if wage < self.wage_floor:
            raise RequestError(LOW_WAGE.format(wage=f"{wage:g}", name=self.name, floor=f"{self.wage_floor:g}"))

    def as_dict(self) -> dict[str, Any]:
        """The whole list as plain values, for a log or as JSON."""
        plain = asdict(replace(self, seconds={}, recorded={}))
        plain |= {"seconds": {q: list(ends) for q, ends in self.seconds.items()}}
        return plain | {"recorded": {q: list(ends) for q, ends in self.recorded.items()}, "assumes": self.assumes}


def with_click_overhead(prices: PriceList, seconds: float) -> PriceList:
    """`prices` with `seconds` added to every click: its share of onboarding, checks and breaks.

    A negative or non-finite number is a RequestError.
    """
    if not (math.isfinite(seconds) and seconds >= 0):
        raise RequestError(f"click overhead must be a finite number of seconds, 0 or more; it is {seconds}")
    basis = f"{prices.click_basis} {seconds:g} s of overhead a click are added, as was asked.".strip()
    return replace(prices, click_overhead=float(seconds), click_basis=basis)


def with_click_seconds(prices: PriceList, seconds: float, basis: str) -> PriceList:
    """`prices` with a click at `seconds`, and `basis` (a sentence) in place of what was assumed of clicks."""
    if not (math.isfinite(seconds) and seconds >= 0):
        raise RequestError(f"seconds of a click must be a finite number of 0 or more; it is {seconds}")
    priced = MappingProxyType({**prices.seconds, CLICK: (float(seconds), float(seconds))})
    return replace(prices, seconds=priced, click_basis=basis)
