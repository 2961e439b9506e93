"""MLflow brought in line with a sweep's folder, after the fact: what is missing made, what differs logged again."""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass

from cluster.addresses import masked
from cluster.errors import one_line
from softcore.errors import RequestError
from sweeps.evaluation.stored import about_test_set, later_test_sets
from sweeps.frontier.frontier import Frontiers, summarise
from sweeps.results.table import results_table
from sweeps.sweep import Sweep
from sweeps.tracking.later import add_test_set, later_values, show_test_set
from sweeps.tracking.mirror import Mirror, cell_values, metrics
from sweeps.tracking.runs import Runs

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Mirrored:
    """What was done to an experiment: counts of runs, and the keys of those that went to MLflow's deleted stage.

    `experiment` is its name and number, and how it was found: there, new, or restored.
    """

    experiment: str
    runs: int
    made: int
    changed: int
    ended: int
    removed: tuple[str, ...]


def mirror_again(sweep: Sweep, uri: str, *, from_nothing: bool = False) -> Mirrored:
    """Bring MLflow in line with the folder of a sweep that nothing runs.

    Runs that are missing are made, with the times that trials had; metrics that are missing or differ are logged, those
    of test sets that came later too; doubles, and runs of what the folder has not (any more), go to MLflow's deleted
    stage; none is left RUNNING. `from_nothing` first sends all runs of the sweep there and makes them anew. The study's
    experiment is restored where it was deleted; other sweeps in it are left as they are. RequestError where MLflow
    fails: the same again goes on from there.
    """
    with sweep.store.lock():
        try:
            return _mirror_again(sweep, uri, from_nothing)
        except RequestError:
            raise
        except Exception as error:
            log.debug("mirroring failed", exc_info=True)
            line = f"MLflow at {uri} is not in line with {sweep.id} ({one_line(error)}); "
            raise RequestError(masked(f"{line}`sweeps mirror {sweep.id}` goes on")) from None


def _mirror_again(sweep: Sweep, uri: str, from_nothing: bool) -> Mirrored:
    runs = Runs(sweep, uri, restore=True)
    if from_nothing:
        runs.removed += runs.by_key
        runs.remove(list(runs.by_key.values()))
    before = set(runs.by_key)
    mirror = Mirror(sweep, uri)
    mirror.prepare()
    mirror.runs = runs
    mirror.catch_up()
    runs.reload()
    wanted = _wanted(sweep, mirror)
    strange = [key for key in runs.by_key if key not in wanted and key != "sweep"]
    runs.removed += strange
    runs.remove([runs.by_key[key] for key in strange])
    changed = _log_what_differs(sweep, runs, wanted, before)
    found = _frontiers(sweep)
    if found is not None:
        mirror.close(found)
    ended = runs.end_open("FINISHED" if found is not None else "KILLED", mirror.span(mirror.times)[1])
    runs.reload()
    experiment = runs.client.get_experiment(runs.experiment)
    how = "restored: it was deleted there" if runs.restored else "as it was"
    return Mirrored(
        experiment=f"{experiment.name} (number {experiment.experiment_id}, {how})",
        runs=len(runs.by_key),
        made=len(runs.by_key.keys() - before),
        changed=changed,
        ended=ended,
        removed=tuple(sorted(runs.removed)),
    )


def _frontiers(sweep: Sweep) -> Frontiers | None:
    """What closes a sweep's own run; None where some trial has not ended, or none has finished."""
    done, failed = sweep.store.outcomes()
    ended = {trial.id for trial in sweep.trials()} <= done.keys() | failed.keys()
    return sweep.frontiers() if ended and done else None


def _wanted(sweep: Sweep, mirror: Mirror) -> dict[str, dict[str, float]]:
    """The metrics that each trial's and each cell's run is to have, by its key."""
    wanted: dict[str, dict[str, float]] = {}
    for cell, rows in mirror.rows.items():
        line = summarise(results_table(list(rows.values()))).iloc[0]
        wanted[f"cell/{cell}"] = {**cell_values(line), "replicates": float(len(rows))}
        wanted |= {f"trial/{trial}": {**metrics(row), "replicates": 1.0} for trial, row in rows.items()}
    for test_set in later_test_sets(sweep.store):
        for key, values in later_values(sweep, test_set).items():
            if key in wanted:
                wanted[key] = {**values, **wanted[key]}
    return wanted


def _log_what_differs(sweep: Sweep, runs: Runs, wanted: Mapping[str, Mapping[str, float]], before: set[str]) -> int:
    """Log metrics that runs lack or have otherwise; of how many runs that were there `before`."""
    changed = set()
    for key, values in wanted.items():
        run = runs.by_key[key]
        there = runs.metrics[run]
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        differs = {n: v for n, v in finite.items() if n not in there or not math.isclose(there[n], v, rel_tol=1e-12)}
        if differs:
            runs.log(run, differs)
            changed.add(key)
    for test_set in later_test_sets(sweep.store):
        about = about_test_set(sweep.store, test_set)
        for key in later_values(sweep, test_set).keys() & wanted.keys():
            add_test_set(runs, runs.by_key[key], test_set, about)
        show_test_set(runs, test_set)
    return len(changed & before)
