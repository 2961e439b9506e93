"""A sweep's results as a table: the thesis's rows and columns where the preset is one of its tables, else all cells."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from softcore.prices.read import price
from softcore.statistics import MeanInterval, mean_interval
from sweeps.results.names import INTERVAL, recipes
from sweeps.results.table import CORRUPTED, axis_columns, corrupted_column, metric_columns, test_set_names
from sweeps.show.tables import EMPTY, Entry, ReportTable

_ALL: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A table's form. `rows` and `column_groups` say which trials they take by the values of axes (None: null).

    `columns` are (metric without its test set, heading); "corrupted ce" is `ce` on the test set's corrupted images.
    `timed` puts seconds of a record in front.
    """

    title: str
    rows: tuple[tuple[str, Mapping[str, Any]], ...]
    columns: tuple[tuple[str, str], ...]
    column_groups: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=(("", _ALL),))
    timed: bool = False


# What the thesis's tables lack stands behind what they have.
_ADDED = (("scaled-ce", "Scaled CE"), ("accuracy", "Accuracy"))
_THREE = (("ce", "CE"), ("rmsce", "Calibration"), ("fgsm", "FGSM Loss"), *_ADDED)
_SHORT = (("ce", "CE"), ("rmsce", "Calib"), ("fgsm", "FGSM"), *_ADDED)

_MIXUP = (("ce", "CE"), ("fgsm", "FGSM Loss"), ("rmsce", "Calibration"))
_WITH_CORRUPTED = (*_MIXUP, ("corrupted ce", "Corruption CE"), *_ADDED)

_HARD = ("Hard Labels", {"variety": "hard"})
_CLICKS = ("CIFAR-10H", {"variety": "click"})
_OURS = ("Ours (T2, Clamp)", {"variety": "t2-clamp"})
_GENERATING = ("mixup Labels", {"hmix": "generating"})
_AGGREGATED = ("Ours (Agg)", {"hmix": "mean", "confidence_decay": None})
_SEPARATE = ("Ours (Sep)", {"hmix": "separate", "confidence_decay": None})
_PLAIN_MIXUP: Mapping[str, Any] = {"mixing": "mixup", "loss": None}

LAYOUTS: Mapping[str, Layout] = {
    "table-3-1": Layout(
        title="Table 3.1: labels pooled over people",
        rows=(
            _HARD,
            ("Random Labels", {"variety": "random"}),
            ("Uniform Labels", {"variety": "uniform"}),
            _CLICKS,
            _OURS,
        ),
        columns=_THREE,
    ),
    "table-3-2": Layout(
        title="Table 3.2: one person's label a batch (hard labels added as the reference)",
        rows=(_HARD, _CLICKS, _OURS),
        columns=_THREE,
    ),
    "table-3-3": Layout(
        title="Table 3.3: labels from two people or one",
        rows=(("10H", {"variety": "click"}), ("Ours", {"variety": "t2-clamp"})),
        columns=_SHORT,
        column_groups=(("M=2", {"annotators": 2}), ("M=1", {"annotators": 1})),
    ),
    "table-3-4": Layout(
        title="Table 3.4: what of people's answers matters",
        rows=(
            ("T1, Unif", {"variety": "t1-uniform"}),
            ("T1, Clamp", {"variety": "t1-clamp"}),
            ("T2, Unif", {"variety": "t2-uniform"}),
            ("T2, Clamp", {"variety": "t2-clamp"}),
        ),
        columns=(("ce", "CE"), ("fgsm", "FGSM Loss"), ("rmsce", "Calibration"), *_ADDED),
        timed=True,
    ),
    "table-B-1": Layout(
        title="Table B.1: people's labels against label smoothing",
        rows=(("Label Smoothing", {"variety": "smoothed"}), _CLICKS, _OURS),
        columns=_THREE,
    ),
    "table-B-2": Layout(
        title="Table B.2: what people leave open spread evenly or by similarity (first choice)",
        rows=(("Uniform", {"variety": "t1-uniform"}), ("Semantic", {"variety": "t1-semantic"})),
        columns=_THREE,
    ),
    "table-B-3": Layout(
        title="Table B.3: what people leave open spread evenly or by similarity (both choices)",
        rows=(("Uniform", {"variety": "t2-uniform"}), ("Semantic", {"variety": "t2-semantic"})),
        columns=_THREE,
    ),
    "table-4-1": Layout(
        title="Table 4.1: targets of an added set of mixed images",
        rows=(
            ("Regular (No Aug)", {"hmix": None}),
            ("+ Uniform Labels", {"hmix": "uniform"}),
            ("+ Random Labels", {"hmix": "random"}),
            _GENERATING,
            _AGGREGATED,
        ),
        columns=_THREE,
    ),
    "table-4-2": Layout(
        title="Table 4.2: people's mean coefficient against one person's a batch",
        rows=(_GENERATING, _AGGREGATED, _SEPARATE),
        columns=_THREE,
    ),
    "table-4-3": Layout(
        title="Table 4.3: people's confidence",
        rows=(
            _GENERATING,
            _AGGREGATED,
            _SEPARATE,
            ("Ours (Agg, with confidence)", {"hmix": "mean", "confidence_decay": 0.005}),
            ("Ours (Sep, with confidence)", {"hmix": "separate", "confidence_decay": 0.005}),
        ),
        columns=_THREE,
    ),
    "table-5-1": Layout(
        title="Table 5.1: variants of mixup (no mixing added as the reference)",
        rows=(
            ("No mixing", {"mixing": None}),
            ("mixup", _PLAIN_MIXUP),
            ("Mix-MaxEnt", {"mixing": "mix-maxent"}),
            ("Ours (Ent-WC)", {"loss": "entropy-weighted"}),
        ),
        columns=_WITH_CORRUPTED,
    ),
    "table-5-2": Layout(
        title="Table 5.2: hard endpoints against soft ones",
        rows=tuple(
            (f"{name}, {endpoints}", {**mixing, **labels})
            for name, mixing in (
                ("mixup", _PLAIN_MIXUP),
                ("Mix-MaxEnt", {"mixing": "mix-maxent"}),
                ("Ours (Ent-WC)", {"loss": "entropy-weighted"}),
            )
            for endpoints, labels in (
                ("Hard", {"variety": "hard"}),
                ("Ours (Soft)", {"variety": "t2-clamp", "rest": "simulated"}),
            )
        ),
        columns=_WITH_CORRUPTED,
    ),
    "table-C-1": Layout(
        title="Table C.1: linear against logistic target mixing",
        rows=tuple(
            (f"{name}, Ent-WC {said}", {"target_mixing": target, "loss": loss})
            for said, loss in (("No", None), ("Yes", "entropy-weighted"))
            for name, target in (("mixup", None), ("tau mixing", "logistic"))
        ),
        columns=(*_MIXUP, *_ADDED),
    ),
}


