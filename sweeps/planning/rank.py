"""Filter candidates by a budget, rank them, and what more money buys: arithmetic on draws, whatever the prices."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from softcore.errors import RequestError
from sweeps.frontier.regimes import ENOUGH
from sweeps.planning.candidates import Cost
from sweeps.planning.forecast import Forecast
from sweeps.planning.plan import BudgetStep, chance_words, sentence
from sweeps.planning.rows import PLAIN
from sweeps.results.names import dollars, recipe
from sweeps.results.table import ANSWERS, answer_columns

# A person's images: a session of CIFAR-10S has 25 pages, of CIFAR-10H 200 clicks (Peterson et al. 2019,
# doi:10.1109/ICCV.2019.00971).
IMAGES_EACH = {"pages": 25, "clicks": 200}
STEP_USD = 100.0
_CENT = 0.005
CLICKS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)  # seconds a click that are tried


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What may be spent: dollars, hours of people's time, days; None where there is no limit.

    Days are those that `people_at_once` need who work `hours_per_day` (24 at most) each.
    """

    budget_usd: float | None = None
    budget_hours: float | None = None
    days: float | None = None
    people_at_once: int = 20
    hours_per_day: float = 4.0

    def __post_init__(self) -> None:
        """Refuse numbers that are not positive (a budget may be 0), and no limit at all."""
        for name in ("budget_usd", "budget_hours", "days", "people_at_once", "hours_per_day"):
            number, least = getattr(self, name), "negative" if name.startswith("budget") else "not_positive"
            zero = number == 0 and least == "negative"
            if number is not None and not (math.isfinite(number) and (number > 0 or zero)):
                raise RequestError(sentence(least, limit=name, number=str(number)))
        if self.hours_per_day > 24:
            raise RequestError(sentence("long_day", number=f"{self.hours_per_day:g}"))
        if self.budget_usd is None and self.budget_hours is None and self.days is None:
            raise RequestError(sentence("no_budget"))


def people_needed(forecast: Forecast) -> Int[np.ndarray, " p"]:
    """How many people each candidate hires in all, at `IMAGES_EACH` images a person; M at the least."""
    table = forecast.table
    found = np.zeros(len(table))
    for column in answer_columns(table):
        each = IMAGES_EACH["clicks" if column == f"{ANSWERS}click" else "pages"]
        found += np.ceil(np.round(table[column].to_numpy(dtype=float) / each, 6))
    return np.maximum(found, table["annotators"].to_numpy(dtype=float)).astype(np.int64)


def days_needed(forecast: Forecast, cost: Cost, limits: Limits) -> Float[np.ndarray, " p"]:
    """Days that each candidate takes at its highest price, with as many people at once as there are."""
    at_once = np.minimum(people_needed(forecast), limits.people_at_once)
    return cost.high / 3600 / (at_once * limits.hours_per_day)


def within(forecast: Forecast, cost: Cost, limits: Limits) -> Bool[np.ndarray, " p"]:
    """Which candidates keep all limits at their highest prices; none where each can be kept but not all together."""
    every = np.ones(len(forecast.table), dtype=bool)
    for amount, limit, slack in (
        (cost.usd_high, limits.budget_usd, _CENT),
        (cost.high / 3600, limits.budget_hours, 1e-9),
        (days_needed(forecast, cost, limits), limits.days, 1e-9),
    ):
        if limit is not None:
            every &= amount <= limit + slack
    return every


def best_of_each_kind(forecast: Forecast, feasible: Bool[np.ndarray, " p"]) -> list[int]:
    """The best feasible candidate of each question, M and way of training, best first; of equals the smallest."""
    table, expected = forecast.table, forecast.expected
    places = np.flatnonzero(feasible)
    order = places[np.lexsort((table["items"].to_numpy()[places], expected[places]))]
    kinds = table.iloc[order][["variety", "aggregation", "policy", "annotators"]]
    return [int(place) for place in order[~kinds.duplicated().to_numpy()]]


