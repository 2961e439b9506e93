"""A sweep from spec to frontier with real Ray and real MLflow, on the embedded digits."""

import io
import json
import re
import shutil
import sys
from html import unescape

import numpy as np
import pandas as pd
import pytest

import sweeps
from softcore.datasets import load
from softcore.prices.read import PRICES
from softcore.scoring.metrics import ALWAYS
from sweeps.commands.app import main
from sweeps.drive import replay
from sweeps.running.trial import Material, run_trial
from sweeps.tracking.runs import KEY, default_uri

SPEC = {
    "name": "first",
    "study": "end-to-end",
    "dataset": "digits",
    "seeds": 2,
    "common": {"epochs": 2, "image_size": 8, "items": 80, "rest": "none"},
    "blocks": [{"variety": "hard"}, {"variety": "t2-clamp", "annotators": [1, 3]}],
}
TRIALS = 6
METRIC_COLUMNS = [f"{metric}/{test}" for test in ("crowd", "pages") for metric in ALWAYS]
METRIC_COLUMNS += ["ce/validation", "accuracy/validation"]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def sweep(out):
    return sweeps.run(SPEC, out=out, cpus=1)  # one worker: importing torch is most of the time here


@pytest.fixture(scope="module")
def results(sweep):
    return sweep.results()


@pytest.fixture(scope="module")
def runs(sweep, out):
    """Every MLflow run of the study, deleted ones included."""
    return mlflow_runs(out)


def mlflow_runs(out):
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    client = MlflowClient(default_uri(out))
    experiment = client.get_experiment_by_name("end-to-end")
    return list(client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, max_results=1000))


def level(runs, name):
    return [run for run in runs if run.data.tags["sweeps.level"] == name]


def test_every_trial_is_done_once_in_the_order_of_the_spec(sweep, results):
    assert results["trial"].tolist() == [trial.id for trial in sweep.trials()]
    assert results["status"].tolist() == ["done"] * TRIALS
    assert results["seed"].tolist() == [0, 0, 0, 1, 1, 1]
    events = [event for event in sweep.store.events() if event["status"] == "done"]
    assert sorted(event["trial"] for event in events) == sorted(results["trial"])
    assert {event["epoch"] for event in events} == {2}


def test_the_results_have_the_columns_that_were_promised(results):
    head = ["trial", "cell", "seed", "panel", "status", "dataset", "variety", "aggregation", "annotators", "items"]
    tail = ["train_seconds", "eval_seconds", "label_seconds_per_item", "label_seconds_total", "label_usd"]
    asked = [f"answers/{question}" for question in PRICES["thesis"].seconds]
    columns = list(results.columns)
    assert columns[: len(head)] == head
    assert {"rest", "gamma", "beta", "budget_hours", "model", "epochs", "augmentation", "image_size"} <= set(columns)
    start = columns.index(METRIC_COLUMNS[0])
    assert columns[start:] == [*METRIC_COLUMNS, *tail, "recorded_seconds", *asked]


def test_every_metric_of_every_trial_is_a_number(results):
    assert np.isfinite(results[METRIC_COLUMNS].to_numpy(float)).all()


def test_costs_are_those_of_the_answers_used(results):
    # 80 items: one person at 32 s each is 2,560 s, three are 7,680 s.
    assert results["answers/t2-clamp"].tolist() == [0, 80, 240] * 2
    assert results["label_seconds_total"].tolist() == [0, 2560, 7680] * 2
    assert results["label_seconds_per_item"].tolist() == [0, 32, 96] * 2


def test_the_output_folder_holds_the_sweep_and_mlflow_and_nothing_else(sweep, out):
    assert sorted(path.name for path in out.iterdir()) == [sweep.id, "mlflow"]
    assert (out / "mlflow" / "mlflow.db").is_file()
    assert all(not path.name.startswith(".") for path in sweep.store.trials.iterdir())


def test_the_frontier_is_written_as_table_picture_and_page(sweep):
    for kind in ("csv", "json", "png", "html"):
        assert (sweep.folder / f"frontier.{kind}").stat().st_size > 200
    table = pd.read_csv(sweep.folder / "frontier.csv")
    assert {"ce/crowd", "scaled-ce/crowd"} <= set(table["metric"]) | set(table.columns)
    frontier = sweep.frontier()
    assert len(frontier) == 3
    assert frontier.loc[frontier["free"], "label_usd"].tolist() == [0]
    assert frontier["on_frontier"].any()


