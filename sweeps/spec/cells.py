"""From a spec to its cells, replicates and trials, each with a name that is the same in every sweep."""

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from softcore.labels.ask import check_replicate, most_answers
from softcore.labels.people import left_to_train_on
from softcore.policy import LabelPolicy, TrainingPolicy
from softcore.prices.read import price
from softcore.scoring.metrics import lower_is_better
from softcore.scoring.weighted import metrics_of
from softcore.test_sets import test_sets
from softcore.varieties import FREE
from sweeps.spec.axes import check_number, clear_labels, settle_axes
from sweeps.spec.axis_names import DEFAULT_AXES, LABEL_AXES, REPLICATES, TRAINING_AXES
from sweeps.spec.spec import Spec


@dataclass(frozen=True)
class Budget:
    """What an annotation-time budget buys in one cell, and what of it can't be spent."""

    hours: float
    buys: str
    annotators: int | str
    items: int
    spent_hours: float
    unspent_hours: float


def spend(axes: dict[str, Any], dataset: Dataset, available: int) -> Budget:
    """Resolve `budget_hours` into M (or N') at the thesis's price of the variety; sets them in `axes`."""
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


# What makes a trial: a budget is resolved into `annotators` and `items`, or into `hired_hours` where people are hired
# until it is spent, and is not part of it.
POLICY_AXES = (*(axis for axis in LABEL_AXES if not axis.startswith("budget_")), "hired_hours")
# Not part of a sweep's id where they are null: sweeps from before they came keep theirs.
LATER_AXES = ("hiring", "hired_hours", "holdout", "pages_on", "clicks", "control", "early_stopping")
IDENTITY = ("dataset", *POLICY_AXES, *TRAINING_AXES)
COLUMNS = ("dataset", *POLICY_AXES, "budget_hours", *TRAINING_AXES)


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
        hours = min((budget.hours for budget in self.budgets), default=self.axes["hired_hours"])
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
    repeat: int = 0

    @property
    def id(self) -> str:
        """`<cell>-s<seed>-p<panel>`, and `-r<repeat>` of one that repeats another but for rounding."""
        return f"{self.cell.id}-s{self.seed}-p{self.panel}" + (f"-r{self.repeat}" if self.repeat else "")


def digest(content: Any) -> str:
    """SHA-256 (hex) of the content's JSON with sorted keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def cells(spec: Spec, dataset: Dataset) -> list[Cell]:
    """The cells of `spec` on `dataset`, in the order of the spec; equal ones are one.

    Raises RequestError in one line for a value that its axis does not allow, an M that no item has, a budget that buys
    nothing, a panel that a cell can't be asked on.
    """
    return list(_cells_and_replicates(spec, dataset)[0].values())


Replicates = dict[str, dict[tuple[int, ...], None]]  # cell -> its (seed, panel, repeat) in order


def _cells_and_replicates(spec: Spec, dataset: Dataset) -> tuple[dict[str, Cell], Replicates]:
    found: dict[str, Cell] = {}
    replicates: Replicates = {}
    for number, block in enumerate(spec.blocks, start=1):
        axes = {axis: values for axis, values in block.items() if axis not in REPLICATES}
        grid = {**axes, **{axis: [value] for axis, value in DEFAULT_AXES.items() if axis not in axes}}
        numbers = [_whole(block.get(key, getattr(spec, key))) for key in REPLICATES]
        panels = numbers[REPLICATES.index("panels")]
        for values in itertools.product(*grid.values()):
            try:
                cell = make_cell(dict(zip(grid, values, strict=True)), dataset)
                for panel in panels:
                    check_replicate(dataset, cell.label_policy(), panel)
            except RequestError as error:
                raise RequestError(f"{spec.name}, block {number}: {error}") from None
            known_cell = found.get(cell.id)
            budgets = (*known_cell.budgets, *cell.budgets) if known_cell else cell.budgets
            budgets = tuple(dict.fromkeys(budgets))
            found[cell.id] = Cell(cell.axes, budgets)
            replicates.setdefault(cell.id, {}).update(dict.fromkeys(itertools.product(*numbers)))
    return found, replicates


def _whole(numbers: Iterable[Any]) -> list[int]:
    return [int(number) for number in numbers]


def make_cell(asked: Mapping[str, Any], dataset: Dataset) -> Cell:
    """One cell from a value for every axis: checked, budgets resolved, axes that don't apply set to None."""
    axes = settle_axes(asked, dataset)
    axes["hired_hours"] = None
    budget = None
    if axes["budget_hours"] is not None and axes["variety"] not in FREE:
        check_number(axes, "budget_hours", float, 0, 1e6)
        if axes["hiring"] is None:
            budget = spend(axes, dataset, left_to_train_on(dataset, axes["holdout"]))
        else:
            axes["hired_hours"] = axes["budget_hours"]
    clear_labels(axes)
    return Cell({name: axes[name] for name in IDENTITY}, (budget,) if budget else ())


