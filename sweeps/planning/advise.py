"""What to do with a budget: the plans it buys, whether any is worth it, and when to stop spending."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from softcore.prices.price_list import PriceList
from softcore.prices.read import price_list
from softcore.scoring.metrics import metric_range
from softcore.varieties import CLICK
from sweeps.planning.candidates import Cost, candidate_costs
from sweeps.planning.forecast import Forecast, make_forecast
from sweeps.planning.noise import shows_annotator_variance
from sweeps.planning.plan import BUY, DONT_BUY, NOT_KNOWN, Advice, FreeRecipe, Plan, Reading, chance_words, sentence
from sweeps.planning.rank import (
    CLICKS,
    Limits,
    axes_of,
    best_of_each_kind,
    best_within,
    candidate_name,
    days_needed,
    gain_between,
    gain_words,
    next_step,
    people_needed,
    stopping_step,
    turning_price,
    within,
)
from sweeps.planning.verdict import decide, holds_for, too_little, why
from sweeps.results.names import dollars, question
from sweeps.results.table import ANSWERS, answer_columns
from sweeps.uncertainty.layout import Pool

_INTERVALS = "Intervals of plans are over one new training, on answers of new people."


def least_words(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"]) -> str:
    """The cheapest plan that is worth buying, the best of those that cost the same, in words; or that there is none."""
    worth = feasible & forecast.worth_buying
    if not worth.any():
        return sentence("no_least", known=forecast.known)
    least = int(best_within(forecast, cost, worth, cost.usd_high[worth].min(keepdims=True))[0])
    return sentence("least", plan=candidate_name(forecast, least), money=dollars(float(cost.usd_high[least])))


def _firmness(verdict: str, readings: tuple[Reading, ...]) -> str:
    """Which other readings say another thing than the verdict, in words."""
    others = [r for r in readings if r.verdict != verdict]
    if not others:
        return sentence("firm", n=str(len(readings))) if readings else ""
    words = ", ".join(f"{r.name} ({r.verdict}, {r.probability:.2f})" for r in others)
    return sentence("not_firm", n=str(len(readings)), same=str(len(readings) - len(others)), others=words)


def _settle(forecast: Forecast, place: int) -> str:
    """How many seeds would tell whether the candidate gains what matters, in words."""
    if not (seeds := int(forecast.seeds_needed[place])):
        return sentence("never_settled")
    return sentence("settle", seeds=str(seeds), now=str(forecast.seeds))


def free_words(forecast: Forecast) -> str:
    """What the best free recipe is predicted at, in words."""
    free = best_free(forecast)
    low, high = (f"{end:.3f}" for end in free.interval_80)
    return sentence("free", free=free.recipe, predicted=f"{free.predicted:.3f}", low=low, high=high)


def click_words(
    forecast: Forecast,
    limits: Limits,
    prices: PriceList,
    wage: float,
    fee: float,
    verdict: str,
    bought: int | None = None,
) -> str:
    """The verdict with clicks as long as others say they are, and at which price of a click it turns; "" without any.

    The thesis says 2.5 s; timed tasks took 4.67 s (docs/prices.md). Where the plan that is `bought` would then cost
    more than there is, that is said.
    """
    column = f"{ANSWERS}{CLICK}"
    if column not in forecast.table or not (forecast.table[column] > 0).any():
        return ""

    def cost_at(seconds: float) -> Cost:
        listed = replace(prices, seconds={**prices.seconds, CLICK: (seconds, seconds)}, click_overhead=0.0)
        return candidate_costs(forecast.table, forecast.rows, listed, wage, fee)

    def at(seconds: float) -> tuple[str, str]:
        """The verdict at a price of a click, and the same with the plan to buy."""
        cost = cost_at(seconds)
        in_time = _time_only(limits)
        feasible = within(forecast, cost, limits)
        if not feasible.any():
            return DONT_BUY, DONT_BUY
        found = decide(forecast, cost, feasible, None if in_time is None else within(forecast, cost, in_time))
        if found.verdict != BUY:
            return found.verdict, found.verdict
        money = dollars(float(cost.usd_high[found.place]))
        return BUY, f"{BUY} {candidate_name(forecast, found.place)} for {money}"

    now, measured = prices.interval(CLICK)[1], price_list("measured").interval(CLICK)[1]
    other, who = (
        (measured, "measured") if abs(now - measured) > 1e-9 else (price_list("thesis").interval(CLICK)[1], "thesis")
    )
    found, words = at(other)
    then = ""
    if bought is not None and found != BUY and limits.budget_usd is not None:
        money = float(cost_at(other).usd_high[bought])
        then = sentence("then", money=dollars(money)) if money > limits.budget_usd else ""
    said = sentence("click", seconds=f"{other:.3g}", who=sentence(who), now=f"{now:.3g}", verdict=words, then=then)
    turns = turning_price(lambda seconds: at(seconds)[0] != verdict, now)
    if turns is None:
        stays = sentence("click_stays", click=said, least=f"{CLICKS[0]:g}", most=f"{CLICKS[-1]:g}")
        return sentence("other_plan", stays=stays) if verdict == BUY else stays
    return sentence("click_turns", click=said, turns=f"{turns:.2g}")


def dearest_words(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"], place: int) -> str:
    """The best plan whatever it costs, beside the one at `place`."""
    best = int(best_within(forecast, cost, feasible, np.array([np.inf]))[0])
    if best == place:
        return sentence("no_dearest", known=forecast.known)
    money = dollars(float(cost.usd_high[best]))
    return sentence("dearest", plan=candidate_name(forecast, best), money=money, **gain_words(forecast, place, best))


def dearer_words(forecast: Forecast, cost: Cost, kinds: list[int], bought: int) -> str:
    """What the best of `kinds` adds to the plan `bought`, which is cheaper; "" where that is the best itself."""
    best = kinds[0]
    if best == bought or cost.usd_high[best] <= cost.usd_high[bought]:
        return ""
    gain, low, high, _ = gain_between(forecast, bought, best)
    return sentence(
        "dearer",
        plan=candidate_name(forecast, best),
        money=dollars(float(cost.usd_high[best])),
        gain=f"{gain:.3f}",
        low=f"{low:.3f}",
        high=f"{high:.3f}",
    )


def advise(
    results: pd.DataFrame,
    *,
    metric: str,
    budget_usd: float | None = None,
    budget_hours: float | None = None,
    days: float | None = None,
    people_at_once: int = 20,
    hours_per_day: float = 4.0,
    prices: str | PriceList = "thesis",
    wage: float | None = None,
    fee: float | None = None,
    top: int = 5,
    questions: Iterable[str] | None = None,
    images: int | None = None,
    annotators: int | None = None,
    extrapolate: bool = False,
    most_people: int | None = None,
    pools: Mapping[str, Pool] | None = None,
    seed: int = 0,
) -> Advice:
    """The `top` plans for `metric` that a budget buys, learnt from a results table, and whether to buy at all.

    See `make_forecast` for what is planned and refused, `Limits` for the budget. `wage` and `fee` are the price list's
    own where None; a wage below its floor is a RequestError, as are a budget below the cheapest plan and a question
    that the list can't price. Where prices are intervals the high end must fit the budget.
    """
    limits = Limits(
        budget_usd=budget_usd,
        budget_hours=budget_hours,
        days=days,
        people_at_once=people_at_once,
        hours_per_day=hours_per_day,
    )
    listed = price_list(prices)
    listed.check_wage(listed.wage if wage is None else wage)
    forecast = make_forecast(
        results,
        metric=metric,
        questions=questions,
        images=images,
        annotators=annotators,
        extrapolate=extrapolate,
        most_people=most_people,
        pools=pools,
        seed=seed,
    )
    return advice(forecast, limits, prices=listed, wage=wage, fee=fee, top=top)


def advice(
    forecast: Forecast,
    limits: Limits,
    *,
    prices: str | PriceList = "thesis",
    wage: float | None = None,
    fee: float | None = None,
    top: int = 5,
) -> Advice:
    """The advice for `limits` at `prices`, from draws that were made before: nothing is fitted.

    `verdict.decide` has the rule. A budget that buys nothing is an answer, too: don't buy.
    """
    listed = price_list(prices)
    wage, fee = (listed.wage if wage is None else wage), (listed.fee if fee is None else fee)
    listed.check_wage(wage)
    cost = candidate_costs(forecast.table, forecast.rows, listed, wage, fee)
    feasible = within(forecast, cost, limits)
    in_time = _time_only(limits)
    timely = np.ones(len(forecast.table), dtype=bool) if in_time is None else within(forecast, cost, in_time)
    about: dict[str, Any] = {
        "metric": forecast.rows.metric,
        "matters": forecast.matters,
        "best_free": best_free(forecast),
        "least": least_words(forecast, cost, timely),
        "model": forecast.choice.chosen.name,
        "model_why": forecast.choice.why,
        "checks": forecast.choice.shown,
        "covers": covers_of_plans(forecast),
        "prices": listed.as_dict() | {"wage": wage, "fee": fee},
    }
    if not feasible.any():
        return _nothing(forecast, cost, about | {"click": click_words(forecast, limits, listed, wage, fee, DONT_BUY)})
    decision, kinds = decide(forecast, cost, feasible, timely), best_of_each_kind(forecast, feasible)
    shown = kinds[: max(top, 1)]
    if decision.verdict == BUY and decision.place not in shown:  # the one to buy is always shown
        shown.append(decision.place)
    plans = _plans(forecast, cost, limits, kinds, shown)
    return Advice(
        verdict=decision.verdict,
        why=why(forecast, cost, decision),
        buy=shown.index(decision.place) if decision.verdict == BUY else None,
        plans=plans,
        readings=decision.readings,
        free=free_words(forecast),
        firmness=_firmness(decision.verdict, decision.readings),
        click=click_words(forecast, limits, listed, wage, fee, decision.verdict, decision.bought),
        settle=_settle(forecast, decision.place) if decision.verdict == NOT_KNOWN else "",
        dearer=dearer_words(forecast, cost, kinds, decision.place) if decision.verdict == BUY else "",
        second=_second(forecast, cost, kinds),
        next_step=next_step(forecast, cost, timely, decision.place if decision.verdict == BUY else kinds[0]),
        stop=stopping_step(forecast, cost, timely, decision.stop),
        dearest=dearest_words(forecast, cost, timely, kinds[0]),
        notes=notes(forecast, plans),
        **about,
    )


def _nothing(forecast: Forecast, cost: Cost, about: Mapping[str, Any]) -> Advice:
    """The advice where no candidate keeps the limits."""
    return Advice(
        verdict=DONT_BUY,
        why="; ".join([too_little(forecast, cost), *holds_for(forecast)]),
        buy=None,
        plans=(),
        readings=(),
        free=free_words(forecast),
        firmness="",
        settle="",
        dearer="",
        second="",
        next_step=None,
        stop=None,
        dearest="",
        notes=notes(forecast, ()),
        **about,
    )


def best_free(forecast: Forecast) -> FreeRecipe:
    """The free recipe that is predicted to be the best."""
    free = forecast.best_free
    return FreeRecipe(
        recipe=str(forecast.free["recipe"][free]),
        predicted=forecast.rows.sign * float(forecast.free_values[:, free].mean()),
        interval_80=interval(forecast, forecast.free_runs[:, free], 0.8),
        interval_95=interval(forecast, forecast.free_runs[:, free], 0.95),
    )


def covers_of_plans(forecast: Forecast) -> str:
    """What the intervals of plans are over."""
    return f"{_INTERVALS} The noise of runs: {forecast.rows.variance.covers}"


def _time_only(limits: Limits) -> Limits | None:
    """The limits without money, None where money is the only one."""
    if limits.budget_hours is None and limits.days is None:
        return None
    return Limits(
        budget_hours=limits.budget_hours,
        days=limits.days,
        people_at_once=limits.people_at_once,
        hours_per_day=limits.hours_per_day,
    )


def _plans(forecast: Forecast, cost: Cost, limits: Limits, kinds: list[int], shown: list[int]) -> tuple[Plan, ...]:
    """The plans `shown`, which are of `kinds`."""
    winners = np.bincount(forecast.values[:, kinds].argmin(axis=1), minlength=len(kinds)) / len(forecast.values)
    people, days = people_needed(forecast), days_needed(forecast, cost, limits)
    found = []
    for place in shown:
        row, axes = forecast.table.iloc[place], axes_of(forecast, place)
        counts = {c.removeprefix(ANSWERS): round(float(row[c])) for c in answer_columns(forecast.table) if row[c] > 0}
        found.append(
            Plan(
                recipe=candidate_name(forecast, place),
                variety=str(row["variety"]),
                question=question(str(axes["variety"]), axes.get("pages_on")),
                annotators=int(row["annotators"]),
                images=int(row["items"]),
                people=int(people[place]),
                aggregation=str(row["aggregation"]),
                policy=str(row["policy"]),
                answers=counts,
                hours=(float(cost.low[place]) / 3600, float(cost.high[place]) / 3600),
                usd=(float(cost.usd_low[place]), float(cost.usd_high[place])),
                days=float(days[place]),
                metric=forecast.rows.metric,
                predicted=forecast.rows.sign * float(forecast.expected[place]),
                interval_80=interval(forecast, forecast.runs[:, place], 0.8),
                interval_95=interval(forecast, forecast.runs[:, place], 0.95),
                best=float(winners[kinds.index(place)]),
                beats_free=float(forecast.beats_free[place]),
                gain=float(forecast.gain[place]),
                gains_enough=float(forecast.gains_enough[place]),
                beyond=bool(row["beyond"]),
                axes=axes,
            )
        )
    return tuple(found)


def interval(forecast: Forecast, runs: np.ndarray, level: float) -> tuple[float, float]:
    """The middle `level` of `runs` [draws], as the metric is and as far as it can be."""
    ends = np.quantile(forecast.rows.sign * runs, [(1 - level) / 2, (1 + level) / 2])
    low, high = np.clip(ends, *metric_range(forecast.rows.metric))
    return float(low), float(high)


def _second(forecast: Forecast, cost: Cost, kinds: list[int]) -> str:
    """Why the second plan lost, in words."""
    if len(kinds) < 2:
        return sentence("no_second")
    first, other = kinds[:2]
    gap = forecast.values[:, other] - forecast.values[:, first]
    low, high = np.quantile(gap, [0.1, 0.9])
    more = float(cost.usd_high[other] - cost.usd_high[first])
    dearer = "costs_the_same" if abs(more) < 0.01 else "costs_more" if more > 0 else "costs_less"
    return sentence(
        "second_tied" if low <= 0 <= high else "second",
        plan=candidate_name(forecast, other),
        gap=f"{gap.mean():.3f}",
        low=f"{low:.3f}",
        high=f"{high:.3f}",
        chance=chance_words(float((gap < 0).mean())),
        dearer=sentence(dearer, money=dollars(abs(more))),
    )


def notes(forecast: Forecast, plans: tuple[Plan, ...]) -> tuple[str, ...]:
    """What a reader of the plans must know of what they were learnt from."""
    found = [f"{reason}." for reason in forecast.rows.left_out]
    for crowd in dict.fromkeys(forecast.table["crowd"]):
        if not shows_annotator_variance(forecast.rows.variance, str(crowd)):
            found.append(
                f"How much other people change a result of {crowd} can't be told from what luck in training does, as "
                "nothing was trained twice alike but for its people: the two are counted together, at any M."
            )
    if beyond := sum(plan.beyond for plan in plans):
        checked, model = "; ".join(r.words for r in forecast.measured), forecast.choice.chosen.name
        found.append(sentence("beyond", some=str(beyond), all=str(len(plans)), checked=checked, model=model))
    top = max(r.items[1] for r in forecast.measured)
    if forecast.images is not None and forecast.images > top and not forecast.extrapolated:
        found.append(f"There are {forecast.images} images; plans stop at {top}, the most that were measured.")
    return tuple(found)
