"""What must not take long, against the seconds that it may take: pooling, a frontier, bands and plans at new prices.

    python bench/limits.py [--data-root DIR]

Processor seconds, the median of three; one core. Limits are several times what a quiet machine takes. Ends with 1 where
one is passed. Pooling needs CIFAR-10S's answers and is left out where they are not. `repricing.py` has price lists.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from softcore.data.dataset import Dataset
from softcore.datasets import data_root, load
from softcore.errors import RequestError
from softcore.labels.aggregate import BY_PERSON, aggregate
from softcore.labels.ask import people_labels
from softcore.prices.read import PRICES
from sweeps.frontier.banded import bands_from_draws, cell_draws
from sweeps.frontier.pricing import non_dominated
from sweeps.planning.advise import advice
from sweeps.planning.forecast import make_forecast
from sweeps.planning.rank import Limits
from sweeps.studies.coverage.planted import SECONDS, Noise, by_answers, grid, problem
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, World, bought_cells, planted_table

Timed = tuple[float, Callable[[], Any]]  # seconds that it may take, what to time


def pooling(cifar10s: Dataset) -> dict[str, Timed]:
    """All of CIFAR-10S's T2 Clamp answers by each way of pooling."""
    labels, _ = people_labels(cifar10s, "t2-clamp", cifar10s.annotated_items[:900])
    return {f"pooling by {method}": (10.0, partial(aggregate, labels, method)) for method in (*BY_PERSON, "majority")}


def pricing() -> dict[str, Timed]:
    """A frontier of very many cells; bands and plans at other prices, from draws that are there."""
    rng, made = np.random.default_rng(0), grid()
    cost, value = rng.random((2, 100_000))
    planted = problem(made, by_answers(made, SECONDS, slope=0.1, free=[2.0, 2.02, 2.04]), Noise(), rng)
    drawn = cell_draws(planted.results(), METRIC)
    ready = make_forecast(planted_table(World(), [*bought_cells(), *FREE_CELLS], rng), metric=METRIC)
    dear = replace(PRICES["thesis"], seconds={**PRICES["thesis"].seconds, "click": (7.5, 7.5)})
    return {
        "a frontier of 100,000 cells": (2.0, partial(non_dominated, cost, value)),
        "bands at new prices": (0.5, partial(bands_from_draws, drawn, dear)),
        "plans at another wage": (2.0, partial(advice, ready, Limits(budget_usd=400.0), wage=9.0)),
    }


def seconds(call: Callable[[], Any]) -> float:
    """What a call takes of the processor: the median of three, after one that pays for imports."""
    call()
    took = []
    for _ in range(3):
        started = time.process_time()
        call()
        took.append(time.process_time() - started)
    return statistics.median(took)


def main() -> None:
    """Measure, print, and end with 1 where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", default=None)
    asked = parser.parse_args()
    timed = pricing()
    try:
        timed |= pooling(load("cifar10s", data_root(asked.data_root)))
    except RequestError as error:
        print(f"no pooling: {error}", file=sys.stderr)
    found = {name: {"seconds": round(seconds(call), 3), "limit": limit} for name, (limit, call) in timed.items()}
    print(json.dumps(found, indent=1))
    sys.exit(any(one["seconds"] > one["limit"] for one in found.values()))


if __name__ == "__main__":
    main()
