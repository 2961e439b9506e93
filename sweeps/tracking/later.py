"""Scores that came after a sweep, in MLflow: new metrics and the test set on the runs that are there."""

import json
import logging
import math
from collections.abc import Mapping
from typing import Any

from cluster.addresses import masked
from cluster.errors import one_line
from sweeps.frontier.frontier import summarise
from sweeps.results.table import metric_columns, records
from sweeps.sweep import Sweep
from sweeps.tracking.runs import Runs

SHOWN = ("ce", "scaled-ce", "accuracy")  # of a test set that came later, in the view of cells

log = logging.getLogger(__name__)


def mirror_scores(sweep: Sweep, uri: str, test_set: str, about: Mapping[str, Any]) -> str:
    """Add the metrics on `test_set` to the sweep's runs, those of its cells and of its trials; what is to be said.

    A run gets what it lacks, and the test set as an input (`dataset.name = '...'` finds it in MLflow's search) where
    `about` says what it is. Nothing is made: a run that is not there is counted, with the way out. A server that fails
    is a line, never an error: the scores are in the sweep's folder.
    """
    try:
        runs = Runs(sweep, uri)
        values = later_values(sweep, test_set)
        for key in values.keys() & runs.by_key.keys():
            run = runs.by_key[key]
            there = runs.metrics_of(run)
            if lacking := {name: value for name, value in values[key].items() if name not in there}:
                runs.log(run, lacking)
            if about:
                add_test_set(runs, run, test_set, about)
        show_test_set(runs, test_set)
        lost = len(values.keys() - runs.by_key.keys())
    except Exception as error:
        log.debug("mirroring failed", exc_info=True)
        return masked(f"MLflow at {uri} was not told ({one_line(error)}); `sweeps mirror {sweep.id}` tells it")
    way_out = f"; {lost} runs are not there: `sweeps mirror {sweep.id}` makes them" if lost else ""
    return f"{len(values) - lost} runs have them{way_out}"


def later_values(sweep: Sweep, test_set: str) -> dict[str, dict[str, float]]:
    """The metrics on a test set by the key of a run: of every trial, of every cell with its interval, of the sweep."""
    results = sweep.results()
    names = [name for name in metric_columns(results) if name.partition("/")[2] == test_set]
    found = {f"trial/{row['trial']}": {name: row[name] for name in names} for row in records(results)}
    cells = {}
    for row in records(summarise(results)):
        ends = {f"{name}.{end}": row[f"{name} {end}"] for name in names for end in ("low", "high")}
        cells[f"cell/{row['cell']}"] = {name: row[name] for name in names} | ends
    every = found | cells
    numbers = {
        key: {name: float(v) for name, v in values.items() if v is not None and math.isfinite(v)}
        for key, values in every.items()
    }
    return {key: values for key, values in numbers.items() if values}


def add_test_set(runs: Runs, run: str, test_set: str, about: Mapping[str, Any]) -> None:
    """Name a test set that came later among a run's inputs, once."""
    source = json.dumps({name: about[name] for name in ("title", "notes", "images", "soft", "simulated")})
    runs.add_input(run, test_set, about["digest"], source)


def show_test_set(runs: Runs, test_set: str) -> None:
    """Show the metrics on a test set in the view of cells."""
    runs.show_metrics([f"{name}/{test_set}" for name in SHOWN])
