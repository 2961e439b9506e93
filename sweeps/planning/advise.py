"""What to do with a budget: the plans it buys, whether any is worth it, and when to stop spending."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from softcore.prices.price_list import PriceList
from softcore.prices.read import price_list
from softcore.scoring.metrics import metric_range
from sweeps.frontier.regimes import ENOUGH
from sweeps.planning.candidates import Cost, candidate_costs
from sweeps.planning.forecast import Forecast, make_forecast
from sweeps.planning.noise import shows_annotator_variance
from sweeps.planning.plan import BUY, DONT_BUY, NOT_KNOWN, Advice, FreeRecipe, Plan, Reading, money_between, sentence
from sweeps.planning.rank import (
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
    within,
)
from sweeps.results.names import dollars, question
from sweeps.results.table import ANSWERS, answer_columns
from sweeps.uncertainty.layout import Pool

_INTERVALS = "Intervals of plans are over one run with new people and a new seed."


def least_words(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"]) -> str:
    """The cheapest plan that is worth buying, the best of those that cost the same, in words; or that there is none."""
    worth = feasible & forecast.worth_buying
    if not worth.any():
        return sentence("no_least", known=forecast.known)
    least = int(best_within(forecast, cost, worth, cost.usd_high[worth].min(keepdims=True))[0])
    return sentence("least", plan=candidate_name(forecast, least), money=dollars(float(cost.usd_high[least])))


def likeliest_words(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"]) -> str:
    """Where nothing is to be bought: the `feasible` plan likeliest to gain what matters, of equals the cheapest."""
    best = likeliest(forecast, cost, feasible)
    return sentence(
        "likeliest",
        plan=candidate_name(forecast, best),
        money=dollars(float(cost.usd_high[best])),
        enough=enough(forecast.matters),
        probability=f"{forecast.gains_enough[best]:.2f}",
    )


def verdict_by(chance: Float[np.ndarray, " p"]) -> str:
    """The verdict on plans that gain what matters with these probabilities, by one reading of the results."""
    most = float(chance.max())
    return BUY if most >= ENOUGH else DONT_BUY if most <= 1 - ENOUGH else NOT_KNOWN


def likeliest(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"]) -> int:
    """The `feasible` candidate likeliest to gain what matters, of equals the cheapest."""
    chance = forecast.gains_enough
    return int(min(np.flatnonzero(feasible), key=lambda i: (-chance[i], cost.usd_high[i], i)))


def _firmness(verdict: str, readings: tuple[Reading, ...]) -> str:
    """Which other readings say another thing than the verdict, in words."""
    others = [r for r in readings if r.verdict != verdict]
    if not others:
        return sentence("firm", n=str(len(readings))) if readings else ""
    words = ", ".join(f"{r.name} ({r.verdict}, {r.probability:.2f})" for r in others)
    return sentence("not_firm", n=str(len(readings)), same=str(len(readings) - len(others)), others=words)


def _settle(forecast: Forecast, place: int) -> str:
    """How many seeds would tell whether the candidate gains what matters, in words."""
    words = {"plan": candidate_name(forecast, place), "gain": f"{forecast.gain[place]:.3f}"}
    if not (seeds := int(forecast.seeds_needed[place])):
        return sentence("never_settled", **words)
    return sentence("settle", seeds=str(seeds), now=str(forecast.seeds), **words)


def enough(matters: float) -> str:
    """What a plan must gain to be worth buying, in words."""
    return sentence("enough", matters=f"{matters:g}") if matters else sentence("anything")


def dearest_words(forecast: Forecast, cost: Cost, feasible: Bool[np.ndarray, " p"], place: int) -> str:
    """The best plan whatever it costs, beside the one at `place`."""
    best = int(best_within(forecast, cost, feasible, np.array([np.inf]))[0])
    if best == place:
        return sentence("no_dearest", known=forecast.known)
    money = dollars(float(cost.usd_high[best]))
    return sentence("dearest", plan=candidate_name(forecast, best), money=money, **gain_words(forecast, place, best))


def cheaper_words(forecast: Forecast, cost: Cost, kinds: list[int], bought: int) -> str:
    """The cheapest of `kinds` worth buying that is worse than the one `bought` by less than what matters, if any."""
    expected = forecast.expected
    near = [i for i in kinds if forecast.worth_buying[i] and expected[i] - expected[bought] < forecast.matters]
    cheapest = min(near, key=lambda i: cost.usd_high[i], default=bought)
    saved = float(cost.usd_high[bought] - cost.usd_high[cheapest])
    if saved < 0.01:
        return ""
    worse, low, high, _ = gain_between(forecast, cheapest, bought)
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

    The rule: buy the best plan that gains what matters on the best free recipe (0.03 raw, 0.01 scaled cross-entropy;
    anything, of other metrics) with a probability of 0.9 or more, on average over seeds and people, and does so without
    each seed, without each panel and under other priors, too. Where every plan gains that with a probability of 0.1 or
    less, and no other reading of the results says "buy", don't. All else is not known yet.
    """
    listed = price_list(prices)
    wage, fee = (listed.wage if wage is None else wage), (listed.fee if fee is None else fee)
    listed.check_wage(wage)
    cost = candidate_costs(forecast.table, forecast.rows, listed, wage, fee)
    feasible = within(forecast, cost, limits)
    kinds = best_of_each_kind(forecast, feasible)
    plans = _plans(forecast, cost, limits, kinds, max(top, 1))
    buy = next((place for place, i in enumerate(kinds) if forecast.worth_buying[i]), None)
    best = kinds[buy or 0]
    readings = tuple(
        Reading(name=name, verdict=verdict_by(chance[feasible]), probability=float(chance[feasible].max()))
        for name, chance in forecast.readings.items()
    )
    sure_not = verdict_by(forecast.gains_enough[feasible]) == DONT_BUY and BUY not in {r.verdict for r in readings}
    verdict = BUY if buy is not None else DONT_BUY if sure_not else NOT_KNOWN
    cheaper = "" if buy is None else cheaper_words(forecast, cost, kinds, best)
    if buy is not None and buy >= len(plans):  # the best that is worth it is always shown
        plans = (*plans, *_plans(forecast, cost, limits, kinds, buy + 1)[buy:])
        buy = len(plans) - 1
    in_time = _time_only(limits)
    timely = np.ones(len(forecast.table), dtype=bool) if in_time is None else within(forecast, cost, in_time)
    return Advice(
        verdict=verdict,
        why="; ".join(
            [_why(forecast, cost, kinds, None if buy is None else best, verdict), *forecast.rows.free_lacking]
        ),
        metric=forecast.rows.metric,
        matters=forecast.matters,
        buy=buy,
        plans=plans,
        best_free=best_free(forecast),
        second=_second(forecast, cost, kinds),
        likeliest=likeliest_words(forecast, cost, feasible) if buy is None else "",
        readings=readings,
        firmness=_firmness(verdict, readings),
        settle=_settle(forecast, likeliest(forecast, cost, feasible)) if verdict == NOT_KNOWN else "",
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


def _why(forecast: Forecast, cost: Cost, kinds: list[int], buy: int | None, verdict: str) -> str:
    """Why the verdict is what it is, of the candidate to `buy` (a place) or the first of `kinds`."""
    disputed = next((i for i in kinds if forecast.gains_enough[i] >= ENOUGH), None)
    shown = next(place for place in (buy, disputed, kinds[0]) if place is not None)
    gains = sentence(
        "gains",
        metric=forecast.rows.metric,
        free=best_free(forecast).recipe,
        gain=f"{forecast.gain[shown]:.3f}",
        enough=enough(forecast.matters),
        chance=f"{forecast.gains_enough[shown]:.2f}",
        rule=sentence("rule", enough=f"{ENOUGH:g}"),
    )
    if verdict == BUY:
        name = "worth" if shown == kinds[0] else "worth_passed"
    else:
        name = "not_worth" if verdict == DONT_BUY else "unsure" if disputed is None else "disputed"
    money = money_between(float(cost.usd_low[shown]), float(cost.usd_high[shown]))
    plan, first = candidate_name(forecast, shown), candidate_name(forecast, kinds[0])
    return sentence(name, plan=plan, money=money, gains=gains, first=first)


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
