"""The results table: one row a trial, columns in one order, whole numbers whole."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from softcore.errors import RequestError, unknown_name
from softcore.prices.read import PRICES
from softcore.scoring.metrics import LEAST_VALIDATION, METRICS
from softcore.varieties import FREE
from sweeps.spec.cells import COLUMNS, Cell, Trial

DONE, FAILED = "done", "failed"  # what `status` may be
TEMPERATURE = ("temperature", "temperature_error")  # absent where validation images are too few to fit one
WHOLE = ("annotators", "items", "clicks", "seed", "panel", "repeat", "image_size", "epochs", "batch")
REAL = (
    *(
        "gamma",
        "beta",
        "confidence_decay",
        "alpha",
        "entropy_floor",
        "budget_hours",
        "learning_rate",
        "weight_decay",
        "train_seconds",
        "eval_seconds",
        "hired_hours",
        "recorded_seconds",
    ),
    *TEMPERATURE,
    *("label_seconds_per_item", "label_seconds_total", "label_usd"),
)


def cell_id(columns: Mapping[str, Any]) -> str:
    """The id of a cell from its columns."""
    return Cell({name: value for name, value in columns.items() if name != "budget_hours"}).id


def results_row(trial: Trial, columns: Mapping[str, Any], status: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the results table."""
    answers = result.get("answers", {})
    costs = ("label_seconds_per_item", "label_seconds_total", "label_usd", "recorded_seconds")
    return {
        "trial": trial.id,
        "cell": trial.cell.id,
        "seed": trial.seed,
        "panel": trial.panel,
        "status": status,
        **{name: columns.get(name) for name in COLUMNS},
        **{name: value for name, value in result.items() if "/" in name},
        "repeat": trial.repeat,
        **{name: result.get(name) for name in TEMPERATURE},
        "train_seconds": result.get("train_seconds"),
        "eval_seconds": result.get("eval_seconds"),
        **{name: result.get(name) for name in costs},
        **{f"answers/{v}": answers.get(v, 0) if result else None for v in PRICES["thesis"].seconds},
    }


def results_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a table: whole numbers stay whole where some are missing, columns keep one order."""
    table = pd.DataFrame(rows)
    metrics = [name for name in table.columns if "/" in name and not name.startswith("answers/")]
    head = [name for name in table.columns if name not in metrics]
    split = head.index("train_seconds") if "train_seconds" in head else len(head)
    table = table[[*head[:split], *sorted(metrics, key=_metric_order), *head[split:]]]
    for name in table.columns:
        if name in WHOLE or name.startswith("answers/"):
            # `annotators` may hold the word "all"; beside numbers it is a number, with and without nulls.
            table[name] = table[name] if (table[name] == "all").any() else table[name].astype("Int64")
        elif name in REAL:
            table[name] = table[name].astype(float)
    return table


def _metric_order(name: str) -> tuple[str, int]:
    order = tuple(METRICS)
    metric, _, test = name.partition("/")
    return test, order.index(metric) if metric in order else len(order)


NOT_AXES = frozenset(
    {
        "trial",
        "cell",
        "seed",
        "panel",
        "repeat",
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
        *TEMPERATURE,
    }
)
ANSWERS = "answers/"


def axis_columns(results: pd.DataFrame) -> list[str]:
    """Columns that say what a cell is, in the table's order: neither bookkeeping nor `name/test-set`."""
    return [c for c in results.columns if c not in NOT_AXES and "/" not in c]


def metric_columns(results: pd.DataFrame) -> list[str]:
    """Columns `metric/test-set`, in the table's order."""
    return [c for c in results.columns if "/" in c and not c.startswith(ANSWERS) and not c.endswith((" low", " high"))]


def for_choosing(results: pd.DataFrame) -> pd.DataFrame:
    """The table that a choice between trials may read: without the columns of test sets.

    A choice that has seen a test set is flattered by it. `tests/contracts/test_choosers.py` holds choosers to it.
    """
    tests = [name for name in results.columns if "/" in name and not name.startswith(ANSWERS)]
    return results.drop(columns=[name for name in tests if name.partition("/")[2] != VALIDATION])


def unknown_metric(metric: str, there: Sequence[str]) -> RequestError:
    """The refusal of a `metric` that results do not have, with those that are `there`, and why it may be absent."""
    refusal = str(unknown_name("metric", metric, there or ["none in these results"]))
    name = metric.partition("/")[0]
    if name in METRICS and METRICS[name].scaled:
        refusal += f" ({name} is absent where fewer than {LEAST_VALIDATION} validation images leave no temperature)"
    return RequestError(refusal)


def answer_columns(results: pd.DataFrame) -> list[str]:
    """Columns `answers/variety`, in the table's order."""
    return [c for c in results.columns if c.startswith(ANSWERS)]


def finished(results: pd.DataFrame) -> pd.DataFrame:
    """The rows of the trials that have finished."""
    return results[results["status"] == DONE]


def has_answers(table: pd.DataFrame) -> pd.Series:
    """Whether each row (a trial, or a cell with its mean answers) bought any answer."""
    return table[answer_columns(table)].fillna(0).astype(float).sum(axis="columns") > 0


def is_free(table: pd.DataFrame) -> pd.Series:
    """Whether each row's labels cost nobody's time: a free variety, beside which no answer was bought.

    Hard labels beside bought mixed images are not free.
    """
    return table["variety"].astype(str).isin(FREE) & ~has_answers(table)


CONTROL = "a control: labels that nobody would buy"


def is_control(table: pd.DataFrame) -> pd.Series:
    """Whether each row's labels are a control, which is compared with others and never advised."""
    return table["control"].notna() if "control" in table else pd.Series(False, index=table.index)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as mappings by column name."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


CORRUPTED = ("-c", "-c-generated")  # endings of test sets of corrupted images, the official ones first
VALIDATION = "validation"


def test_set_names(results: pd.DataFrame) -> list[str]:
    """Names of the test sets that the metrics are on, in the table's order; corrupted copies are not named apart."""
    names = dict.fromkeys(c.split("/", 1)[1] for c in metric_columns(results))
    return [name for name in names if name != VALIDATION and not name.endswith(CORRUPTED)]


def corrupted_column(metric: str, test_set: str, columns: pd.Index) -> str:
    """The column of `metric` on the corrupted images of `test_set`: the official ones', else the generated ones'."""
    there = [f"{metric}/{test_set}{ending}" for ending in CORRUPTED if f"{metric}/{test_set}{ending}" in columns]
    return there[0] if there else f"{metric}/{test_set}{CORRUPTED[0]}"


def plain_values(value: Any) -> Any:
    """`value` with lists for tuples, arrays and columns, Python's numbers for NumPy's, None for infinity and NaN."""
    if isinstance(value, Mapping):
        return {str(name): plain_values(each) for name, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray | pd.Series):
        return [plain_values(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
