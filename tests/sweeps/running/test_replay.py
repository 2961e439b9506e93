"""A stored trial trained again: equal, or said to differ and in what."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer

from softcore.datasets import DATASETS, load
from softcore.errors import RequestError
from sweeps.commands.app import replay as replay_command
from sweeps.commands.app import resume as go_on
from sweeps.drive import replay, replay_reasons
from sweeps.frontier import frontier
from sweeps.frontier.frontier import frontiers
from sweeps.running import store as stores
from sweeps.running.checkpoint import code_version
from sweeps.running.provenance import conditions_now, manifest, why_bytes_differ
from sweeps.running.trial import Material, run_trial
from sweeps.spec.cells import spec_content, sweep_id
from sweeps.spec.spec import resolve
from sweeps.sweep import Sweep

SPEC = {
    "name": "again",
    "dataset": "digits",
    "blocks": [{"variety": "t2-clamp", "annotators": 2, "items": 60, "rest": "none", "epochs": 1}],
}


@pytest.fixture(scope="module")
def digits():
    """The digits, loaded once: a replay loads them each time."""
    loaded = load("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "digits", lambda root: loaded)
        yield loaded


@pytest.fixture(scope="module")
def finished(digits, tmp_path_factory):
    """The folder of a sweep of one finished trial, run without Ray."""
    out, spec = tmp_path_factory.mktemp("out"), resolve(SPEC)
    made = manifest(spec, digits, out, None)
    store = stores.create(out, sweep_id(spec, digits), spec.model_dump(), spec_content(spec, digits), made)
    (trial,) = Sweep(store).trials()
    run_trial(trial, Material(dataset=digits), store.trials)
    return store.folder


@pytest.fixture
def sweep(finished, tmp_path):
    """A copy of it for each test to spoil."""
    return Sweep(stores.Store(Path(shutil.copytree(finished, tmp_path / finished.name))))


def tamper(sweep, change):
    path = sweep.store.trials / sweep.store.trial_folders()[0] / "trial.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def test_a_stored_trial_trains_again_to_the_same_bytes(sweep):
    assert replay(sweep.store.trial_folders()[0], out=sweep.folder.parent) == []


def test_a_unique_beginning_or_a_path_names_the_trial(sweep):
    name = sweep.store.trial_folders()[0]
    assert replay(name[:5], out=sweep.folder.parent) == []
    assert replay(str(sweep.store.trials / name), out=sweep.folder / "nowhere") == []


def test_a_metric_that_differs_is_named_with_both_values(sweep):
    tamper(sweep, lambda record: record["result"].update({"ce/crowd": 0.5}))
    (said,) = replay(sweep.store.trial_folders()[0], out=sweep.folder.parent)
    assert said.startswith("ce/crowd: 0.5 was stored, now ")


def test_prediction_bytes_that_differ_are_named_though_their_record_is_whole(sweep):
    path = sweep.store.trials / sweep.store.trial_folders()[0] / "predictions.npz"
    with np.load(path) as stored:
        arrays = {name: stored[name].copy() for name in stored.files}
    arrays["crowd/clean"][0, 0] += 1
    np.savez(path, **arrays)
    assert replay(sweep.store.trial_folders()[0], out=sweep.folder.parent) == ["the bytes of predictions"]


def test_a_file_that_is_gone_is_named(sweep):
    (sweep.store.trials / sweep.store.trial_folders()[0] / "panel.npz").unlink()
    assert replay(sweep.store.trial_folders()[0], out=sweep.folder.parent) == ["the bytes of panel"]


def test_times_may_differ(sweep):
    tamper(sweep, lambda record: record["result"].update({"train_seconds": 1e6, "eval_seconds": 1e6}))
    assert replay(sweep.store.trial_folders()[0], out=sweep.folder.parent) == []


def test_data_that_has_changed_since_is_refused(sweep):
    before = sweep.store.manifest()["fingerprints"]
    sweep.store.update_manifest(fingerprints=before | {"digits/images": "else"})
    refusal = rf"the data of {sweep.id} has changed since it began \(digits/images\)"
    with pytest.raises(RequestError, match=refusal):
        replay(sweep.store.trial_folders()[0], out=sweep.folder.parent)


def reasons(sweep):
    return replay_reasons(sweep.store.trial_folders()[0], out=sweep.folder.parent)


def test_where_nothing_differs_that_is_what_is_said(sweep):
    assert reasons(sweep) == ["nothing known differs"]


def test_each_thing_that_a_trial_was_made_with_and_that_differs_now_is_a_line(sweep):
    made = json.loads((sweep.store.trials / sweep.store.trial_folders()[0] / "trial.json").read_text())["made_with"]

    def change(record):
        record["made_with"] |= {"threads": 2, "code": "0123", "device": "some card"}
        record["made_with"]["versions"] |= {"torch": "1.0", "gone": "3.1"}
        record["made_with"]["processor"] = {"name": made["processor"]["name"], "instructions": "SSE"}

    tamper(sweep, change)
    sweep.store.update_manifest(commit="4567")
    now = conditions_now(load("digits"), None)
    assert reasons(sweep) == [
        f"torch: 1.0 then, {made['versions']['torch']} now",
        "gone: 3.1 then, none now",
        f"processor, instructions: SSE then, {made['processor']['instructions']} now",
        "device: some card then, cpu now",
        "threads: 2 then, 1 now",
        f"code: 0123 then, {code_version()} now",
        f"commit: 4567 then, {now['commit'] or 'none'} now",
    ]


def test_another_commit_of_the_same_code_is_no_reason(sweep):
    sweep.store.update_manifest(commit="4567")
    assert reasons(sweep) == ["nothing known differs"]


def test_what_an_older_trial_did_not_keep_is_taken_from_its_manifest_or_said_to_be_missing(sweep):
    tamper(sweep, lambda record: record.pop("made_with"))
    before = sweep.store.manifest()
    unkept = "not kept with this trial: threads, code, device"
    sweep.store.update_manifest(commit="4567", versions=before["versions"] | {"numpy": "1.26"})
    first, second, last = reasons(sweep)
    assert first.startswith("numpy: 1.26 then, ")
    assert second.startswith("commit: 4567 then, ")
    assert last == unkept
    now = conditions_now(load("digits"), None) | {"commit": "89ab"}
    assert why_bytes_differ({}, before | {"commit": "89ab"}, now) == ["nothing known differs", unkept]
    dirty = {"commit": "89ab+"}
    assert why_bytes_differ({}, before | dirty, now | dirty) == [
        "commit: 89ab+ then and now, with changes that were not committed",
        unkept,
    ]


def test_data_and_corrupted_images_that_differ_are_named():
    now = conditions_now(load("digits"), "generated")
    images = now["fingerprints"]["digits/images"]
    prints = now["fingerprints"] | {"digits/images": "12", "gone": "34"}
    then = {**now, "fingerprints": prints, "corruptions": "official"}
    assert why_bytes_differ({}, then, now) == [
        f"data, digits/images: 12 then, {images} now",
        "data, gone: 34 then, none now",
        "corruptions: official then, generated now",
    ]


def test_the_command_says_what_differs_and_why_that_may_be(sweep, capsys):
    def change(record):
        record["result"]["ce/crowd"] = 0.5
        record["made_with"]["threads"] = 2

    tamper(sweep, change)
    with pytest.raises(typer.Exit) as ended:
        replay_command(sweep.store.trial_folders()[0], out=str(sweep.folder.parent))
    assert ended.value.exit_code == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("differs: ce/crowd: 0.5 was stored, now ")
    assert second == "why that may be: threads: 2 then, 1 now"


def test_a_sweep_read_from_python_gives_results_and_predictions(sweep):
    results = sweep.results()
    assert results["status"].tolist() == ["done"]
    assert results["answers/t2-clamp"].tolist() == [120]
    predictions = sweep.predictions(results["trial"][0][:6])
    assert predictions["crowd/clean"].shape == (500, 10)
    with pytest.raises(RequestError, match=r"0 finished trials of .* begin with 'zz'"):
        sweep.predictions("zz")


def test_whole_numbers_stay_whole_in_the_results(sweep):
    assert sweep.results().to_csv(index=False).splitlines()[1].split(",")[8:10] == ["2", "60"]


def test_a_run_that_ends_makes_its_frontiers_once(sweep, monkeypatch, capsys):
    made = []
    monkeypatch.setattr(frontier, "frontiers", lambda *args: made.append(frontiers(*args)) or made[-1])
    go_on(sweep.id, out=str(sweep.folder.parent))
    assert len(made) == 1  # for files, MLflow and the terminal
    assert f"Frontier of {sweep.id}" in capsys.readouterr().out
    assert (sweep.folder / "frontier.csv").is_file()


def test_before_the_first_trial_has_ended_the_results_are_a_head_and_no_row(sweep):
    whole = sweep.results()
    shutil.rmtree(sweep.store.trials / sweep.store.trial_folders()[0])
    empty = sweep.results()
    assert len(empty) == 0
    assert list(empty.columns) == [c for c in whole.columns if "/" not in c or c.startswith("answers/")]
