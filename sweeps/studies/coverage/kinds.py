"""Do the bands cover where a sweep is not as the method assumes? Made-up sweeps of kinds that it was not fitted to.

    python -m sweeps.studies.coverage.kinds [--problems 510] [--first 0] [KIND ...]

Each kind is tried where labels are worth much, about the gap that matters, and nothing: there all cells are alike, test
images included. A line a kind, of 90% bands: pointwise and simultaneous coverage with exact intervals, by truth, the
share of problems in which something is bought though nothing is worth it, and mean widths.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from softcore.statistics import share_interval
from sweeps.frontier.banded import bands_from_draws, cell_draws
from sweeps.frontier.bands import best_at
from sweeps.frontier.regimes import DONT_BUY
from sweeps.studies.coverage.coverage import small_grid
from sweeps.studies.coverage.planted import Grid, Problem, noise_like, problem, truth_like
from sweeps.uncertainty.layout import NOBODY

METRIC, LEVEL, COSTS = "ce/10h", 0.9, 40
TRUTHS = MappingProxyType({"far": "apart", "near": "close", "nothing": "alike"})
Change = Callable[[Problem, pd.DataFrame, np.random.Generator], pd.DataFrame]


def _trial_sizes(made: Problem, scale: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """More noise of each trial, with a standard deviation of 0.01 times its cell's `scale`."""
    return 0.01 * scale[made.grid.layout.cell] * rng.standard_normal(len(made.values))