_CORRUPTED = "corrupted "  # before a layout's metric: on the corrupted copy of the test set
_SHORT_SETS = {"10h": "10H", "10s": "10S"}


def table(results: pd.DataFrame, preset_name: str) -> ReportTable:
    """The table of `results` as the thesis lays it out for `preset_name`; for any other name cells by metrics.

    An entry is a mean over replicates with half its 95% interval; one replicate gives none. Where the cells of a row
    differ in the model only, each replicate counts once with its mean over the models, and only if it has them all.
    Cells that a row's label does not tell apart get a row each. Trials that fit no row are named in the notes, as is
    every entry that is missing. Results without a finished trial are a RequestError.
    """
    done = results[results["status"] == "done"].copy()
    if done.empty:
        raise RequestError("no finished trial to report on yet")
    layout = LAYOUTS.get(preset_name) or _general(done, preset_name)
    rows = [_Row.of(layout, label, trials) for row in layout.rows for label, trials in _rows(done, layout, *row)]
    entries: list[Entry] = []
    notes: list[str] = []
    for test_set in test_set_names(done):
        for row in rows:
            entries += _entries(layout, test_set, row, notes)
    title = f"Simulated annotators. {layout.title}" if is_simulated(results) else layout.title
    notes = [f"± is half of a {INTERVAL}.", *_left_out(done, layout), *_failures(results), *dict.fromkeys(notes)]
    return ReportTable(title=title, entries=tuple(entries), notes=tuple(notes))


def is_simulated(results: pd.DataFrame) -> bool:
    """Whether any trial used the data set whose annotators are simulated."""
    return "dataset" in results and bool((results["dataset"] == "digits").any())


def _general(done: pd.DataFrame, name: str) -> Layout:
    metrics = dict.fromkeys(column.split("/")[0] for column in metric_columns(done))
    cells = done.drop_duplicates("cell")
    rows = tuple((label, {"cell": cell}) for label, cell in zip(recipes(cells), cells["cell"], strict=True))
    return Layout(title=f"{name}: all cells", rows=rows, columns=tuple((metric, metric) for metric in metrics))


