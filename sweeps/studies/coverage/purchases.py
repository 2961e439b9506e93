"""Are purchases right? Made-up sweeps whose truth is known, and what the verdict buys on them.

    python -m sweeps.studies.coverage.purchases [--problems 200] [--first 0] [KIND ...]

A line a kind, with exact 95% intervals: in how many problems something is bought at some budget though it gains nothing
(a false buy) or less than what matters, how much more the purchase of the largest budget was predicted to gain than it
does, and how many single runs of new people and a new seed lie in their 80% intervals. 5 s of a core a problem.
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from softcore.errors import RequestError
from softcore.prices.read import price_list
from softcore.statistics import share_interval
from sweeps.planning.forecast import Forecast, make_forecast
from sweeps.planning.rank import axes_of, candidate_name
from sweeps.planning.verdict import verdicts
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, QUESTIONS, World, bought_cells, planted_table

SCALED = METRIC.replace("ce/", "scaled-ce/")
MIXED_UP = {"variety": "hard", "mixing": "mixup"}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Sweeps of a kind: what labels gain in all (drawn from `gains`), the metric, and how many seeds and panels."""

    gains: tuple[float, ...]
    metric: str = METRIC
    seeds: int = 3
    panels: int = 2


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "nothing differs": Kind(gains=(0.0,)),
        "nothing differs, scaled": Kind(gains=(0.0,), metric=SCALED),
        "labels gain": Kind(gains=(0.025, 0.12)),
        "gains near what matters": Kind(gains=(0.025,)),
        "two seeds": Kind(gains=(0.025, 0.12), seeds=2),
        "one panel": Kind(gains=(0.025, 0.12), panels=1),
    }
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was bought on a problem: the true gain of each budget's purchase, none where nothing was bought.

    `predicted` and `gained` are of the largest budget's purchase (NaN without one), `best` is the most that any
    candidate gains, `held` the share of single runs in their 80% intervals, `matters` the gain that matters.
    """

    gains: tuple[float, ...]
    predicted: float
    gained: float
    best: float
    held: float
    matters: float


def world_of(kind: Kind, rng: np.random.Generator) -> World:
    """A world of `kind`: questions differ in what they gain, by 1 person and by many, and noise is drawn anew."""
    gain = rng.choice(kind.gains)
    sizes = dict(zip(("of_seed", "of_people", "own", "of_trial"), 2 ** rng.uniform(-1, 1, 4), strict=True))
    world = World(
        smoothed=1.8 + gain * rng.uniform(-1, 1),
        mixup=gain * rng.uniform(0, 1.5),
        first={question: gain * rng.uniform(0.3, 1.7) for question in QUESTIONS},
        everybody={question: gain * rng.uniform(0.5, 2.5) for question in QUESTIONS},
        items_power=rng.uniform(0.4, 0.9),
        fall=rng.uniform(0.4, 1.1),
    )
    return replace(world, **{name: getattr(world, name) * size for name, size in sizes.items()})


def outcome(kind: Kind, rng: np.random.Generator) -> Outcome:
    """What the verdict buys on a sweep of `kind`, and what that is worth; RequestError where it can't be planned."""
    world = world_of(kind, rng)
    free = (*FREE_CELLS, MIXED_UP)
    cells = [*bought_cells(("click", "t1-clamp", "t2-clamp"), clicks=(1, 3, 6, 12)), *free]
    table = planted_table(world, cells, rng, seeds=range(kind.seeds), panels=range(kind.panels))
    forecast = make_forecast(table.rename(columns={METRIC: kind.metric}), metric=kind.metric)
    names = [candidate_name(forecast, place) for place in range(len(forecast.table))]
    values = np.array([world.value(axes_of(forecast, place)) for place in range(len(names))])
    true_gain = dict(zip(names, min(world.value(axes) for axes in free) - values, strict=True))
    bought = [step for step in verdicts(forecast, price_list("thesis")).steps if step.bought]
    low, high = np.quantile(forecast.runs, [0.1, 0.9], axis=0)
    run = _new_runs(world, forecast, values, rng)
    return Outcome(
        gains=tuple(true_gain[step.bought] for step in bought),
        predicted=bought[-1].gain if bought else np.nan,
        gained=true_gain[bought[-1].bought] if bought else np.nan,
        best=max(true_gain.values()),
        held=float(((low <= run) & (run <= high)).mean()),
        matters=forecast.matters,
    )


def _new_runs(world: World, forecast: Forecast, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One trial of each candidate with one new seed, each with people of its own."""
    people = rng.standard_normal(len(values)) * np.hypot(world.of_people, world.own)
    trial = world.of_trial * rng.standard_normal(len(values))
    annotators = forecast.table["annotators"].to_numpy(dtype=float)
    return values + world.of_seed * rng.standard_normal() + people / np.sqrt(annotators) + trial


def outcome_of(name: str, number: int) -> Outcome:
    """The outcome of problem `number` of a kind: the same whenever it is asked for."""
    return outcome(KINDS[name], np.random.default_rng([41, list(KINDS).index(name), number]))


def kind_line(name: str, found: list[Outcome], refused: int) -> str:
    """The outcomes of a kind in a line."""

    def share(count: int, of: int) -> str:
        if not of:
            return "none"
        exact = share_interval(count, of)
        return f"{count} of {of} ({exact.mean:.1%}, exact {exact.low:.1%} to {exact.high:.1%})"

    buys = [one for one in found if one.gains]
    false = sum(min(one.gains) <= 0 for one in buys)
    less = sum(min(one.gains) < one.matters for one in buys)
    curse = f"{np.mean([one.predicted - one.gained for one in buys]):+.4f}" if buys else "none"
    worth = [one for one in found if one.best >= one.matters]
    missed = f", missed {sum(not one.gains for one in worth)} of {len(worth)}" if worth else ""
    return (
        f"{name:26} bought in {len(buys)} of {len(found)}{missed}; false buys {share(false, len(found))}; gained less "
        f"than matters {share(less, len(buys))}; predicted too good by {curse}; 80% intervals held "
        f"{np.mean([one.held for one in found]):.1%}; not planned {refused}"
    )


def print_kind(name: str, problems: int, first: int) -> None:
    """Try a kind, and print its line."""
    found, refused = list[Outcome](), 0
    for number in range(first, first + problems):
        try:
            found.append(outcome_of(name, number))
        except RequestError:
            refused += 1
    print(kind_line(name, found, refused), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"any of {', '.join(KINDS)}; all by default")
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first problem")
    asked = parser.parse_args()
    for each in asked.kinds or KINDS:
        print_kind(each, asked.problems, asked.first)
