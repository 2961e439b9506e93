"""Data sets that several tests read, and a writer of files in CIFAR-10S's raw format."""

import csv
import json
import os
from pathlib import Path

import pytest

from softcore.data import hmix
from softcore.data.readers import PAGE_COLUMNS
from softcore.datasets import load


@pytest.fixture(scope="session")
def real_root():
    """The folder of official files; tests that need it skip without SOFTCORE_DATA."""
    given = os.environ.get("SOFTCORE_DATA")
    if not given or not (Path(given) / "cifar10s" / "raw_human_data.csv").is_file():
        pytest.skip("needs the real CIFAR-10S files: set SOFTCORE_DATA to the folder `sweeps data fetch` filled")
    return Path(given)


@pytest.fixture(scope="session")
def cifar10s(real_root):
    return load("cifar10s", real_root)


@pytest.fixture(scope="session")
def hmix_data(real_root):
    if not all((real_root / file).is_file() for file in hmix.FILES):
        pytest.skip("needs the real H-Mix files: `sweeps data fetch hmix`")
    return load("hmix", real_root)


@pytest.fixture(scope="session")
def digits():
    return load("digits")


@pytest.fixture
def page():
    """A maker of one raw page: `page(top1="Cat", p1="80", ...)`; what is not said is an ordinary answer."""

    def make(
        subject="ann",
        item=3,
        top1="Cat",
        p1="100",
        top2="No",
        p2="",
        ticks=("Ship",),
        task="spec_conf",
        index=6,
        ms=32_000,
    ):
        response = {"classSelect": f"mostProb{top1}", "prob": p1, "classSelect2": f"secondProb{top2}", "prob2": p2}
        response |= {f"improbClassSelect{c}": "1" for c in ticks}
        return {
            "trial_index": index,
            "time_elapsed": index * 60_000,
            "subject": subject,
            "rt": ms,
            "response": json.dumps(response),
            "task": task,
            "img_id": f"{item}.0",
        }

    return make


@pytest.fixture
def write_raw():
    """A writer of pages as a raw CSV, after one row that is no answer, so that page i (from 0) is line i + 3."""

    def write(path, pages):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=(*PAGE_COLUMNS, "img_id"), restval="")
            writer.writeheader()
            writer.writerow({"trial_index": 0, "time_elapsed": 10, "subject": "ann"})
            writer.writerows(pages)
        return path

    return write
