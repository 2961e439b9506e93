"""What a budget is best spent on: more labels, better labels, a mix of both, or nothing, where the evidence says so."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from softcore.errors import unknown_name
from softcore.scoring.metrics import WEIGHTED
from sweeps.frontier.bands import best_at
from sweeps.results.names import FREE_KIND, KINDS
from sweeps.uncertainty.shrinkage import Draws

DONT_BUY, TIED, NO_CHOICE = "don't buy", "tied", "no choice"
ENOUGH = 0.9  # probability at which a verdict is given
MATTERS: Mapping[str, float] = MappingProxyType({"ce": 0.03, "scaled-ce": 0.01, WEIGHTED: 1.0})


@dataclass(frozen=True, kw_only=True)
class Regime:
    """What a budget is best spent on, of which less of a value is better.

    `verdict`: one of `KINDS`, "tied", "don't buy", or "no choice" where one kind alone can be bought. `best` is the
    kind that most often wins, with `probability`, by `gap` (median, `low` and `high` at the level asked) over the other
    kinds: NaN without one. `gain` is the same of the best purchase over the best free recipe, which wins with
    1 - `worth`; its low end is that of the single cell whose low end is highest.
    """

    budget: float
    verdict: str
    best: str
    probability: float
    gap: float
    low: float
    high: float
    worth: float
    gain: float
    gain_low: float
    gain_high: float
    matters: float
    covers: str

    @property
    def ahead(self) -> str:
        """The kind that is surely ahead of the others, whether or not it is worth buying; else "tied" or "no choice".

        "" where the budget buys nothing.
        """
        if not self.best:
            return ""
        if self.verdict != DONT_BUY:
            return self.verdict
        if math.isnan(self.gap):
            return NO_CHOICE
        return self.best if _clear(self.probability, self.gap, self.matters) else TIED

    @property
    def words(self) -> str:
        """The verdict with its reason, in a sentence."""
        interval = f"{self.gap:.3f} [{self.low:.3f}, {self.high:.3f}]"
        if self.verdict == DONT_BUY and not self.best:
            return "don't buy: this budget buys nothing"
        if self.verdict == DONT_BUY:
            return (
                f"don't buy: the best purchase gains {self.gain:.3f} [{self.gain_low:.3f}, {self.gain_high:.3f}] over "
                f"the best free recipe, is better with probability {self.worth:.2f}, and {self.matters:g} matters"
            )
        if self.verdict == NO_CHOICE:
            return f"no choice: this budget buys {self.best} alone"
        if self.verdict == TIED:
            return (
                f"tied: {self.best} ahead by {interval} with probability {self.probability:.2f}; a verdict needs "
                f"{ENOUGH:g} and {self.matters:g}"
            )
        return f"{self.verdict}: ahead by {interval} with probability {self.probability:.2f}"


def regimes(
    draws: Draws,
    costs: Float[np.ndarray, " c"],
    kinds: Sequence[str],
    budgets: Sequence[float] | np.ndarray,
    matters: float,
    level: float = 0.9,
) -> list[Regime]:
    """What each of `budgets` is best spent on, of cells that cost `costs` and are of `kinds` (NaN costs left out).

    The best purchase must beat the best free recipe with a probability of 0.9 and a median gain of `matters`, and some
    single cell's interval must lie above it, else it is "don't buy"; the best kind must beat the others by the first
    rule, else they are tied. Without a free recipe among the cells nothing is held against one.
    """
    if unknown := set(kinds) - {FREE_KIND, *KINDS}:
        raise unknown_name("kind of purchase", min(unknown), (FREE_KIND, *KINDS))
    budgets = np.asarray(budgets, dtype=float)
    best = {name: _best_of(draws, costs, np.array([k == name for k in kinds]), budgets) for name in (FREE_KIND, *KINDS)}
    free = np.array([k == FREE_KIND for k in kinds])
    return [
        _regime(
            draws,
            float(budget),
            {name: found[:, place] for name, found in best.items()},
            _gain_ends(draws, np.asarray(costs, dtype=float), free, float(budget), level),
            matters,
            level,
        )
        for place, budget in enumerate(budgets)
    ]


def _gain_ends(draws: Draws, costs: np.ndarray, free: np.ndarray, budget: float, level: float) -> tuple[float, float]:
    """Ends of the gain over the best free recipe, as far as single cells and failed trials leave it; NaN without one.

    The low end is that of the single cell whose low end is highest: of many cells the best in each draw gains something
    even where nothing does. The high end allows for free recipes that are worse than drawn.
    """
    there, worse = np.isfinite(costs), np.broadcast_to(draws.worse, len(free))
    bought, free = ~free & there & (costs <= budget), free & there
    if not bought.any() or not free.any():
        return np.nan, np.nan
    best_free, values = draws.values[:, free].min(axis=1), draws.values[:, bought]
    lowest, highest = draws.shares(level)
    low = (np.quantile(best_free[:, None] - values, lowest, axis=0) - worse[bought]).max()
    high = np.quantile(best_free - values.min(axis=1), highest) + worse[free].max()
    return float(low), float(high)


def _best_of(draws: Draws, costs: np.ndarray, of: np.ndarray, budgets: np.ndarray) -> np.ndarray:
    """The least value of the cells `of` a kind in each draw at each budget; infinite where it buys none of them."""
    found = np.full((len(draws.values), len(budgets)), np.inf)
    costs = np.asarray(costs, dtype=float)[of]
    bought = budgets >= np.min(costs, initial=np.inf, where=np.isfinite(costs))
    if bought.any():
        found[:, bought] = best_at(draws.values[:, of], costs, budgets[bought])
    return found


def _regime(
    draws: Draws,
    budget: float,
    best: dict[str, np.ndarray],
    gain_ends: tuple[float, float],
    matters: float,
    level: float,
) -> Regime:
    kinds = [name for name in KINDS if np.isfinite(best[name]).all()]
    worth, gain = _ahead(np.min([best[name] for name in KINDS], axis=0), best[FREE_KIND], draws.shares(level))
    ahead: dict[str, tuple[float, tuple[float, float, float]]] = {}
    for name in kinds if len(kinds) > 1 else ():
        ahead[name] = _ahead(best[name], np.min([best[k] for k in kinds if k != name], axis=0), draws.shares(level))
    top = max(ahead, key=lambda name: ahead[name][0]) if ahead else "".join(kinds)
    probability, gap = ahead.get(top, (np.nan, (np.nan, np.nan, np.nan)))
    free = bool(np.isfinite(best[FREE_KIND]).all())
    if not kinds or (free and not (_clear(worth, gain[0], matters) and gain_ends[0] > 0)):
        verdict = DONT_BUY
    elif len(kinds) == 1:
        verdict = NO_CHOICE
    else:
        verdict = top if _clear(probability, gap[0], matters) else TIED
    return Regime(
        budget=budget,
        verdict=verdict,
        best=top,
        probability=probability,
        gap=gap[0],
        low=gap[1],
        high=gap[2],
        worth=worth,
        gain=gain[0],
        gain_low=gain_ends[0],
        gain_high=gain_ends[1],
        matters=matters,
        covers=draws.covers,
    )


def _ahead(one: np.ndarray, other: np.ndarray, shares: tuple[float, float]) -> tuple[float, tuple[float, float, float]]:
    """How often `one` is lower than `other`, and by how much: median, and at the two `shares` of the draws."""
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float(np.isfinite(one).all()), (np.nan, np.nan, np.nan)
    gap = other - one
    low, middle, high = np.quantile(gap, [shares[0], 0.5, shares[1]])
    return float((gap > 0).mean()), (float(middle), float(low), float(high))


def _clear(probability: float, gap: float, matters: float) -> bool:
    return probability >= ENOUGH and gap >= matters
