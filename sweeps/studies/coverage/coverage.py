"""Do the bands cover? Made-up sweeps whose truth is known; coverage is printed with its exact interval.

    python -m sweeps.studies.coverage.coverage [--problems 2000] [--break people|pairing]
        [--seeds 3] [--first 0] [--plain]

2,000 problems know 90% to 1.5 points. Person, seed and image noise are known and drawn anew for each problem; people
are simulated one by one (`planted.py`). What is covered: the best value at each of 50 costs, on these test images, for
new seeds and new people. `--break` leaves people, or the pairing of seeds, out of the method: a check that can't see
that is no check. `--plain` leaves out the shrinking towards curves.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from softcore.statistics import share_interval
from sweeps.frontier.bands import bands, best_at
from sweeps.studies.coverage.planted import STYLES, Grid, Problem, grid, noise_like, problem, truth_like
from sweeps.uncertainty.shrinkage import Draws, plain_draws
from sweeps.uncertainty.strata import OWN, PEOPLE, Strata, cell_means, strata
from sweeps.uncertainty.variance import VarianceModel, pooled_variance

COSTS = 50
LEVEL = 0.9
PEOPLE_OUT, PAIRING_OUT = "people", "pairing"  # what can be left out of the method


@dataclass(frozen=True)
class Hits:
    """How a problem's bands did.

    `pointwise` is the share of costs covered, `one` whether a cost drawn at random is, `all_costs` whether the
    simultaneous band holds, `elsewhere` the share covered on other test images, `error` the middle's mean error.
    """

    pointwise: float
    one: bool
    all_costs: bool
    elsewhere: float
    error: float


@lru_cache(maxsize=8)
def small_grid(seeds: int = 3, copies: int = 1, mixed: bool = False) -> Grid:
    """The grid of the problems, made once."""
    return grid(seeds, copies=copies, mixed=mixed)


@lru_cache(maxsize=8)
def strata_of(made: Grid, broken: str | None = None) -> Strata:
    """The strata of a grid, or those of the method with the pairing of seeds left out."""
    if broken == PAIRING_OUT:  # every cell's seeds are taken for its own, as if no two cells shared one
        return strata(replace(made.layout, seed=made.layout.seed + 1000 * made.layout.cell))
    return strata(made.layout)


def variance(made: Problem, broken: str | None = None) -> VarianceModel:
    """The pooled variance that the method, whole or broken, finds in a problem."""
    model = pooled_variance(strata_of(made.grid, broken), made.values)
    if broken != PEOPLE_OUT:
        return model
    # People are seen to vary, and intervals are over seeds all the same.
    between = model.estimates.between.copy()
    between[[name.startswith((PEOPLE, OWN)) for name in model.strata.components]] = 0
    return replace(model, estimates=replace(model.estimates, between=between))


def draws_towards_curves(made: Problem, model: VarianceModel, rng: np.random.Generator) -> Draws:
    """Draws shrunk towards curves."""
    return made.grid.draws(model, rng)


def draws_around_means(made: Problem, model: VarianceModel, rng: np.random.Generator) -> Draws:
    """Draws around the cells' means, lucky cells and all."""
    return plain_draws(model, made.grid.bought, rng)


def planted_problem(made: Grid, style: str, number: int) -> tuple[Problem, np.random.Generator]:
    """Problem `number` of a style, and the generator to go on with."""
    rng = np.random.default_rng([STYLES.index(style), number])
    return problem(made, truth_like(made, style, rng), noise_like(rng), rng), rng


def band_hits(
    numbers: Iterable[int],
    style: str,
    *,
    broken: str | None = None,
    draws: Callable = draws_towards_curves,
    seeds: int = 3,
) -> list[Hits]:
    """How the bands of the problems of a style with these numbers did."""
    made, found = small_grid(seeds), []
    budgets = np.geomspace(600, made.seconds.max(), COSTS)
    for number in numbers:
        one, rng = planted_problem(made, style, number)
        band = bands(draws(one, variance(one, broken), rng), made.seconds, budgets, LEVEL)
        truth, other = (best_at(values, made.seconds, budgets) for values in (one.truth, one.elsewhere))
        low, high = band.pointwise.T
        within = (low <= truth) & (truth <= high)
        found.append(
            Hits(
                pointwise=float(within.mean()),
                one=bool(within[rng.integers(COSTS)]),
                all_costs=bool(((band.simultaneous[:, 0] <= truth) & (truth <= band.simultaneous[:, 1])).all()),
                elsewhere=float(((low <= other) & (other <= high)).mean()),
                error=float((band.best - truth).mean()),
            )
        )
    return found


