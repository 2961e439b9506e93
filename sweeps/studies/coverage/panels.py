"""Do bands from panels A cover what panels B show? Made-up grids whose people are drawn one by one.

    python -m sweeps.studies.coverage.panels [--problems 300] [--first 0] [--seeds 3] [--people 1] [--break people]

Each problem is a grid with panels A and B under the same seeds and, of two cells, four panels under each of four seeds
(`grid-variance`); the sizes of all noise are drawn anew. Bands of each panel are held against the other at eight fixed
costs, as in `docs/grid.md`, beside the t interval over seeds that the thesis prints. `--break people` leaves people out
of the bands: a check that can't see that is no check. Two panels of one problem and eight costs are not independent:
the intervals printed are over problems.
"""

import argparse
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from sweeps.studies.coverage.planted import STYLES, Grid, Problem, grid, noise_like, problem, truth_like
from sweeps.studies.grid.across import A, B, draws, pairs, panel_variance
from sweeps.studies.grid.panel_bands import BEST, LEVEL, OneWay, one_way
from sweeps.studies.grid.panel_findings import TOGETHER, groups

METRIC = "ce/10h"
PEOPLE_OUT = "people"  # what can be left out of the method


@lru_cache(maxsize=4)
def crossed_grid(seeds: int = 3) -> Grid:
    """The grid of the problems, with the trials of `grid-variance` in it."""
    return grid(seeds, crossed=True)


def grid_tables(one: Problem, seeds: int = 3, metric: str = METRIC) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The results tables of a problem's `grid` and of its `grid-variance`, which share trials as the real ones do."""
    table = one.results(metric)
    crossed = table.groupby("cell")["panel"].transform("max") > 1
    return table[~crossed | ((table["panel"] <= B) & (table["seed"] < seeds))], table[crossed]


def both_ways(
    number: int, style: str, *, seeds: int = 3, people: float = 1.0, broken: str | None = None, n: int = 1000
) -> list[OneWay]:
    """Bands from each panel of problem `number` of a style, held against the other's values, all questions together.

    The usual noise of people (of one person, about that of seeds) is `people` times as large.
    """
    return by_group(number, style, seeds=seeds, people=people, broken=broken, n=n)[TOGETHER]


def by_group(
    number: int, style: str, *, seeds: int = 3, people: float = 1.0, broken: str | None = None, n: int = 1000
) -> dict[str, list[OneWay]]:
    """`both_ways` of all questions together and of each question alone."""
    rng = np.random.default_rng([STYLES.index(style), number])
    made = crossed_grid(seeds)
    noise = noise_like(rng)
    noise = replace(noise, shared=_times(noise.shared, people), own=_times(noise.own, people))
    one = problem(made, truth_like(made, style, rng), noise, rng)
    core, variance = grid_tables(one, seeds)
    paired = pairs(core, [METRIC])
    seconds = paired.cells["cell"].map(made.cells.set_index("cell")["seconds"]).to_numpy(dtype=float)
    found: dict[str, list[OneWay]] = {}
    for seen in (A, B):
        model = panel_variance(paired, variance, METRIC, seen)
        drawn = draws(paired, model, METRIC, seen, rng, n, people=broken != PEOPLE_OUT)
        for group, there in groups(paired.cells):
            found.setdefault(group, []).append(
                one_way(paired, METRIC, seen, drawn, np.where(there, seconds, np.nan)),
            )
    return found


def _times(sizes: Mapping[str, float], factor: float) -> dict[str, float]:
    return {crowd: factor * size for crowd, size in sizes.items()}


def print_panel_coverage(problems: int, *, first: int, seeds: int, people: float, broken: str | None) -> None:
    """Print how often each kind of interval covered, and how wide it is, by style and of all problems."""
    started = time.process_time()
    print(
        f"{LEVEL:.0%} intervals at eight costs, {problems} problems of {seeds} seeds, people's noise {people:g} times"
    )
    print(f"the usual; left out on purpose: {broken or 'nothing'}\n")
    every: list[dict[str, list[OneWay]]] = []
    for place, style in enumerate(STYLES):
        numbers = range(first + place, first + problems, len(STYLES))
        found = [by_group(number, style, seeds=seeds, people=people, broken=broken) for number in numbers]
        every += found
        print_coverage(f"cells {style}", [way for one in found for way in one[TOGETHER]])
    print_coverage("all problems", [way for one in every for way in one[TOGETHER]])
    print_alone(every)
    print(f"{(time.process_time() - started) / problems * 1000:.0f} ms of a core a problem")


def print_coverage(what: str, found: Iterable[OneWay]) -> None:
    """A line a kind of interval: the share of costs covered, with its error over problems, and the mean width."""
    ways = list(found)
    for name in ways[0].held:
        shares = np.array([way.held[name].covered.mean() for way in ways]).reshape(-1, 2).mean(axis=1)
        error = 1.96 * shares.std(ddof=1) / np.sqrt(len(shares))
        width = np.mean([way.held[name].width for way in ways])
        print(f"{what:16} {name:20} {shares.mean():6.1%} +- {error:.1%}   mean width {width:.3f}")
    print(f"{what:16} {'best, all at once':20} {np.mean([way.all_at_once for way in ways]):6.1%}", flush=True)


def print_alone(found: Iterable[Mapping[str, Sequence[OneWay]]]) -> None:
    """How often bands of single questions hold, and how much that differs from one problem to the next."""
    alone = [[way for group, ways in one.items() if group != TOGETHER for way in ways] for one in found]
    shares = np.array([np.mean([way.held[BEST].covered.mean() for way in ways]) for ways in alone])
    error = 1.96 * shares.std(ddof=1) / np.sqrt(len(shares))
    print(f"single questions {BEST:20} {shares.mean():6.1%} +- {error:.1%}")
    for level in (0.9, 0.8, 0.75):
        print(f"  at most {level:.0%} of a problem's costs, both ways: {(shares <= level).mean():.1%} of the problems")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="number of the first problem")
    parser.add_argument("--seeds", type=int, default=3, help="replicates of most cells")
    parser.add_argument("--people", type=float, default=1.0, help="how many times the usual noise of people")
    parser.add_argument("--break", dest="broken", choices=(PEOPLE_OUT,), help="leave this out of the method")
    asked = parser.parse_args()
    print_panel_coverage(asked.problems, first=asked.first, seeds=asked.seeds, people=asked.people, broken=asked.broken)
