"""Which columns of a results table are axes, metrics and answers."""

from typing import Any

import pandas as pd

NOT_AXES = frozenset(
    {
        "trial",
        "cell",
        "seed",
        "panel",
        "status",
        "error",
        "reason",
        "recipe",
        "n",
        "n_failed",
        "train_seconds",
        "eval_seconds",
        "label_seconds_per_item",
        "label_seconds_total",
        "label_usd",
        "recorded_seconds",
    }
)
ANSWERS = "answers/"


def axis_columns(results: pd.DataFrame) -> list[str]:
    """Columns that say what a cell is, in the table's order: neither bookkeeping nor `name/test-set`."""
    return [c for c in results.columns if c not in NOT_AXES and "/" not in c]


def metric_columns(results: pd.DataFrame) -> list[str]:
    """Columns `metric/test-set`, in the table's order."""
    return [c for c in results.columns if "/" in c and not c.startswith(ANSWERS) and not c.endswith((" low", " high"))]


def answer_columns(results: pd.DataFrame) -> list[str]:
    """Columns `answers/variety`, in the table's order."""
    return [c for c in results.columns if c.startswith(ANSWERS)]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as mappings by column name."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


CORRUPTED = ("-c", "-c-generated")  # endings of test sets of corrupted images, the official ones first
VALIDATION = "validation"


def test_sets(results: pd.DataFrame) -> list[str]:
    """Names of the test sets that the metrics are on, in the table's order; corrupted copies are not named apart."""
    names = dict.fromkeys(c.split("/", 1)[1] for c in metric_columns(results))
    return [name for name in names if name != VALIDATION and not name.endswith(CORRUPTED)]


def corrupted(metric: str, test_set: str, columns: pd.Index) -> str:
    """The column of `metric` on the corrupted images of `test_set`: the official ones', else the generated ones'."""
    there = [f"{metric}/{test_set}{ending}" for ending in CORRUPTED if f"{metric}/{test_set}{ending}" in columns]
    return there[0] if there else f"{metric}/{test_set}{CORRUPTED[0]}"
