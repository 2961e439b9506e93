"""`sweeps report controls`: which share of the gain from people's labels each control leaves standing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from softcore.errors import RequestError
from softcore.labels.controls import MATCHED_ENTROPY
from softcore.statistics import MeanInterval
from sweeps.evaluation.stored import test_sets_of
from sweeps.results.names import recipe
from sweeps.results.table import axis_columns, finished, is_control, is_free, metric_columns, records
from sweeps.sources import from_sweep
from sweeps.spec.axis_names import TRAINING_AXES
from sweeps.studies.controls.pictures import shares_png
from sweeps.studies.controls.shares import Left, Share, left_standing
from sweeps.studies.document import Document, Picture, Section, Table
from sweeps.studies.report import (
    command,
    log_to_mlflow,
    manifest_notes,
    pages,
    report_folder,
    save_files,
    simulated_words,
    source_rows,
)
from sweeps.sweep import Sweep, open_sweep

NAME = "controls"
LATER = ("corrected", "reference-labels", "corrupted")  # test sets that the report scores where they are not there
TEMPERATURE, SMOOTHING, SMOOTHED_TEMPERATURE = "one temperature", "label smoothing", "smoothing and a temperature"
ENTROPY, ENTROPY_TEMPERATURE = "matched entropy", "matched entropy and a temperature"
# Of each control: the recipe that is held against people's labels, and the metric that both are held by.
CONTROLS: Mapping[str, tuple[str, str]] = {
    TEMPERATURE: ("hard", "scaled-ce"),
    SMOOTHING: ("smoothed", "ce"),
    SMOOTHED_TEMPERATURE: ("smoothed", "scaled-ce"),
    ENTROPY: (MATCHED_ENTROPY, "ce"),
    ENTROPY_TEMPERATURE: (MATCHED_ENTROPY, "scaled-ce"),
}
HARD = "hard"


@dataclass(frozen=True, kw_only=True)
class PeopleCell:
    """A cell of people's labels with the cells that it is held against, by kind: hard, smoothed, matched entropy."""

    recipe: str
    cell: str
    against: Mapping[str, str]


def write_report(
    name: str,
    *,
    out: str | Path | None = None,
    to: Path | None = None,
    data_root: str | Path | None = None,
    score: bool = True,
    cpus: int | None = None,
) -> tuple[Document, dict[str, Path]]:
    """Write the report on a sweep that has controls (preset `controls`); the document, and its files' paths by name.

    With `score` its trials are first scored on the test sets of `LATER` that can be made of its data and are not there
    yet. RequestError for a sweep without people's labels beside hard ones.
    """
    folder, sweep = report_folder(NAME, [name], out, to, None), open_sweep(name, out=out)
    notes = score_later(sweep, data_root, cpus) if score else []
    source = from_sweep(sweep)
    results = finished(source.results)
    cells = people_cells(results)
    names = [one for one in test_sets_of(sweep.store) if f"ce/{one}" in metric_columns(results)]
    sections = [_section(results, cells, one, sweep.simulated) for one in names]
    sections += _corrected(results, cells)
    document = Document(
        name=NAME,
        title="What people's labels gain beyond softness",
        simulated=simulated_words([source]),
        summary=tuple(line for section in sections for line in section.summary),
        sources=source_rows([source]),
        command=command(NAME, sweep.id),
        notes=(
            "A gain is how much lower the loss is, paired by replicate; its 95% interval is Student's t over "
            "replicates (seeds, and with each seed its panel of people), not over test images. A share is the gain "
            "over the control divided by the gain of `ce` over hard labels, with Fieller's interval; it has none "
            "where that gain can't be told from 0. 100% left standing: the control explains nothing of the gain; "
            "0%: all of it.",
            *notes,
            *manifest_notes([source]),
        ),
        sections=tuple(sections),
    )
    paths = save_files(folder, pages(document))
    log_to_mlflow([sweep], list(paths.values()))
    return document, paths


