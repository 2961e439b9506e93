"""The planner's declared version, and its recorded predictions of a simulated grid, which show when to raise it.

    python -m sweeps.studies.sealed.version    record the predictions of a version that was just raised

Numbers are recorded and compared within a tolerance; the digest is that of the record. A digest of what a machine
computes would be another one on the next machine, however few digits it took: the nearest cells' noise is drawn along
eigenvectors, whose signs are the linear algebra library's own, so that its draws of the same prediction differ.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from sweeps.planning.advise import advise
from sweeps.results.table import records
from sweeps.studies.coverage import planted_plans as planted
from sweeps.studies.coverage.planted_plans import FREE_CELLS, World, bought_cells, planted_table
from sweeps.studies.sealed.judge import judge

# Raise it by one whenever predictions change, and record them: by another version, the sealed cells are read once more,
# which counts. Moved files, other words and faster code leave it as it is. The readings in docs/results/grid are by
# versions 1 to 5, told apart by their source at the time; 5 differs from 4 in a comment and predicts the same.
PLANNER_VERSION = 6

RECORD = Path(__file__).with_name("predictions.json")
METRIC = "ce/planted"  # not one of those that sealed cells are read on: what lost on them (defaults.py) must not matter
# Of the width of an 80% interval, and of a score. Eigenvectors turned at random move the nearest cells' predictions by
# 0.0125 at most (40 times) and hardly any others; versions 1 to 3 are 0.19 and more from version 5.
TOLERANCE = 0.02
_BOUNDS = ("", " low 80", " high 80", " low 95", " high 95")
_COMMAND = "python -m sweeps.studies.sealed.version"

Predictions = Mapping[str, Mapping[str, Sequence[float]]]


def predictions() -> Predictions:
    """What the planner says of the made-up grid, to six digits; takes seconds.

    `scores` has each model's interval score, leaving cells out, the chosen one first; `cells` each model's median and
    the bounds of its 80% and 95% intervals for cells it has not seen; `plans` those of ranked plans, the best first.
    """
    grid, unseen = _made_up()
    judged = judge(grid, unseen, metric=METRIC)
    models = [check.model for check in judged.checks]
    cells = {
        f"{model}: {cell['variety']}, M={cell['annotators']:g}, N'={cell['items']:g}": [
            cell[model + b] for b in _BOUNDS
        ]
        for model in models
        for cell in records(judged.cells)
    }
    plans = advise(grid, metric=METRIC, budget_usd=300, prices="thesis").plans
    found = {
        "scores": {check.model: [check.score] for check in judged.left_out},
        "cells": cells,
        "plans": {plan.recipe: [plan.predicted, *plan.interval_80, *plan.interval_95] for plan in plans},
    }
    return {part: {name: [float(f"{n:.6g}") for n in row] for name, row in of.items()} for part, of in found.items()}


def changes(now: Predictions, then: Predictions) -> list[str]:
    """What of `now` is not as it was `then`, in words: other names or another order, numbers off by too much."""
    found = []
    for part in then:
        if list(now[part]) != list(then[part]):
            found.append(f"{part} are {'; '.join(now[part])} and were {'; '.join(then[part])}")
            continue
        for name, old in then[part].items():
            width = old[2] - old[1] if len(old) > 1 else old[0]
            if (np.abs(np.subtract(now[part][name], old)) > TOLERANCE * width).any():
                found.append(f"{name} is {now[part][name]} and was {list(old)}")
    return found


def check_version() -> None:
    """A RequestError unless the planner predicts what is recorded for its version."""
    version, then = read_record()
    if version != PLANNER_VERSION:
        raise RequestError(f"what planner version {PLANNER_VERSION} predicts is not recorded: run `{_COMMAND}`")
    if changed := changes(predictions(), then):
        raise RequestError(
            f"the planner predicts otherwise than its version {version} did: raise PLANNER_VERSION in {__name__} and "
            f"record what it predicts with `{_COMMAND}`. First of {len(changed)} changes: {changed[0]}"
        )


def read_record() -> tuple[int, Predictions]:
    """The version whose predictions were recorded last, and they."""
    content: dict[str, Any] = json.loads(RECORD.read_text("utf-8"))
    return content.pop("version"), content


def predictions_digest() -> str:
    """SHA-256 (hex) of the recorded predictions, however the file is laid out."""
    return hashlib.sha256(json.dumps(read_record()[1]).encode()).hexdigest()


def write_record() -> None:
    """Record what the planner predicts; a version that is recorded stays as it is, a RequestError if it is outdated."""
    if read_record()[0] == PLANNER_VERSION:
        check_version()
        return
    parts = [
        f'"{part}": {{\n' + ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in of.items()) + "\n}"
        for part, of in predictions().items()
    ]
    RECORD.write_text(f'{{\n"version": {PLANNER_VERSION},\n' + ",\n".join(parts) + "\n}\n", "utf-8")


def _made_up() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clicks and pages of up to six people, three ways of training, and three cells beside them, one of them beyond."""
    world = World(first={"click": 0.05, "t2-clamp": 0.27}, everybody={"click": 0.3, "t2-clamp": 0.5})
    pages = {"variety": "t2-clamp", "aggregation": "separate", "annotators": 2, "items": 900}
    cells = [
        *bought_cells(["click", "t2-clamp"], clicks=(1, 3, 6)),
        *FREE_CELLS,
        {"variety": "hard", "mixing": "mixup"},
        {**pages, "mixing": "mixup"},
        {**pages, "aggregation": "mean"},
    ]
    unseen = [
        {**pages, "variety": "click", "items": 400},
        {**pages, "annotators": 3, "items": 550},
        {**pages, "annotators": 1, "items": 100},
    ]
    rng = np.random.default_rng(0)
    grid, others = planted_table(world, cells, rng), planted_table(world, unseen, rng, seeds=(3, 4), panels=(0,))
    others["cell"] = "unseen " + others["cell"]
    return grid.rename(columns={planted.METRIC: METRIC}), others.rename(columns={planted.METRIC: METRIC})


if __name__ == "__main__":
    write_record()
