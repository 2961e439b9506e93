"""What to do with a budget: the plans it buys, whether any is worth it, and when to stop spending."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool

from softcore.prices.price_list import PriceList
from softcore.prices.read import price_list
from softcore.scoring.metrics import metric_range
from sweeps.frontier.regimes import ENOUGH
from sweeps.planning.candidates import Cost, candidate_costs
from sweeps.planning.forecast import Forecast, make_forecast
from sweeps.planning.noise import shows_annotator_variance
from sweeps.planning.plan import BUY, DONT_BUY, Advice, BudgetStep, FreeRecipe, Plan, sentence
from sweeps.planning.rank import (
    Limits,
    axes_of,
    best_of_each_kind,
    best_within,
    candidate_name,
    days_needed,
    people_needed,
    within,
)
from sweeps.results.names import dollars, question
from sweeps.results.table import ANSWERS, answer_columns
from sweeps.uncertainty.layout import Pool

STEP_USD = 100.0
_INTERVALS = "Intervals of plans are over one run with new people and a new seed."


def next_step(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"], place: int) -> BudgetStep:
    """What `STEP_USD` on top of what the plan at `place` costs would buy, in the time that there is."""
    usd = float(cost.usd_high[place])
    better = int(best_within(forecast, cost, feasible, np.array([usd + STEP_USD]))[0])
    return _step(forecast, usd, STEP_USD, place, better)


def stopping_step(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"]) -> BudgetStep | None:
    """The step with which to stop: the next `STEP_USD` after the least budget beyond which no step is worth it.

    Budgets are that of the cheapest plan worth buying and the full hundreds above it. Some $100 may buy nothing and the
    next much (pages cost more than clicks), so that more money is worth it where some larger budget gains what matters
    or more for each $100, with a probability of 0.9. All plans named are worth buying: advice buys no other. None where
    it is up to the dearest such plan, or nothing is worth it.
    """
    worth = feasible & forecast.worth_buying
    if not worth.any():
        return None
    cheapest, dearest = float(cost.usd_high[worth].min()), float(cost.usd_high[worth].max())
    first = (np.floor(cheapest / STEP_USD) + 1) * STEP_USD
    budgets = np.concatenate([[cheapest], np.arange(first, dearest + STEP_USD, STEP_USD)])
    best = best_within(forecast, cost, worth, budgets)
    for i, (usd, one) in enumerate(zip(budgets, best, strict=True)):
        further = best_within(forecast, cost, worth, np.array([usd + STEP_USD]))
        later = [(STEP_USD, int(further[0])), *zip(budgets[i + 1 :] - usd, best[i + 1 :], strict=True)]
        if not any(_worth_it(forecast, int(one), int(other), float(more)) for more, other in later):
            return _step(forecast, float(usd), STEP_USD, int(one), later[0][1], stopping=True)
    return None


def least_words(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"]) -> str:
    """The cheapest plan that is worth buying, the best of those that cost the same, in words; or that there is none."""
    worth = feasible & forecast.worth_buying
    if not worth.any():
        return sentence("no_least", known=forecast.known)
    least = int(best_within(forecast, cost, worth, cost.usd_high[worth].min(keepdims=True))[0])
    return sentence("least", plan=candidate_name(forecast, least), money=dollars(float(cost.usd_high[least])))


def likeliest_words(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"]) -> str:
    """Where nothing is to be bought: the `feasible` plan likeliest to gain what matters, of equals the cheapest."""
    chance = forecast.gains_enough
    best = min(np.flatnonzero(feasible), key=lambda i: (-chance[i], cost.usd_high[i], i))
    return sentence(
        "likeliest",
        plan=candidate_name(forecast, int(best)),
        money=dollars(float(cost.usd_high[best])),
        enough=sentence("enough", matters=f"{forecast.matters:g}") if forecast.matters else sentence("anything"),
        probability=f"{chance[best]:.2f}",
    )


def dearest_words(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"], place: int) -> str:
    """The best plan whatever it costs, beside the one at `place`."""
    best = int(best_within(forecast, cost, feasible, np.array([np.inf]))[0])
    if best == place:
        return sentence("no_dearest", known=forecast.known)
    money = dollars(float(cost.usd_high[best]))
    return sentence("dearest", plan=candidate_name(forecast, best), money=money, **_gain_words(forecast, place, best))


def cheaper_words(forecast: Forecast, cost: Cost, kinds: list[int], bought: int) -> str:
    """The cheapest of `kinds` worth buying that is worse than the one `bought` by less than what matters, if any."""
    expected = forecast.expected
    near = [i for i in kinds if forecast.worth_buying[i] and expected[i] - expected[bought] < forecast.matters]
    cheapest = min(near, key=lambda i: cost.usd_high[i], default=bought)
    saved = float(cost.usd_high[bought] - cost.usd_high[cheapest])
    if saved < 0.01:
        return ""
    worse, low, high, _ = _gain(forecast, cheapest, bought)
    return sentence(
        "cheaper",
        matters=f"{forecast.matters:g}",
        saved=dollars(saved),
        plan=candidate_name(forecast, cheapest),
        money=dollars(float(cost.usd_high[cheapest])),
        gap=f"{worse:.3f}",
        low=f"{low:.3f}",
        high=f"{high:.3f}",
    )


def _gain(forecast: Forecast, one: int, other: int) -> tuple[float, float, float, float]:
    """The mean gain of candidate `other` over `one`, its 80% interval (low, high), and the probability of a gain.

    A gain is how much lower the value is, in units of the metric.
    """
    gap = forecast.values[:, one] - forecast.values[:, other]
    low, high = np.quantile(gap, [0.1, 0.9])
    return float(gap.mean()), float(low), float(high), float((gap > 0).mean())


def _gain_words(forecast: Forecast, one: int, other: int) -> dict[str, str]:
    gain, low, high, probability = _gain(forecast, one, other)
    return {
        "gain": f"{gain:.3f}",
        "low": f"{low:.3f}",
        "high": f"{high:.3f}",
        "probability": f"{probability:.2f}",
    }


def _worth_it(forecast: Forecast, one: int, other: int, more: float) -> bool:
    if one == other:
        return False
    gain, _, _, probability = _gain(forecast, one, other)
    return bool(gain > 0 and gain >= forecast.matters * more / STEP_USD and probability >= ENOUGH)


def _step(forecast: Forecast, usd: float, more: float, one: int, other: int, *, stopping: bool = False) -> BudgetStep:
    gain, low, high, probability = _gain(forecast, one, other)
    words = sentence("no_next", more=dollars(more), known=forecast.known)
    if one != other:
        gains = _gain_words(forecast, one, other)
        words = sentence("next", more=dollars(more), plan=candidate_name(forecast, other), **gains)
    if stopping:
        words = sentence("stop", money=dollars(usd), plan=candidate_name(forecast, one), next=words)
    return BudgetStep(
        usd=usd,
        more=more,
        recipe=candidate_name(forecast, other),
        gain=gain,
        interval_80=(low, high),
        probability=probability,
        worth_it=_worth_it(forecast, one, other, more),
        words=words,
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

    The rule: buy the best plan whose labels, from new people, beat the best free recipe with a probability of 0.9 or
    more (both averaged over seeds: people are bought once, a seed costs nobody's time) and by a gap that matters as
    predicted (0.03 raw, 0.01 scaled cross-entropy; more than 0 of other metrics). Where none does, don't buy.
    """
    listed = price_list(prices)
    wage, fee = (listed.wage if wage is None else wage), (listed.fee if fee is None else fee)
    listed.check_wage(wage)
    cost = candidate_costs(forecast.table, forecast.rows, listed, wage, fee)
    feasible = within(forecast, cost, limits)
    kinds = best_of_each_kind(forecast, feasible)
    plans = _plans(forecast, cost, limits, kinds, max(top, 1))
    buy = next((place for place, i in enumerate(kinds) if forecast.worth_buying[i]), None)
    cheaper = "" if buy is None else cheaper_words(forecast, cost, kinds, kinds[buy])
    if buy is not None and buy >= len(plans):  # the best that is worth it is always shown
        plans = (*plans, *_plans(forecast, cost, limits, kinds, buy + 1)[buy:])
        buy = len(plans) - 1
    in_time = _time_only(limits)
    timely = np.ones(len(forecast.table), dtype=bool) if in_time is None else within(forecast, cost, in_time)
    return Advice(
        verdict=DONT_BUY if buy is None else BUY,
        why="; ".join(
            [
                _why(plans, buy, forecast.rows.metric, forecast.matters, best_free(forecast).recipe),
                *forecast.rows.free_lacking,
            ]
        ),
        metric=forecast.rows.metric,
        matters=forecast.matters,
        buy=buy,
        plans=plans,
        best_free=best_free(forecast),
        second=_second(forecast, cost, kinds),
        likeliest=likeliest_words(forecast, cost, feasible) if buy is None else "",
        cheaper=cheaper,
        least=least_words(forecast, cost, timely),
        next_step=next_step(forecast, cost, timely, kinds[0]),
        stop=stopping_step(forecast, cost, timely),
        dearest=dearest_words(forecast, cost, timely, kinds[0]),
        model=forecast.choice.chosen.name,
        model_why=forecast.choice.why,
        checks=forecast.choice.shown,
        covers=covers_of_plans(forecast),
        prices=listed.as_dict() | {"wage": wage, "fee": fee},
        notes=notes(forecast, plans),
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


def _plans(forecast: Forecast, cost: Cost, limits: Limits, kinds: list[int], top: int) -> tuple[Plan, ...]:
    winners = np.bincount(forecast.values[:, kinds].argmin(axis=1), minlength=len(kinds)) / len(forecast.values)
    people, days = people_needed(forecast), days_needed(forecast, cost, limits)
    found = []
    for place, best in list(zip(kinds, winners, strict=True))[:top]:
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
                best=float(best),
                beats_free=float(forecast.beats_free[place]),
                gain=float(forecast.gain[place]),
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


def rule(matters: float) -> str:
    """What a plan must do to be worth buying, in words."""
    return sentence("rule_matters" if matters else "rule", enough=f"{ENOUGH:g}", matters=f"{matters:g}")


def _why(plans: tuple[Plan, ...], buy: int | None, metric: str, matters: float, free: str) -> str:
    plan = plans[buy or 0]
    numbers = {"gain": f"{plan.gain:.3f}", "beats_free": f"{plan.beats_free:.2f}"}
    gains = sentence("gains", metric=metric, free=free, rule=rule(matters), **numbers)
    if buy is None:
        return sentence("not_worth", plan=plan.recipe, gains=gains)
    which = "worth_passed" if buy else "worth"
    return sentence(which, plan=plan.recipe, money=plan.money, gains=gains, first=plans[0].recipe)


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
        probability=f"{(gap < 0).mean():.2f}",
        dearer=sentence(dearer, money=dollars(abs(more))),
    )


def notes(forecast: Forecast, plans: tuple[Plan, ...]) -> tuple[str, ...]:
    """What a reader of the plans must know of what they were learnt from."""
    found = [f"{reason}." for reason in forecast.rows.left_out]
    for crowd in dict.fromkeys(forecast.table["crowd"]):
        if not shows_annotator_variance(forecast.rows.variance, str(crowd)):
            found.append(
                f"How much other people change a result of {crowd} can't be told from what seeds do (no two panels "
                "share a seed): the two are counted together, at any M."
            )
    if beyond := sum(plan.beyond for plan in plans):
        checked, model = "; ".join(r.words for r in forecast.measured), forecast.choice.chosen.name
        found.append(sentence("beyond", some=str(beyond), all=str(len(plans)), checked=checked, model=model))
    top = max(r.items[1] for r in forecast.measured)
    if forecast.images is not None and forecast.images > top and not forecast.extrapolated:
        found.append(f"There are {forecast.images} images; plans stop at {top}, the most that were measured.")
    return tuple(found)
