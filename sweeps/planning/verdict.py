"""What a sweep says to do with a budget: the one place that decides it, whoever prints it.

Buy the cheapest plan that is as good as the best in what matters, don't buy, or it is not known yet.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from softcore.errors import RequestError
from softcore.prices.price_list import PriceList
from softcore.prices.read import usd
from softcore.scoring.weighted import WeightedMetric, is_weighted
from sweeps.frontier.frontier import Frontiers
from sweeps.frontier.regimes import ENOUGH
from sweeps.planning.candidates import Cost, candidate_costs
from sweeps.planning.forecast import Forecast, make_forecast
from sweeps.planning.plan import BUY, DONT_BUY, NOT_KNOWN, Reading, chance_words, money_between, sentence
from sweeps.planning.rank import axes_of, best_of_each_kind, candidate_name, people_needed
from sweeps.results.names import changes, dollars, question

MOST_CELLS = 150  # fits take time that grows with the third power of the cells: 10 s of a core for 80
NEAR = 0.05  # a probability so near to one that decides, or a gain within a tenth of what matters, is said to be near


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The verdict on the candidates that a budget buys, and the place of the one that it is about.

    `place` is the plan to buy, or where there is none the one that is likeliest to be worth it. `stop` is the plan to
    buy where there is money for all, None where none is worth it. `readings` are the verdicts of other readings.
    """

    verdict: str
    place: int
    stop: int | None
    readings: tuple[Reading, ...]

    @property
    def bought(self) -> int | None:
        """The place of the plan to buy, None where there is none."""
        return self.place if self.verdict == BUY else None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What to do with a budget of `from_usd` (`from_seconds` of people's time) or more, up to the next verdict.

    `plan` is the recipe that the verdict is about, for `usd`: the one to buy, or the one that is likeliest to be worth
    it ("" where the budget buys nothing). It gains `gain` on the best `free` recipe, and what matters with probability
    `chance` (NaN without a plan). `nothing` says of which plans ("measured") none is that cheap, "" where one is.
    """

    verdict: str
    why: str
    from_usd: float = 0.0
    from_seconds: float = 0.0
    plan: str = ""
    usd: float = math.nan
    gain: float = math.nan
    chance: float = math.nan
    free: str = ""
    nothing: str = ""

    @property
    def bought(self) -> str:
        """The plan to buy, "" where there is none."""
        return self.plan if self.verdict == BUY else ""

    @property
    def words(self) -> str:
        """The verdict and why, in sentences."""
        return f"{self.verdict}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What a sweep says of `metric` for every budget, the least budget first; of none where it can't be planned by.

    `refused` says why not ("" elsewhere): that is "not known yet", whatever the budget.
    """

    metric: str
    steps: tuple[Verdict, ...]
    refused: str = ""

    def at_usd(self, budget: float) -> Verdict:
        """The verdict for a budget in dollars."""
        return self._last([step for step in self.steps if step.from_usd <= budget + 0.005])

    def at_seconds(self, budget: float) -> Verdict:
        """The verdict for a budget in seconds of people's time."""
        return self._last([step for step in self.steps if step.from_seconds <= budget * (1 + 1e-9)])

    @property
    def words(self) -> str:
        """All verdicts in a few sentences: by budget, then why, of the largest."""
        last, told = self._last(self.steps), list[Verdict]()
        for step in self.steps:
            if not told or (step.verdict, step.bought) != (told[-1].verdict, told[-1].bought):
                told.append(step)
        if len(told) < 2:
            return _capital(last.words)
        nothing = f" (no {told[0].nothing} plan is that cheap)" if told[0].nothing else ""
        parts = [f"below {dollars(told[1].from_usd)} {told[0].verdict}{nothing}"]
        for here, after in zip(told[1:], (*told[2:], None), strict=True):
            upto = "on" if after is None else f"to {dollars(after.from_usd)}"
            bought = f" ({here.plan} for {dollars(here.usd)})" if here.bought else ""
            parts.append(f"from {dollars(here.from_usd)} {upto} {here.verdict}{bought}")
        return f"{_capital('; '.join(parts))}. {_capital(last.why)}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"metric": self.metric, "refused": self.refused, "steps": [asdict(step) for step in self.steps]}

    def _last(self, steps: Sequence[Verdict]) -> Verdict:
        return steps[-1] if steps else Verdict(verdict=NOT_KNOWN, why=self.refused)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def decide(
    forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"], timely: Bool[np.ndarray, " p"] | None = None
) -> Decision:
    """What to do with a budget that buys the `feasible` candidates (one at least), of those that are `timely`.

    A candidate is worth buying where it gains what matters on the best free recipe with a probability of 0.9 or more,
    by every reading of the results. Of these the cheapest is bought that is worse than the best by less than what
    matters: than the best of all where the budget reaches, else than the best that it buys. It is "don't buy" where all
    gain what matters with a probability of 0.1 or less and no other reading says "buy"; all else is not known yet.
    """
    stop = _as_good(forecast, cost, np.ones_like(feasible) if timely is None else timely)
    buy = stop if stop is not None and feasible[stop] else _as_good(forecast, cost, feasible)
    readings = tuple(
        Reading(name=name, verdict=verdict_by(chance[feasible]), probability=float(chance[feasible].max()))
        for name, chance in forecast.readings.items()
    )
    sure_not = verdict_by(forecast.gains_enough[feasible]) == DONT_BUY and BUY not in {r.verdict for r in readings}
    verdict = BUY if buy is not None else DONT_BUY if sure_not else NOT_KNOWN
    place = likeliest(forecast, cost, feasible) if buy is None else buy
    return Decision(verdict=verdict, place=place, stop=stop, readings=readings)


def verdict_by(chance: Float[np.ndarray, " p"]) -> str:
    """The verdict on plans that gain what matters with these probabilities, by one reading of the results."""
    most = float(chance.max())
    return BUY if most >= ENOUGH else DONT_BUY if most <= 1 - ENOUGH else NOT_KNOWN


def likeliest(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"]) -> int:
    """The `feasible` candidate likeliest, to the percent, to gain what matters; of equals the one that gains the most.

    Where nothing gains anything that is the least bad purchase, not the smallest.
    """
    percent, gain = np.floor(100 * forecast.gains_enough + 0.5), forecast.gain
    return int(min(np.flatnonzero(feasible), key=lambda i: (-percent[i], -gain[i], cost.usd_high[i], i)))


def _as_good(forecast: Forecast, cost: Cost, among: Bool[np.ndarray, " p"]) -> int | None:
    """The cheapest worth buying that is worse than the best such one by less than what matters; None without one."""
    worth = [i for i in best_of_each_kind(forecast, among) if forecast.worth_buying[i]]
    if not worth:
        return None
    expected, best = forecast.expected, worth[0]
    near = [i for i in worth if i == best or expected[i] - expected[best] < forecast.matters]
    return int(min(near, key=lambda i: (cost.usd_high[i], expected[i], i)))


def why(forecast: Forecast, cost: Cost, decision: Decision) -> str:
    """Why the verdict is what it is, in sentences for who pays: the plan that it is about, and how sure it is."""
    place, verdict = decision.place, decision.verdict
    gain, chance = float(forecast.gain[place]), float(forecast.gains_enough[place])
    disputed = verdict == NOT_KNOWN and chance >= ENOUGH
    name = {BUY: "buy", DONT_BUY: "not_worth", NOT_KNOWN: "disputed" if disputed else "unsure"}[verdict]
    better = gain > -0.0005  # no loss that rounds to none
    apart = float(forecast.free_values[:, forecast.best_free].mean() - forecast.expected[place])
    lucky = better and round(1000 * apart) > round(1000 * gain) + 1  # by more than rounding
    gains = sentence(
        "gains" if better else "loses",
        lucky=sentence("lucky", apart=f"{apart:.3f}") if lucky else "",
        changes=changes(forecast.rows.metric, better),
        gain=f"{abs(gain):.3f}",
        free=best_free_name(forecast),
        enough=enough(forecast.matters),
        chance=chance_words(chance),
    )
    rule = {"yes": f"{ENOUGH:.0%}", "no": f"{1 - ENOUGH:.0%}"}
    said = sentence(name, plan=plan_words(forecast, cost, place), gains=gains, **rule)
    return "; ".join(
        [" ".join(filter(None, [said, near_words(forecast, gain, chance, disputed)])), *holds_for(forecast)]
    )


def near_words(forecast: Forecast, gain: float, chance: float, disputed: bool) -> str:
    """That a verdict is near another one, in words; "" where it is not."""
    if disputed:
        return ""
    if forecast.matters and 1 - ENOUGH < chance < ENOUGH and abs(gain - forecast.matters) <= forecast.matters / 10:
        return sentence("coin", gain=f"{gain:.3f}", matters=f"{forecast.matters:g}")
    if min(abs(chance - ENOUGH), abs(chance - (1 - ENOUGH))) <= NEAR:
        return sentence("near")
    return ""


def plan_words(forecast: Forecast, cost: Cost, place: int) -> str:
    """A candidate as who pays would say it: money, question, people, images; then its recipe."""
    row, axes = forecast.table.iloc[place], axes_of(forecast, place)
    return sentence(
        "plan",
        money=money_between(float(cost.usd_low[place]), float(cost.usd_high[place])),
        question=question(str(axes["variety"]), axes.get("pages_on")),
        people=sentence("one_person") if row["annotators"] == 1 else sentence("people", n=str(int(row["annotators"]))),
        images=str(int(row["items"])),
        total=str(int(people_needed(forecast)[place])),
        training=training_words(axes),
        recipe=candidate_name(forecast, place),
    )


def training_words(axes: Mapping[str, object]) -> str:
    """That images are mixed as the plan's labels are trained on, in words: without it the purchase is another."""
    return sentence("training", mixing=str(axes["mixing"])) if axes.get("mixing") else ""


def best_free_name(forecast: Forecast) -> str:
    """The recipe of the free one that is predicted to be the best."""
    return str(forecast.free["recipe"][forecast.best_free])


def holds_for(forecast: Forecast) -> tuple[str, ...]:
    """What goes with every verdict, in words.

    Free recipes whose trials were left out, how long was trained, and what use of the model the metric is about.
    """
    cells = forecast.rows.axes.values()
    trained = {(str(axes["model"]), int(axes["epochs"])) for axes in cells if axes.get("model") and axes.get("epochs")}
    how = " or ".join(f"{model} trained for {epochs} epochs" for model, epochs in sorted(trained))
    trained_for = [sentence("trained", how=how)] if how else []
    return (*forecast.rows.free_lacking, *trained_for, *metric_use(forecast.rows.metric))


def metric_use(metric: str) -> tuple[str, ...]:
    """Of cross-entropy for which use of probabilities it is the metric, of weights what they weigh; else nothing."""
    name, _, test_set = metric.partition("/")
    if name == "ce":
        return (sentence("raw", metric=metric, other=f"scaled-ce/{test_set}"),)
    if name == "scaled-ce":
        return (sentence("scaled", metric=metric, other=f"ce/{test_set}"),)
    if not is_weighted(metric):
        return ()
    found = WeightedMetric.of(metric)
    parts = [
        sentence("weight", metric=part, unit=f"{found.units[part]:g}", share=f"{share:.3g}")
        for part, share in found.shares.items()
    ]
    return (sentence("weighted", parts=", ".join(parts)),)


def enough(matters: float) -> str:
    """What a plan must gain to be worth buying, in words."""
    return sentence("enough", matters=f"{matters:g}") if matters else sentence("anything")


def verdicts(forecast: Forecast, prices: PriceList, wage: float | None = None, fee: float | None = None) -> Verdicts:
    """The verdict for every budget in money at `prices`: a step wherever it, or the plan to buy, changes.

    `wage` and `fee` are the price list's own where None; a wage below its floor is a RequestError.
    """
    wage, fee = (prices.wage if wage is None else wage), (prices.fee if fee is None else fee)
    prices.check_wage(wage)
    cost = candidate_costs(forecast.table, forecast.rows, prices, wage, fee)
    free, steps = best_free_name(forecast), list[Verdict]()
    usd_per_second = usd(3600, wage, fee) / 3600
    if cost.usd_high.min() > 0:
        steps.append(
            Verdict(
                verdict=DONT_BUY,
                why="; ".join([too_little(forecast, cost), *holds_for(forecast)]),
                free=free,
                nothing=forecast.known,
            )
        )
    found = [
        (float(budget), decide(forecast, cost, cost.usd_high <= budget + 1e-9))
        for budget in np.unique(np.round(cost.usd_high, 9))
    ]
    for _, same in itertools.groupby(found, lambda each: (each[1].verdict, each[1].bought)):
        runs = list(same)
        budget, last = runs[0][0], runs[-1][1]
        steps.append(
            Verdict(
                verdict=last.verdict,
                why=why(forecast, cost, last),
                from_usd=budget,
                from_seconds=budget / usd_per_second,
                plan=candidate_name(forecast, last.place),
                usd=float(cost.usd_high[last.place]),
                gain=float(forecast.gain[last.place]),
                chance=float(forecast.gains_enough[last.place]),
                free=free,
            )
        )
    return Verdicts(metric=forecast.rows.metric, steps=tuple(steps))


def too_little(forecast: Forecast, cost: Cost) -> str:
    """That a budget buys nothing, in words: the cheapest plan, and what is free."""
    least = int(cost.usd_high.argmin())
    return sentence(
        "nothing",
        known=forecast.known,
        plan=plan_words(forecast, cost, least),
        free=best_free_name(forecast),
    )


@lru_cache(maxsize=1)
def frontier_verdicts(found: Frontiers) -> Mapping[str, Verdicts]:
    """The verdicts on each metric of a sweep's frontiers, at their prices: fitted once for all that prints them."""
    if (cells := len(found.summary)) > MOST_CELLS:
        said = f"plans of {cells} cells take long, and are made here for up to {MOST_CELLS}; sweeps plan makes them"
        return {metric: Verdicts(metric=metric, steps=(), refused=said) for metric in found.tables}
    how = found.prices, found.wage, found.fee
    return {metric: results_verdicts(found.results, metric, *how) for metric in found.tables}


def results_verdicts(
    results: pd.DataFrame,
    metric: str,
    prices: PriceList,
    wage: float | None = None,
    fee: float | None = None,
    questions: Sequence[str] | None = None,
) -> Verdicts:
    """`verdicts` of a results table; what can't be planned by `metric` is not known yet, with the reason."""
    try:
        return verdicts(make_forecast(results, metric=metric, questions=questions), prices, wage, fee)
    except RequestError as error:
        return Verdicts(metric=metric, steps=(), refused=str(error))
