"""Price lists from YAML: the ones that come with the package, and a user's own."""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from softcore.errors import RequestError, short, unknown_name
from softcore.files import read_yaml
from softcore.prices.price_list import Interval, PriceList
from softcore.varieties import CLICK, PAGE_PARTS, VARIETIES

SHIPPED = ("thesis", "page", "measured", "session")
MONEY = ("wage", "fee", "wage_floor")
KEYS = (
    "name",
    "like",
    "assumes",
    "assumes_of_clicks",
    *MONEY,
    "seconds",
    "recorded",
    "click_overhead",
    "measure_clicks",
    "measured_on",
)


@cache
def shipped_list(name: str) -> PriceList:
    """The price list of that name that comes with the package; an unknown one is a RequestError."""
    if name not in SHIPPED:
        raise RequestError(
            f"unknown price list '{name}'; known: {', '.join(sorted(SHIPPED))}, or the path of your own .yaml file"
        )
    text = (files("softcore.prices") / f"{name}.yaml").read_text("utf-8")
    return parse(_with_parts(yaml.safe_load(text)), f"{name}.yaml", questions=None)


def _with_parts(content: dict[str, Any]) -> dict[str, Any]:
    """A shipped list with the price of each variety that asks parts of a page, by the constants in its `page`.

    The `whole` page less its missing parts, at `part` seconds each, rounded to `decimals`; with `timed_alone` false
    that is the least, and the whole page the most. With `recorded` a record's own seconds are charged by the same rule.
    """
    page = content.pop("page")
    seconds: dict[str, Any] = {CLICK: content["seconds"].pop(CLICK)}
    recorded: dict[str, Any] = {}
    for name, variety in VARIETIES.items():
        if variety.parts:
            least = round(page["whole"] - (PAGE_PARTS - variety.parts) * page["part"], page["decimals"])
            seconds[name] = [least, least if page["timed_alone"] else page["whole"]]
            recorded[name] = [variety.parts / PAGE_PARTS, 1]
    content["seconds"] = seconds | content["seconds"]
    return content | ({"recorded": recorded} if page["recorded"] else {})


def read_prices(path: Path) -> PriceList:
    """A user's own price list from a YAML file; RequestError naming file, key, value and what is allowed.

    With `like: thesis` (or page, measured, session) it is that list with what the file says in its place, else it
    stands alone.
    """
    try:
        content = read_yaml(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise RequestError(f"{path}: can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{path}: not valid YAML: not UTF-8 text") from error
    return parse(content, str(path), questions=tuple(shipped_list("thesis").seconds))


def parse(content: Any, source: str, questions: tuple[str, ...] | None) -> PriceList:
    """The price list that a YAML mapping describes; `questions` are those that may be priced, None for any.

    `source` names the file in errors.
    """
    if not isinstance(content, Mapping):
        raise RequestError(f"{source}: a price list is a mapping with `name` and `seconds`")
    for key in content:
        if key not in KEYS:
            raise unknown_name(f"key in {source}:", key, KEYS)
    base = shipped_list(_text(source, content, "like")) if "like" in content else None
    said = _intervals(source, "seconds", content.get("seconds", {}), questions, most=math.inf)
    shares = _intervals(source, "recorded", content.get("recorded", {}), questions, most=1.0)
    if base is None and not said:
        raise RequestError(f"{source}: no `seconds`; say what an answer to each question takes, or `like: thesis`")
    # What the file prices itself is charged as it says, not by what was recorded.
    kept = {q: ends for q, ends in base.recorded.items() if q not in said} if base else {}
    overhead = content.get("click_overhead", base.click_overhead if base else 0.0)
    clicks = base.click_basis if base and CLICK not in said else ""  # its own price of a click is nobody's to change
    money = {key: getattr(base, key) for key in MONEY} if base else {}
    money |= {key: _number(source, key, content[key]) for key in MONEY if key in content}
    return PriceList(
        name=_text(source, content, "name"),
        seconds=MappingProxyType({**(base.seconds if base else {}), **said}),
        basis=_text(source, content, "assumes") if "assumes" in content else _otherwise(source, base, said),
        click_basis=_text(source, content, "assumes_of_clicks") if "assumes_of_clicks" in content else clicks,
        recorded=MappingProxyType({**kept, **shares}),
        measured_on=_names(source, content.get("measured_on", list(base.measured_on) if base else [])),
        click_overhead=None if overhead is None else _number(source, "click_overhead", overhead),
        measure_clicks=_flag(
            source, "measure_clicks", content.get("measure_clicks", bool(base and base.measure_clicks and clicks))
        ),
        **money,
    )


def _otherwise(source: str, base: PriceList | None, said: Mapping[str, Interval]) -> str:
    if base is None:
        return f"The seconds are those of {Path(source).name}; it does not say where they come from."
    changed = f", but {', '.join(said)} as in {Path(source).name}" if said else ""
    return f"As price list '{base.name}'{changed}. {base.basis}"


def _text(source: str, content: Mapping[str, Any], key: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value.strip():
        raise RequestError(f"{source}: `{key}` must be a text, not {short(repr(value))}")
    return " ".join(value.split())


def _flag(source: str, key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise RequestError(f"{source}: `{key}` must be true or false, not {short(repr(value))}")
    return value


def _names(source: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise RequestError(f"{source}: `measured_on` must be a list of data sets' names, not {short(repr(value))}")
    return tuple(value)


def _number(source: str, key: str, value: Any, most: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most or value > 1e12:
        allowed = "a number of 0 or more" if math.isinf(most) else f"a number from 0 to {most:g}"
        raise RequestError(f"{source}: `{key}` must be {allowed}, not {short(repr(value))}")
    return float(value)


def _intervals(
    source: str, section: str, content: Any, questions: tuple[str, ...] | None, most: float
) -> dict[str, Interval]:
    """A mapping from question to a number or to [low, high], as intervals."""
    if not isinstance(content, Mapping):
        raise RequestError(f"{source}: `{section}` must map questions to numbers, not {short(repr(content))}")
    read: dict[str, Interval] = {}
    for question, value in content.items():
        if questions is not None and question not in questions:
            raise unknown_name(f"question in `{section}` of {source}:", question, questions)
        ends = value if isinstance(value, list) else [value, value]
        if len(ends) != 2:
            raise RequestError(
                f"{source}: `{section}: {short(question)}` must be a number or [low, high], not {short(repr(value))}"
            )
        low, high = (_number(source, f"{section}: {question}", end, most) for end in ends)
        if low > high:
            raise RequestError(
                f"{source}: `{section}: {short(question)}` must not fall: [low, high], not {short(repr(value))}"
            )
        read[str(question)] = (low, high)
    return read


class _Shipped(Mapping[str, PriceList]):
    """The price lists that come with the package; a file is read when its list is first asked for."""

    def __getitem__(self, name: str) -> PriceList:
        if name not in SHIPPED:
            raise KeyError(name)
        return shipped_list(name)

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
    return shipped_list(name)


def price(variety: str, prices: PriceList | None = None) -> float:
    """Seconds of a person's time for one record of `variety`, the middle where its price is an interval; 0 if free.

    Without `prices` those of the thesis. A variety without a price is a RequestError that lists those that have one.
    Source: Collins (2022), sections 3.3.4 and 3.3.5, table 3.4.
    """
    low, high = (prices or shipped_list("thesis")).interval(variety)
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
