"""Are the verdicts right? Made-up sweeps whose regime, break-even price and differences are known.

    python -m sweeps.studies.coverage.verdicts [--problems 300]

Problems are planted for each regime, for a tie and for "don't buy"; how often the right one is named, and a wrong one,
is printed with its exact interval. So are how often the interval of a break-even price holds the true one, and how
often two copies of one cell differ "significantly": as often as the level says, or the interval is not one.
"""

import argparse
import os
from collections.abc import Iterable
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from sweeps.frontier.break_even import break_even
from sweeps.frontier.regimes import DONT_BUY, TIED, regimes
from sweeps.results.names import BETTER, MIX, MORE
from sweeps.studies.coverage.coverage import draws_towards_curves, share_line, small_grid, split_errors, variance
from sweeps.studies.coverage.planted import MIXED, SECONDS, STYLES, by_answers, noise_like, problem
from sweeps.uncertainty.variance import difference

BUDGET = 30_000.0  # seconds, of the verdicts
PAGE, CLICKS_A_PAGE = "t2-clamp", 8.0  # of the break-even whose answer is known: a page tells as much as 8 clicks
HEAD_START = 0.08
VERDICTS = {
    MORE: {"click": HEAD_START},
    BETTER: {PAGE: HEAD_START, "t1-uniform": HEAD_START},
    MIX: {MIXED: HEAD_START},
    TIED: {},
    DONT_BUY: {},
}


def copies(numbers: Iterable[int], broken: str | None = None) -> list[float]:
    """The p of the difference between two copies of one cell, a pair a problem."""
    made, found = small_grid(copies=2), []
    names = made.layout.cells
    again = made.cells.duplicated(["variety", "annotators", "items"]).to_numpy() & made.bought
    for number in numbers:
        rng = np.random.default_rng([17, number])
        truth = rng.normal(1.7, 0.1, len(made.cells))
        second = rng.choice(np.flatnonzero(again))  # its copy comes just before it
        truth[second] = truth[second - 1]
        one = problem(made, truth, replace(noise_like(rng), images=0.0), rng)
        found.append(difference(variance(one, broken), names[second - 1], names[second]).p)
    return found


def planted_verdict(expected: str, number: int) -> str:
    """The verdict on a problem that is planted so that `expected` is right."""
    made = small_grid(mixed=True)
    rng = np.random.default_rng([23, list(VERDICTS).index(expected), number])
    free = [1.6 if expected == DONT_BUY else 1.9] * 3
    truth = by_answers(made, SECONDS, head_start=VERDICTS[expected], free=free)
    one = problem(made, truth, replace(noise_like(rng), images=0.0), rng)
    draws = draws_towards_curves(one, variance(one), rng)
    return regimes(draws, made.seconds, tuple(made.cells["kind"]), [BUDGET], 0.03)[0].verdict


def break_evens(numbers: Iterable[int]) -> list[tuple[float, bool]]:
    """The break-even ratio found where 1 / 8 is right, and whether its interval holds that."""
    made, found = small_grid(), []
    worth = {"click": 1.0, "t1-uniform": 4.0, PAGE: CLICKS_A_PAGE}
    for number in numbers:
        rng = np.random.default_rng([29, number])
        truth = by_answers(made, worth, free=[2.5] * 3)
        one = problem(made, truth, replace(noise_like(rng), images=0.0), rng)
        draws = draws_towards_curves(one, variance(one), rng)
        at = break_even(draws, made.answers("click"), made.answers(PAGE), [900.0], one="click", other=PAGE)[0]
        found.append((at.ratio, at.low <= 1 / CLICKS_A_PAGE <= at.high))
    return found


def print_verdict_rates(problems: int) -> None:
    """Print everything."""
    print("two copies of one cell differ")
    for name, broken in (("paired", None), ("pairing left out", "pairing")):
        found = np.array(copies(range(4 * problems), broken))
        for level in (0.05, 0.1):
            print(share_line(f"  at {level:g}, {name}", found < level))
    print(f"\nverdicts at {BUDGET:g} s, of a probability of 0.9 and a gap of 0.03")
    for expected in VERDICTS:
        verdicts = [planted_verdict(expected, number) for number in range(problems)]
        print(share_line(f"  planted: {expected}; named", [v == expected for v in verdicts]))
        print(share_line("    another one named", [v not in (expected, TIED) for v in verdicts]), flush=True)
    print("\nbreak-even of a click against a page")
    ratios, within = zip(*break_evens(range(problems)), strict=True)
    print(share_line(f"  90% interval holds 1/{CLICKS_A_PAGE:g}; median {np.median(ratios):.4f}", within))
    print("\nerror of the best value: mean (root mean square)")
    for style in STYLES:
        errors = np.array(split_errors(range(problems // 3), style))
        bias, rms = errors.mean(axis=0), np.sqrt((errors**2).mean(axis=0))
        names = ("as seen", "shrunk", "chosen and valued apart")
        print(
            f"  cells {style}: "
            + ", ".join(f"{n} {b:+.4f} ({r:.4f})" for n, b, r in zip(names, bias, rms, strict=True))
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=300)
    print_verdict_rates(parser.parse_args().problems)
