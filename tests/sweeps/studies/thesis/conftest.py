"""Results tables made by hand, with differences that are known."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pytest

from sweeps.sources import Source, merge
from sweeps.studies.thesis.claims import Claim, claims
from sweeps.studies.thesis.findings import Finding, claim_findings
from sweeps.studies.thesis.row_trials import Trials

POOLED = {"aggregation": "mean", "annotators": "all", "items": 900}
KEPT = POOLED | {"aggregation": "separate"}
AXES: dict[str, Any] = {
    "dataset": "cifar10s",
    "variety": "hard",
    "aggregation": None,
    "annotators": None,
    "items": None,
    "rest": "hard",
    "gamma": None,
    "beta": None,
    "model": "cnn",
    "epochs": 15,
    "learning_rate": 0.1,
    "augmentation": "none",
    "image_size": 32,
}


def cell(name: str, seeds: Sequence[int] = (0, 1, 2), status: str = "done", **given: Any) -> pd.DataFrame:
    """The trials of one cell, one a seed: metrics are given with `__` for the stroke (`ce__10h=[1.0, 1.1, 1.2]`)."""
    axes = AXES | {axis: value for axis, value in given.items() if "__" not in axis}
    rows = pd.DataFrame([axes] * len(seeds))
    rows.insert(0, "trial", [f"{name}-s{seed}-p0" for seed in seeds])
    rows.insert(1, "cell", name)
    rows.insert(2, "seed", list(seeds))
    rows.insert(3, "panel", 0)
    rows.insert(4, "status", status)
    for metric, numbers in given.items():
        if "__" in metric:
            test = metric.split("__")[1].replace("_", "-")
            rows[f"{metric.split('__')[0].replace('_', '-')}/{test}"] = list(numbers)
    return rows


@pytest.fixture(scope="session")
def make() -> Callable[..., pd.DataFrame]:
    return cell


@pytest.fixture(scope="session")
def claim() -> Callable[[str], Claim]:
    by_id = {found.id: found for found in claims()}
    return lambda name: by_id[name]


@pytest.fixture(scope="session")
def find(claim) -> Callable[..., list[Finding]]:
    """What results tables say of one claim of the thesis."""

    def ask(name: str, *tables: pd.DataFrame, **about: Any) -> list[Finding]:
        done, simulated, _ = merge([Source(name="made", results=pd.concat(tables, ignore_index=True), about=about)])
        return claim_findings([claim(name)], Trials(done), simulated)

    return ask
