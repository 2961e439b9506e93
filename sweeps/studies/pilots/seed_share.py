"""How much seeds vary relative to the trials of one seed: the ratio that the prior of plans rests on, from results.

    python -m sweeps.studies.pilots.seed_share docs/results/*.csv docs/results/grid/grid-0*.csv [--metric ce/10h ...]

For each table and metric the standard deviation of what all trials of a seed share (a crowd's part included) over that
of trials within a seed about their cells; with three seeds each is known to a factor of two or three.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from sweeps.sources import from_file
from sweeps.uncertainty.components import _within
from sweeps.uncertainty.replicates import replicates
from sweeps.uncertainty.strata import CROWD, SEED
from sweeps.uncertainty.variance import VarianceModel

METRICS = ("ce/10h", "scaled-ce/10h", "ce/10s", "scaled-ce/10s", "rmsce/10h", "fgsm/10h", "accuracy/10h")


def share(model: VarianceModel) -> float:
    """The ratio of the two standard deviations, by the best guess of each variance."""
    sizes = zip(model.strata.components, model.variances, strict=True)
    shared = sum(variance for name, variance in sizes if name in (SEED, CROWD))
    return float(np.sqrt(shared / _within(model.strata, model.mean_squares)))  # what the prior is scaled by


def main() -> None:
    """Print each ratio, then how they lie."""
    parser = argparse.ArgumentParser(description="How much seeds vary relative to the trials of one seed.")
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--metric", nargs="+", default=METRICS)
    options = parser.parse_args()
    found = []
    for table in options.tables:
        results = from_file(table).results
        for metric in (metric for metric in options.metric if metric in results):
            model = replicates(results, [metric]).variance(metric)
            found.append(share(model))
            print(f"{table.stem:28} {metric:14} {len(np.unique(model.strata.layout.seed))} seeds  {found[-1]:.2f}")
    low, middle, high = np.quantile(found, [0, 0.5, 1])
    below = np.mean(np.array(found) < 1)
    print(f"{len(found)} in all: {low:.2f} to {high:.2f}, median {middle:.2f}; {below:.0%} below 1")


if __name__ == "__main__":
    main()
