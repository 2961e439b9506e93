"""The results table: one row a trial, columns in one order, whole numbers whole."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from softcore.prices.read import PRICES
from softcore.scoring.metrics import METRICS
from sweeps.cells import COLUMNS, Cell, Trial

WHOLE = ("annotators", "items", "clicks", "seed", "panel", "image_size", "epochs", "batch")
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
    *("label_seconds_per_item", "label_seconds_total", "label_usd"),
)


def cell_id(columns: Mapping[str, Any]) -> str:
    """The id of a cell from its columns."""
    return Cell({name: value for name, value in columns.items() if name != "budget_hours"}).id


def row(trial: Trial, columns: Mapping[str, Any], status: str, result: Mapping[str, Any]) -> dict[str, Any]:
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
        "train_seconds": result.get("train_seconds"),
        "eval_seconds": result.get("eval_seconds"),
        **{name: result.get(name) for name in costs},
        **{f"answers/{v}": answers.get(v, 0) if result else None for v in PRICES["thesis"].seconds},
    }


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
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
