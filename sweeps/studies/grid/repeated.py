"""What training itself varies by, beside seeds and people: from trials that were repeated but for rounding.

Two trainings of one seed and panel that differ in the rounding of initial weights alone end apart. What two panels of
one seed differ by holds that, too, so that people are told from it only where some trials were repeated.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from softcore.seeding import generator
from sweeps.results.table import finished
from sweeps.sources import merge
from sweeps.studies.document import Table
from sweeps.studies.grid.recorded import (
    CO_PRIMARY,
    GRID,
    REPEATS,
    VARIANCE,
    Sources,
    between,
    measured_metrics,
    metric_words,
)
from sweeps.uncertainty.replicates import replicates
from sweeps.uncertainty.strata import CELL, CROWD, OWN, PEOPLE, REPEAT, REST, SEED, covariance

LEVEL = 0.95
DRAWS = 4000
TRAINING, ITS_PEOPLE, SEEDS = "training itself", "people", "seeds"
THE_REST = "a trial's own beyond these"
PARTS = (TRAINING, ITS_PEOPLE, SEEDS, THE_REST)
_SHARED = {REPEAT: TRAINING, SEED: SEEDS, CROWD: SEEDS, CELL: SEEDS, REST: THE_REST}

Ends = tuple[float, float, float]  # best guess, low, high


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What a trial of `cell` (M people an item) varies by in `metric`: the standard deviation of repeats, and shares.

    `training` and the `shares` of its variance by `PARTS` are (best guess, low, high) at `LEVEL`. `repeats` are the
    degrees of freedom of what was repeated, `trials` those that the estimate rests on.
    """

    metric: str
    cell: str
    annotators: float
    training: Ends
    shares: Mapping[str, Ends]
    repeats: float
    trials: int


def shares_of_variance(sources: Sources) -> Iterator[Shares]:
    """Those of each cell that was repeated on each metric, from its trials and all others recorded at that scale."""
    again = finished(sources[REPEATS].results)
    results = merge([sources[name] for name in (GRID, VARIANCE, REPEATS) if name in sources])[0]
    metrics = [metric for metric in measured_metrics(again, CO_PRIMARY) if metric in results]
    found = replicates(results, metrics)
    strata, cells = found.strata, found.cells
    part = np.array([_part(name) for name in strata.components])
    of_trials = [np.diag(covariance(strata.layout, name)) for name in strata.components]
    for metric in metrics:
        model = found.variance(metric)
        drawn = model.draw_variances(DRAWS, generator("uncertainty", 1))
        for place in np.flatnonzero(cells["cell"].isin(again["cell"])):
            unit = np.array([diagonal[strata.layout.cell == place].mean() for diagonal in of_trials])
            guess, draws = model.variances * unit, drawn * unit
            repeated = part == TRAINING
            yield Shares(
                metric=metric,
                cell=str(cells["recipe"].iloc[place]),
                annotators=float(cells["annotators"].iloc[place]),
                training=_ends(np.sqrt(guess[repeated].sum()), np.sqrt(draws[:, repeated].sum(axis=1))),
                shares={
                    name: _ends(
                        guess[part == name].sum() / guess.sum(), draws[:, part == name].sum(axis=1) / draws.sum(axis=1)
                    )
                    for name in PARTS
                },
                repeats=float(strata.df[strata.names.index(REPEAT)]),
                trials=len(found.results),
            )


def repeats_table(found: Sequence[Shares]) -> Table:
    """A row a metric and cell."""
    rows = [
        (each.metric, each.cell, between(*each.training, digits=4), *(_percent(each.shares[name]) for name in PARTS))
        for each in found
    ]
    return Table(
        caption="What one trial varies by: two trainings that differ in rounding alone, and shares of its variance",
        headings=("metric", "cell", "standard deviation of training itself", *PARTS),
        rows=tuple(rows),
        numbers=(2, 3, 4, 5, 6),
    )


def repeats_line(found: Sequence[Shares]) -> str:
    """What was repeated, and what the shares are of."""
    return (
        "Some trials were trained again with the same seed, people and images, half of the initial weights rounded "
        f"the other way ({found[0].repeats:.0f} degrees of freedom): what these differ by is training's own. Shares "
        "are of the variance of one trial with new people and a new seed, estimated from "
        f"{found[0].trials} trials, with {LEVEL:.0%} intervals from draws of the variances, which use what all trials "
        "say of training's own, where the best guess takes it from repeats alone. They cover what so few seeds, panels "
        "and repeats leave open, not other networks or schedules."
    )


def net_of_training(found: Sequence[Shares]) -> str:
    """A sentence on people's share of what trials vary by, where the fewest were asked."""
    asked = [each for each in found if each.annotators > 0]
    fewest = [each for each in asked if each.annotators == min(each.annotators for each in asked)]
    people = ", ".join(f"{metric_words(each.metric)} {_percent(each.shares[ITS_PEOPLE])}" for each in fewest)
    own = [each.shares[TRAINING][0] for each in fewest]
    return (
        f"Of the variance of one trial with M = {fewest[0].annotators:g} people are, net of what training itself "
        f"varies by ({fewest[0].repeats:.0f} degrees of freedom of trials repeated but for rounding): {people}; "
        f"training itself is {min(own):.0%} to {max(own):.0%}."
    )


def _part(component: str) -> str:
    return ITS_PEOPLE if component.startswith((PEOPLE, OWN)) else _SHARED[component]


def _ends(guess: float, draws: np.ndarray) -> Ends:
    """A best guess with the quantiles of its draws; where nothing is left for it the interval starts at 0."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(guess), float(low) if guess > 0 else 0.0, float(high)


def _percent(ends: Ends) -> str:
    return "{:.0%} [{:.0%}, {:.0%}]".format(*ends)
