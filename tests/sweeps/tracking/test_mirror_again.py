"""`sweeps mirror` leaves MLflow as the folder is, whatever became of runs, answers and experiments there."""

import json
import logging
import zlib

import pytest

from softcore.datasets import load
from softcore.errors import RequestError
from sweeps.evaluation.stored import keep_scores, keep_test_set
from sweeps.running import store as stores
from sweeps.running.provenance import manifest
from sweeps.running.store import BROKEN, DONE
from sweeps.spec.cells import spec_content, sweep_id
from sweeps.spec.spec import resolve
from sweeps.sweep import Sweep
from sweeps.tracking.again import mirror_again
from sweeps.tracking.mirror import Mirror
from sweeps.tracking.runs import KEY, PARENT, SWEEP, Runs, default_uri
from tests.sweeps.evaluation.test_score_sweep import own

COSTS = {"label_seconds_per_item": 0.0, "label_seconds_total": 0.0, "label_usd": 0.0, "answers": {}}
BEGAN = 1_790_000_000


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """One MLflow store for all: it takes a second to make its tables."""
    return default_uri(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture(scope="module")
def digits():
    """The digits, loaded once."""
    return load("digits")


@pytest.fixture
def sweep(request, tmp_path, digits):
    """A finished sweep of two cells and two seeds, of a study of the test's own; no model was trained."""
    name = f"s{zlib.crc32(request.node.name.encode()):x}"
    blocks = [{"variety": ["hard", "smoothed"], "epochs": 2}]
    spec = resolve({"name": name, "study": name, "dataset": "digits", "seeds": 2, "blocks": blocks})
    told = manifest(spec, digits, tmp_path, None)
    store = stores.create(tmp_path, sweep_id(spec, digits), spec.model_dump(), spec_content(spec, digits), told)
    for k, trial in enumerate(Sweep(store).trials()):
        scores = {"ce/crowd": 0.5 + k / 8, "scaled-ce/crowd": 0.4 + k / 8, "accuracy/crowd": 0.9}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sweeps.running.store.time.time", lambda k=k: BEGAN + 100 * k)
            store.log(trial.id, 2, DONE, result={**scores, "train_seconds": 30.0, "eval_seconds": 2.0, **COSTS})
    return Sweep(store)


def runs_of(sweep, uri):
    """Every active run of the sweep, by key: one each."""
    client = Runs(sweep, uri).client
    experiment = client.get_experiment_by_name(sweep.store.resolved()["study"]).experiment_id
    found = list(client.search_runs([experiment], f"tags.`{SWEEP}` = '{sweep.id}'"))
    keys = [run.data.tags[KEY] for run in found]
    assert sorted(keys) == sorted(set(keys))
    return dict(zip(keys, found, strict=True))


def check_equal(sweep, uri):
    """MLflow holds what the store does: a run a trial and a cell, ended well, below its parent, with its metrics."""
    found, results = runs_of(sweep, uri), sweep.results()
    trials, cells = [f"trial/{t}" for t in results["trial"]], [f"cell/{c}" for c in results["cell"].unique()]
    assert sorted(found) == sorted([*trials, *cells, "sweep"])
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    names = [name for name in results if "/" in name and not name.startswith("answers/")]
    for row in results.to_dict("records"):
        run = found[f"trial/{row['trial']}"]
        kept = {name: row[name] for name in names if row[name] == row[name]}
        assert {name: run.data.metrics.get(name) for name in names if row[name] == row[name]} == kept
        assert run.data.params["seed"] == str(row["seed"])
        assert run.data.tags[PARENT] == found[f"cell/{row['cell']}"].info.run_id
    for cell in cells:
        assert found[cell].data.tags[PARENT] == found["sweep"].info.run_id
        assert {f"{name}.low" for name in ("ce/crowd", "accuracy/crowd")} <= found[cell].data.metrics.keys()
    return found


def test_an_empty_experiment_is_filled_with_the_trials_own_times(sweep, uri):
    told = mirror_again(sweep, uri)
    assert (told.runs, told.made, told.removed) == (7, 7, ())
    found = check_equal(sweep, uri)
    for k, trial in enumerate(sweep.trials()):
        info = found[f"trial/{trial.id}"].info
        assert (info.start_time, info.end_time) == ((BEGAN + 100 * k - 32) * 1000, (BEGAN + 100 * k) * 1000)
    own_run = found["sweep"].info
    assert (own_run.start_time, own_run.end_time) == ((BEGAN - 32) * 1000, (BEGAN + 300) * 1000)
    again = mirror_again(sweep, uri)
    assert (again.made, again.changed, again.ended, again.removed) == (0, 0, 0, ())


def test_a_server_gets_the_same_times_in_three_calls_as_a_database_in_one(sweep, uri, monkeypatch):
    monkeypatch.setattr("sweeps.tracking.runs.Database", lambda *args: None)
    mirror_again(sweep, f"{uri}?")  # the address of a database that is written to as to a server
    found = check_equal(sweep, uri)
    trial = found[f"trial/{sweep.trials()[1].id}"].info
    assert (trial.start_time, trial.end_time) == ((BEGAN + 68) * 1000, (BEGAN + 100) * 1000)


def test_doubles_are_removed_and_what_was_below_one_moves(sweep, uri, caplog):
    mirror_again(sweep, uri)
    runs = Runs(sweep, uri)
    tags = {KEY: "sweep", SWEEP: sweep.id}
    other = runs.client.create_run(runs.experiment, tags=tags).info.run_id
    cell = f"cell/{sweep.trials()[0].cell.id}"
    runs.client.set_tag(runs.by_key[cell], PARENT, other)
    for _ in range(2):
        runs.client.create_run(runs.experiment, tags={KEY: cell, SWEEP: sweep.id})
    with caplog.at_level(logging.WARNING):
        told = mirror_again(sweep, uri)
    assert sorted(told.removed) == sorted(["sweep", cell, cell])
    assert "3 doubled runs" in caplog.text
    assert check_equal(sweep, uri)["sweep"].info.run_id == runs.by_key["sweep"]
    assert runs.client.get_run(other).info.lifecycle_stage == "deleted"
    assert runs.client.get_run(other).info.status != "RUNNING"


def test_what_the_folder_has_not_is_removed_and_what_is_missing_or_differs_is_put_right(sweep, uri):
    mirror_again(sweep, uri)
    runs, (first, second, *_) = Runs(sweep, uri), sweep.trials()
    runs.log(runs.by_key[f"trial/{first.id}"], {"ce/crowd": 99.0})
    runs.client.delete_run(runs.by_key[f"trial/{second.id}"])
    runs.client.create_run(runs.experiment, tags={KEY: "trial/ffffffff-s0-p0", SWEEP: sweep.id})
    told = mirror_again(sweep, uri)
    assert (told.made, told.changed, told.removed) == (1, 1, ("trial/ffffffff-s0-p0",))
    check_equal(sweep, uri)


def test_scores_that_came_later_are_mirrored_with_their_test_set(sweep, uri):
    mirror_again(sweep, uri)
    keep_test_set(sweep.store, own())
    for k, trial in enumerate(sweep.trials()):
        keep_scores(sweep.store, "mine", trial.id, {"ce": 2.0 + k, "accuracy": 0.25})
    assert mirror_again(sweep, uri).changed == 6
    found = check_equal(sweep, uri)
    assert all(run.inputs.dataset_inputs[0].dataset.name == "mine" for key, run in found.items() if key != "sweep")
    assert mirror_again(sweep, uri).changed == 0
    mirror_again(sweep, uri, from_nothing=True)
    check_equal(sweep, uri)


def test_an_experiment_that_was_deleted_is_restored_by_mirror_alone(sweep, uri, caplog):
    mirror_again(sweep, uri)
    runs = Runs(sweep, uri)
    runs.client.delete_experiment(runs.experiment)
    with caplog.at_level(logging.WARNING), Mirror(sweep, uri) as mirror:
        mirror.finish(complete=True, found=sweep.frontiers())
    assert f"was deleted there); `sweeps mirror {sweep.id}`" in caplog.text
    told = mirror_again(sweep, uri)
    assert "restored" in told.experiment
    check_equal(sweep, uri)


def test_from_nothing_makes_all_runs_anew_and_leaves_other_sweeps_alone(sweep, uri):
    mirror_again(sweep, uri)
    runs = Runs(sweep, uri)
    other = runs.client.create_run(runs.experiment, tags={KEY: "sweep", SWEEP: "another"}).info.run_id
    told = mirror_again(sweep, uri, from_nothing=True)
    assert (told.made, len(told.removed)) == (7, 7)
    assert {run.info.run_id for run in check_equal(sweep, uri).values()}.isdisjoint(runs.by_key.values())
    assert runs.client.get_run(other).info.lifecycle_stage == "active"


def test_a_sweep_that_was_stopped_has_its_finished_trials_and_none_running(sweep, uri):
    last = sweep.trials()[-1]
    sweep.store.log(last.id, 0, BROKEN, error="cut")
    told = mirror_again(sweep, uri)
    found = runs_of(sweep, uri)
    assert told.made == len(found) == 6
    assert f"trial/{last.id}" not in found
    assert {found[key].info.status for key in ("sweep", f"cell/{last.cell.id}")} == {"KILLED"}


def test_a_sweep_that_runs_is_not_mirrored_by_another(sweep, uri):
    with sweep.store.lock(), pytest.raises(RequestError, match="being run by another process"):
        mirror_again(sweep, uri)


def test_a_server_that_fails_is_a_line_with_the_way_out(sweep, uri, monkeypatch):
    def fail(*args, **more):
        raise ConnectionError("gone")

    monkeypatch.setattr("sweeps.tracking.database.Database.insert", fail)
    with pytest.raises(RequestError, match=r"not in line with .* \(gone\); `sweeps mirror"):
        mirror_again(sweep, uri)


def lose(client, monkeypatch, call, lost):
    """Have the first `lost` answers of a call lost after the server has acted."""
    acted, left = getattr(client, call), [lost]

    def asked(*args, **more):
        answer = acted(*args, **more)
        if left[0]:
            left[0] -= 1
            raise ConnectionError("the connection was closed without an answer")
        return answer

    monkeypatch.setattr(client, call, asked)


@pytest.mark.parametrize("lost", [1, 3, 100])
def test_a_run_whose_answer_was_lost_is_found_and_not_made_again(sweep, uri, monkeypatch, lost):
    runs = Runs(sweep, uri)
    runs.database = None
    lose(runs.client, monkeypatch, "create_run", lost)
    said = {"parent": "a-parent", "params": {}, "values": {"ce/crowd": 0.25}, "seconds": 0.0}
    for name in ("a", "b", "c", "d"):
        runs.add(f"trial/{name}", name, **said)
    found = runs_of(sweep, uri)
    assert sorted(found) == [f"trial/{name}" for name in "abcd"]
    assert {run.info.status for run in found.values()} == {"FINISHED"}


def test_a_run_that_could_not_even_be_looked_up_is_looked_up_before_it_is_made_again(sweep, uri, monkeypatch):
    runs = Runs(sweep, uri)
    lose(runs.client, monkeypatch, "create_run", 1)
    lose(runs.client, monkeypatch, "search_runs", 1)
    with pytest.raises(ConnectionError):
        runs.ensure("cell/a", "a", parent=None, params={"variety": "hard"})
    runs.ensure("cell/a", "a", parent=None, params={"variety": "hard"})
    (run,) = runs_of(sweep, uri).values()
    assert run.data.params["variety"] == "hard"


def test_parameters_whose_answer_was_lost_are_logged_the_next_time(sweep, uri, monkeypatch):
    runs = Runs(sweep, uri)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs.client, "log_batch", lambda *args, **more: json.loads("{"))
        with pytest.raises(ValueError, match="Expecting"):
            runs.ensure("cell/a", "a", parent=None, params={"variety": "hard"})
    assert runs.whole("cell/a") is None
    runs.ensure("cell/a", "a", parent=None, params={"variety": "hard"})
    assert runs_of(sweep, uri)["cell/a"].data.params["variety"] == "hard"