def _grows_with_annotators(made: Problem, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    scale = np.sqrt(np.maximum(made.grid.cells["annotators"].to_numpy(dtype=float), 1))
    return table.assign(**{METRIC: table[METRIC] + _trial_sizes(made, scale, rng)})


def _grows_with_mean(made: Problem, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    spread = np.ptp(made.truth)
    scale = (
        0.3 + 2.5 * (made.truth - made.truth.min()) / spread if spread > 0 else rng.uniform(0.3, 2.8, len(made.truth))
    )
    return table.assign(**{METRIC: table[METRIC] + _trial_sizes(made, scale, rng)})


def _heavy_tails(made: Problem, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Student's t with 3 degrees of freedom, of seeds and of trials, on top of what there is."""
    layout = made.grid.layout
    seeds = 0.008 * rng.standard_t(3, int(layout.seed.max()) + 1)[layout.seed]
    return table.assign(**{METRIC: table[METRIC] + seeds + 0.008 * rng.standard_t(3, len(table))})


def _outlier(made: Problem, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One bought trial better by 8 standard deviations of a trial's own noise and its cell's in a seed."""
    asked = np.flatnonzero(table["annotators"].notna())
    values = table[METRIC].to_numpy(copy=True)
    values[rng.choice(asked)] -= 8 * np.hypot(0.008, 0.008)
    return table.assign(**{METRIC: values})


def _questions_by_seed(made: Problem, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Every question moves by itself in each seed."""
    layout = made.grid.layout
    question = pd.factorize(made.grid.cells["variety"])[0][layout.cell]
    moves = 0.012 * rng.standard_normal((int(layout.seed.max()) + 1, int(question.max()) + 1))
    return table.assign(**{METRIC: table[METRIC] + moves[layout.seed, question]})


def _seeds_by_cell(made: Problem, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Every bought cell lacks one of the first three seeds, not the same one, and seeds vary by 0.03 more."""
    layout = made.grid.layout
    table = table.assign(
        **{METRIC: table[METRIC] + 0.03 * rng.standard_normal(int(layout.seed.max()) + 1)[layout.seed]}
    )
    lacking = rng.integers(0, 3, len(made.truth))[layout.cell]
    return table[(table["seed"] != lacking) | table["annotators"].isna()]


def _seeds(count: int) -> Change:
    return lambda made, table, rng: table[table["seed"] < count]


def _one_panel(made: Problem, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return table[table["panel"] == 0]


def _some_lost(made: Problem, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A third of the trials failed, whatever they were worth."""
    return table.assign(status=np.where(rng.random(len(table)) < 1 / 3, "failed", table["status"]))


def _worst_lost(made: Problem, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The sixth of the trials that did worst for their cells failed."""
    excess = table[METRIC] - made.truth[made.grid.layout.cell]
    return table.assign(status=np.where(excess > np.quantile(excess, 5 / 6), "failed", table["status"]))


KINDS: Mapping[str, Change] = MappingProxyType(
    {
        "as assumed": lambda made, table, rng: table,
        "two seeds": _seeds(2),
        "one panel": _one_panel,
        "two seeds, one panel": lambda made, table, rng: table[(table["seed"] < 2) & (table["panel"] == 0)],
        "a third lost": _some_lost,
        "the worst sixth lost": _worst_lost,
        "heavy tails": _heavy_tails,
        "noise grows with M": _grows_with_annotators,
        "noise grows with the mean": _grows_with_mean,
        "one outlier": _outlier,
        "questions by seed": _questions_by_seed,
        "other seeds by cell": _seeds_by_cell,
    }
)


def kind_hits(kind: str, truth: str, number: int, made: Grid) -> tuple[float, bool, bool, float]:
    """Of problem `number`: the share of costs covered, whether all are, whether it buys for nothing, mean width."""
    rng = np.random.default_rng([list(KINDS).index(kind), list(TRUTHS).index(truth), number])
    noise = noise_like(rng)
    if truth == "nothing":  # test images move cells, too: without them all are worth the same
        noise = type(noise)(**{**vars(noise), "images": 0.0})
    one = problem(made, truth_like(made, TRUTHS[truth], rng), noise, rng)
    table = KINDS[kind](one, one.results(METRIC), rng)
    budgets = np.geomspace(600, made.seconds.max(), COSTS)
    found = bands_from_draws(
        cell_draws(table, METRIC),
        dict(zip(made.cells["cell"], made.seconds, strict=True)),
        level=LEVEL,
        budgets=budgets,
    )
    there = made.cells["cell"].isin(found.cells["cell"]).to_numpy()
    best = best_at(np.where(there, one.truth, np.inf), made.seconds, budgets)
    (low, high), (all_low, all_high) = found.bands.pointwise.T, found.bands.simultaneous.T
    within = (low <= best) & (best <= high)
    nobody = (made.cells["crowd"] == NOBODY).to_numpy()
    gain = one.truth[nobody].min() - best_at(np.where(nobody, np.inf, one.truth), made.seconds, budgets)
    bought = np.array([each.verdict != DONT_BUY for each in found.regimes])
    all_costs = bool(((all_low <= best) & (best <= all_high)).all())
    return float(within.mean()), all_costs, bool((bought & (gain <= 0)).any()), float((high - low).mean())


def print_kind(kind: str, problems: int, first: int) -> None:
    """A line of coverage."""
    started, made, parts = time.process_time(), small_grid(3), []
    every: list[tuple[float, bool, bool, float]] = []
    for truth in TRUTHS:
        hits = [kind_hits(kind, truth, first + k, made) for k in range(problems // len(TRUTHS))]
        every += hits
        parts.append(f"{truth} {np.mean([h[0] for h in hits]):.1%} {np.mean([h[1] for h in hits]):.1%}")
    simultaneous = share_interval(sum(hit[1] for hit in every), len(every))
    bought = share_interval(sum(hit[2] for hit in every), len(every))
    print(
        f"{kind:26} pointwise {np.mean([h[0] for h in every]):.1%}, simultaneous {simultaneous.mean:.1%} "
        f"[{simultaneous.low:.1%}, {simultaneous.high:.1%}] ({'; '.join(parts)}), bought for nothing {bought.mean:.1%} "
        f"[{bought.low:.1%}, {bought.high:.1%}], width {np.mean([h[3] for h in every]):.4f}, n {len(every)}, "
        f"{time.process_time() - started:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"any of {', '.join(KINDS)}; all by default")
    parser.add_argument("--problems", type=int, default=510)
    parser.add_argument("--first", type=int, default=0, help="number of the first problem")
    asked = parser.parse_args()
    for name in asked.kinds or KINDS:
        print_kind(name, asked.problems, asked.first)
