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
TRIALS = 12
SPEC = {
    "name": "stopped",
    "study": "stopping",
    "dataset": "digits",
    "seeds": 3,
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


def until_done(process, out, trials, timeout=200):
    """Wait until so many trials are logged as done."""
    end = time.monotonic() + timeout
    while sum(event["status"] == "done" for event in events(out)) < trials:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no trial ended in time"
        time.sleep(0.05)


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
    """The sweep run through without a stop, one trial at a time."""
    out = tmp_path_factory.mktemp("undisturbed")
    ended(begin("run", spec, "--cpus", 1, out=out))
    table = results(out)
    assert len(table) == TRIALS
    check_mirror(out, table)
    return out


def test_a_sweep_killed_half_way_and_resumed_has_the_results_of_an_undisturbed_one(spec, undisturbed, tmp_path):
    driver = begin("run", spec, "--cpus", 2, out=tmp_path)
    until_done(driver, tmp_path, TRIALS // 2)
    kill(driver)
    before = {event["trial"] for event in events(tmp_path) if event["status"] == "done"}
    assert TRIALS // 2 <= len(before) < TRIALS
    assert any(run.info.status == "RUNNING" for run in runs(tmp_path))
    ended(begin("resume", "stopped", "--cpus", 2, out=tmp_path))
    table = results(tmp_path)
    assert same_but_for_times(table, results(undisturbed))
    assert prediction_digests(tmp_path) == prediction_digests(undisturbed)
    done = [event["trial"] for event in events(tmp_path) if event["status"] == "done"]
    assert sorted(done) == sorted(set(done)) == sorted(table["trial"])  # nothing was trained twice
    check_mirror(tmp_path, table)
    assert not list(tmp_path.glob("stopped-*/trials/.*"))


def test_a_sweep_in_packs_killed_half_way_and_resumed_has_the_bytes_of_trials_alone(undisturbed, tmp_path):
    path, out = tmp_path / "packed.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump({**SPEC, "resources": {"trials_per_gpu": 4}}))
    driver = begin("run", path, "--cpus", 1, out=out)
    until_done(driver, out, 1)
    kill(driver)
    assert len([event for event in events(out) if event["status"] == "done"]) < TRIALS
    ended(begin("resume", "stopped", "--cpus", 2, out=out))
    table = results(out)
    assert same_but_for_times(table, results(undisturbed))
    assert prediction_digests(out) == prediction_digests(undisturbed)
    records = [json.loads(file.read_text()) for file in out.glob("stopped-*/trials/*/trial.json")]
    assert {record["pack"] for record in records} & {2, 3, 4}
    check_mirror(out, table)


def test_a_killed_worker_costs_no_trial(spec, undisturbed, tmp_path):
    driver = begin("run", spec, "--cpus", 2, out=tmp_path)
    until_done(driver, tmp_path, 1)
    workers = [one for one in family(driver) if one.cmdline() and one.cmdline()[0].startswith("ray::")]
    training = max(workers, key=lambda one: sum(one.cpu_times()[:2]))
    training.kill()
    ended(driver)
    assert same_but_for_times(results(tmp_path), results(undisturbed))


def until_saved(process, out, timeout=200):
    """Wait until a trial under way saves where it stands from now on."""
    now, end = time.time(), time.monotonic() + timeout
    while not any(path.stat().st_mtime > now for path in Path(out).glob("stopped-*/checkpoints/[!.]*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no trial saved in time"
        time.sleep(0.01)


def resumed(out):
    """How often trials went on from where another process had left them."""
    records = [json.loads(path.read_text()) for path in Path(out).glob("stopped-*/trials/*/trial.json")]
    return sum(record.get("resumed", 0) for record in records)


def test_a_trial_goes_on_within_when_its_worker_and_when_its_driver_is_killed(spec, undisturbed, tmp_path):
    often = ("--set", "checkpoint_every=0.2", "--cpus", 1)  # no part of what the sweep is
    driver = begin("run", spec, *often, out=tmp_path)
    until_saved(driver, tmp_path)
    (training,) = [one for one in family(driver) if one.cmdline() and "Trainable" in one.cmdline()[0]]
    training.kill()
    until_done(driver, tmp_path, 1)
    until_saved(driver, tmp_path)
    kill(driver)
    ended(begin("resume", "stopped", "--cpus", 1, out=tmp_path))
    assert resumed(tmp_path) == 2
    assert same_but_for_times(results(tmp_path), results(undisturbed))
    assert prediction_digests(tmp_path) == prediction_digests(undisturbed)
    assert not list(tmp_path.glob("stopped-*/checkpoints"))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_sweep_ends_with_130_and_goes_on_where_it_was(spec, undisturbed, tmp_path, stop):
    driver = begin("run", spec, "--cpus", 2, out=tmp_path)
    until_done(driver, tmp_path, 2)
    # Ctrl-C reaches every process of the terminal's group; `kill` and a cluster's job manager reach the driver.
    os.killpg(driver.pid, stop) if stop is signal.SIGINT else driver.send_signal(stop)
    said = ended(driver, code=130, timeout=60)
    assert said.splitlines()[-1] == "sweeps: interrupted; `sweeps resume` goes on from here"
    assert "Traceback" not in said
    stopped = [event for event in events(tmp_path) if event["status"] == "stopped"]
    assert stopped
    assert not [event for event in events(tmp_path) if event["status"] == "failed"]
    assert not [run for run in runs(tmp_path) if run.info.status == "RUNNING"]
    ended(begin("run", spec, "--cpus", 2, out=tmp_path))  # the same command again goes on, as `resume` does
    table = results(tmp_path)
    assert same_but_for_times(table, results(undisturbed))
    check_mirror(tmp_path, table)


def test_two_drivers_of_one_sweep_are_kept_apart(spec, tmp_path):
    first = begin("run", spec, "--cpus", 1, out=tmp_path)
    until_done(first, tmp_path, 1)
    said = ended(begin("run", spec, "--cpus", 1, out=tmp_path), code=2)
    assert "is being run by another process; wait for it or stop it" in said.splitlines()[-1]
    kill(first)


def test_a_trial_that_fails_is_named_and_the_others_are_done(tmp_path):
    spec = tmp_path / "spec.yaml"
    # A rate of 1000 with full weight decay diverges at once.
    broken = {"variety": "hard", "learning_rate": 1000.0, "weight_decay": 1.0, "schedule": "step", "epochs": 60}
    spec.write_text(yaml.safe_dump({**SPEC, "seeds": 1, "blocks": [{"variety": "hard"}, broken]}))
    said = ended(begin("run", spec, "--cpus", 2, out=tmp_path), code=1)
    table = results(tmp_path)
    assert table["status"].tolist() == ["done", "failed"]
    assert said.splitlines()[-1].startswith(f"failed: {table['trial'][1]}: FloatingPointError: weights of")
    assert table["ce/crowd"][0] != ""
    assert table["ce/crowd"][1] == ""
    assert table["learning_rate"][1] == "1000.0"
    assert not [run for run in runs(tmp_path) if run.info.status == "RUNNING"]
