"""A sweep's results as a table: the thesis's rows and columns where the preset is one of its tables, else all cells."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from softcore.errors import RequestError
from softcore.prices.read import price
from softcore.statistics import MeanInterval, mean_interval
from sweeps.results.names import INTERVAL, recipes
from sweeps.results.table import CORRUPTED, FAILED, corrupted_column, finished, metric_columns, test_set_names
from sweeps.show.tables import EMPTY, Entry, ReportTable
from sweeps.sources import from_digits
from sweeps.studies.thesis.published import PublishedTable, tables
from sweeps.studies.thesis.row_trials import Trials, by_replicate, matching, variants, varying

_CORRUPTED = "corrupted "  # before a metric: on the corrupted copy of the test set
_SHORT_SETS = {"10h": "10H", "10s": "10S"}


@dataclass(frozen=True)
class _Line:
    """A line of a report table: its label, and its trials by group of columns."""

    label: str
    groups: Mapping[str, pd.DataFrame]


def thesis_table(results: pd.DataFrame, preset_name: str) -> ReportTable:
    """The table of `results` as the thesis has it for `preset_name`; for any other name cells by metrics.

    An entry is a mean over replicates with half its 95% interval; one replicate gives none. Where the cells of a row
    differ in the model only, each replicate counts once with its mean over the models, and only if it has them all.
    Cells that a row's label does not tell apart get a line each. Trials that fit no row are named in the notes, as is
    every entry that is missing. No finished trial, or two of one cell, seed and panel, are a RequestError.
    """
    done = finished(results).reset_index(drop=True)
    if done.empty:
        raise RequestError("no finished trial to report on yet")
    table = report_tables().get(preset_name)
    title = table.report_title if table else f"{preset_name}: all cells"
    metrics = dict.fromkeys(column.split("/")[0] for column in metric_columns(done))
    columns = table.columns if table else {metric: metric for metric in metrics}
    lines = list(_lines(Trials(done), table) if table else _cells(done))
    entries: list[Entry] = []
    notes: list[str] = []
    for test_set in test_set_names(done):
        for line in lines:
            entries += _time(test_set, line) if table and table.timed else []
            entries += _entries(columns, test_set, line, notes)
    if from_digits(results):
        title = f"Simulated annotators. {title}"
    notes = [f"± is half of a {INTERVAL}.", *_left_out(done, lines), *_failures(results), *dict.fromkeys(notes)]
    return ReportTable(title=title, entries=tuple(entries), notes=tuple(notes))


def report_tables() -> dict[str, PublishedTable]:
    """The thesis's tables by the name of their preset; figures have no such form."""
    return {table.preset: table for table in tables().values() if table.columns}


def _cells(done: pd.DataFrame) -> Iterator[_Line]:
    first = done.drop_duplicates("cell")
    for label, cell in zip(recipes(first), first["cell"], strict=True):
        yield _Line(label, {"": done[done["cell"] == cell]})


def _lines(trials: Trials, table: PublishedTable) -> Iterator[_Line]:
    """The lines of a table of the thesis; several of one label where its cells differ in more than the model."""
    for label in dict.fromkeys(row.label for row in table.rows.values()):
        chosen = {
            row.group: matching(trials.texts, {axis: row.where[axis] for axis in table.told_apart_by})
            for row in table.rows.values()
            if row.label == label
        }
        differ = {axis for keep in chosen.values() for axis in varying(trials.texts[keep])}
        axes = [axis for axis in trials.texts if axis in differ]
        for _, part in variants(trials.texts[np.any(list(chosen.values()), axis=0)], axes):
            done = trials.done.loc[part.index]
            words = ", ".join(f"{axis} {done[axis].iloc[0] if part[axis].iloc[0] else 'none'}" for axis in axes)
            groups = {group: done[keep[done.index]] for group, keep in chosen.items()}
            yield _Line(f"{label}: {words}" if words else label, groups)


def _time(test_set: str, line: _Line) -> Iterator[Entry]:
    """The seconds that one answer takes."""
    (trials,) = line.groups.values()
    seconds = price(str(trials["variety"].iloc[0])) if len(trials) else None
    text = EMPTY if seconds is None else f"{seconds:g}s"
    group = _SHORT_SETS.get(test_set, test_set)
    yield Entry(group=group, row=line.label, column_group="", column="Time", text=text, mean=seconds)


def _entries(columns: Mapping[str, str], test_set: str, line: _Line, notes: list[str]) -> Iterator[Entry]:
    group = _SHORT_SETS.get(test_set, test_set)
    for name, trials in line.groups.items():
        place = f"{group} {line.label} {name}".strip()
        blank = Entry(group=group, row=line.label, column_group=name, column="n", text=EMPTY)
        n = 0
        for metric, heading in columns.items():
            found = _mean(trials, metric, test_set, place, notes)
            n = max(n, found.n if found else 0)
            yield replace(blank, column=heading, **_shown(found))
        yield replace(blank, text=str(n), mean=n)


def _mean(trials: pd.DataFrame, metric: str, test_set: str, place: str, notes: list[str]) -> MeanInterval | None:
    """The mean of `metric` over replicates; None, with a note, where there is none."""
    if trials.empty:
        notes.append(f"{place}: no finished trial.")
        return None
    column = _column(metric, test_set, trials, notes)
    if not column:
        return None
    if column not in trials:
        notes.append(f"{column} was not measured.")
        return None
    each = by_replicate(trials, column)
    if lacking := int(np.isinf(each.to_numpy()).sum()):
        notes.append(f"{place}: {lacking} of {len(trials)} trials have no finite {column}.")
        return None
    whole = each.dropna()
    if each.shape[1] > 1:
        notes.append(f"A replicate's value is its mean over the models {', '.join(map(str, each))}.")
    if len(whole) < len(each):
        notes.append(f"{place}: {len(each) - len(whole)} of {len(each)} replicates lack a model and are left out.")
    return mean_interval(whole.mean(axis=1).to_numpy()) if len(whole) else None


def _column(metric: str, test_set: str, trials: pd.DataFrame, notes: list[str]) -> str:
    """The results' column behind a table's metric; "" on corrupted images that are not made of this test set."""
    if not metric.startswith(_CORRUPTED):
        return f"{metric}/{test_set}"
    there = metric_columns(trials)
    column = corrupted_column(metric.removeprefix(_CORRUPTED), test_set, pd.Index(there))
    if column.endswith("-generated"):
        notes.append("Corrupted images were generated from the published recipes at severity 3, frost left out.")
    elsewhere = any(name.endswith(CORRUPTED) for name in there)
    return column if column in there or not elsewhere else ""


def _shown(found: MeanInterval | None) -> dict[str, Any]:
    if found is None:
        return {}
    half = "" if found.half_width is None else f" ± {found.half_width:.3f}"
    return {"text": f"{found.mean:.3f}{half}", "mean": found.mean, "low": found.low, "high": found.high, "n": found.n}


def _left_out(done: pd.DataFrame, lines: list[_Line]) -> list[str]:
    taken = [trial for line in lines for trials in line.groups.values() for trial in trials["trial"]]
    names = dict.fromkeys(recipes(done)[~done["trial"].isin(taken)])
    return [f"Run, but not part of this table: {'; '.join(names)}."] if names else []


def _failures(results: pd.DataFrame) -> list[str]:
    failed = int((results["status"] == FAILED).sum())
    return [f"{failed} of {len(results)} trials failed and are left out."] if failed else []
