"""Do intervals of plans from a pilot hold? Made-up pilots whose truth is known, far beyond what they measured.

    python -m sweeps.studies.pilots.pilot_coverage [--pilots 100]

A pilot is what `sweeps data pilot` makes of 8 batches of 25 images and 3 people each: 12 cells, 3 seeds. People are
drawn one by one, a batch has its own, and their answers stay what they are whatever the seed. Predicted are single runs
of new people, 250 and 900 images, M 1 to 3: a truth that follows a power of N' (an exponent from 0.4 to 1.3) or that
flattens out, and gains that are large beside the noise, as of raw cross-entropy, or about as large, as after one
temperature. Printed: how often the 80% and 95% intervals of the planner's model held, how often with people
left out on purpose, or had the nearest cells planned, and how wide they are. The cells of a pilot share its luck: what
stands after +- is two standard errors over pilots.
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from sweeps.planning.bootstrap import FittedModel, draws_generator
from sweeps.planning.checks import LEVELS, check, choose_model
from sweeps.planning.noise import draw_runs
from sweeps.planning.rows import make_rows
from sweeps.results.table import DONE

METRIC, CROWD = "ce/10h", "pages"
PAGES = ("t1-uniform", "t1-clamp", "t2-uniform", "t2-clamp")
QUESTIONS = (*PAGES, "first-choice")
BATCHES, ALL_BATCHES, IN_BATCH, HIRED, THERE = 8, 36, 25, 3, 6
MODELS = ("curve", "regression", "nearest cells")
SHAPES, GAINS = ("power", "flattening"), ("large", "small")
POINTS = [(variety, m, n) for variety in PAGES for m in (1, 2, 3) for n in (250, 900)]
# variety, M, N', panels of the pilot's bought cells
CELLS = [
    *(("t2-clamp", 1, n, 2) for n in (100, 200)),
    *(("t2-clamp", m, n, 1) for m, n in ((2, 200), (3, 200), (3, 50))),
    *((variety, 3, 200, 1) for variety in PAGES[:3]),
    *(("first-choice", m, 200, 1) for m in (1, 3)),
]


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What cells are worth, and the standard deviation of each noise; people's is that of one an image on 8 batches."""

    start: float
    smoothed: float
    one: Mapping[str, float]
    everybody: Mapping[str, float]
    shape: str
    power: float
    reach: float
    fall: float
    of_seed: float
    of_people: float
    own: float
    of_trial: float

    def value(self, variety: str, annotators: int, items: int) -> float:
        """The mean over seeds and people."""
        share = (items / 900) ** self.power
        if self.shape != SHAPES[0]:
            share = float(np.expm1(-items / self.reach) / np.expm1(-900 / self.reach))
        left = annotators**-self.fall
        return float(self.start - share * (self.one[variety] * left + self.everybody[variety] * (1 - left)))


def truth(shape: str, gains: str, rng: np.random.Generator) -> Truth:
    """A truth drawn at random; sizes are near those of CIFAR-10S at half scale."""
    large = gains == GAINS[0]
    apart, more = (0.04, 0.1) if large else (0.015, 0.03)
    base = rng.normal(0.25, 0.05) if large else rng.normal(0, 0.015)
    one = {name: base + rng.normal(0, apart) for name in QUESTIONS}
    noise = (0.025, 0.04, 0.01, 0.012) if large else (0.01, 0.006, 0.003, 0.004)
    everybody = {name: one[name] + more + rng.normal(0, apart) for name in QUESTIONS}
    # Smoothing does more than answers to raw cross-entropy; after one temperature it may do nothing, or much harm.
    smoothed = 1.6 if large else rng.choice([1.165, 1.28])
    return Truth(
        start=1.79 if large else 1.157,
        smoothed=smoothed,
        one=one,
        everybody=everybody,
        shape=shape,
        power=rng.uniform(0.4, 1.3),
        reach=rng.uniform(150, 900),
        fall=rng.uniform(0.5, 1.2),
        of_seed=noise[0],
        of_people=noise[1],
        own=noise[2],
        of_trial=noise[3],
    )


