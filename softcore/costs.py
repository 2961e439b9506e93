"""What people's time costs: seconds of a record by what was asked, and money through a wage.

A price list is an assumption with a name. CIFAR-10S timed whole pages only, so what a part of a page takes is a share
of the page, and what a click takes is what the thesis says of other people on another platform.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from softcore.errors import RequestError, known

FREE = ("hard", "random", "uniform", "smoothed")  # varieties that ask nobody anything


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """Seconds of a person's time for one record of each variety, and in a sentence what that assumes."""

    name: str
    seconds: Mapping[str, float]
    assumes: str


THESIS = PriceList(
    name="thesis",
    seconds=MappingProxyType(
        {
            "click": 2.5,
            "t1-uniform": 12.8,  # 2 parts: a class and its probability
            "t1-clamp": 19.2,  # 3: and what is definitely not
            "t2-uniform": 25.6,  # 4: two classes and their probabilities
            "t2-clamp": 32.0,  # 5: the whole page, whose median is 32 s
            "t1-semantic": 12.8,  # asks what its uniform twin asks: how classes are alike is nobody's time on an image
            "t2-semantic": 25.6,
            "select-two": 12.8,  # 2 parts: two classes and no probability
            "t2-clamp-released": 32.0,  # the whole page, read otherwise
            # The thesis prices no mixed images: medians of the pages of H-Mix, as its 32 s is the median of a page.
            "mixing-coefficient": 8.5,
            "mixed-page": 26.5,
        }
    ),
    assumes=(
        "Assumes that a click takes 2.5 s and each of the five parts of a page 6.4 s, as the thesis does; "
        "only whole pages were ever timed."
    ),
)

PRICES: Mapping[str, PriceList] = MappingProxyType({"thesis": THESIS})


def price_list(name: str) -> PriceList:
    """The price list called `name`; an unknown one is a RequestError that lists the known."""
    if name not in PRICES:
        raise known("price list", name, PRICES)
    return PRICES[name]


def price(variety: str, prices: PriceList = THESIS) -> float:
    """Seconds of a person's time for one record of `variety`; 0 for the free ones.

    A variety without a price is a RequestError that lists those that have one.
    Source: Collins (2022), sections 3.3.4 and 3.3.5, table 3.4.
    """
    if variety in FREE:
        return 0.0
    if variety not in prices.seconds:
        raise known(f"variety in price list '{prices.name}'", variety, (*prices.seconds, *FREE))
    return prices.seconds[variety]


def label_seconds(answers: Mapping[str, int], prices: PriceList = THESIS) -> float:
    """Seconds of people's time for `answers`, the number of records used of each variety.

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
