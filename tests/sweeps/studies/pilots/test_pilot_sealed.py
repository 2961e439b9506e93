"""Looks at the sealed cells from pilots: kept, and counted whenever the planner or its tables changed."""

import datetime
import sys

import numpy as np
import pytest

from softcore.errors import RequestError
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, World, bought_cells, planted_table
from sweeps.studies.pilots import pilot_sealed
from sweeps.studies.pilots.pilot import METRICS
from sweeps.studies.pilots.pilot_sealed import READINGS, PilotReading, main, read_from_pilots
from sweeps.studies.sealed.readings import load_kept

TODAY = datetime.date(2026, 3, 1)


@pytest.fixture(scope="module")
def tables():
    """Sealed cells and pilots of their two seeds, which nobody looks into here."""
    made = planted_table(
        World(), [*bought_cells(["t2-clamp"]), *FREE_CELLS], np.random.default_rng(1), seeds=(560, 751)
    )
    every = made.assign(**dict.fromkeys(METRICS, made[METRIC]))
    return every, {seed: every[every["seed"] == seed] for seed in (560, 751)}


@pytest.fixture(autouse=True)
def looks(monkeypatch):
    """The metrics that were looked at, with the seeds of the pilots."""
    asked = []

    def lines(sealed, pilots, metric):
        asked.append((metric, *sorted(pilots)))
        return [f"{metric}, {len(asked)}"]

    monkeypatch.setattr(pilot_sealed, "_lines", lines)
    monkeypatch.setattr(pilot_sealed, "check_version", lambda: None)
    return asked


def test_a_look_is_kept_and_the_same_again_is_none(tables, tmp_path, looks):
    path = tmp_path / READINGS
    (first,) = read_from_pilots(path, *tables, today=TODAY)
    assert looks == [(metric, 560, 751) for metric in METRICS]
    assert load_kept(path, PilotReading.from_dict) == read_from_pilots(path, *tables) == (first,)
    assert (len(looks), first.date) == (len(METRICS), TODAY)


@pytest.mark.parametrize("changed", ["planner", "sealed", "pilots"])
def test_another_planner_or_other_trials_are_another_look(tables, tmp_path, looks, monkeypatch, changed):
    path, (sealed, pilots) = tmp_path / READINGS, tables
    before = read_from_pilots(path, sealed, pilots, today=TODAY)
    if changed == "planner":
        monkeypatch.setattr(pilot_sealed, "PLANNER_VERSION", 999)
    elif changed == "sealed":
        sealed = sealed.assign(**{METRICS[0]: sealed[METRICS[0]] + 0.1})
    else:
        pilots = {560: pilots[560]}
    after = read_from_pilots(path, sealed, pilots, today=TODAY)
    assert (after[:-1], len(looks)) == (before, 2 * len(METRICS))
    # Back at the first tables and planner nothing is looked at, and theirs is the last.
    monkeypatch.undo()
    assert read_from_pilots(path, *tables)[-1] == before[0]
    assert len(load_kept(path, PilotReading.from_dict)) == 2


def test_a_planner_that_is_not_of_its_version_looks_at_nothing(tables, tmp_path, looks, monkeypatch):
    def other():
        raise RequestError("raise PLANNER_VERSION")

    monkeypatch.setattr(pilot_sealed, "check_version", other)
    with pytest.raises(RequestError, match="raise PLANNER_VERSION"):
        read_from_pilots(tmp_path / READINGS, *tables)
    assert not looks
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_odd_is_named(tmp_path):
    (tmp_path / READINGS).write_text('[{"date": "yesterday"}]')
    with pytest.raises(RequestError, match=r"pilot-sealed-readings\.json is no list of readings"):
        load_kept(tmp_path / READINGS, PilotReading.from_dict)


def test_the_command_prints_what_was_said_and_how_often_sealed_cells_were_read(tables, tmp_path, monkeypatch, capsys):
    sealed, pilots = tables
    sealed.to_csv(tmp_path / "grid-sealed-00000000.csv", index=False)
    for seed, table in pilots.items():
        table.to_csv(tmp_path / f"pilot-b-{seed}-00000000.csv", index=False)
    monkeypatch.setattr(sys, "argv", ["pilot_sealed", *map(str, sorted(tmp_path.glob("*.csv")))])
    main()
    main()
    said = capsys.readouterr().out.splitlines()
    assert said[: len(METRICS)] == [f"{metric}, {place}" for place, metric in enumerate(METRICS, start=1)]
    assert said[len(METRICS)].startswith("readings of sealed cells from pilots so far: 1")
    assert said[: len(METRICS) + 1] == said[len(METRICS) + 1 :]
