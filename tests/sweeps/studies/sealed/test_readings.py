"""Readings of sealed cells: made only when asked for, kept, and counted whenever the planner or its trials changed."""

import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.sources import Source
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, World, bought_cells, planted_table
from sweeps.studies.grid.grid_report import planner_parts
from sweeps.studies.grid.recorded import CO_PRIMARY, GRID, SEALED, Sources
from sweeps.studies.sealed import readings
from sweeps.studies.sealed.judge import Judgement
from sweeps.studies.sealed.readings import NAME, load_readings, planned_trials, read_sealed_cells, table_digest
from sweeps.studies.sealed.version import PLANNER_VERSION, predictions_digest

TODAY = datetime.date(2026, 3, 1)
RECORDED = Path(__file__).parents[4] / "docs" / "results" / "grid" / NAME


@pytest.fixture(scope="module")
def made() -> Sources:
    rng = np.random.default_rng(3)
    grid = planted_table(World(), [*bought_cells(["click", "t2-clamp"]), *FREE_CELLS], rng)
    cells = [{"variety": "click", "aggregation": "separate", "annotators": 2, "items": n} for n in (300, 400)]
    sealed = planted_table(World(), cells, rng, seeds=(560, 751), panels=(0,))
    sealed[["trial", "cell"]] = "s" + sealed[["trial", "cell"]]
    tables = {GRID: grid, SEALED: sealed}
    every = {name: t.assign(**dict.fromkeys(CO_PRIMARY, t[METRIC])) for name, t in tables.items()}
    return {name: Source(name=name, results=t, about={}) for name, t in every.items()}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, judged: Callable[..., Judgement]) -> list[str]:
    """Made-up tables are whole, and judging takes no time; gives the metrics that were judged."""
    asked: list[str] = []

    def judge(training: pd.DataFrame, sealed: pd.DataFrame, *, metric: str) -> Judgement:
        asked.append(metric)
        return judged(metric)

    monkeypatch.setattr(readings, "judge", judge)
    monkeypatch.setattr(readings, "check_version", lambda: None)
    monkeypatch.setattr(readings, "planned_trials", lambda preset: 1)
    return asked


def test_nothing_is_read_unless_it_is_asked_for(made: Sources, tmp_path: Path, quick: list[str]):
    part, _ = planner_parts(tmp_path / "readings.json")
    assert "not read yet: `--read-sealed`" in part.section(made).lines[-1]
    assert not quick
    assert not list(tmp_path.iterdir())


def test_the_same_reading_again_adds_nothing_and_judges_nobody(made: Sources, tmp_path: Path, quick: list[str]):
    path = tmp_path / "readings.json"
    first = read_sealed_cells(path, made, TODAY)
    content = path.read_bytes()
    again = read_sealed_cells(path, made, TODAY + datetime.timedelta(days=9))
    assert quick == [*CO_PRIMARY]
    assert path.read_bytes() == content
    assert [r.as_dict() for r in again] == [r.as_dict() for r in first]
    assert (again[0].date, [one.metric for one in again[0].judgements]) == (TODAY, [*CO_PRIMARY])


