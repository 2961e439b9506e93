"""How often intervals hold what they should, over many made-up sweeps; and that the check can see a broken method."""

import numpy as np
import pandas as pd
import pytest

from sweeps.planning.bootstrap import fit_surface
from sweeps.planning.noise import draw_runs
from sweeps.planning.rows import make_rows
from sweeps.planning.surfaces import Curve
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, World, bought_cells, planted_table

VARIETIES = ("click", "t1-clamp", "t2-clamp")
SEEDS, POINTS, WORLDS = 5, 12, 24


def a_world(rng: np.random.Generator) -> World:
    """People vary much, so that leaving them out must show."""
    return World(
        first={name: rng.normal(0.15, 0.04) for name in VARIETIES},
        everybody={name: rng.normal(0.33, 0.04) for name in VARIETIES},
        items_power=rng.uniform(0.3, 1),
        fall=rng.uniform(0.5, 1.2),
        of_people=0.02,
        own=0.03,
    )


def held(draws: np.ndarray, seen: np.ndarray, level: float) -> np.ndarray:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return (low <= seen) & (seen <= high)


@pytest.mark.simulation
def test_intervals_hold_runs_of_new_people_and_new_seeds_and_fail_without_the_people():
    whole, peopleless = [], []
    for number in range(WORLDS):
        rng = np.random.default_rng([11, number])
        world = a_world(rng)
        seen = planted_table(
            world, [*bought_cells(VARIETIES, clicks=(1, 3, 6, 12)), *FREE_CELLS], rng, seeds=range(SEEDS)
        )
        learnt = make_rows(seen, METRIC)
        wanted = [
            {"variety": name, "annotators": int(rng.integers(1, 4)), "items": int(rng.integers(10, 37) * 25)}
            for name in rng.choice(VARIETIES, POINTS)
        ]
        # Each point is one run of its own seed and people.
        runs = np.array(
            [planted_table(world, [point], rng, seeds=(99,), panels=(0,))[METRIC].iloc[0] for point in wanted],
            dtype=float,
        )
        points = pd.DataFrame(wanted).astype({"annotators": float, "items": float})
        points = points.assign(aggregation="separate", policy="plain", free=False)
        points["crowd"] = ["clicks" if name == "click" else "pages" for name in points["variety"]]
        model = fit_surface(Curve.of(learnt), learnt, rng)
        whole.append([held(draw_runs(model, points, rng).runs, runs, level) for level in (0.8, 0.95)])
        peopleless.append(held(draw_runs(model, points, rng, panels=np.inf).runs, runs, 0.8))
    at_80, at_95 = np.mean(whole, axis=(0, 2))
    assert 0.74 < at_80 < 0.93  # 288 runs; with five seeds variances are uncertain and intervals on the safe side
    assert at_95 > 0.91
    assert np.mean(peopleless) < at_80 - 0.1


@pytest.mark.simulation
def test_intervals_hold_far_beyond_a_pilot():
    """Pilots of 100 and 200 images and up to three people; the truth is that of 900 images and one to six people."""
    pages = {"variety": "t2-clamp", "aggregation": "separate"}
    pilot = [pages | {"annotators": m, "items": 200} for m in (1, 2, 3)] + [pages | {"annotators": 3, "items": 100}]
    pilot += [{"variety": q, "aggregation": "separate", "annotators": 3, "items": 200} for q in ("click", "t1-clamp")]
    found = []
    for number in range(14):
        rng = np.random.default_rng([12, number])
        world = a_world(rng)
        learnt = make_rows(planted_table(world, [*pilot, *FREE_CELLS], rng, seeds=range(7), panels=(0,)), METRIC)
        wanted = [pages | {"annotators": m, "items": 900} for m in (1, 3, 6)]
        points = pd.DataFrame(wanted).astype({"annotators": float, "items": float})
        values, _ = fit_surface(Curve.of(learnt), learnt, rng).values(points.assign(policy="plain", free=False), rng)
        truth = np.log([world.value(point) for point in wanted])
        found.append([held(values, truth, level) for level in (0.8, 0.95)])
    at_80, at_95 = np.mean(found, axis=(0, 2))
    assert at_80 > 0.6
    assert at_95 > 0.8