def best_within(
    forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"], budgets: Float[np.ndarray, " b"]
) -> Int[np.ndarray, " b"]:
    """The best candidate that each budget in dollars buys of the `feasible`, -1 where it buys none."""
    places = np.flatnonzero(feasible)
    order = places[np.lexsort((forecast.expected[places], cost.usd_high[places]))]
    best = np.empty(len(order), dtype=np.int64)
    leader = -1
    for i, place in enumerate(order):
        if leader < 0 or forecast.expected[place] < forecast.expected[leader]:
            leader = int(place)
        best[i] = leader
    count = np.searchsorted(cost.usd_high[order], np.asarray(budgets) + _CENT, side="right")
    return np.where(count > 0, best[np.maximum(count - 1, 0)], -1)


def candidate_name(forecast: Forecast, place: int) -> str:
    """A candidate's recipe in words."""
    row = forecast.table.iloc[place]
    axes = axes_of(forecast, place)
    name = recipe(axes)
    policy = str(row["policy"])
    return name if policy == PLAIN or all(part in name for part in policy.split(", ")) else f"{name}, {policy}"


def axes_of(forecast: Forecast, place: int) -> dict[str, object]:
    """The axes of the cell that a candidate trains: those of a measured cell of its kind, with its own M and N'."""
    row = forecast.table.iloc[place]
    axes = dict(forecast.rows.axes[row["cell"]])
    return axes | {"aggregation": row["aggregation"], "annotators": int(row["annotators"]), "items": int(row["items"])}


def next_step(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"], place: int) -> BudgetStep:
    """What `STEP_USD` on top of what the plan at `place` costs would buy, in the time that there is."""
    usd = float(cost.usd_high[place])
    better = int(best_within(forecast, cost, feasible, np.array([usd + STEP_USD]))[0])
    gain, low, high, probability = gain_between(forecast, place, better)
    words = sentence("no_next", more=dollars(STEP_USD), known=forecast.known)
    if better != place:
        gains = gain_words(forecast, place, better)
        words = sentence("next", more=dollars(STEP_USD), plan=candidate_name(forecast, better), **gains)
    return BudgetStep(
        usd=usd,
        more=STEP_USD,
        recipe=candidate_name(forecast, better),
        gain=gain,
        interval_80=(low, high),
        probability=probability,
        worth_it=bool(better != place and gain > 0 and gain >= forecast.matters and probability >= ENOUGH),
        words=words,
    )


def stopping_step(
    forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"], place: int | None
) -> BudgetStep | None:
    """The step beyond the plan at `place`, which is the one to buy where there is money for all.

    None without such a plan, and where nothing `feasible` is dearer: then nobody knows what more money would do.
    """
    if place is None or not (cost.usd_high[feasible] > cost.usd_high[place] + _CENT).any():
        return None
    step, money = next_step(forecast, cost, feasible, place), dollars(float(cost.usd_high[place]))
    words = sentence("stop", money=money, plan=candidate_name(forecast, place), known=forecast.known)
    return replace(step, words=words)


def gain_between(forecast: Forecast, one: int, other: int) -> tuple[float, float, float, float]:
    """The mean gain of candidate `other` over `one`, its 80% interval (low, high), and the probability of a gain.

    A gain is how much lower the value is, in units of the metric.
    """
    gap = forecast.values[:, one] - forecast.values[:, other]
    low, high = np.quantile(gap, [0.1, 0.9])
    return float(gap.mean()), float(low), float(high), float((gap > 0).mean())


def gain_words(forecast: Forecast, one: int, other: int) -> dict[str, str]:
    """`gain_between` as the words of a sentence."""
    gain, low, high, probability = gain_between(forecast, one, other)
    return {
        "gain": f"{gain:.3f}",
        "low": f"{low:.3f}",
        "high": f"{high:.3f}",
        "chance": chance_words(probability),
    }


def turning_price(other: Callable[[float], bool], now: float) -> float | None:
    """The price nearest to `now` (as a ratio) at which the verdict is another, to 3%; None within `CLICKS`."""
    found = []
    for prices in ([p for p in CLICKS if p > now], [p for p in reversed(CLICKS) if p < now]):
        before = now
        for price in prices:
            if other(price):
                inside, outside = before, price
                while max(inside, outside) / min(inside, outside) > 1.03:
                    middle = math.sqrt(inside * outside)
                    inside, outside = (inside, middle) if other(middle) else (middle, outside)
                found.append(outside)
                break
            before = price
    return min(found, key=lambda price: abs(math.log(price / now)), default=None)
