"""From a spec to its cells, replicates and trials, each with a name that is the same in every sweep."""

import hashlib
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from softcore.costs import price
from softcore.datasets import Dataset
from softcore.errors import RequestError
from softcore.labels.build import PEOPLE, most_answers
from softcore.metrics import lower_is_better
from softcore.policy import LabelPolicy, TrainingPolicy
from softcore.test_sets import test_sets
from sweeps.axes import check_number, clear_labels, settle
from sweeps.spec import DEFAULT_AXES, LABEL_AXES, TRAINING_AXES, Spec

# What makes a trial: budgets are resolved into `annotators` and `items` and are not part of it.
POLICY_AXES = tuple(axis for axis in LABEL_AXES if not axis.startswith("budget_"))
IDENTITY = ("dataset", *POLICY_AXES, *TRAINING_AXES)
COLUMNS = ("dataset", *POLICY_AXES, "budget_hours", *TRAINING_AXES)


@dataclass(frozen=True)
class Budget:
    """What an annotation-time budget buys in one cell, and what of it can't be spent."""

    hours: float
    buys: str
    annotators: int | str
    items: int
    spent_hours: float
    unspent_hours: float


@dataclass(frozen=True)
class Cell:
    """One point of the grid: a value for every axis of `IDENTITY`, None where an axis does not apply."""

    axes: Mapping[str, Any]
    budgets: tuple[Budget, ...] = field(default=(), compare=False)

    @property
    def id(self) -> str:
        """Eight hex digits that stand for the axes in any sweep; an axis that does not apply does not count."""
        return digest({name: value for name, value in self.axes.items() if value is not None})[:8]

    @property
    def columns(self) -> dict[str, Any]:
        """Every axis column of a result row, `budget_hours` (the least that buys this cell) included."""
        hours = min((budget.hours for budget in self.budgets), default=None)
        return {name: hours if name == "budget_hours" else self.axes[name] for name in COLUMNS}

    def label_policy(self) -> LabelPolicy:
        """How its labels are made."""
        policy: dict[str, Any] = {name: self.axes.get(name) for name in POLICY_AXES}
        return LabelPolicy(**policy)

    def training_policy(self) -> TrainingPolicy:
        """How its models are trained."""
        policy: dict[str, Any] = {name: self.axes.get(name) for name in TRAINING_AXES}
        return TrainingPolicy(**policy)


@dataclass(frozen=True)
class Trial:
    """A cell and a replicate."""

    cell: Cell
    seed: int
    panel: int

    @property
    def id(self) -> str:
        """`<cell>-s<seed>-p<panel>`."""
        return f"{self.cell.id}-s{self.seed}-p{self.panel}"


def digest(content: Any) -> str:
    """SHA-256 (hex) of the content's JSON with sorted keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def cells(spec: Spec, dataset: Dataset) -> list[Cell]:
    """The cells of `spec` on `dataset`, in the order of the spec; equal ones are one.

    Raises RequestError in one line for a value that its axis does not allow, an M that no item has, a budget that buys
    nothing.
    """
    found: dict[str, Cell] = {}
    for number, block in enumerate(spec.blocks, start=1):
        grid = {**block, **{axis: [value] for axis, value in DEFAULT_AXES.items() if axis not in block}}
        for values in itertools.product(*grid.values()):
            try:
                cell = make_cell(dict(zip(grid, values, strict=True)), dataset)
            except RequestError as error:
                raise RequestError(f"{spec.name}, block {number}: {error}") from None
            known_cell = found.get(cell.id)
            budgets = (*known_cell.budgets, *cell.budgets) if known_cell else cell.budgets
            budgets = tuple(dict.fromkeys(budgets))
            found[cell.id] = Cell(cell.axes, budgets)
    return list(found.values())


def make_cell(asked: Mapping[str, Any], dataset: Dataset) -> Cell:
    """One cell from a value for every axis: checked, budgets resolved, axes that don't apply set to None."""
    axes = settle(asked, dataset)
    budget = None
    if axes["budget_hours"] is not None and axes["variety"] in PEOPLE:
        budget = _spend(axes, dataset, len(dataset.annotated_items) - dataset.held_out)
    clear_labels(axes)
    return Cell({name: axes[name] for name in IDENTITY}, (budget,) if budget else ())


def _spend(axes: dict[str, Any], dataset: Dataset, available: int) -> Budget:
    """Resolve `budget_hours` into M (or N') at the thesis's price of the variety; sets them in `axes`."""
    check_number(axes, "budget_hours", float, 0, 1e6)
    hours, buys, variety = axes["budget_hours"], axes["budget_buys"], axes["variety"]
    seconds, most = price(variety), most_answers(dataset, variety)
    if buys == "annotators":
        fixed, bought, cap = axes["items"], "annotators", most
    elif axes["annotators"] == "all":
        raise RequestError("budget_buys: items needs a number of annotators an item, not 'all'")
    else:
        fixed, bought, cap = axes["annotators"], "items", available
    one = seconds * fixed / 3600
    count = min(math.floor(hours / one + 1e-9), cap)
    if count < 1:
        what = f"one annotator on {fixed} items" if bought == "annotators" else f"{fixed} annotators on one item"
        raise RequestError(f"budget_hours {hours:g} buys no {variety} label: {what} takes {one:.3g} hours")
    axes[bought] = count
    spent = count * one
    return Budget(hours, buys, axes["annotators"], axes["items"], spent, hours - spent)


def trials(spec: Spec, dataset: Dataset) -> list[Trial]:
    """Every trial, replicates outermost, so that a sweep cut short has whole replicates of all cells."""
    grid = cells(spec, dataset)
    return [Trial(cell, seed, panel) for seed in spec.seeds for panel in spec.panels for cell in grid]


def resolved(spec: Spec, dataset: Dataset) -> dict[str, Any]:
    """The spec with every default and axis written out: what the sweep's identity is made of."""
    metric = spec.metric or dataset.default_metric
    lower_is_better(metric)
    tests = test_sets(dataset, spec.seeds[0])
    if metric.partition("/")[2] not in tests:
        raise RequestError(
            f"metric '{metric}' names no test set of {dataset.name}; known test sets: {', '.join(tests)}"
        )
    grid = cells(spec, dataset)
    extras = {"evaluate": spec.evaluate} if spec.evaluate else {}  # without any, the identity it had before they came
    return {
        **extras,
        "name": spec.name,
        "study": spec.study,
        "dataset": dataset.name,
        "metric": metric,
        "seeds": spec.seeds,
        "panels": spec.panels,
        "cells": [cell.columns for cell in grid],
        "budgets": [
            {"cell": cell.id, "variety": cell.axes["variety"], **asdict(budget)}
            for cell in grid
            for budget in cell.budgets
        ],
    }


def sweep_id(spec: Spec, dataset: Dataset) -> str:
    """`<name>-<8 hex digits>` of the resolved spec and the data's fingerprints."""
    return f"{spec.name}-{digest([resolved(spec, dataset), dict(dataset.fingerprints)])[:8]}"
