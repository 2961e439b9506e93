"""Checks the shapes in the training core's signatures while tests run; nobody else pays for it."""

import os
from pathlib import Path

# One thread a process, as trials and commands have it: set before torch is first imported, and for NumPy, which a
# plug-in of pytest's imports before this file is read.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook
from threadpoolctl import threadpool_limits

from tests.checked import checked

threadpool_limits(1)

SHAPED = (  # not the models: evaluation traces them with stand-ins for tensors
    "labels",
    "data.hmix",
    "training.images",
    "training.mixing",
    "training.logistic",
    "training.batches",
    "scoring.metrics",
    "scoring.metric_card",
    "scoring.temperature",
    "scoring.likelihood",
    "scoring.distance",
    "scoring.agreement",
    "scoring.calibration",
    "scoring.robustness",
    "scoring.groups",
    "scoring.attacks",
    "scoring.corruptions",
    "scoring.corrupted",
    "train",
    "evaluate",
    "test_sets",
)
for module in SHAPED:  # a name that is not there would check nothing, and say nothing
    place = Path(__file__).parents[1] / "softcore" / module.replace(".", "/")
    if not (place.is_dir() or place.with_suffix(".py").is_file()):
        raise FileNotFoundError(f"no module softcore.{module} to check the shapes of")
install_import_hook([f"softcore.{module}" for module in SHAPED], f"{checked.__module__}.{checked.__name__}")

# The same examples each time, and none fails for being slow: CI's machines are shared.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of the slow tests those of the whole program come first: a long file that begins last would keep one core idle.

    `make test-slow` hands files out in this order; pytest-xdist by itself begins with those of the most tests.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None and "end_to_end" not in item.path.parts)
