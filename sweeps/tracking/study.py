"""What an experiment of MLflow's says of a study: a note, and a view that shows one line a cell."""

import json
from typing import Any

VIEW = "cells"  # the UI's shared view of a study that shows one line a cell


def study_tags(metric: str, simulated: bool) -> dict[str, str]:
    """An experiment's tags: what a newcomer should know, and a shared view with one line a cell, best first."""
    from softcore.scoring.metrics import lower_is_better
    from softcore.scoring.weighted import metrics_of

    metric = metrics_of(metric)[0]  # cells have no weighted one
    test = metric.partition("/")[2]
    shown = [f"ce/{test}", f"scaled-ce/{test}", f"rmsce/{test}", f"fgsm/{test}", f"accuracy/{test}", "replicates"]
    costs = ["label_usd", "label_seconds_per_item", "annotators", "items"]
    view = {
        "searchFilter": "tags.`sweeps.level` = 'cell'",
        "orderByKey": f"metrics.`{metric}`",
        "orderByAsc": lower_is_better(metric),
        "selectedColumns": [f"metrics.`{name}`" for name in costs + shown] + ["params.`sweep`"],
        "runsHiddenMode": "SHOWALL",
        "isAccordionReordered": True,  # else the sections that the UI makes itself come first
        "compareRunSections": [_section("cost", "What labels cost and how well they do")],
        "compareRunCharts": [_scatter("label_usd", f"{name}/{test}") for name in ("ce", "scaled-ce", "rmsce", "fgsm")],
    }
    note = (
        "One run a sweep; below it one a cell (a way to buy labels and to train on them: means over replicates, with "
        "`<metric>.low` and `.high` as the 95% interval over replicates); below that one a trial. `label_usd` and "
        "`label_seconds_per_item` are what people's time costs; `scaled-ce` is cross-entropy after one temperature."
    )
    return {
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.note.content": ("ANNOTATORS ARE SIMULATED. " if simulated else "") + note,
        f"mlflow.sharedViewState.{VIEW}": json.dumps(view),
    }


def _section(key: str, name: str) -> dict[str, Any]:
    return {"uuid": key, "name": name, "display": True, "isReordered": False, "deleted": False, "isGenerated": False}


def _scatter(x: str, y: str) -> dict[str, Any]:
    """One of the UI's charts: a dot a run, metric `y` against metric `x`."""
    return {
        "type": "SCATTER",
        "uuid": f"{x} {y}",
        "metricSectionId": "cost",
        "xaxis": {"type": "METRIC", "key": x},
        "yaxis": {"type": "METRIC", "key": y},
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
    }
