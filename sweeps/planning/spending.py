"""What more money would buy, and when to stop: the best plans at rising budgets, from the same draws."""

import numpy as np
from jaxtyping import Bool

from sweeps.frontier.regimes import ENOUGH
from sweeps.planning.candidates import Cost
from sweeps.planning.plan import Step
from sweeps.planning.prepare import Prepared
from sweeps.planning.rank import best_within, named
from sweeps.planning.sentences import said
from sweeps.wording import dollars

STEP_USD = 100.0


def next_step(prepared: Prepared, cost: Cost, feasible: Bool[np.ndarray, " p"], place: int) -> Step:
    """What `STEP_USD` on top of what the plan at `place` costs would buy, in the time that there is."""
    usd = float(cost.usd_high[place])
    better = int(best_within(prepared, cost, feasible, np.array([usd + STEP_USD]))[0])
    return _step(prepared, usd, STEP_USD, place, better)


def stop(prepared: Prepared, cost: Cost, feasible: Bool[np.ndarray, " p"]) -> Step | None:
    """The step that is not worth it from the least budget beyond which none is; the next $100 where it comes to that.

    Budgets are that of the cheapest plan worth buying and the full hundreds above it. Some $100 may buy nothing and the
    next much (pages cost more than clicks), so that more money is worth it where some larger budget gains what matters
    or more for each $100, with a probability of 0.9. All plans named are worth buying: advice buys no other. None where
    it is up to the dearest such plan, or nothing is worth it.
    """
    worth = feasible & prepared.worth_buying
    if not worth.any():
        return None
    cheapest, dearest = float(cost.usd_high[worth].min()), float(cost.usd_high[worth].max())
    first = (np.floor(cheapest / STEP_USD) + 1) * STEP_USD
    budgets = np.concatenate([[cheapest], np.arange(first, dearest + STEP_USD, STEP_USD)])
    best = best_within(prepared, cost, worth, budgets)
    for i, (usd, one) in enumerate(zip(budgets, best, strict=True)):
        further = best_within(prepared, cost, worth, np.array([usd + STEP_USD]))
        later = [(STEP_USD, int(further[0])), *zip(budgets[i + 1 :] - usd, best[i + 1 :], strict=True)]
        if not any(_worth_it(prepared, int(one), int(other), float(more)) for more, other in later):
            return _step(prepared, float(usd), STEP_USD, int(one), later[0][1], stopping=True)
    return None


def least_words(prepared: Prepared, cost: Cost, feasible: Bool[np.ndarray, " p"]) -> str:
    """The cheapest plan that is worth buying, the best of those that cost the same, in words; or that there is none."""
    worth = feasible & prepared.worth_buying
    if not worth.any():
        return said("no_least", known=prepared.known)
    least = int(best_within(prepared, cost, worth, cost.usd_high[worth].min(keepdims=True))[0])
    return said("least", plan=named(prepared, least), money=dollars(float(cost.usd_high[least])))


def likeliest_words(prepared: Prepared, cost: Cost, feasible: Bool[np.ndarray, " p"]) -> str:
    """Where nothing is to be bought: the `feasible` plan likeliest to gain what matters, of equals the cheapest."""
    chance = prepared.gains_enough
    best = min(np.flatnonzero(feasible), key=lambda i: (-chance[i], cost.usd_high[i], i))
    return said(
        "likeliest",
        plan=named(prepared, int(best)),
        money=dollars(float(cost.usd_high[best])),
        enough=said("enough", matters=f"{prepared.matters:g}") if prepared.matters else said("anything"),
        probability=f"{chance[best]:.2f}",
    )


def dearest_words(prepared: Prepared, cost: Cost, feasible: Bool[np.ndarray, " p"], place: int) -> str:
    """The best plan whatever it costs, beside the one at `place`."""
    best = int(best_within(prepared, cost, feasible, np.array([np.inf]))[0])
    if best == place:
        return said("no_dearest", known=prepared.known)
    money = dollars(float(cost.usd_high[best]))
    return said("dearest", plan=named(prepared, best), money=money, **_gain_words(prepared, place, best))


def cheaper_words(prepared: Prepared, cost: Cost, kinds: list[int], bought: int) -> str:
    """The cheapest of `kinds` worth buying that is worse than the one `bought` by less than what matters, if any."""
    expected = prepared.expected
    near = [i for i in kinds if prepared.worth_buying[i] and expected[i] - expected[bought] < prepared.matters]
    cheapest = min(near, key=lambda i: cost.usd_high[i], default=bought)
    saved = float(cost.usd_high[bought] - cost.usd_high[cheapest])
    if saved < 0.01:
        return ""
    worse, low, high, _ = _gain(prepared, cheapest, bought)
    return said(
        "cheaper",
        matters=f"{prepared.matters:g}",
        saved=dollars(saved),
        plan=named(prepared, cheapest),
        money=dollars(float(cost.usd_high[cheapest])),
        gap=f"{worse:.3f}",
        low=f"{low:.3f}",
        high=f"{high:.3f}",
    )


def _gain(prepared: Prepared, one: int, other: int) -> tuple[float, float, float, float]:
    """How much lower `other` is than `one` on average, the 80% interval of that, and how likely it is lower."""
    gap = prepared.values[:, one] - prepared.values[:, other]
    low, high = np.quantile(gap, [0.1, 0.9])
    return float(gap.mean()), float(low), float(high), float((gap > 0).mean())


def _gain_words(prepared: Prepared, one: int, other: int) -> dict[str, str]:
    gain, low, high, probability = _gain(prepared, one, other)
    return {
        "gain": f"{gain:.3f}",
        "low": f"{low:.3f}",
        "high": f"{high:.3f}",
        "probability": f"{probability:.2f}",
    }


def _worth_it(prepared: Prepared, one: int, other: int, more: float) -> bool:
    if one == other:
        return False
    gain, _, _, probability = _gain(prepared, one, other)
    return bool(gain > 0 and gain >= prepared.matters * more / STEP_USD and probability >= ENOUGH)


def _step(prepared: Prepared, usd: float, more: float, one: int, other: int, *, stopping: bool = False) -> Step:
    gain, low, high, probability = _gain(prepared, one, other)
    words = said("no_next", more=dollars(more), known=prepared.known)
    if one != other:
        gains = _gain_words(prepared, one, other)
        words = said("next", more=dollars(more), plan=named(prepared, other), **gains)
    if stopping:
        words = said("stop", money=dollars(usd), plan=named(prepared, one), next=words)
    return Step(
        usd=usd,
        more=more,
        recipe=named(prepared, other),
        gain=gain,
        interval_80=(low, high),
        probability=probability,
        worth_it=_worth_it(prepared, one, other, more),
        words=words,
    )