def split_errors(numbers: Iterable[int], style: str) -> list[tuple[float, float, float]]:
    """The mean error over costs of the best value as seen, as shrunk, and as chosen on some seeds and valued on others.

    Chosen on even seeds, valued on odd ones: what people do who don't shrink.
    """
    made, found = small_grid(), []
    budgets = np.geomspace(600, made.seconds.max(), COSTS)
    odd = made.layout.seed % 2 == 1
    halves = [
        replace(made.layout, **{name: getattr(made.layout, name)[rows] for name in ("cell", "seed", "panel")})
        for rows in (~odd, odd)
    ]
    for number in numbers:
        one, rng = planted_problem(made, style, number)
        truth = best_at(one.truth, made.seconds, budgets)
        model = variance(one)
        choose, value = (cell_means(half, one.values[rows]) for half, rows in zip(halves, (~odd, odd), strict=True))
        order = [min(np.flatnonzero(made.seconds <= b), key=lambda cell: choose[cell]) for b in budgets]
        found.append(
            (
                float((best_at(model.mean, made.seconds, budgets) - truth).mean()),
                float((bands(draws_towards_curves(one, model, rng), made.seconds, budgets).best - truth).mean()),
                float((value[order] - truth).mean()),
            )
        )
    return found


def share_line(what: str, hits: Iterable[bool]) -> str:
    """A share with its exact binomial interval."""
    hits = list(hits)
    share = share_interval(sum(hits), len(hits))
    return f"{what:52} {share.mean:7.1%}  [{share.low:.1%}, {share.high:.1%}]  of {share.n}"


def print_hits(what: str, hits: list[Hits]) -> None:
    """Coverage of the problems in `hits`, pointwise and simultaneous."""
    shares = np.array([hit.pointwise for hit in hits])
    error = shares.std() / np.sqrt(len(shares))
    print(share_line(f"{what}: pointwise, a cost at random", [hit.one for hit in hits]))
    print(f"{'  mean over costs':52} {shares.mean():7.1%}  +- {1.96 * error:.1%}")
    print(share_line("  simultaneous", [hit.all_costs for hit in hits]))
    print(f"{'  on other images (not promised), pointwise':52} {np.mean([hit.elsewhere for hit in hits]):7.1%}")
    print(f"{'  mean error of the middle':52} {np.mean([hit.error for hit in hits]):+8.4f}", flush=True)


def print_band_coverage(problems: int, *, first: int, seeds: int, broken: str | None, draws: Callable) -> None:
    """Print coverage, by style and of all problems."""
    started, every = time.process_time(), list[Hits]()
    print(
        f"{LEVEL:.0%} bands of the best value at {COSTS} costs, new seeds and people, these test images; {seeds} seeds"
    )
    print(f"{seeds} seeds; left out on purpose: {broken or 'nothing'}; {draws.__name__.replace('_', ' ')}\n")
    for place, style in enumerate(STYLES):
        hits = band_hits(
            range(first + place, first + problems, len(STYLES)), style, broken=broken, draws=draws, seeds=seeds
        )
        every += hits
        print_hits(f"cells {style}", hits)
    print_hits("all problems", every)
    print(f"  {(time.process_time() - started) / problems * 1000:.0f} ms of a core a problem")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first problem")
    parser.add_argument("--seeds", type=int, default=3, help="replicates of most cells")
    parser.add_argument(
        "--break", dest="broken", choices=(PEOPLE_OUT, PAIRING_OUT), help="leave this out of the method"
    )
    parser.add_argument("--plain", action="store_true", help="draws that are not shrunk")
    asked = parser.parse_args()
    print_band_coverage(
        asked.problems,
        first=asked.first,
        seeds=asked.seeds,
        broken=asked.broken,
        draws=draws_around_means if asked.plain else draws_towards_curves,
    )