def _rows(
    done: pd.DataFrame, layout: Layout, label: str, where: Mapping[str, Any]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The trials of a row of the layout; several rows where its cells differ in more than the model."""
    trials = _matching(done, where)
    varying = _varying(trials, layout)
    if not varying:
        yield label, trials
        return
    for values, part in trials.groupby([trials[axis].astype(str) for axis in varying], sort=False):
        words = ", ".join(f"{axis} {value}" for axis, value in zip(varying, values, strict=True))
        yield f"{label}: {words}", part


def _varying(trials: pd.DataFrame, layout: Layout) -> list[str]:
    """Axes that differ between trials of one model in one group of columns."""
    axes = [axis for axis in axis_columns(trials) if axis not in ("model", "budget_hours")]
    found = set()
    for _, where in layout.column_groups:
        chosen = _matching(trials, where)
        texts = chosen[axes].astype(str).groupby(_models(chosen)).nunique()
        found |= {axis for axis in axes if (texts[axis] > 1).any()}
    return [axis for axis in axes if axis in found]


def _models(trials: pd.DataFrame) -> pd.Series:
    return (trials["model"] if "model" in trials else pd.Series("", index=trials.index)).astype(str).rename("model")


@dataclass(frozen=True)
class _Row:
    """A row's label and trials, and by group of columns each replicate's value of each metric and model."""

    label: str
    trials: pd.DataFrame
    values: Mapping[str, pd.DataFrame]

    @classmethod
    def of(cls, layout: Layout, label: str, trials: pd.DataFrame) -> "_Row":
        chosen = {name: _matching(trials, where) for name, where in layout.column_groups}
        return cls(label, trials, {name: _replicates(part) for name, part in chosen.items()})


def _replicates(trials: pd.DataFrame) -> pd.DataFrame:
    """Rows are replicates (seed, panel), columns (metric, model); infinity for what a trial lacks, NaN for no trial."""
    metrics = metric_columns(trials)
    numbers = trials[metrics].astype(float).fillna(np.inf)
    placed = pd.concat([trials[["seed", "panel"]], _models(trials), numbers], axis="columns")
    table = placed.set_index(["seed", "panel", "model"])[metrics].unstack("model")  # noqa: PD010 - keeps empty tables
    return pd.DataFrame(table)


def _entries(layout: Layout, test_set: str, row: _Row, notes: list[str]) -> Iterator[Entry]:
    group = _SHORT_SETS.get(test_set, test_set)
    if layout.timed:
        seconds = price(str(row.trials["variety"].iloc[0])) if len(row.trials) else None
        text = EMPTY if seconds is None else f"{seconds:g}s"
        yield Entry(group=group, row=row.label, column_group="", column="Time", text=text, mean=seconds)
    for name, values in row.values.items():
        place = f"{group} {row.label} {name}".strip()
        blank = Entry(group=group, row=row.label, column_group=name, column="n", text=EMPTY)
        n = 0
        for metric, heading in layout.columns:
            column = _column(metric, test_set, values, notes)
            found = _measured(values, column, place, notes) if column else None
            n = max(n, found.n if found else 0)
            yield replace(blank, column=heading, **_shown(found))
        yield replace(blank, text=str(n), mean=n)


def _column(metric: str, test_set: str, values: pd.DataFrame, notes: list[str]) -> str:
    """The results' column behind a metric of a layout; "" on corrupted images that are not made of this test set."""
    if not metric.startswith(_CORRUPTED):
        return f"{metric}/{test_set}"
    there = values.columns.get_level_values(0)
    column = corrupted_column(metric.removeprefix(_CORRUPTED), test_set, there)
    if column.endswith("-generated"):
        notes.append("Corrupted images were generated from the published recipes at severity 3, frost left out.")
    elsewhere = any(name.endswith(CORRUPTED) for name in there)
    return column if column in there or not elsewhere else ""


def _shown(found: MeanInterval | None) -> dict[str, Any]:
    if found is None:
        return {}
    half = "" if found.half_width is None else f" ± {found.half_width:.3f}"
    return {"text": f"{found.mean:.3f}{half}", "mean": found.mean, "low": found.low, "high": found.high, "n": found.n}


def _measured(values: pd.DataFrame, metric: str, place: str, notes: list[str]) -> MeanInterval | None:
    """The mean of `metric` over replicates; None, with a note, where there is none."""
    if values.empty or metric not in values:
        notes.append(f"{place}: no finished trial." if values.empty else f"{metric} was not measured.")
        return None
    each = pd.DataFrame(values[metric])
    if lacking := int(np.isinf(each.to_numpy()).sum()):
        notes.append(f"{place}: {lacking} of {int(each.count().sum())} trials have no finite {metric}.")
        return None
    whole = each.dropna()
    if each.shape[1] > 1:
        notes.append(f"A replicate's value is its mean over the models {', '.join(map(str, each.columns))}.")
    if len(whole) < len(each):
        notes.append(f"{place}: {len(each) - len(whole)} of {len(each)} replicates lack a model and are left out.")
    return mean_interval(whole.mean(axis=1).to_numpy()) if len(whole) else None


def _matching(trials: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    keep = pd.Series(True, index=trials.index)
    for axis, wanted in where.items():
        if axis not in trials:
            if wanted is None:
                continue
            return trials.iloc[:0]
        column = trials[axis]
        if wanted is None:
            keep &= column.isna()
            continue
        numeric = pd.to_numeric(column, errors="coerce") if isinstance(wanted, int | float) else column
        keep &= numeric == wanted
    return trials[keep]


def _left_out(done: pd.DataFrame, layout: Layout) -> list[str]:
    taken = [
        _matching(_matching(done, row), group)["trial"] for _, row in layout.rows for _, group in layout.column_groups
    ]
    rest = done[~done["trial"].isin(pd.concat(taken))]
    names = dict.fromkeys(recipes(done).loc[rest.index])
    return [f"Run, but not part of this table: {'; '.join(names)}."] if names else []


def _failures(results: pd.DataFrame) -> list[str]:
    failed = int((results["status"] == "failed").sum())
    return [f"{failed} of {len(results)} trials failed and are left out."] if failed else []
