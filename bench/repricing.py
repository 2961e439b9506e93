"""How long a new price list takes on a sweep that is stored: no training, no reading, no summarising.

    python bench/repricing.py [--cells 3000] [--replicates 1] [--lists 1000]

Made-up results, as many cells as trials unless `--replicates` says otherwise (the more cells, the slower): six
questions, every tenth cell mixes two. One core. Prints, over random price lists, how long costs and frontier take where
prices are points and where they are intervals; and once, what reading such a table into purchases takes.
"""

import argparse
import json
import os
import platform
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from softcore.prices.price_list import PriceList
from softcore.prices.read import PRICES
from sweeps.frontier.frontier import frontier, summarise, to_reprice
from sweeps.frontier.pricing import reprice

METRIC = "ce/10h"
QUESTIONS = ("click", "t1-uniform", "t1-clamp", "t2-uniform", "t2-clamp", "first-choice")


def made_up(cells: int, replicates: int) -> pd.DataFrame:
    """A results table whose values get better with what is bought, with noise."""
    rng = np.random.default_rng(0)
    which = rng.integers(len(QUESTIONS), size=cells)
    answers = np.zeros((cells, len(QUESTIONS)))
    answers[np.arange(cells), which] = rng.integers(1, 12, cells) * rng.choice([250, 500, 900], cells)
    mixed = np.arange(0, cells, 10)
    answers[mixed, 0] += 3 * 900
    value = 2 - 0.05 * np.log1p(answers @ rng.uniform(0.5, 2, len(QUESTIONS))) + rng.normal(0, 0.02, cells)
    table = pd.DataFrame({"cell": [f"c{i:05d}" for i in range(cells)], "status": "done", "dataset": "cifar10s"})
    table["variety"] = np.array(QUESTIONS)[which]
    for j, question in enumerate(QUESTIONS):
        table[f"answers/{question}"] = answers[:, j].astype(int)
    table[METRIC] = value
    return pd.concat([table.assign(seed=seed) for seed in range(replicates)], ignore_index=True)


def random_lists(n: int, intervals: bool) -> list[PriceList]:
    """Price lists with prices from a tenth of the thesis's to ten times them, as points or as intervals."""
    rng = np.random.default_rng(1)
    lists = []
    for i in range(n):
        low = {q: ends[0] * 10 ** rng.uniform(-1, 1) for q, ends in PRICES["thesis"].seconds.items()}
        wide = {q: (s, s * (rng.uniform(1, 2.5) if intervals else 1.0)) for q, s in low.items()}
        lists.append(PriceList(name=f"random-{i}", seconds=wide, basis="Random."))
    return lists


def timed(purchases, value, lists: list[PriceList]) -> dict[str, float]:
    """Milliseconds a price list: median and 95th percentile, by the clock and of the processor alone."""
    took = []
    for prices in lists:
        start = time.perf_counter(), time.process_time()
        reprice(purchases, value, [prices])
        took.append([time.perf_counter() - start[0], time.process_time() - start[1]])
    (wall, cpu), (wall_95, cpu_95) = 1000 * np.quantile(took, [0.5, 0.95], axis=0)
    found = {"median_ms": wall, "p95_ms": wall_95, "median_cpu_ms": cpu, "p95_cpu_ms": cpu_95}
    return {name: round(float(ms), 2) for name, ms in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=3000)
    parser.add_argument("--replicates", type=int, default=1)
    parser.add_argument("--lists", type=int, default=1000)
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    table = made_up(asked.cells, asked.replicates)
    start = time.perf_counter()
    purchases, value = to_reprice(summarise(table), METRIC)
    read = time.perf_counter() - start
    found = {
        kind: timed(purchases, value, random_lists(asked.lists, kind == "intervals"))
        for kind in ("points", "intervals")
    }
    one = random_lists(1, True)[0]
    start = time.perf_counter()
    made = frontier(table, METRIC, one).set_index("cell").loc[list(purchases.cells), "on_frontier"]
    scratch = time.perf_counter() - start
    same = made.tolist() == reprice(purchases, value, [one])[0][1].tolist()
    about = {"trials": len(table), "cells": asked.cells, "lists": asked.lists, "machine": platform.machine()}
    once = {"read_once_s": round(read, 2), "frontier_from_scratch_s": round(scratch, 2), "equal_to_scratch": same}
    print(json.dumps(about | found | once, indent=1))


if __name__ == "__main__":
    main()
