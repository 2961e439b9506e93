"""What the prior on temperatures did to `scaled-ce`: both fits on the stored predictions of finished sweeps.

    python bench/temperatures.py SWEEPS/chapter-3-9d546af1 SWEEPS/schedule-ce4a37b3 --data-root D [--images 100]

Reads each trial's logits on validation images and test sets, fits the temperature without a prior (as up to commit
a01d99d) and with it, and prints a row a sweep and test set: trials, the temperatures' range, and the mean and largest
absolute difference of `scaled-ce` between the fits. A value stored with the trial that is not the new fit's is counted.
With `--images` both fits see so many of the validation images alone: up to 500 of them are those of learning curves.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from softcore.data.dataset import Dataset
from softcore.datasets import data_root, load
from softcore.scoring.metrics import cross_entropy, fit_temperature
from softcore.seeding import generator
from softcore.test_sets import test_sets
from sweeps.running.store import Store
from sweeps.spec.cells import trials_of


def without_prior(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature in 0.01..100 of the least cross-entropy on hard labels: the fit before there was a prior."""
    wide, hard = logits.astype(np.float64), np.eye(logits.shape[1])[labels]
    found = minimize_scalar(
        lambda logarithm: cross_entropy(wide / np.exp(logarithm), hard),
        bounds=(np.log(0.01), np.log(100)),
        method="bounded",
    )
    return float(np.exp(found.x))


def differences(sweep: Path, dataset: Dataset, images: int | None) -> Iterator[dict[str, float | str]]:
    """A row a finished trial and test set: both temperatures, both values of `scaled-ce`, and the one stored."""
    store = Store(sweep)
    done, _ = store.outcomes()
    for trial in trials_of(store.resolved()):
        if trial.id not in done:
            continue
        with np.load(store.trials / trial.id / "predictions.npz") as kept:
            drawn = generator("curve").permutation(len(kept["validation/items"]))[:images]
            logits, labels = kept["validation/clean"][drawn], dataset.labels[kept["validation/items"][drawn]]
            old, new = (fit(logits, labels) for fit in (without_prior, fit_temperature))
            for name, test in test_sets(dataset, trial.seed, trial.cell.axes.get("holdout")).items():
                before, after = (cross_entropy(kept[f"{name}/clean"] / fitted, test.targets) for fitted in (old, new))
                yield {
                    "sweep": sweep.name,
                    "test": name,
                    "images": len(labels),
                    "old": old,
                    "new": new,
                    "before": before,
                    "after": after,
                    "stored": done[trial.id][f"scaled-ce/{name}"],
                }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="+", type=Path)
    parser.add_argument("--data-root")
    parser.add_argument("--images", type=int, help="validation images that both fits see; all without it")
    asked = parser.parse_args()
    dataset = load("cifar10s", data_root(asked.data_root))
    for sweep in asked.sweeps:
        found = pd.DataFrame(differences(sweep, dataset, asked.images))
        for name, rows in found.groupby("test", sort=False):
            gap = (rows["after"] - rows["before"]).abs()
            other = int(((rows["after"] - rows["stored"]).abs() > 1e-9).sum())
            print(
                f"{sweep.name} {name}: {len(rows)} trials, {rows['images'].iloc[0]} validation images, temperatures "
                f"{rows['new'].min():.2f} to {rows['new'].max():.2f}; scaled-ce moves by {gap.mean():.2g} on average "
                f"and {gap.max():.2g} at most; {other} stored otherwise"
            )


if __name__ == "__main__":
    main()
