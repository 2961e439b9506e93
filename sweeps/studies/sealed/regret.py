"""Plans judged by their decisions: chosen on one half of the replicates and valued on the other, beside rules of thumb.

The best of the truth is a noisy minimum too: all strategies are held against the same one, so that regrets are too
large by the same amount and their differences are fair.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.special import stdtrit

from softcore.errors import RequestError
from softcore.prices.price_list import PriceList
from softcore.prices.read import price_list
from softcore.varieties import CLICK
from sweeps.frontier.regimes import ENOUGH
from sweeps.planning.bootstrap import draws_generator
from sweeps.planning.candidates import candidate_costs
from sweeps.planning.defaults import default_model
from sweeps.planning.forecast import chances, gains_on
from sweeps.planning.noise import draw_runs
from sweeps.planning.rows import PLAIN, SEPARATE, Rows, make_rows
from sweeps.results.table import answer_columns, finished
from sweeps.uncertainty.variance import VarianceModel, contrast_variance

PLANNER, NOTHING = "planner", "buy nothing"
BUDGETS = 12

_Rule = Callable[[pd.DataFrame], pd.Series]
# Which cells a rule of thumb buys from; of those that the budget allows it takes the dearest.
RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        "all clicks": lambda cells: cells["variety"] == CLICK,
        "six people, T2 Clamp": lambda cells: (cells["variety"] == "t2-clamp") & (cells["annotators"].round() == 6),
        "one label on as many images as possible": lambda c: (
            (c["variety"] == "t2-clamp") & (c["annotators"].round() == 1)
        ),
        "T1 Clamp with M = 2": lambda cells: (cells["variety"] == "t1-clamp") & (cells["annotators"].round() == 2),
    }
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Regret:
    """What each strategy bought at each budget and what that was worth on replicates that it had not seen.

    `table` has a row a budget, half that chose (0 or 1) and strategy: `recipe`, `usd` spent, `value` and `regret` (how
    much worse than the best affordable cell of the valuing half). `mean` is the mean regret by strategy, least first.
    `paired` has a row for each strategy but the planner: `difference` (its mean regret less the planner's), `low` and
    `high` (95%: other seeds and, where a half shows them, other people might have valued the same purchases so), and
    how many of the decisions were `better`, `same` (the same cell) and `worse` than the planner's.
    """

    metric: str
    table: pd.DataFrame
    mean: pd.Series
    paired: pd.DataFrame


def halves(results: pd.DataFrame) -> Bool[np.ndarray, " n"]:
    """Which rows are of the first half: panel 0 of cells with several panels, seeds of even rank of the others.

    The panels of a seed share no person, where the sweep says so, but they share what the seed does to the cell.
    """
    panels = results.groupby("cell")["panel"].transform("nunique").to_numpy()
    first_panel = results["panel"].to_numpy() == results.groupby("cell")["panel"].transform("min").to_numpy()
    rank = results.groupby("cell")["seed"].rank(method="dense").to_numpy()
    return np.where(panels > 1, first_panel, rank % 2 == 1).astype(bool)


def decision_regret(
    results: pd.DataFrame,
    *,
    metric: str,
    budgets: Sequence[float] | None = None,
    prices: str | PriceList = "thesis",
    wage: float | None = None,
    fee: float | None = None,
    seed: int = 0,
) -> Regret:
    """The regret of the planner, of four rules of thumb and of buying nothing, each half choosing once.

    Among measured cells only, which have replicates to be valued by. The planner buys by the rule of `advice`; what a
    strategy can't afford it does not buy, and takes the best free recipe of its half. `budgets` in dollars are by
    default twelve, evenly spaced in their logarithm from the cheapest cell to the dearest. A table whose cells have one
    replicate each is a RequestError.
    """
    done = finished(results)
    first = halves(done)
    listed = price_list(prices)
    wage, fee = (listed.wage if wage is None else wage), (listed.fee if fee is None else fee)
    listed.check_wage(wage)
    found = []
    learnt_from = [make_rows(done[chosen], metric) for chosen in (first, ~first)]
    for half, (learnt, other) in enumerate(zip(learnt_from, (~first, first), strict=True)):
        value = valued_by(done[other], learnt)
        cells = _totals(learnt)
        usd = candidate_costs(cells, learnt, listed, wage, fee).usd_high
        valued = np.isfinite(value)
        if not (valued & (usd > 0)).any() or not (valued & (usd == 0)).any():
            raise RequestError("regret needs cells, bought and free, with replicates in both halves")
        wanted = budgets if budgets is not None else _spaced(usd[valued & (usd > 0)])
        expected, worth = _planned(learnt, seed + half)
        for budget in wanted:
            free = _best(expected, valued & (usd == 0))
            affordable = valued & (usd <= budget + 0.005) & (usd > 0)
            best = float(value[valued & (usd <= budget + 0.005)].min())
            good = affordable & worth
            picks = {PLANNER: _best(expected, good) if good.any() else free, NOTHING: free}
            plain = (cells["policy"] == PLAIN) & (cells["aggregation"] == SEPARATE)
            for name, rule in RULES.items():
                these = affordable & plain.to_numpy() & rule(cells).to_numpy()
                picks[name] = _best(-usd, these) if these.any() else free
            for name, place in picks.items():
                found.append(
                    {
                        "budget": float(budget),
                        "half": half,
                        "strategy": name,
                        "cell": cells["cell"].iloc[place],
                        "recipe": cells["recipe"].iloc[place],
                        "usd": float(usd[place]),
                        "value": learnt.sign * float(value[place]),
                        "regret": float(value[place]) - best,
                    }
                )
    table = pd.DataFrame(found)
    return Regret(
        metric=metric,
        table=table,
        mean=table.groupby("strategy")["regret"].mean().sort_values(),
        paired=_paired(table, [learnt.variance_of_metric for learnt in reversed(learnt_from)]),
    )


def _paired(table: pd.DataFrame, valuing: Sequence[VarianceModel]) -> pd.DataFrame:
    """See `Regret.paired`; `valuing` are the variances of the replicates that valued what each half chose.

    The halves share their seeds, so their errors are taken to be the same: the interval is rather too wide.
    """
    found = []
    places = ["budget", "half"]
    planned = table[table["strategy"] == PLANNER].set_index(places)
    for name, of in table[table["strategy"] != PLANNER].groupby("strategy", sort=False):
        bought = of.set_index(places)
        apart = bought["regret"] - planned["regret"]
        errors = [
            _error(model, bought["cell"].xs(half, level="half"), planned["cell"].xs(half, level="half"))
            for half, model in enumerate(valuing)
        ]
        size = float(np.mean([error for error, _ in errors]))
        wide = float(stdtrit(min(df for _, df in errors), 0.975)) * size
        middle, same = float(apart.mean()), bought["cell"] == planned["cell"]
        found.append(
            {
                "strategy": name,
                "difference": middle,
                "low": middle - wide,
                "high": middle + wide,
                "better": int(((apart < 0) & ~same).sum()),
                "same": int(same.sum()),
                "worse": int(((apart >= 0) & ~same).sum()),
            }
        )
    return pd.DataFrame(found).sort_values("difference", ignore_index=True)


def _error(model: VarianceModel, bought: pd.Series, planned: pd.Series) -> tuple[float, float]:
    """The standard error, and its degrees of freedom, of how much worse the cells bought are than those planned."""
    place = {cell: number for number, cell in enumerate(model.strata.layout.cells)}
    contrast = np.zeros(len(place))
    np.add.at(contrast, bought.map(place).to_numpy(dtype=int), 1 / len(bought))
    np.add.at(contrast, planned.map(place).to_numpy(dtype=int), -1 / len(planned))
    if not np.abs(contrast).max() > 1e-12:
        return 0.0, np.inf
    variance, df = contrast_variance(model, contrast)
    return float(np.sqrt(variance)), df


def _totals(learnt: Rows) -> pd.DataFrame:
    """The cells with the answers that each bought in all."""
    cells = learnt.cells.copy()
    for column in answer_columns(cells):
        cells[column] = cells[column] * cells["items"]
    return cells


def valued_by(other: pd.DataFrame, learnt: Rows) -> Float[np.ndarray, " c"]:
    """What each cell of `learnt` is worth on `other` trials, less being better; NaN where it is not there.

    Seeds that only some cells have are evened out: each cell's value is at the mean seed (two-way least squares).
    """
    other = other[other["cell"].isin(learnt.cells["cell"])]
    cell, cells = pd.factorize(other["cell"])
    seed, seeds = pd.factorize(other["seed"])
    design = np.column_stack([cell[:, None] == np.arange(len(cells)), seed[:, None] == np.arange(len(seeds))[1:]])
    effects = np.linalg.lstsq(design.astype(float), other[learnt.metric].to_numpy(dtype=float), rcond=None)[0]
    level = effects[: len(cells)] + effects[len(cells) :].sum() / max(len(seeds), 1)
    return learnt.sign * learnt.cells["cell"].map(dict(zip(cells, level, strict=True))).to_numpy(dtype=float)


def _planned(learnt: Rows, seed: int) -> tuple[Float[np.ndarray, " c"], Bool[np.ndarray, " c"]]:
    """What the planner predicts of each cell, and which are worth buying by its rule."""
    model = default_model(learnt, draws_generator(seed)).chosen
    rng = draws_generator(seed, 1)
    drawn = draw_runs(model, learnt.cells, rng)
    expected = drawn.values.mean(axis=0)
    free = learnt.free[int(expected[learnt.free].argmin())]
    worth = np.zeros(len(expected), dtype=bool)
    gains = gains_on(drawn.values[:, free], drawn.values[:, learnt.bought])
    worth[learnt.bought] = chances(gains, learnt.metric) >= ENOUGH
    return expected, worth


def _spaced(usd: np.ndarray) -> list[float]:
    return [float(budget) for budget in np.geomspace(usd.min(), usd.max(), BUDGETS)]


def _best(score: np.ndarray, among: np.ndarray) -> int:
    return int(np.where(among, score, np.inf).argmin())
