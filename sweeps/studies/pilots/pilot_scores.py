"""A pilot's predictions held against panel B of the same seed, which shares nobody with it, and what it would buy."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from softcore.errors import RequestError
from softcore.prices.price_list import PriceList
from softcore.prices.read import price_list
from softcore.varieties import CLICK, FREE
from sweeps.frontier.regimes import ENOUGH
from sweeps.planning.bootstrap import draws_generator
from sweeps.planning.candidates import candidate_costs, free_points
from sweeps.planning.checks import ModelChoice
from sweeps.planning.forecast import chances, gains_on
from sweeps.planning.noise import draw_runs
from sweeps.planning.rows import SEPARATE, Rows, make_rows
from sweeps.results.names import dollars, variety_title
from sweeps.results.table import answer_columns, finished
from sweeps.studies.pilots.pilot_predictions import PilotPrediction, predict_runs
from sweeps.studies.sealed.regret import BUDGETS, NOTHING, PLANNER, RULES

PANEL_B = 1
_PLAIN = ("mixing", "loss", "pages_on")  # axes that plain cells have nothing in


@dataclass(frozen=True, kw_only=True, eq=False)
class PilotReplay(PilotPrediction):
    """What a pilot of panel A predicted of panel B of its seed, and what it would have bought.

    `picks` has a row a budget and strategy: `usd`, `recipe`, `value`, `regret` (how much worse than the best that the
    budget buys on panel B, free recipes among it), `bought`. `no_rule` are rules that panel B has no cell for.
    """

    picks: pd.DataFrame
    no_rule: tuple[str, ...]


def replay_pilot(
    pilot: pd.DataFrame, grid: pd.DataFrame, *, seed: int, metric: str, prices: str | PriceList = "thesis"
) -> PilotReplay:
    """The pilot's predictions of every plain page cell of panel B of `seed`, and its decisions valued there.

    A grid without such a trial, or without the free recipes of the pilot, is a RequestError, as is a pilot too small
    to plan from.
    """
    asked = plain_cells(grid, seed, PANEL_B)
    known = asked["variety"].isin(make_rows(pilot, metric).cells["variety"])
    if not known.any():
        raise RequestError(f"the grid has no finished trial of whole people on panel B of seed {seed} yet")
    trials = asked[known].reset_index(drop=True)
    found = predict_runs(pilot, trials, seed=seed, metric=metric)
    free, clicks = _free(grid, found.learnt, seed), _clicks(asked)
    rng = draws_generator(seed, 1)
    picks, no_rule = _picks(found.learnt, found.choice, found.cells, trials, free, clicks, price_list(prices), rng)
    return PilotReplay(**vars(found), picks=picks, no_rule=no_rule)


def plain_cells(grid: pd.DataFrame, seed: int, panel: int) -> pd.DataFrame:
    """The finished trials of a panel of the seed that trained plainly on labels kept apart, a row a cell."""
    grid = finished(grid)
    plain = (grid["seed"] == seed) & (grid["panel"] == panel)
    plain &= grid["aggregation"].isna() | (grid["aggregation"] == SEPARATE)
    for axis in _PLAIN:
        plain &= grid[axis].isna() if axis in grid else True
    asks = grid["hiring"].notna() | (grid["variety"] == CLICK)
    return grid[plain & asks].drop_duplicates("cell")


def _free(grid: pd.DataFrame, learnt: Rows, seed: int) -> Float[np.ndarray, " f"]:
    """What the pilot's free recipes gave in the grid with this seed."""
    done = finished(grid)
    done = done[(done["seed"] == seed) & done["variety"].isin(FREE)]
    done = done[done["mixing"].isna()] if "mixing" in done else done
    found = []
    for cell in learnt.cells["cell"].iloc[learnt.free]:
        axes = learnt.axes[cell]
        same = (done["variety"] == axes["variety"]) & (done["beta"].isna() | (done["beta"] == axes.get("beta")))
        if not same.any():
            raise RequestError(f"the grid has no finished trial of {axes['variety']} with seed {seed} yet")
        found.append(float(done[learnt.metric][same].iloc[0]))
    return learnt.sign * np.array(found)


