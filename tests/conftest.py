"""Checks the shapes in the training core's signatures while tests run; nobody else pays for it."""

import os

# One thread a process, as trials have it: set before NumPy or torch is first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings
from jaxtyping import install_import_hook

SHAPED = (  # not the models: evaluation traces them with stand-ins for tensors
    "labels",
    "images",
    "losses",
    "mixing",
    "hmix",
    "logistic",
    "clustered",
    "corruptions",
    "corrupted",
    "resampling",
    "batches",
    "train",
    "predict",
    "attacks",
    "metrics",
    "evaluate",
    "test_sets",
)
install_import_hook([f"softcore.{module}" for module in SHAPED], "beartype.beartype")

# The same examples each time, and none fails for being slow: CI's machines are shared.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("steady")