def trials(spec: Spec, dataset: Dataset) -> list[Trial]:
    """Every trial, replicates outermost, so that a sweep cut short has whole replicates of all cells."""
    found, replicates = _cells_and_replicates(spec, dataset)
    return _by_replicate(list(found.values()), replicates)


def trials_of(content: Mapping[str, Any]) -> list[Trial]:
    """The trials of a resolved spec as it was stored, in the order of `trials`."""
    grid = _stored_cells(content)
    return _by_replicate(grid, _stored_replicates(grid, content))


def trial_counts(content: Mapping[str, Any]) -> dict[str, int]:
    """How many trials each cell of a stored resolved spec has, by its id."""
    grid = _stored_cells(content)
    return {cell: len(own) for cell, own in _stored_replicates(grid, content).items()}


def _stored_cells(content: Mapping[str, Any]) -> list[Cell]:
    return [Cell({name: v for name, v in cell.items() if name != "budget_hours"}) for cell in content["cells"]]


def _stored_replicates(grid: list[Cell], content: Mapping[str, Any]) -> Replicates:
    numbers = content["seeds"], content["panels"], content.get("repeats", [0])
    everywhere: dict[tuple[int, ...], None] = dict.fromkeys(itertools.product(*numbers))
    if "replicates" not in content:
        return dict.fromkeys((cell.id for cell in grid), everywhere)
    own, found = content["replicates"], dict[str, dict[tuple[int, ...], None]]()
    for cell in grid:
        found[cell.id] = {tuple([*stored, 0][: len(REPLICATES)]): None for stored in own[cell.id]}
    return found


def _by_replicate(grid: list[Cell], replicates: Replicates) -> list[Trial]:
    own = [(cell, replicates[cell.id]) for cell in grid]
    every = [replicate for _, of_cell in own for replicate in of_cell]
    numbers = [dict.fromkeys(replicate[i] for replicate in every) for i in range(len(REPLICATES))]
    return [
        Trial(cell, *replicate)
        for replicate in itertools.product(*numbers)
        for cell, of_cell in own
        if replicate in of_cell
    ]


def spec_content(spec: Spec, dataset: Dataset) -> dict[str, Any]:
    """The spec with every default and axis written out: what the sweep's identity is made of."""
    metric = spec.metric or dataset.default_metric
    tests = test_sets(dataset, spec.seeds[0])
    for each in metrics_of(metric):
        lower_is_better(each)
        if each.partition("/")[2] not in tests:
            raise RequestError(
                f"metric '{each}' names no test set of {dataset.name}; known test sets: {', '.join(tests)}"
            )
    found, replicates = _cells_and_replicates(spec, dataset)
    grid = list(found.values())
    extras: dict[str, Any] = {"evaluate": spec.evaluate} if spec.evaluate else {}  # else the identity it had before
    if any(key in block for block in spec.blocks for key in REPLICATES):
        extras["replicates"] = {cell: [_shortest(own) for own in every] for cell, every in replicates.items()}
    if spec.repeats != [0]:
        extras["repeats"] = spec.repeats
    if spec.precision != "float32":
        extras["precision"] = spec.precision
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


def _shortest(replicate: tuple[int, ...]) -> list[int]:
    """A replicate as it is stored: without its repeat where there is none, as before repeats came."""
    return list(replicate if replicate[-1] else replicate[:-1])


def sweep_id(spec: Spec, dataset: Dataset) -> str:
    """`<name>-<8 hex digits>` of the resolved spec and the data's fingerprints."""
    content = spec_content(spec, dataset)
    content["cells"] = [
        {name: value for name, value in cell.items() if value is not None or name not in LATER_AXES}
        for cell in content["cells"]
    ]
    return f"{spec.name}-{digest([content, dict(dataset.fingerprints)])[:8]}"