def test_another_planner_other_training_and_other_cells_are_each_another_reading(
    made: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "readings.json"
    read_sealed_cells(path, made)
    for preset in (GRID, SEALED):
        moved = made[preset].results.copy()
        moved.loc[3, "scaled-ce/10s"] += 1e-4
        read_sealed_cells(path, {**made, preset: replace(made[preset], results=moved)})
    assert len(load_readings(path)) == 3
    monkeypatch.setattr(readings, "PLANNER_VERSION", PLANNER_VERSION + 1)
    read_sealed_cells(path, made)
    monkeypatch.setattr(readings, "predictions_digest", lambda: "another")
    found = read_sealed_cells(path, made)
    assert [r.identity.planner - PLANNER_VERSION for r in found] == [0, 0, 0, 1, 1]
    assert [r.identity.predictions == "another" for r in found] == [False, False, False, False, True]
    shown = planner_parts(path)[0].section(made)
    assert shown.lines[1].startswith("The sealed cells were read 5 times; shown is reading 5, of ")
    assert "nobody can have tried for" in shown.lines[1]
    assert [row[0] for row in shown.tables[2].rows] == ["1", "2", "3", "4", "5"]
    assert [row[-1] for row in shown.tables[2].rows] == ["", "", "", "", "shown"]


def test_a_planner_that_changed_since_is_said_to_predict_otherwise(
    made: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: list[str]
):
    path = tmp_path / "readings.json"
    read_sealed_cells(path, made)
    assert "changed" not in planner_parts(path)[0].section(made).lines[1]
    monkeypatch.setattr(readings, "PLANNER_VERSION", PLANNER_VERSION + 1)
    shown = planner_parts(path)[0].section(made)
    assert "Since then the planner changed: other predictions would be made now." in shown.lines[1]
    assert len(quick) == len(CO_PRIMARY)  # nothing was read for that


def test_a_planner_that_is_not_what_its_version_says_reads_nothing(
    made: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: list[str]
):
    def refuse() -> None:
        raise RequestError("raise PLANNER_VERSION")

    monkeypatch.setattr(readings, "check_version", refuse)
    with pytest.raises(RequestError, match="raise PLANNER_VERSION"):
        read_sealed_cells(tmp_path / "readings.json", made)
    assert not quick
    assert not list(tmp_path.iterdir())


def test_the_recorded_readings_are_by_versions_1_to_5_and_keep_the_digests_of_their_source():
    kept = load_readings(RECORDED)[:5]
    assert [reading.identity.planner for reading in kept] == [1, 2, 3, 4, 5]
    sources = ["3a7bdcee", "53f404e0", "bb71435e", "8b0c7f3b", "1cf484fc"]
    assert [reading.source[:8] for reading in kept] == sources
    assert [reading.identity.predictions == "" for reading in kept] == [True, True, True, True, False]


@pytest.mark.skipif(PLANNER_VERSION != 5, reason="the recorded reading is of version 5")
def test_the_fifth_recorded_reading_is_by_the_planner_as_it_is():
    assert load_readings(RECORDED)[4].identity.predictions == predictions_digest()


def test_a_reading_made_before_planners_had_versions_still_counts_and_keeps_its_digest(made: Sources, tmp_path: Path):
    path = tmp_path / "readings.json"
    new = {name: value for name, value in read_sealed_cells(path, made)[0].as_dict().items() if name != "predictions"}
    path.write_text(json.dumps([{**new, "planner": "d" * 64}]))
    found = read_sealed_cells(path, made)
    assert [reading.identity.planner for reading in found] == [0, PLANNER_VERSION]
    assert [reading.source for reading in load_readings(path)] == ["d" * 64, ""]
    assert [row[4] for row in planner_parts(path)[0].section(made).tables[2].rows] == [
        "d" * 8,
        f"version {PLANNER_VERSION}",
    ]


def test_what_is_half_recorded_is_not_read(made: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readings, "planned_trials", planned_trials)
    with pytest.raises(RequestError, match=r"read when all is recorded; grid has 102 of 424 trials$"):
        read_sealed_cells(tmp_path / "readings.json", made)
    section = planner_parts(tmp_path / "readings.json", read_sealed=True)[0].section(made)
    assert section.lines[0].startswith("Not enough is recorded yet: sealed cells are read when all is recorded")
    assert not list(tmp_path.iterdir())


def test_the_planned_trials_of_a_preset_are_counted_without_its_data():
    assert [planned_trials(name) for name in ("grid", "grid-variance", "grid-sealed")] == [424, 32, 96]


def test_an_odd_file_is_refused_in_one_line_before_anything_is_made(tmp_path: Path):
    path = tmp_path / "readings.json"
    for content in ('{"date": 1}', '[{"date": "2026-03-01"}]', "[", "3"):
        path.write_text(content)
        with pytest.raises(RequestError, match=r"readings.json is no list of readings of sealed cells: "):
            planner_parts(path)


def test_a_file_of_readings_has_a_line_a_reading(made: Sources, tmp_path: Path):
    read_sealed_cells(tmp_path / "readings.json", made, TODAY)
    lines = (tmp_path / "readings.json").read_text().splitlines()
    assert len(lines) == 3
    assert json.loads(lines[1])["judgements"][0]["all"][0]["model"] == "curve"


def test_a_tables_digest_is_that_of_its_trials_and_values(made: Sources):
    results = made[GRID].results
    digest = table_digest(results, CO_PRIMARY)
    assert table_digest(results.sample(frac=1, random_state=0).assign(train_seconds=3.0), CO_PRIMARY) == digest
    assert table_digest(results.iloc[1:], CO_PRIMARY) != digest
    assert table_digest(results.assign(**{METRIC: results[METRIC] + 1e-6}), CO_PRIMARY) != digest
