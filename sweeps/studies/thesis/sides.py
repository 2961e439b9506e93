"""The trials on the sides of a claim: chosen by axis values, parted by how they were trained, paired by replicate."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from sweeps.results.table import axis_columns
from sweeps.studies.thesis.published import Row, Where, preferred

# Trials are only held against trials that have these in common.
SETTING = ("dataset", "epochs", "batch", "schedule", "weight_decay", "augmentation", "image_size")
# Axes in which our runs may differ from the thesis without a row's name saying so: always named.
NAMED = ("similarity", "hmix_images")
NOT_IDENTITY = ("budget_hours",)


@dataclass(frozen=True, eq=False)
class Part:
    """Trials of one row with one setting, one a replicate and model; `variant` tells it from the row's other parts."""

    setting: tuple[str, ...]
    variant: Mapping[str, str]
    trials: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Values:
    """What the replicates (seed, panel) that all sides share have: an array [replicates] a side.

    A replicate's value is its mean over `models`, those that all sides have; `left_out` counts the replicates that
    some side lacks, or that lack a model or a finite number.
    """

    sides: tuple[np.ndarray, ...]
    models: tuple[str, ...]
    left_out: int


class Trials:
    """Finished trials, to be looked up by row."""

    def __init__(self, done: pd.DataFrame) -> None:
        self.done = done
        self.axes = [axis for axis in axis_columns(done) if axis not in NOT_IDENTITY]
        self.texts = done[self.axes].map(axis_text)
        settings = [axis for axis in SETTING if axis in self.texts]
        self.varying = [axis for axis in settings if len(set(self.texts[axis])) > 1]
        self._parts: dict[tuple[tuple[str, tuple[Any, ...]], ...], list[Part]] = {}

    def parts(self, where: Where) -> list[Part]:
        """The parts of a row, in the order of its trials."""
        key = tuple(where.items())
        if key not in self._parts:
            self._parts[key] = list(self._find(where))
        return self._parts[key]

    def _find(self, where: Where) -> Iterator[Part]:
        chosen = self.texts[matching(self.texts, where)]
        settings = pd.Series(list(_settings(chosen)), index=chosen.index, dtype=object)
        for setting, trials in chosen.groupby(settings, sort=False):
            trials = _prefer(trials)
            names = varying(trials)
            for variant, part in trials.groupby(names, sort=False) if names else [((), trials)]:
                found = dict(zip(names, variant, strict=True))
                yield Part(tuple(setting), found, self.done.loc[part.index])  # type: ignore[arg-type]

    def pairings(self, rows: Sequence[Row]) -> list[tuple[Part, ...]]:
        """Every way to take a part of each row with one setting; an axis that varies on several sides is equal."""
        return [
            chosen
            for chosen in itertools.product(*(self.parts(row.where) for row in rows))
            if len({part.setting for part in chosen}) == 1 and _alike(chosen)
        ]

    def setting(self, parts: Sequence[Part]) -> str:
        """How the trials were trained, in words, with what tells them from other trials of the report."""
        first = dict(zip(SETTING, parts[0].setting, strict=True))
        words = [" + ".join(models(parts))] if models(parts) else []
        words += [f"{first['epochs']} epochs"] if first["epochs"] else []
        words += [f"{first['image_size']} pixels"] if first["image_size"] else []
        words += [
            f"{axis} {first[axis]}" for axis in self.varying if axis not in ("epochs", "image_size") and first[axis]
        ]
        told = [(axis, value or "none") for part in parts for axis, value in part.variant.items()]
        told += [(axis, value) for part in parts for axis in NAMED if (value := self._first(part, axis))]
        return ", ".join([*words, *dict.fromkeys(f"{axis.replace('_', ' ')} {value}" for axis, value in told)])

    def _first(self, part: Part, axis: str) -> str:
        return str(self.texts.loc[part.trials.index[0], axis]) if axis in self.texts else ""


def matching(texts: pd.DataFrame, where: Where) -> pd.Series:
    """Which rows of a table of axes as text have one of the wanted values on every axis; an absent axis is null."""
    keep = pd.Series(True, index=texts.index)
    for axis, wanted in where.items():
        allowed = {axis_text(value) for value in wanted}
        keep &= texts[axis].isin(allowed) if axis in texts else "" in allowed
    return keep


def axis_text(value: Any) -> str:
    """An axis value as text, the same for 2, 2.0 and "2"; empty for null."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    return f"{float(value):g}"


def varying(trials: pd.DataFrame) -> list[str]:
    """Axes, the setting's and the model aside, in which trials of one model differ (the learning rate goes with it)."""
    axes = [axis for axis in trials.columns if axis not in (*SETTING, "model")]
    by_model = trials[axes].groupby(_models(trials)).nunique()
    return [axis for axis in axes if (by_model[axis] > 1).any()]


def models(parts: Sequence[Part]) -> tuple[str, ...]:
    """The models that all sides have, in order."""
    each = [list(dict.fromkeys(_models(part.trials))) for part in parts]
    return tuple(name for name in each[0] if all(name in names for names in each) and name)


def values(parts: Sequence[Part], columns: Sequence[str]) -> Values:
    """The replicates' values of a metric column a side, paired: only replicates that every side has whole."""
    common = models(parts) or ("",)
    tables = [_replicates(part.trials, column) for part, column in zip(parts, columns, strict=True)]
    there = sorted(set().union(*tables))
    whole = [r for r in there if all(math.isfinite(t.get(r, {}).get(m, math.nan)) for t in tables for m in common)]
    sides = tuple(np.array([np.mean([table[r][m] for m in common]) for r in whole]) for table in tables)
    return Values(sides, models(parts), len(there) - len(whole))


def _replicates(trials: pd.DataFrame, column: str) -> dict[tuple[int, int], dict[str, float]]:
    """A metric's value by replicate (seed, panel) and model."""
    numbers = trials[column].astype(float) if column in trials else pd.Series(math.nan, index=trials.index)
    found: dict[tuple[int, int], dict[str, float]] = {}
    names = (trials["seed"], trials["panel"], _models(trials), numbers, trials["trial"])
    for seed, panel, model, number, trial in zip(*(list(column) for column in names), strict=True):
        of_replicate = found.setdefault((int(seed), int(panel)), {})
        if model in of_replicate:
            raise RequestError(f"trial {trial} has the axes, seed and panel of another trial; a replicate counts once")
        of_replicate[model] = float(number)
    return found


def _models(trials: pd.DataFrame) -> pd.Series:
    return trials["model"].map(axis_text) if "model" in trials else pd.Series("", index=trials.index)


def _settings(texts: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """The setting of each row; empty text for an axis that the table lacks."""
    return zip(*(texts[axis] if axis in texts else [""] * len(texts) for axis in SETTING), strict=True)


def _prefer(trials: pd.DataFrame) -> pd.DataFrame:
    """Where trials differ in an axis of which the thesis has one value, and it is there, those with it."""
    for axis, value in preferred().items():
        if axis in varying(trials) and (trials[axis] == axis_text(value)).any():
            trials = trials[trials[axis] == axis_text(value)]
    return trials


def _alike(parts: Sequence[Part]) -> bool:
    axes = {axis for part in parts for axis in part.variant}
    return all(len({part.variant[axis] for part in parts if axis in part.variant}) == 1 for axis in axes)