def score_later(sweep: Sweep, data_root: str | Path | None, cpus: int | None) -> list[str]:
    """Score the test sets of `LATER` that are not there, and all trials that lack them; why some can't be made."""
    from sweeps.drive import evaluate

    said = []
    for test_set in LATER:
        try:
            evaluate(str(sweep.folder), test_set, out=sweep.folder.parent, data_root=data_root, cpus=cpus)
        except RequestError as error:
            said.append(f"Not on {test_set}: {error}.")
    return said


def people_cells(results: pd.DataFrame) -> list[PeopleCell]:
    """The cells that asked people, in order, each with those that differ from it in nothing but the control.

    RequestError where no such cell stands beside hard labels that were trained alike.
    """
    first = results.drop_duplicates("cell").reset_index(drop=True)
    axes = axis_columns(first)
    training = [axis for axis in TRAINING_AXES if axis in axes]
    texts = (
        first[axes].astype(object).where(first[axes].notna(), "").astype(str)
    )  # an axis that does not apply is alike
    control, free = is_control(first), is_free(first)
    found = []
    for place in first.index[~control & ~free]:
        alike = (texts[training] == texts.loc[place, training]).all(axis=1)
        same = (
            texts.drop(columns="control", errors="ignore") == texts.loc[place].drop("control", errors="ignore")
        ).all(axis=1)
        beside = {
            HARD: first["cell"][alike & (first["variety"] == "hard")],
            "smoothed": first["cell"][alike & (first["variety"] == "smoothed")],
            MATCHED_ENTROPY: first["cell"][same & control],
        }
        against = {kind: str(cells.iloc[0]) for kind, cells in beside.items() if len(cells)}
        if HARD in against:
            words = recipe(records(first.loc[[place], axes])[0])
            found.append(PeopleCell(recipe=words, cell=str(first["cell"][place]), against=against))
    if not found:
        raise RequestError("no cell of people's labels stands beside hard labels that were trained alike")
    return found


def paired_gain(results: pd.DataFrame, cell: str, against: str, metric: str, test_set: str) -> pd.Series:
    """How much lower `metric` on `test_set` is in `cell` than in another, by (seed, panel) that both have."""
    column, key = f"{metric}/{test_set}", ["seed", "panel"]
    if column not in results:
        return pd.Series(dtype=float)
    mine, other = (results[results["cell"] == one].set_index(key)[column].astype(float) for one in (cell, against))
    return (other - mine).dropna()


def left_by(results: pd.DataFrame, one: PeopleCell, test_set: str) -> dict[str, Left]:
    """What each control leaves of the gain in `ce` over hard labels, over the replicates that all have."""
    gain = paired_gain(results, one.cell, one.against[HARD], "ce", test_set)
    found = {}
    for control, (kind, metric) in CONTROLS.items():
        if kind in one.against:
            left = paired_gain(results, one.cell, one.against[kind], metric, test_set)
            both = gain.index.intersection(left.index)
            if len(both):
                found[control] = left_standing(gain[both].to_numpy(), left[both].to_numpy())
    return found


def _section(results: pd.DataFrame, cells: list[PeopleCell], test_set: str, simulated: bool) -> Section:
    by_cell = {one.recipe: left_by(results, one, test_set) for one in cells}
    by_cell = {words: found for words, found in by_cell.items() if found}
    controls = [control for control in CONTROLS if any(control in found for found in by_cell.values())]
    rows = []
    for words, found in by_cell.items():
        any_one = next(iter(found.values()))
        entries = [_left_words(found[control]) if control in found else "–" for control in controls]
        rows.append((words, str(any_one.n), _interval(any_one.gain), *entries))
    headings = ("labels", "n", "gain over hard labels", *(f"beyond {control}" for control in controls))
    return Section(
        title=f"On {test_set}",
        lines=(
            f"Gains in cross-entropy on {test_set}, and what each control leaves (a gain, its share of the first).",
        ),
        tables=(Table(headings=headings, rows=tuple(rows), numbers=tuple(range(1, len(headings)))),),
        pictures=(
            Picture(
                name=test_set,
                words=f"The share of the gain on {test_set} that each control leaves standing, a line a cell",
                png=shares_png(by_cell, test_set, simulated),
            ),
        ),
        summary=tuple(_summary(by_cell, test_set)),
        data={
            "test_set": test_set,
            "cells": [{"labels": words, **_numbers(found)} for words, found in by_cell.items()],
        },
    )


