"""What people's time costs: seconds of a record by what was asked, and money through a wage.

A price list is an assumption with a name (`docs/prices.md`). CIFAR-10S timed whole pages only, so what a part of a page
takes is a share of the page, or an interval, and what a click takes is what the thesis says of other people on another
platform.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from softcore.errors import RequestError
from softcore.prices.price_list import FREE, Interval, PriceList
from softcore.prices.read import SHIPPED, read_prices, shipped

__all__ = ["FREE", "PRICES", "PriceList", "label_seconds", "price", "price_interval", "price_list", "usd"]


class _Shipped(Mapping[str, PriceList]):
    """The price lists that come with the package; a file is read when its list is first asked for."""

    def __getitem__(self, name: str) -> PriceList:
        if name not in SHIPPED:
            raise KeyError(name)
        return shipped(name)

    def __iter__(self) -> Iterator[str]:
        return iter(SHIPPED)

    def __len__(self) -> int:
        return len(SHIPPED)


PRICES: Mapping[str, PriceList] = _Shipped()


def price_list(name: str | PriceList) -> PriceList:
    """The price list called `name`, or the user's own where `name` is the path of a .yaml or .yml file.

    A list itself is given back. An unknown name is a RequestError that lists the known, as is a file that is wrong.
    """
    if isinstance(name, PriceList):
        return name
    if str(name).endswith((".yaml", ".yml")):
        return read_prices(Path(name).expanduser())
    return shipped(name)


def price_interval(variety: str, prices: PriceList | None = None) -> Interval:
    """Seconds (low, high) of a person's time for one record of `variety`, (0, 0) for the free ones; else as `price`."""
    return (prices or shipped("thesis")).interval(variety)


def price(variety: str, prices: PriceList | None = None) -> float:
    """Seconds of a person's time for one record of `variety`, the middle where its price is an interval; 0 if free.

    Without `prices` those of the thesis. A variety without a price is a RequestError that lists those that have one.
    Source: Collins (2022), sections 3.3.4 and 3.3.5, table 3.4.
    """
    low, high = price_interval(variety, prices)
    return low if low == high else (low + high) / 2


def label_seconds(answers: Mapping[str, int], prices: PriceList | None = None) -> float:
    """Seconds of people's time for `answers`, the number of records used of each variety; intervals at their middle.

    No answers cost 0. A count that is negative or not a finite number is a RequestError, as is an unknown variety.
    """
    return math.fsum(
        _sensible(f"answers of '{variety}'", count) * price(variety, prices) for variety, count in answers.items()
    )


def usd(seconds: float, wage: float = 12.0, fee: float = 0.333) -> float:
    """Dollars for `seconds` of people's time at `wage` dollars an hour, plus a platform's `fee` (a share of the pay).

    A negative or non-finite value of any of the three is a RequestError; 0 is allowed.
    """
    hours = _sensible("seconds", seconds) / 3600
    return hours * _sensible("wage", wage) * (1 + _sensible("fee", fee))


def _sensible(what: str, value: float) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise RequestError(f"{what} must be a finite number of 0 or more, not {value}")
    return float(value)