def test_the_manifest_says_where_data_and_code_came_from(sweep):
    manifest = sweep.store.manifest()
    assert manifest["fingerprints"] == dict(load("digits").fingerprints)
    assert {"python", "torch", "ray", "mlflow"} <= set(manifest["versions"])
    assert len(manifest["hosts"]) >= 1
    assert manifest["simulated"] is True


def test_mlflow_has_each_trial_once_and_nothing_runs_on(runs, results):
    assert sorted(run.data.tags[KEY] for run in level(runs, "trial")) == sorted(f"trial/{t}" for t in results["trial"])
    assert len(level(runs, "cell")) == results["cell"].nunique()
    assert len(level(runs, "sweep")) == 1
    assert len(runs) == TRIALS + 3 + 1
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_mlflow_nests_trials_in_cells_in_the_sweep(runs, results):
    (top,) = level(runs, "sweep")
    assert "mlflow.parentRunId" not in top.data.tags
    cells = {run.info.run_id: run.data.tags[KEY].removeprefix("cell/") for run in level(runs, "cell")}
    assert {run.data.tags["mlflow.parentRunId"] for run in level(runs, "cell")} == {top.info.run_id}
    parents = {run.data.tags[KEY]: cells[run.data.tags["mlflow.parentRunId"]] for run in level(runs, "trial")}
    assert parents == {f"trial/{trial}": cell for trial, cell in results[["trial", "cell"]].to_numpy()}


def test_mlflow_has_the_same_columns_on_every_run(runs):
    # Intervals are a cell's and the sweep's, learning curves a trial's.
    apart = re.compile(r"curve/.*|.*\.(low|high)")
    named = {frozenset(m for m in run.data.metrics if not apart.fullmatch(m)) for run in runs}
    (columns,) = named
    assert set(METRIC_COLUMNS) | {"label_usd", "label_seconds_per_item", "annotators", "items"} <= columns


def test_mlflow_has_the_values_of_the_results(runs, results):
    by_key = {run.data.tags[KEY]: run.data for run in runs}
    for row in results.to_dict("records"):
        logged = by_key[f"trial/{row['trial']}"]
        assert all(logged.metrics[name] == row[name] for name in METRIC_COLUMNS)
        assert logged.params["variety"] == row["variety"]
        assert logged.params["seed"] == str(row["seed"])
        assert logged.tags["sweeps.simulated"]
    means = results.groupby("cell")[METRIC_COLUMNS].mean()
    for cell, row in means.iterrows():
        assert by_key[f"cell/{cell}"].metrics["ce/crowd"] == pytest.approx(row["ce/crowd"])
        assert by_key[f"cell/{cell}"].metrics["replicates"] == 2


def test_a_stored_trial_can_be_replayed(sweep, out):
    assert replay(sweep.trials()[1].id, out=out) == []


def test_a_trial_in_a_sweep_has_the_bytes_of_the_trial_alone(sweep, tmp_path):
    trial = sweep.trials()[4]
    run_trial(trial, Material(dataset=load("digits")), tmp_path)
    records = [json.loads((folder / trial.id / "trial.json").read_text()) for folder in (sweep.store.trials, tmp_path)]
    assert records[0]["sha256"] == records[1]["sha256"]


def test_running_it_again_trains_nothing_and_mirrors_nothing_twice(sweep, results, runs, out):
    events = len(sweep.store.events())
    again = sweeps.run(SPEC, out=out)
    assert again.id == sweep.id
    assert len(again.store.events()) == events
    pd.testing.assert_frame_equal(again.results(), results)
    assert sorted(r.info.run_id for r in mlflow_runs(out)) == sorted(r.info.run_id for r in runs)


def test_a_lost_mlflow_store_is_made_again_from_the_folder(sweep, runs, out, tmp_path):
    elsewhere = f"sqlite:///{tmp_path}/mlflow.db"
    sweeps.run(SPEC, out=out, tracking_uri=elsewhere)
    from mlflow import MlflowClient

    client = MlflowClient(elsewhere)
    found = client.search_runs([client.get_experiment_by_name("end-to-end").experiment_id], max_results=100)
    assert sorted(r.data.tags[KEY] for r in found) == sorted(r.data.tags[KEY] for r in runs)


