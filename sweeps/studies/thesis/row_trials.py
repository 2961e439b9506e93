"""Which trials a row of the thesis stands for: chosen by axis values, grouped by training, paired by replicate."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from sweeps.results.table import axis_columns
from sweeps.studies.thesis.published import Row, Where, preferences

# Trials are compared only with trials that have these in common.
SETTING = ("dataset", "epochs", "batch", "schedule", "weight_decay", "augmentation", "image_size")
# Axes in which our runs may differ from the thesis without a row's name saying so: always named.
NAMED = ("similarity", "hmix_images")
NOT_IDENTITY = ("budget_hours",)


@dataclass(frozen=True, eq=False)
class RowPart:
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
        self.done = done.reset_index(drop=True)
        self.texts = self.done[[axis for axis in axis_columns(done) if axis not in NOT_IDENTITY]].map(axis_text)
        self.varying = _training_axes(self.texts)
        self._parts: dict[tuple[tuple[str, tuple[Any, ...]], ...], list[RowPart]] = {}

    def parts(self, where: Where) -> list[RowPart]:
        """The parts of a row, in the order of its trials."""
        key = tuple(where.items())
        if key not in self._parts:
            self._parts[key] = list(self._find(where))
        return self._parts[key]

    def _find(self, where: Where) -> Iterator[RowPart]:
        chosen = self.texts[matching(self.texts, where)]
        settings = pd.Series(list(_settings(chosen)), index=chosen.index, dtype=object)
        for setting, trials in chosen.groupby(settings, sort=False):
            trials = _prefer(trials)
            for variant, part in variants(trials, varying(trials, SETTING)):
                yield RowPart(tuple(setting), variant, self.done.loc[part.index])

    def pairings(self, rows: Sequence[Row]) -> list[tuple[RowPart, ...]]:
        """Every way to take a part of each row with one setting; an axis that varies on several sides is equal."""
        return [
            chosen
            for chosen in itertools.product(*(self.parts(row.where) for row in rows))
            if len({part.setting for part in chosen}) == 1 and _alike(chosen)
        ]

    def setting(self, parts: Sequence[RowPart]) -> str:
        """How the trials were trained, in words, with what tells them from others that were trained alike."""
        return ", ".join(filter(None, (self.training(parts), self.variant(parts))))

    def training(self, parts: Sequence[RowPart]) -> str:
        """Model, epochs and image size in words, and of the rest what tells trials apart that have these in common."""
        first = dict(zip(SETTING, parts[0].setting, strict=True))
        words = [" + ".join(models(parts))] if models(parts) else []
        words += [f"{first['epochs']} epochs"] if first["epochs"] else []
        words += [f"{first['image_size']} pixels"] if first["image_size"] else []
        return ", ".join([*words, *(_axis_words(axis, first[axis]) for axis in self.varying if first[axis])])

    def variant(self, parts: Sequence[RowPart]) -> str:
        """What tells the trials from others of their row that were trained alike, in words."""
        named = [(axis, value or "none") for part in parts for axis, value in part.variant.items()]
        for part in parts:
            first_trial = self.texts.loc[part.trials.index[0]]
            named += [(axis, first_trial[axis]) for axis in NAMED if first_trial.get(axis)]
        return ", ".join(dict.fromkeys(_axis_words(axis, value) for axis, value in named))


def _axis_words(axis: str, value: str) -> str:
    """ "weight decay 0.0001"."""
    return f"{axis.replace('_', ' ')} {value}"


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


def varying(texts: pd.DataFrame, aside: Sequence[str] = ()) -> list[str]:
    """Axes in which trials of one model differ (the learning rate goes with the model), without those in `aside`."""
    axes = [axis for axis in texts.columns if axis not in (*aside, "model")]
    by_model = texts[axes].groupby(_models(texts)).nunique()
    return [axis for axis in axes if (by_model[axis] > 1).any()]


def variants(texts: pd.DataFrame, axes: Sequence[str]) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """The trials grouped by their values of `axes`, with those values, in the order of first trials."""
    if not axes:
        yield {}, texts
        return
    for found, part in texts.groupby(list(axes), sort=False):
        yield dict(zip(axes, map(str, found), strict=True)), part


def models(parts: Sequence[RowPart]) -> tuple[str, ...]:
    """The models that all sides have, in order."""
    each = [list(dict.fromkeys(_models(part.trials))) for part in parts]
    return tuple(name for name in each[0] if all(name in names for names in each) and name)


def values(parts: Sequence[RowPart], columns: Sequence[str]) -> Values:
    """The replicates' values of a metric column a side, paired: only replicates that every side has whole."""
    common = list(models(parts)) or [""]
    each = [by_replicate(part.trials, column) for part, column in zip(parts, columns, strict=True)]
    there = reduce(pd.Index.union, (table.index for table in each))
    numbers = [table.reindex(index=there, columns=common).to_numpy() for table in each]
    whole = np.all([np.isfinite(side).all(axis=1) for side in numbers], axis=0)
    return Values(tuple(side[whole].mean(axis=1) for side in numbers), models(parts), int((~whole).sum()))


def by_replicate(trials: pd.DataFrame, column: str) -> pd.DataFrame:
    """A metric: rows are replicates (seed, panel), columns models; infinity where a trial lacks it, NaN for no trial.

    Two trials of one replicate and model are a RequestError.
    """
    numbers = trials[column].astype(float).fillna(math.inf) if column in trials else math.inf
    places = pd.DataFrame({"seed": trials["seed"], "panel": trials["panel"], "model": _models(trials)})
    if (again := places.duplicated()).any():
        trial = trials.loc[again, "trial"].iloc[0]
        raise RequestError(f"trial {trial} has the axes, seed and panel of another trial; a replicate counts once")
    numbers_by_place = places.assign(number=numbers).set_index(["seed", "panel", "model"])["number"]
    return pd.DataFrame(numbers_by_place.unstack("model"))  # noqa: PD010 - a pivot table drops empty columns


def _models(trials: pd.DataFrame) -> pd.Series:
    return trials["model"].map(axis_text) if "model" in trials else pd.Series("", index=trials.index)


def _settings(texts: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """The setting of each row; empty text for an axis that the table lacks."""
    return zip(*(texts[axis] if axis in texts else [""] * len(texts) for axis in SETTING), strict=True)


def _training_axes(texts: pd.DataFrame) -> list[str]:
    """The axes of `SETTING` in which trials of one data set, model, epochs and image size differ."""
    said = [axis for axis in ("dataset", "model", "epochs", "image_size") if axis in texts]
    axes = [axis for axis in SETTING if axis in texts and axis not in said]
    ways = len(texts[said].drop_duplicates()) if said else 1
    return [axis for axis in axes if len(texts[[*said, axis]].drop_duplicates()) > ways]


def _prefer(trials: pd.DataFrame) -> pd.DataFrame:
    """Where trials differ in an axis of which the thesis has one value, and it is there, those with it."""
    for axis, value in preferences().items():
        if axis in varying(trials, SETTING) and (trials[axis] == axis_text(value)).any():
            trials = trials[trials[axis] == axis_text(value)]
    return trials


def _alike(parts: Sequence[RowPart]) -> bool:
    axes = {axis for part in parts for axis in part.variant}
    return all(len({part.variant[axis] for part in parts if axis in part.variant}) == 1 for axis in axes)
