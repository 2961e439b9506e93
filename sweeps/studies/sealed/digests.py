"""The digest of a results table, which tells one reading of sealed results from another."""

import hashlib
from collections.abc import Sequence

import pandas as pd


def table_digest(results: pd.DataFrame, metrics: Sequence[str]) -> str:
    """SHA-256 (hex) of the finished trials of a results table and of their `metrics`, in any order of rows.

    A trial's id says what it is; what else its row holds (seconds of training) tells nothing.
    """
    done = results[results["status"] == "done"].sort_values("trial")
    lines = [
        f"{trial} " + " ".join(f"{value:.9g}" for value in values)
        for trial, values in zip(done["trial"], done[[*metrics]].to_numpy(dtype=float), strict=True)
    ]
    return hashlib.sha256("\n".join([" ".join(metrics), *lines]).encode()).hexdigest()