def _clicks(asked: pd.DataFrame) -> pd.DataFrame:
    """Panel B's clicks, which a pilot of pages knows nothing of and a rule of thumb may buy."""
    clicks = asked[asked["variety"] == CLICK].reset_index(drop=True)
    cells = clicks[["variety"]].assign(
        annotators=clicks["annotators"].astype(float), items=clicks["items"].astype(float), inside=False
    )
    return pd.concat([cells, clicks.drop(columns=[*cells.columns.intersection(clicks.columns)])], axis="columns")


def _picks(
    learnt: Rows,
    choice: ModelChoice,
    cells: pd.DataFrame,
    trials: pd.DataFrame,
    free_value: Float[np.ndarray, " f"],
    clicks: pd.DataFrame,
    prices: PriceList,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """What each strategy buys at each budget, and what that is worth on panel B."""
    every = pd.concat([cells, clicks], ignore_index=True)
    known = np.arange(len(every)) < len(cells)
    value = learnt.sign * np.concatenate([trials[learnt.metric], clicks[learnt.metric]]).astype(float)
    every[answer_columns(every)] = every[answer_columns(every)].fillna(0).astype(float)
    usd = candidate_costs(every, learnt, prices, prices.wage, prices.fee).usd_high
    expected, worth, best_free = _planned(learnt, choice, cells, rng)
    budgets = np.geomspace(usd[known].min(), usd[known].max(), BUDGETS)
    rules = {name: rule(every).to_numpy(dtype=bool) for name, rule in RULES.items()}
    rules = {name: these for name, these in rules.items() if these.any()}
    found = []
    for budget in budgets:
        affordable = usd <= budget + 0.005
        picks: dict[str, int | None] = {NOTHING: None, PLANNER: _least(expected, affordable[known] & worth)}
        picks |= {name: _least(-usd, affordable & these) for name, these in rules.items()}
        best = float(np.min([*free_value, *value[affordable]]))
        for name, place in picks.items():
            worth_of = float(free_value[best_free]) if place is None else float(value[place])
            found.append(
                {
                    "budget": float(budget),
                    "strategy": name,
                    "recipe": "nothing" if place is None else recipe_of(every, place),
                    "usd": 0.0 if place is None else float(usd[place]),
                    "bought": place is not None,
                    "value": learnt.sign * worth_of,
                    "regret": worth_of - best,
                }
            )
    return pd.DataFrame(found), tuple(name for name in RULES if name not in rules)


def _planned(
    learnt: Rows, choice: ModelChoice, cells: pd.DataFrame, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " c"], Bool[np.ndarray, " c"], int]:
    """What the planner expects of each cell, which are worth buying by its rule, the place of the best free recipe."""
    free = free_points(learnt)
    both = pd.concat([cells[[c for c in free.columns if c in cells]], free], ignore_index=True)
    drawn = draw_runs(choice.chosen, both, rng)
    expected, n = drawn.values.mean(axis=0), len(cells)
    best_free = n + int(expected[n:].argmin())
    gains = gains_on(drawn.values[:, best_free], drawn.values[:, :n])
    return expected[:n], chances(gains, learnt.metric) >= ENOUGH, best_free - n


def recipe_of(cells: pd.DataFrame, place: int) -> str:
    """A cell in a few words."""
    variety, annotators, items = cells[["variety", "annotators", "items"]].iloc[place]
    return f"{variety_title(variety)}, M={annotators:g}, N'={items:g}"


def budget_words(picks: pd.DataFrame) -> str:
    """From which budget to which."""
    return f"{dollars(picks['budget'].min())} to {dollars(picks['budget'].max())}"


def _least(score: np.ndarray, among: Bool[np.ndarray, " c"]) -> int | None:
    return int(np.where(among, score, np.inf).argmin()) if among.any() else None
