"""A sweep that is killed, interrupted or run with other hands ends in the results of one that nobody disturbed."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import yaml

from sweeps.tracking.runs import KEY, default_uri

pytestmark = pytest.mark.slow

TIMES = ["train_seconds", "eval_seconds"]
TRIALS = 8
SPEC = {
    "name": "stopped",
    "study": "stopping",
    "dataset": "digits",
    "seeds": 2,
    # Some two seconds a trial: there is time to stop a sweep between its trials and within one.
    "common": {"epochs": 60, "image_size": 8, "rest": "none"},
    "blocks": [{"variety": "hard"}, {"variety": ["click", "t2-clamp"], "annotators": 3}, {"variety": "smoothed"}],
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("spec") / "spec.yaml"
    path.write_text(yaml.safe_dump(SPEC))
    return path


def begin(*arguments, out):
    """A `sweeps` command in a process group of its own, as a terminal starts it."""
    psutil()  # takes seconds the first time: not when there is something to kill
    return subprocess.Popen(
        [sys.executable, "-m", "sweeps", *map(str, arguments), "--out", str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process, code=0, timeout=300):
    """What the process said on standard error; it must end with `code`."""
    try:
        said = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill(process)
        raise
    assert process.returncode == code, said
    return said[1]


def psutil():
    import ray  # noqa: F401  # makes the psutil that it brings along importable
    import psutil as found  # isort: skip

    return found


def family(process):
    """The driver and every process below it: Ray's own and the workers."""
    driver = psutil().Process(process.pid)
    return [driver, *driver.children(recursive=True)]


def workers(process):
    """Those of its processes that train, at work or not."""
    return [one for one in family(process) if one.cmdline() and "Trainable" in one.cmdline()[0]]


def kill(process):
    """SIGKILL to the driver and all that it started, and to nothing else."""
    everybody = family(process)
    for one in everybody:
        with suppress(psutil().NoSuchProcess):
            one.kill()
    psutil().wait_procs(everybody, timeout=20)
    process.wait(20)
    process.stdout.close()
    process.stderr.close()


def events(out):
    logs = list(Path(out).glob("stopped-*/events.jsonl"))
    return [json.loads(line) for line in logs[0].read_text().splitlines() if line] if logs else []


def done(out):
    """The trials that are logged as done, each as often as it is."""
    return [event["trial"] for event in events(out) if event["status"] == "done"]


def until_done(process, out, trials, timeout=200):
    """Wait until so many trials are logged as done."""
    end = time.monotonic() + timeout
    while len(done(out)) < trials:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no trial ended in time"
        time.sleep(0.05)


def until_written(process, out, pattern, timeout=200):
    """Wait until such a file of the sweep is written from now on: "trials/[!.]*/trial.json" where a trial ends.

    A trial that ended as its driver did is logged as done by the next one, before that trains anything.
    """
    now, end = time.time(), time.monotonic() + timeout
    while not any(path.stat().st_mtime > now for path in Path(out).glob(f"stopped-*/{pattern}")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"no {pattern} was written in time"
        time.sleep(0.01)


def results(out):
    """The results table as the command prints it."""
    table = subprocess.run(
        [sys.executable, "-m", "sweeps", "results", "stopped", "--out", str(out)], capture_output=True, check=True
    ).stdout
    return pd.read_csv(io.BytesIO(table), dtype=str, keep_default_na=False)


def same_but_for_times(one, other):
    return one.drop(columns=TIMES).to_csv(index=False) == other.drop(columns=TIMES).to_csv(index=False)


def prediction_digests(out):
    records = [json.loads(path.read_text()) for path in sorted(Path(out).glob("stopped-*/trials/*/trial.json"))]
    return {record["trial"]: record["sha256"] for record in records}


def runs(out):
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    client = MlflowClient(default_uri(Path(out)))
    experiment = client.get_experiment_by_name("stopping")
    return client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, max_results=1000)


def check_mirror(out, table):
    """MLflow has the sweep, its cells and each trial once, all with parameters and metrics, none still running."""
    found = runs(out)
    keys = sorted(run.data.tags[KEY] for run in found)
    wanted = ["sweep", *(f"cell/{cell}" for cell in table["cell"].unique()), *(f"trial/{t}" for t in table["trial"])]
    assert keys == sorted(wanted)
    assert {run.info.status for run in found} == {"FINISHED"}
    assert all(run.data.params and "ce/crowd" in run.data.metrics for run in found)
    trials = [run for run in found if run.data.tags[KEY].startswith("trial/")]
    assert all({"curve/ce", "curve/training_loss"} <= set(run.data.metrics) for run in trials)


@pytest.fixture(scope="module")
def undisturbed(spec, tmp_path_factory):
    """What the sweep ends in, (results, digests), run through without a stop, one trial at a time."""
    out = tmp_path_factory.mktemp("undisturbed")
    ended(begin("run", spec, "--cpus", 1, out=out))
    table = results(out)
    assert len(table) == TRIALS
    check_mirror(out, table)
    return table, prediction_digests(out)


def check_as_undisturbed(out, undisturbed):
    """The sweep in `out` ended in the same results and the same bytes, and is whole in MLflow."""
    table = results(out)
    assert same_but_for_times(table, undisturbed[0])
    assert prediction_digests(out) == undisturbed[1]
    assert not list(out.glob("stopped-*/trials/.*"))
    check_mirror(out, table)


