"""What is broken is trained again through Ray, by `verify --repair` and by `resume`, and all ends as undisturbed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from softcore.files import sha256
from sweeps.running.store import Store
from sweeps.tracking.runs import KEY, SWEEP, default_uri

pytestmark = pytest.mark.slow

SPEC = {
    "name": "mended",
    "study": "mending",
    "dataset": "digits",
    "seeds": 2,
    "common": {"epochs": 2, "image_size": 4},
    "blocks": [{"variety": ["hard", "smoothed"]}],
}
TIMES = ["train_seconds", "eval_seconds"]


def ask(*words, out):
    """A `sweeps` command in a process of its own: exit code, output, what it said."""
    command = [sys.executable, "-m", "sweeps", *map(str, words), "--out", str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ}, timeout=300)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The output folder of a sweep that nobody disturbed."""
    out = tmp_path_factory.mktemp("out")
    (out / "spec.yaml").write_text(yaml.safe_dump(SPEC))
    code, _, said = ask("run", out / "spec.yaml", "--cpus", 1, out=out)
    assert code == 0, said
    return out


@pytest.fixture
def spoilt(finished, tmp_path):
    """A copy with a cut file, a lost folder and an edited event, each of a trial of its own, and a stray file."""
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    (store,) = [Store(path) for path in out.glob("mended-*")]
    cut, lost, edited, _ = sorted(store.finished())
    path = store.trials / cut / "predictions.npz"
    path.write_bytes(path.read_bytes()[:1000])
    shutil.rmtree(store.trials / lost)
    lines = [json.loads(line) for line in (store.folder / "events.jsonl").read_text().splitlines()]
    for line in lines:
        if line["trial"] == edited:
            line["result"]["ce/crowd"] = 0.0
    (store.folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "null\n")
    (store.trials / "notes.txt").write_text("")
    return out, store, (cut, lost, edited)


def check_as_undisturbed(finished, out, store):
    """Table, digests and MLflow are those of the sweep that nobody disturbed, but for times."""
    (before,) = [Store(path) for path in finished.glob("mended-*")]
    tables = [pd.read_csv(folder / "results.csv").drop(columns=TIMES) for folder in (before.folder, store.folder)]
    pd.testing.assert_frame_equal(*tables)
    for trial in before.finished():
        for name in ("predictions", "weights", "panel"):
            assert sha256(before.trials / trial / f"{name}.npz") == sha256(store.trials / trial / f"{name}.npz")
    _, printed, _ = ask("mirror", store.id, "--json", out=out)
    told = json.loads(printed)
    assert (told["made"], told["changed"], told["ended"], told["removed"]) == (0, 0, 0, [])  # it was in line already
    from mlflow import MlflowClient

    client = MlflowClient(default_uri(out))
    number = client.get_experiment_by_name("mending").experiment_id
    runs = {run.data.tags[KEY]: run for run in client.search_runs([number], f"tags.`{SWEEP}` = '{store.id}'")}
    for trial, result in store.finished().items():
        scores = {name: value for name, value in result.items() if "/" in name}
        assert scores.items() <= runs[f"trial/{trial}"].data.metrics.items()
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert len(runs) == 4 + 2 + 1


def test_repair_trains_just_what_is_broken(finished, spoilt):
    out, store, broken = spoilt
    code, printed, _ = ask("verify", store.id, out=out)
    assert code == 1
    assert all(f"broken: trials/{trial}: " in printed for trial in broken)
    assert printed.count("\n") == len(broken) + 2
    code, printed, said = ask("verify", store.id, "--repair", "--cpus", 1, out=out)
    assert code == 0, said
    assert printed.count("repaired: ") == len(broken) + 2
    assert f"{store.id} is whole: 4 finished trials" in printed
    again = [event["trial"] for event in store.events() if event["status"] == "broken"]
    assert sorted(again) == sorted(broken)
    assert ask("verify", store.id, out=out)[0] == 0
    check_as_undisturbed(finished, out, store)


def test_resume_names_what_is_broken_in_a_line_each_and_trains_it_again(finished, spoilt):
    out, store, broken = spoilt
    code, _, said = ask("resume", store.id, "--cpus", 1, out=out)
    assert code == 0
    for trial in broken:
        (line,) = [line for line in said.splitlines() if trial in line]
        assert f"{store.id}: trial {trial} is trained again: " in line
    check_as_undisturbed(finished, out, store)