class Crowd:
    """People of some batches: their marks, shared by all questions and one question's own; drawn once and for all."""

    def __init__(self, world: Truth, batches: int, people: int, rng: np.random.Generator) -> None:
        sizes = np.sqrt(BATCHES) * np.array([world.of_people, world.own])
        self._shared = sizes[0] * rng.standard_normal((batches, people))
        self._own = {name: sizes[1] * rng.standard_normal((batches, people)) for name in QUESTIONS}

    def order(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A seed's order of the batches, and of the people in each."""
        return rng.permutation(len(self._shared)), np.argsort(rng.random(self._shared.shape), axis=1)

    def mark(
        self, order: tuple[np.ndarray, np.ndarray], variety: str, annotators: int, items: int, panel: int
    ) -> float:
        """What the people of a panel add: the first M of each batch, or the last."""
        batches = order[0][: items // IN_BATCH]
        who = order[1][batches]
        who = who[:, :annotators] if panel == 0 else who[:, -annotators:]
        return float((self._shared + self._own[variety])[batches[:, None], who].mean())


def pilot_results(world: Truth, rng: np.random.Generator, seeds: int = 3) -> pd.DataFrame:
    """The pilot's results table."""
    crowd, found = Crowd(world, BATCHES, HIRED, rng), []
    for seed in range(seeds):
        order, mark = crowd.order(rng), world.of_seed * rng.standard_normal()
        for number, (variety, level) in enumerate((("hard", world.start), ("smoothed", world.smoothed))):
            value = level + mark + world.of_trial * rng.standard_normal()
            found.append(_row(f"free{number}", seed, 0, value, variety=variety))
        for number, (variety, annotators, items, panels) in enumerate(CELLS):
            for panel in range(panels):
                value = world.value(variety, annotators, items) + mark + world.of_trial * rng.standard_normal()
                value += crowd.mark(order, variety, annotators, items, panel)
                bought = {"annotators": annotators, "items": items, "hiring": "breadth", "aggregation": "separate"}
                found.append(_row(f"cell{number}", seed, panel, value, variety=variety, **bought))
    return pd.DataFrame(found)


def _row(cell: str, seed: int, panel: int, value: float, **axes: Any) -> dict[str, Any]:
    asked = axes.get("annotators", 0) * axes.get("items", 0)
    answers = {f"answers/{name}": asked * (name == axes["variety"]) for name in QUESTIONS}
    blank = dict.fromkeys(("annotators", "items", "hiring", "aggregation"))
    row = {"trial": f"{cell}-s{seed}-p{panel}", "cell": cell, "seed": seed, "panel": panel, "status": DONE}
    return {**row, "dataset": "made-up", **blank, **axes, METRIC: value, **answers}


def one_pilot(number: int) -> pd.DataFrame:
    """Of each point whether each interval held the run that came, as it is and with people left out; a row a point."""
    shape, gains = SHAPES[number % 2], GAINS[number // 2 % 2]
    rng = np.random.default_rng([41, number])
    world = truth(shape, gains, rng)
    learnt = make_rows(pilot_results(world, rng), METRIC)
    choice = choose_model(learnt, draws_generator(number), beyond=True)
    crowd, mark = Crowd(world, ALL_BATCHES, THERE, rng), world.of_seed * rng.standard_normal()
    order = crowd.order(rng)
    runs = [
        world.value(*at) + crowd.mark(order, *at, panel=0) + world.of_trial * rng.standard_normal() for at in POINTS
    ]
    seen = mark + np.array(runs)  # one seed, which the points share
    points = pd.DataFrame(POINTS, columns=["variety", "annotators", "items"]).astype(
        {"annotators": float, "items": float}
    )
    points = points.assign(aggregation="separate", policy="plain", free=False)
    found = points.assign(pilot=number, shape=shape, gains=gains, model=choice.chosen.name)
    trained, whole = _runs(choice.chosen, points, rng)
    every = {model.name: _runs(model, points, rng)[1] for model in choice.tried}
    for name, draws in every.items():
        found[f"score {name}"] = check(name, draws, seen).score
    for name, draws in (("", whole), (" without people", trained), (" of nearest cells", every["nearest cells"])):
        for level in LEVELS:
            low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
            found[f"{level:.0%}{name}"] = (low <= seen) & (seen <= high)
            found[f"width {level:.0%}{name}"] = high - low
    return found


def _runs(model: FittedModel, points: pd.DataFrame, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws [n, points] of a run with a new seed, and of one with new people too."""
    few = points.assign(crowd=CROWD)
    return draw_runs(model, few, rng, panels=np.inf).runs, draw_runs(model, few, rng).runs


def coverage_line(found: pd.DataFrame, words: str) -> str:
    """Coverage with its standard error over pilots, and the width."""
    parts = []
    for name in ("80%", "95%", "80% without people", "80% of nearest cells"):
        each = found.groupby("pilot")[name].mean()
        parts.append(f"{name} {each.mean():.1%} +- {2 * each.std() / np.sqrt(len(each)):.1%}")
    pilots = found["pilot"].nunique()
    if len(found) == pilots * len(POINTS):  # scores are of all points of a pilot
        parts.append("interval scores " + " ".join(f"{name} {found[f'score {name}'].mean():.4f}" for name in MODELS))
    return f"{words:28} {', '.join(parts)}; 80% width {found['width 80%'].mean():.3f}; {pilots} pilots"


def main() -> None:
    """Print the coverage of all pilots, then by what differs."""
    parser = argparse.ArgumentParser(description="Coverage of plans far beyond made-up pilots.")
    parser.add_argument("--pilots", type=int, default=100)
    found = pd.concat([one_pilot(number) for number in range(parser.parse_args().pilots)], ignore_index=True)
    print(coverage_line(found, "all"))
    for name in ("items", "annotators", "shape", "gains", "model"):
        for value, part in found.groupby(name):
            print(coverage_line(part, f"{name} {value:g}" if name in ("items", "annotators") else f"{name} {value}"))


if __name__ == "__main__":
    main()