def _summary(by_cell: Mapping[str, Mapping[str, Left]], test_set: str) -> Iterator[str]:
    """One sentence on the cell with the largest gain."""
    if not by_cell:
        return
    words, found = max(by_cell.items(), key=lambda item: next(iter(item[1].values())).gain.mean)
    gain = next(iter(found.values()))
    said = "; ".join(f"{_share(left.share)} beyond {control}" for control, left in found.items())
    yield (
        f"On {test_set}, {words} gains {_interval(gain.gain)} of cross-entropy on hard labels (n = {gain.n}). What "
        f"stays of it: {said}."
    )


def _corrected(results: pd.DataFrame, cells: list[PeopleCell]) -> list[Section]:
    """Accuracy of every cell on reference and on corrected labels, and its gain over hard labels on both."""
    sets = [one for one in ("reference-labels", "corrected") if f"accuracy/{one}" in metric_columns(results)]
    if len(sets) < 2:
        return []
    rows = []
    for one in cells:
        gains = [-paired_gain(results, one.cell, one.against[HARD], "accuracy", name) for name in sets]
        both = gains[0].index.intersection(gains[1].index)
        if not len(both):
            continue
        values = [_mean(results, one.cell, f"accuracy/{name}") for name in sets]
        intervals = [left_standing(gain[both].to_numpy(), gain[both].to_numpy()).gain for gain in gains]
        more = left_standing((gains[1] - gains[0])[both].to_numpy(), gains[0][both].to_numpy()).gain
        texts = [f"{value:.4f}" for value in values]
        rows.append((one.recipe, str(len(both)), *texts, *(_interval(i, 4) for i in intervals), _interval(more, 4)))
    headings = (
        "labels",
        "n",
        *(f"accuracy, {name}" for name in sets),
        *(f"gain over hard, {name}" for name in sets),
        "more on corrected labels",
    )
    line = "Whether people's labels look better or worse once the test's own errors are put right, on the same models."
    table = Table(headings=headings, rows=tuple(rows), numbers=tuple(range(1, len(headings))))
    return [Section(title="Corrected labels against reference labels", lines=(line,), tables=(table,))]


def _mean(results: pd.DataFrame, cell: str, column: str) -> float:
    return float(results.loc[results["cell"] == cell, column].astype(float).mean())


def _left_words(left: Left) -> str:
    return f"{_interval(left.left)}: {_share(left.share)}"


def _interval(found: MeanInterval, digits: int = 3) -> str:
    if found.low is None or found.high is None:
        return f"{found.mean:.{digits}f}"
    return f"{found.mean:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def _share(share: Share) -> str:
    if share.low is None or share.high is None:
        return f"{share.share:.0%} (no interval)"
    return f"{share.share:.0%} [{share.low:.0%}, {share.high:.0%}]"


def _numbers(found: Mapping[str, Left]) -> dict[str, Any]:
    def plain(interval: MeanInterval) -> dict[str, float | None]:
        return {"mean": interval.mean, "low": interval.low, "high": interval.high}

    return {
        control: {
            "n": left.n,
            "gain": plain(left.gain),
            "left": plain(left.left),
            "share": {"mean": left.share.share, "low": left.share.low, "high": left.share.high},
        }
        for control, left in found.items()
    }