def test_a_killed_sweep_is_resumed_and_a_worker_killed_then_costs_no_trial(spec, undisturbed, tmp_path):
    driver = begin("run", spec, "--cpus", 2, out=tmp_path)
    until_done(driver, tmp_path, 2)
    kill(driver)
    assert 2 <= len(done(tmp_path)) < TRIALS - 3  # enough are left for what follows
    assert any(run.info.status == "RUNNING" for run in runs(tmp_path))

    driver = begin("resume", "stopped", "--cpus", 2, out=tmp_path)
    until_written(driver, tmp_path, "trials/[!.]*/trial.json")
    max(workers(driver), key=lambda one: sum(one.cpu_times()[:2])).kill()
    assert len(done(tmp_path)) < TRIALS - 1  # either worker had a trial
    ended(driver)  # with 0: no trial failed
    check_as_undisturbed(tmp_path, undisturbed)
    assert sorted(done(tmp_path)) == sorted(undisturbed[1])  # nothing was done twice


def test_a_sweep_in_packs_killed_half_way_and_resumed_has_the_bytes_of_trials_alone(undisturbed, tmp_path):
    path, out = tmp_path / "packed.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump({**SPEC, "resources": {"trials_per_gpu": 4}}))
    driver = begin("run", path, "--cpus", 1, out=out)
    until_done(driver, out, 1)
    kill(driver)
    assert len(done(out)) < TRIALS
    ended(begin("resume", "stopped", "--cpus", 2, out=out))
    check_as_undisturbed(out, undisturbed)
    records = [json.loads(file.read_text()) for file in out.glob("stopped-*/trials/*/trial.json")]
    assert {record["pack"] for record in records} & {2, 3, 4}


def resumed(out):
    """How often trials went on from where another process had left them."""
    records = [json.loads(path.read_text()) for path in Path(out).glob("stopped-*/trials/*/trial.json")]
    return sum(record.get("resumed", 0) for record in records)


def test_a_trial_goes_on_within_when_its_worker_and_when_its_driver_is_killed(spec, undisturbed, tmp_path):
    often = ("--set", "checkpoint_every=0.2", "--cpus", 1)  # no part of what the sweep is
    driver = begin("run", spec, *often, out=tmp_path)
    until_written(driver, tmp_path, "checkpoints/[!.]*")
    (worker,) = workers(driver)
    worker.kill()
    until_done(driver, tmp_path, 1)
    until_written(driver, tmp_path, "checkpoints/[!.]*")
    kill(driver)
    ended(begin("resume", "stopped", "--cpus", 1, out=tmp_path))
    assert resumed(tmp_path) == 2
    check_as_undisturbed(tmp_path, undisturbed)
    assert not list(tmp_path.glob("stopped-*/checkpoints"))


def test_an_interrupted_sweep_ends_with_130_and_goes_on_where_it_was(spec, undisturbed, tmp_path):
    """By SIGINT, gone on with, by SIGTERM, gone on with: the same command goes on, as `resume` does."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        before = events(tmp_path)
        driver = begin("run", spec, "--cpus", 2, out=tmp_path)
        until_written(driver, tmp_path, "trials/[!.]*/trial.json")
        # Ctrl-C reaches every process of the terminal's group; `kill` and a cluster's job manager reach the driver.
        os.killpg(driver.pid, stop) if stop is signal.SIGINT else driver.send_signal(stop)
        said = ended(driver, code=130, timeout=60)
        assert said.splitlines()[-1] == "sweeps: interrupted; `sweeps resume` goes on from here", stop
        assert "Traceback" not in said, stop
        new = [event["status"] for event in events(tmp_path)[len(before) :]]
        assert "stopped" in new, stop
        assert "failed" not in new, stop
        assert not [run for run in runs(tmp_path) if run.info.status == "RUNNING"], stop
    ended(begin("run", spec, "--cpus", 2, out=tmp_path))
    check_as_undisturbed(tmp_path, undisturbed)


def until_locked(process, out, timeout=200):
    """Wait until a driver has made the sweep its own."""
    end = time.monotonic() + timeout
    while not list(Path(out).glob("stopped-*/.lock")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the sweep was not locked in time"
        time.sleep(0.05)


def test_two_drivers_of_one_sweep_are_kept_apart(spec, tmp_path):
    first = begin("run", spec, "--cpus", 1, out=tmp_path)
    until_locked(first, tmp_path)
    said = ended(begin("run", spec, "--cpus", 1, out=tmp_path), code=2)
    assert "is being run by another process; wait for it or stop it" in said.splitlines()[-1]
    kill(first)


def test_a_trial_that_fails_is_named_and_the_others_are_done(tmp_path):
    spec = tmp_path / "spec.yaml"
    # A rate of 1000 with full weight decay diverges at once.
    broken = {"variety": "hard", "learning_rate": 1000.0, "weight_decay": 1.0, "schedule": "step", "epochs": 60}
    spec.write_text(yaml.safe_dump({**SPEC, "seeds": 1, "blocks": [{"variety": "hard"}, broken]}))
    said = ended(begin("run", spec, "--cpus", 1, out=tmp_path), code=1)
    table = results(tmp_path)
    assert table["status"].tolist() == ["done", "failed"]
    assert said.splitlines()[-1].startswith(f"failed: {table['trial'][1]}: FloatingPointError: weights of")
    assert table["ce/crowd"][0] != ""
    assert table["ce/crowd"][1] == ""
    assert table["learning_rate"][1] == "1000.0"
    assert not [run for run in runs(tmp_path) if run.info.status == "RUNNING"]
