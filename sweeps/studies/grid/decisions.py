"""Plans judged by their decisions: the planner beside rules of thumb and beside buying nothing, at fixed budgets."""

from collections.abc import Iterator, Sequence

import pandas as pd

from sweeps.results.table import records
from sweeps.studies.document import Section, Table
from sweeps.studies.grid.recorded import Sources, core
from sweeps.studies.sealed.readings import metrics_of
from sweeps.studies.sealed.regret import BUDGETS, NOTHING, PLANNER, Regret, decision_regret

TITLE = "Plans judged by their decisions"
_WHAT = (
    f"At each of {BUDGETS} budgets, evenly spaced in their logarithm from the cheapest cell to the dearest (thesis "
    "prices), the planner and four rules of thumb each buy one measured cell. They choose on half of the replicates "
    "(panel A, and every other seed of what has one panel) and are valued on the other half, and once more with the "
    "halves changed over. Regret is how much worse the purchase is than the best cell that the budget buys, as the "
    "valuing half has it: a noisy minimum, so that all regrets are too large, by the same amount. Who can't afford "
    "what they want takes the best free recipe. Intervals (95%) of differences are over other seeds and, "
    "where panels show them, other people, given what was bought."
)


def decisions_section(sources: Sources) -> Section:
    """The section on decision regret, of every metric that plans are made for; it needs the grid."""
    results = core(sources)
    found = tuple(decision_regret(results, metric=metric) for metric in metrics_of(sources))
    return Section(
        title=TITLE,
        lines=(_WHAT, *(f"{one.metric}: {decision_words(one)}" for one in found)),
        tables=(_regrets(found), _bought(found)),
        summary=(_summary(found),),
        data={one.metric: {"mean": one.mean.to_dict(), "paired": records(one.paired)} for one in found},
    )


def decision_words(one: Regret) -> str:
    """How the planner did beside the best of the rules of thumb and beside buying nothing."""
    rules = one.mean.drop([PLANNER, NOTHING])
    best = str(rules.index[0])
    beside = "; ".join(f"{name} {one.mean[name]:.4f}, {_beside(one, name)}" for name in (best, NOTHING))
    return f"the planner's mean regret is {one.mean[PLANNER]:.4f}; of the rules of thumb the best, {beside}."


def _beside(one: Regret, name: str) -> str:
    row = one.paired.set_index("strategy").loc[name]
    interval = f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
    if row["same"] == row[["better", "same", "worse"]].sum():
        return "which bought the same throughout"
    if row["low"] > 0:
        return f"worse by {interval}"
    if row["high"] < 0:
        return f"better than the planner ({interval})"
    return f"not told apart from the planner ({interval})"


def _regrets(found: Sequence[Regret]) -> Table:
    rows = [row for one in found for row in _rows(one)]
    return Table(
        headings=(
            *("metric", "strategy", "mean regret", "chosen on A", "chosen on B", "least to most over budgets"),
            *("less the planner's [95%]", "better, same, worse than the planner"),
        ),
        rows=tuple(rows),
        caption=f"Decision regret over {BUDGETS} budgets and both halves, less is better",
        numbers=(2, 3, 4),
    )


def _rows(one: Regret) -> Iterator[tuple[str, ...]]:
    halves = one.table.pivot_table(index="strategy", columns="half", values="regret")
    budgets = one.table.pivot_table(index="strategy", columns="budget", values="regret")
    paired = one.paired.set_index("strategy")
    for name, mean in zip(map(str, one.mean.index), one.mean, strict=True):
        start = (one.metric, name, f"{mean:.4f}", *(f"{half:.4f}" for half in halves.loc[name]))
        spread = f"{budgets.loc[name].min():.4f} to {budgets.loc[name].max():.4f}"
        if name == PLANNER:
            yield (*start, spread, "", "")
            continue
        row = paired.loc[name]
        counts = ", ".join(f"{row[key]:.0f}" for key in ("better", "same", "worse"))
        yield (*start, spread, f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]", counts)


def _bought(found: Sequence[Regret]) -> Table:
    """What the planner bought at each budget."""
    rows = []
    for one in found:
        for budget, both in one.table[one.table["strategy"] == PLANNER].groupby("budget"):
            bought = [f"{row['recipe']} (${row['usd']:,.0f})" for row in records(both.sort_values("half"))]
            rows.append((one.metric, f"${budget:,.0f}", *bought))
    return Table(
        headings=("metric", "budget", "bought, chosen on A", "bought, chosen on B"),
        rows=tuple(rows),
        caption="What the planner bought",
        numbers=(1,),
    )


def _summary(found: Sequence[Regret]) -> str:
    told = pd.concat([one.paired.assign(metric=one.metric) for one in found], ignore_index=True)
    better, worse = int((told["low"] > 0).sum()), int((told["high"] < 0).sum())
    return (
        f"Decisions at {BUDGETS} budgets on {len(found)} metrics: of {len(told)} comparisons with rules of thumb "
        f"and with buying nothing the planner is better in {better} and worse in {worse}; the rest can't be told apart."
    )
