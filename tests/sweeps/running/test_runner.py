"""Trials whose process dies, run through a real Ray Tune with work that takes no time."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ray import cloudpickle

from sweeps.running.runner import DEATHS, run_trials
from sweeps.running.store import DONE, FAILED
from sweeps.spec.cells import Cell, Trial

pytestmark = pytest.mark.slow  # Ray takes some seconds to start


@dataclass
class Log:
    """As much of a store as running trials needs."""

    trials: Path
    said: list[tuple[str, str, str]] = field(default_factory=list)

    def manifest(self):
        return {}

    def update_manifest(self, **what):
        pass

    def log(self, trial, epoch, status, result=None, error=""):
        self.said.append((trial, status, error))


def die_as_it_is_handed_a_trial(configs, context, trials, host):
    """Not a generator: this much runs while the worker is being given the trial."""
    (config,) = configs
    wanted = context.get(config, 0)
    deaths = len(list(trials.glob(f"{config}-*")))
    if deaths < wanted:
        (trials / f"{config}-{deaths}").touch()
        os._exit(1)
    return iter([1, (0, {"ce": 1.0})])


def run(trials, context, tmp_path):
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers can't import tests
    log = Log(tmp_path)
    cells = [Trial(Cell({"epochs": 1}), seed, 0) for seed in range(trials)]
    complete = run_trials(
        log,
        cells,
        context,
        done=0,
        as_config=lambda trial: trial.seed,
        work=die_as_it_is_handed_a_trial,
        cpus=1,
    )
    return cells, complete, log.said


def test_a_process_that_dies_as_it_is_handed_a_trial_costs_no_trial(tmp_path):
    cells, complete, said = run(4, {1: 1, 3: 2}, tmp_path)
    assert complete
    assert sorted(said) == sorted((trial.id, DONE, "") for trial in cells)
    assert len(list(tmp_path.glob("[13]-*"))) == 3


def test_a_trial_that_kills_every_process_fails_and_the_others_are_done(tmp_path):
    cells, complete, said = run(3, {1: 1000}, tmp_path)
    assert complete
    status = {trial: (how, error) for trial, how, error in said}
    assert status[cells[1].id] == (FAILED, f"its process died more than {DEATHS} times")
    assert [status[cells[0].id], status[cells[2].id]] == [(DONE, "")] * 2
