"""Are two ways to train the same on average? Trials of two folders or results tables, held against each other.

    python bench/paper.py plan schedule --scale "" --data DATA --to plan.json
    python bench/equivalence.py plan.json --data DATA --from docs/results/schedule/schedule-ce4a37b3.csv --with OUT

Folders are those that `bench/paper.py run` writes. Prints the mean difference of each metric over the trials that both
have, and whether it is surely smaller than the margin (two one-sided tests; Schuirmann 1987, doi:10.1007/BF01068419).
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from paper import read_predictions, records, say
from scipy import stats

from softcore.data.dataset import Dataset
from softcore.datasets import load
from softcore.evaluate import evaluate
from softcore.statistics import mean_interval
from softcore.test_sets import test_sets


def metrics_of(place: Path, dataset: Dataset, planned: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """The metrics of each trial whose predictions lie in a folder, or of each row of a results table (a .csv)."""

    if place.suffix == ".csv":
        rows = pd.read_csv(place).set_index("trial")
        return {str(name): dict(row) for name, row in rows.iterrows()}
    found = {}
    for part in sorted(place.glob("part-*.npz")):
        for record in records(part):
            if "failed" not in record:
                trial = planned[record["trial"]]
                tests = test_sets(dataset, trial["seed"], trial["labels"].get("holdout"))
                found[trial["id"]] = evaluate(read_predictions(part, trial["id"], dataset, tests), dataset, tests)
    return found


def main() -> None:
    """Print the mean difference of each metric, second folder minus first, and what two one-sided tests say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--from", dest="source", type=Path, required=True)
    parser.add_argument("--with", dest="other", type=Path, required=True)
    parser.add_argument("--metric", action="append", help="may be repeated; scaled-ce/10h without it")
    parser.add_argument("--margin", type=float, default=0.01)
    asked = parser.parse_args()
    content = json.loads(asked.plan.read_text())
    dataset, planned = load(content["dataset"], asked.data), {trial["id"]: trial for trial in content["trials"]}
    first, second = (metrics_of(each, dataset, planned) for each in (asked.source, asked.other))
    both = sorted(first.keys() & second.keys())
    for metric in asked.metric or ["scaled-ce/10h"]:
        apart = np.array([second[name][metric] - first[name][metric] for name in both])
        # Both one-sided tests at 5% are passed just when the 90% interval lies within the margin.
        interval = mean_interval(apart, level=0.90)
        above, below = (
            stats.ttest_1samp(apart, bound, alternative=side).pvalue
            for bound, side in ((-asked.margin, "greater"), (asked.margin, "less"))
        )
        line = {
            "metric": metric, "n": len(both), "mean": interval.mean, "90% low": interval.low,
            "90% high": interval.high, "sd": apart.std(ddof=1), "margin": asked.margin, "p": max(above, below),
        }  # fmt: skip
        line = {name: round(value, 5) if isinstance(value, float) else value for name, value in line.items()}
        say(json.dumps(line | {"equivalent": bool(max(above, below) < 0.05)}))


if __name__ == "__main__":
    main()