def test_a_sweep_is_opened_by_the_beginning_of_its_id(sweep, out):
    assert sweeps.open(sweep.id[:7], out=out).id == sweep.id


@pytest.fixture
def say(sweep, out, monkeypatch, capfdbinary):
    """What a command about the sweep prints on standard output; it must end with `code`."""

    def ask(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["sweeps", *arguments, "--out", str(out)])
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        said = capfdbinary.readouterr()
        assert ended.value.code == code, said.err
        return said.out

    return ask


def test_results_are_the_same_as_csv_json_parquet_and_in_python(say, sweep, results):
    csv = pd.read_csv(io.BytesIO(say("results", sweep.id)))
    as_json = pd.DataFrame(json.loads(say("results", sweep.id, "--format", "json")))
    parquet = pd.read_parquet(io.BytesIO(say("results", sweep.id, "--format", "parquet")))
    for table in (csv, as_json, parquet):
        assert list(table.columns) == list(results.columns)
        assert np.array_equal(table[METRIC_COLUMNS].to_numpy(float), results[METRIC_COLUMNS].to_numpy(float))
        assert table["trial"].tolist() == results["trial"].tolist()


def test_results_can_be_written_to_a_file(say, sweep, tmp_path):
    assert say("results", sweep.id, "--to", str(tmp_path / "r.csv")) == b""
    assert (tmp_path / "r.csv").read_bytes() == say("results", sweep.id)


@pytest.mark.parametrize("command", ["list", "show", "frontier", "report table"])
def test_json_is_all_that_a_command_prints_when_asked_for(say, sweep, command):
    arguments = command.split() if command == "list" else [*command.split(), sweep.id]
    assert json.loads(say(*arguments, "--json"))


@pytest.mark.parametrize("command", ["list", "show", "frontier", "report table"])
def test_tables_for_people_name_the_simulation_or_the_sweep(say, sweep, command):
    arguments = command.split() if command == "list" else [*command.split(), sweep.id]
    said = say(*arguments).decode()
    assert sweep.id in said or "imulated" in said


def test_a_finished_sweep_run_again_says_where_everything_is(sweep, out, say):
    said = say("resume", sweep.id).decode()
    assert sweep.id in said
    assert str(sweep.folder / "frontier.png") in said
    assert f"ui --out {out}" in said


def test_a_notebook_shows_how_far_a_sweep_is_and_its_frontier(sweep):
    shown = sweep._repr_html_()
    assert f"<code>{sweep.id}</code>: {TRIALS} of {TRIALS} trials done." in shown
    assert "SIMULATED ANNOTATORS" in shown
    texts = [unescape(text) for text in re.findall("<td>(.*?)</td>", shown)]
    rows = {texts[k]: texts[k + 1 : k + 5] for k in range(0, len(texts), 5)}  # labels: time, money, value, n
    cells = sweep.frontier()
    assert sorted(rows) == sorted(cells["recipe"])
    stars = [value.startswith("★") for _, _, value, _ in rows.values()]
    assert [name for name, star in zip(rows, stars, strict=True) if star] == [*cells["recipe"][cells["on_frontier"]]]
    assert stars == sorted(stars, reverse=True)  # those on the frontier first
    assert {name for name, (time, *_) in rows.items() if time == "free"} == {*cells["recipe"][cells["free"]]}


def test_a_notebook_shows_a_sweep_that_has_only_begun(sweep, tmp_path):
    shutil.copytree(sweep.folder, tmp_path / sweep.id, ignore=shutil.ignore_patterns("events.jsonl", "trials"))
    (tmp_path / sweep.id / "trials").mkdir()
    shown = sweeps.open(sweep.id, out=tmp_path)._repr_html_()
    assert f"0 of {TRIALS} trials done" in shown
    assert "<table" not in shown


def test_replay_says_so_when_nothing_differs(say, sweep):
    assert say("replay", sweep.trials()[0].id) == b"the same metrics and the same prediction bytes\n"
