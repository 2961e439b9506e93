"""What is written into MLflow's database directly is what MLflow's own calls write."""

import json
import math
from types import SimpleNamespace

import pytest

from sweeps.tracking.mirror import curve_points
from sweeps.tracking.runs import KEY, SWEEP, VIEW, Runs, default_uri, views


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """One store for all: MLflow takes a second to make its tables."""
    return default_uri(tmp_path_factory.mktemp("out"))


@pytest.fixture
def sweep(request):
    """A sweep of the test's own, all of one study."""
    resolved = {"study": "a-study"}
    return SimpleNamespace(
        id=request.node.name, metric="ce/crowd", simulated=True, store=SimpleNamespace(resolved=lambda: resolved)
    )


def seen(run) -> dict:
    """All that a reader of the run sees, but for its id and its times."""
    tags = {name: value for name, value in run.data.tags.items() if name != KEY}
    place = run.info.artifact_uri.replace(run.info.run_id, "ID")
    return {
        "metrics": run.data.metrics,
        "params": run.data.params,
        "tags": tags,
        "place": place,
        "info": (
            run.info.status,
            run.info.run_name,
            run.info.user_id,
            run.info.lifecycle_stage,
            run.info.experiment_id,
        ),
    }


def test_a_run_written_whole_reads_like_one_that_mlflow_logged(sweep, uri):
    runs = Runs(sweep, uri)
    said = {
        "parent": "a-parent",
        "params": {"variety": "t2-clamp", "gamma": 0.1, "beta": None},
        "values": {"ce/crowd": 0.25, "label_usd": 12.0},
        "seconds": 3.0,
        "curve": [("curve/ce", epoch, 1 / epoch) for epoch in (1, 2, 3)],
    }
    runs.add("trial/whole", "one", **said)
    assert runs.database is not None
    runs.database = None
    runs.add("trial/logged", "one", **said)
    whole, logged = (runs.client.get_run(runs.by_key[f"trial/{name}"]) for name in ("whole", "logged"))
    assert seen(whole) == seen(logged)
    assert whole.data.tags[SWEEP] == sweep.id
    assert 2900 < whole.info.end_time - whole.info.start_time < 3100
    (history,) = runs.client.get_metric_history(whole.info.run_id, "ce/crowd")
    assert history.value == 0.25
    for run in (whole, logged):
        history = runs.client.get_metric_history(run.info.run_id, "curve/ce")
        assert [(point.step, point.value) for point in history] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
        assert run.data.metrics["curve/ce"] == 1 / 3


def test_a_curve_of_more_points_than_a_call_takes_is_logged_whole(sweep, uri):
    runs = Runs(sweep, uri)
    runs.database = None
    curve = [(f"curve/{name}", epoch, 1.0) for epoch in range(1, 401) for name in ("ce", "accuracy", "training_loss")]
    runs.add("trial/long", "long", parent="a-parent", params={}, values={"ce/crowd": 0.25}, seconds=0.0, curve=curve)
    history = runs.client.get_metric_history(runs.by_key["trial/long"], "curve/accuracy")
    assert [point.step for point in history] == list(range(1, 401))


def test_a_curve_is_charted_by_epoch_without_what_is_absent():
    curve = [{"epoch": 1.0, "training_loss": math.inf, "validation_images": 50.0}, {"epoch": 2.0, "ce": 0.5}]
    assert curve_points(curve) == [("curve/ce", 2, 0.5)]


def test_a_run_is_found_again_and_never_made_twice(sweep, uri):
    said = {"parent": "a-parent", "params": {}, "values": {"ce/crowd": 0.25}, "seconds": 0.0}
    Runs(sweep, uri).add("trial/a", "one", **said)
    again = Runs(sweep, uri)
    again.add("trial/a", "one", **said)
    found = again.client.search_runs([again.experiment], f"tags.`{SWEEP}` = '{sweep.id}'")
    assert [run.data.tags[KEY] for run in found] == ["trial/a"]


def test_a_study_has_a_view_of_its_cells(sweep, uri):
    runs = Runs(sweep, uri)
    experiment = runs.client.get_experiment(runs.experiment)
    view = json.loads(experiment.tags[f"mlflow.sharedViewState.{VIEW}"])
    assert view["orderByKey"] == "metrics.`ce/crowd`"
    assert "SIMULATED" in experiment.tags["mlflow.note.content"]
    assert views(uri) == {"a-study": f"/#/experiments/{runs.experiment}/runs?viewStateShareKey={VIEW}"}
