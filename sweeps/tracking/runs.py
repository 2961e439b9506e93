"""The runs of a sweep in MLflow: found by tags, made where there are none. The only importer of mlflow.

Everything is looked up by the sweep's own tags first, so that mirroring again adds nothing. Ray's own MLflow callback
is not used: it talks to the server in the driver's loop and leaves runs behind.
"""

import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeps.sweep import Sweep

KEY, SWEEP = "sweeps.key", "sweeps.sweep"
Point = tuple[str, int, float]  # a metric's name, its step and its value, which is finite
MOST = 1000  # metrics that MLflow takes in a call
DIGEST = 32  # characters of a digest: MLflow takes 36
VIEW = "cells"  # the UI's shared view of a study that shows one line a cell
SETTINGS = {  # no minutes of retries when a server goes away, no chatter about tables, no reports to MLflow's makers
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "8",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def default_uri(out: Path) -> str:
    """The SQLite store inside an output folder."""
    return f"sqlite:///{out / 'mlflow' / 'mlflow.db'}"


class Runs:
    """The runs of one sweep in MLflow, found and made by key."""

    def __init__(self, sweep: "Sweep", uri: str) -> None:
        _settle()
        from mlflow import MlflowClient
        from mlflow.entities import ViewType

        self.sweep = sweep
        location = None
        if uri.startswith("sqlite:///"):
            folder = Path(uri.removeprefix("sqlite:///")).parent
            folder.mkdir(parents=True, exist_ok=True)
            location = (folder / "artifacts").as_uri()
        self.client = MlflowClient(uri)
        self.experiment = self._experiment(sweep.store.resolved()["study"], location)
        self.database = None if uri.startswith("http") else Database(uri, self.client.get_experiment(self.experiment))
        self.by_key: dict[str, str] = {}
        self.status: dict[str, str] = {}
        self.bare: set[str] = set()  # made by a driver that was killed before it could say what they are
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment], f"tags.`{SWEEP}` = '{sweep.id}'", ViewType.ACTIVE_ONLY, 1000, page_token=token
            )
            for run in page:
                self.by_key[run.data.tags[KEY]] = run.info.run_id
                self.status[run.info.run_id] = run.info.status
                if not run.data.params:
                    self.bare.add(run.info.run_id)
            token = page.token
            if not token:
                break

    def _experiment(self, study: str, location: str | None) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(study)
        if found is not None:
            return str(found.experiment_id)
        try:
            return str(
                self.client.create_experiment(
                    study, artifact_location=location, tags=study_tags(self.sweep.metric, self.sweep.simulated)
                )
            )
        except MlflowException:  # another sweep of the study was first
            return str(self.client.get_experiment_by_name(study).experiment_id)

    def ended(self, run: str) -> bool:
        """Whether a run has all it will ever have."""
        return self.status.get(run) == "FINISHED"

    def whole(self, key: str) -> str | None:
        """The run of `key` if it is there and its parameters are logged."""
        run = self.by_key.get(key)
        return None if run in self.bare else run

    def ensure(
        self,
        key: str,
        name: str,
        *,
        parent: str | None,
        params: Mapping[str, Any],
        values: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        seconds: float = 0.0,
        curve: Sequence[Point] = (),
    ) -> str:
        """The run of `key`; where there is none it is made, with its parameters and `values` (metrics) in one call.

        A run that a killed driver left half-logged is logged again, which changes nothing that is there. Children carry
        the sweep's tags, so that filters keep them.
        """
        run = self.by_key.get(key)
        if run is None:
            begun = int((time.time() - seconds) * 1000)
            marks = self._tags(key, parent) | dict(tags or {})
            run = str(self.client.create_run(self.experiment, start_time=begun, tags=marks, run_name=name).info.run_id)
            self.by_key[key], self.status[run] = run, "RUNNING"
        elif self.ended(run) or (not values and run not in self.bare):
            return run
        self.bare.discard(run)
        self.log(run, values or {}, self._params(key, params), curve)
        return run

    def add(
        self,
        key: str,
        name: str,
        *,
        parent: str,
        params: Mapping[str, Any],
        values: Mapping[str, float],
        seconds: float,
        curve: Sequence[Point] = (),
    ) -> None:
        """A run that has ended, whole: into a database in one transaction, to a server in three calls or a few more.

        `curve` are its metrics by step: the charts of its page.
        """
        if key in self.by_key or self.database is None:
            run = self.ensure(key, name, parent=parent, params=params, values=values, seconds=seconds, curve=curve)
            self.end(run, "FINISHED")
            return
        run = self.database.insert(name, self._tags(key, parent), self._params(key, params), values, seconds, curve)
        self.by_key[key], self.status[run] = run, "FINISHED"

    def _tags(self, key: str, parent: str | None) -> dict[str, str]:
        marks = {KEY: key, SWEEP: self.sweep.id, "sweeps.level": key.partition("/")[0], "mlflow.user": "sweeps"}
        if parent:
            marks["mlflow.parentRunId"] = parent
        if self.sweep.simulated:
            marks["sweeps.simulated"] = "annotators are simulated"
        return marks

    def _params(self, key: str, params: Mapping[str, Any]) -> dict[str, str]:
        shown = {"sweep": self.sweep.id, "level": key.partition("/")[0], **params}
        return {name: str(value) for name, value in shown.items() if value is not None}

    def log(
        self,
        run: str,
        values: Mapping[str, float],
        params: Mapping[str, str] | None = None,
        curve: Sequence[Point] = (),
    ) -> None:
        """Log metrics and parameters in one call, a `curve` after them in calls of `MOST` points."""
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        self.client.log_batch(
            run,
            metrics=[Metric(name, float(value), now, 0) for name, value in values.items()],
            params=[Param(name, value) for name, value in (params or {}).items()],
        )
        points = [Metric(name, value, now, step) for name, step, value in curve]
        for first in range(0, len(points), MOST):
            self.client.log_batch(run, metrics=points[first : first + MOST])

    def tag(self, run: str, tags: Mapping[str, str]) -> None:
        """Set tags."""
        from mlflow.entities import RunTag

        self.client.log_batch(run, tags=[RunTag(name, value) for name, value in tags.items()])

    def metrics_of(self, run: str) -> frozenset[str]:
        """The names of the metrics that a run has."""
        return frozenset(self.client.get_run(run).data.metrics)

    def add_input(self, run: str, name: str, digest: str, source: str) -> None:
        """Name a test set among a run's inputs, once: MLflow's own search finds runs by it."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        there = self.client.get_run(run).inputs.dataset_inputs
        short = digest[:DIGEST]
        if any((each.dataset.name, each.dataset.digest) == (name, short) for each in there):
            return
        test_set = Dataset(name=name, digest=short, source_type="sweeps", source=source)
        self.client.log_inputs(run, [DatasetInput(test_set, [InputTag("mlflow.data.context", "test")])])

    def show_metrics(self, names: Sequence[str]) -> None:
        """Add columns to the experiment's shared view of cells, if it is there, behind the metrics that it shows."""
        key = f"mlflow.sharedViewState.{VIEW}"
        tags = self.client.get_experiment(self.experiment).tags
        if key not in tags:
            return
        view = json.loads(tags[key])
        columns = view["selectedColumns"]
        new = [column for column in (f"metrics.`{name}`" for name in names) if column not in columns]
        if new:
            place = max((k for k, column in enumerate(columns) if column.startswith("metrics.")), default=-1) + 1
            view["selectedColumns"] = [*columns[:place], *new, *columns[place:]]
            self.client.set_experiment_tag(self.experiment, key, json.dumps(view))

    def artifact(self, run: str, path: Path) -> None:
        """Upload a file."""
        self.client.log_artifact(run, str(path))

    def end(self, run: str, status: str) -> None:
        """Mark a run as ended."""
        if self.status.get(run) != status:
            self.client.set_terminated(run, status)
            self.status[run] = status

    def end_open(self, status: str) -> None:
        """Leave no run RUNNING."""
        for run, state in list(self.status.items()):
            if state == "RUNNING" or (state == "KILLED" and status == "FINISHED"):
                self.end(run, status)


class Database:
    """MLflow's own SQL store, written in one transaction a run.

    MLflow's client takes three calls and some 30 ms of CPU for a run with 20 metrics, more than Ray Tune takes for the
    whole trial. What is written is what these calls write (a test holds the two against each other).
    """

    def __init__(self, uri: str, experiment: Any) -> None:
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        self.experiment = experiment
        self.store = SqlAlchemyStore(uri, experiment.artifact_location)

    def insert(
        self,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        values: Mapping[str, float],
        seconds: float,
        curve: Sequence[Point] = (),
    ) -> str:
        """A finished run of the experiment, which began `seconds` ago; its id."""
        from mlflow.store.tracking.dbmodels import models
        from sqlalchemy import insert

        run, now = uuid.uuid4().hex, int(time.time() * 1000)
        info = {
            "run_uuid": run,
            "name": name,
            "artifact_uri": f"{self.experiment.artifact_location.rstrip('/')}/{run}/artifacts",
            "experiment_id": int(self.experiment.experiment_id),
            "source_type": "UNKNOWN",
            "source_name": "",
            "entry_point_name": "",
            "user_id": tags["mlflow.user"],
            "status": "FINISHED",
            "start_time": now - int(seconds * 1000),
            "end_time": now,
            "source_version": "",
            "lifecycle_stage": "active",
        }
        points = [*((name, 0, float(value)) for name, value in values.items()), *curve]
        at = {"run_uuid": run, "timestamp": now, "is_nan": False}
        metrics = [{"key": name, "value": value, "step": step, **at} for name, step, value in points]
        latest = {metric["key"]: metric for metric in metrics}  # a curve's points come in order
        marks = {**tags, "mlflow.runName": name}
        with self.store.ManagedSessionMaker(read_only=False) as session:
            session.execute(insert(models.SqlRun), [info])
            session.execute(insert(models.SqlTag), [{"run_uuid": run, "key": k, "value": v} for k, v in marks.items()])
            session.execute(
                insert(models.SqlParam), [{"run_uuid": run, "key": k, "value": v} for k, v in params.items()]
            )
            session.execute(insert(models.SqlMetric), metrics)
            session.execute(insert(models.SqlLatestMetric), list(latest.values()))
        return run


def _settle() -> None:
    """Put MLflow's settings in place before its first import; what a user has set stays."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def study_tags(metric: str, simulated: bool) -> dict[str, str]:
    """An experiment's tags: what a newcomer should know, and a shared view with one line a cell, best first."""
    from softcore.scoring.metrics import lower_is_better
    from softcore.scoring.weighted import metrics_of

    metric = metrics_of(metric)[0]  # cells have no weighted one
    test = metric.partition("/")[2]
    shown = [f"ce/{test}", f"scaled-ce/{test}", f"rmsce/{test}", f"fgsm/{test}", f"accuracy/{test}", "replicates"]
    costs = ["label_usd", "label_seconds_per_item", "annotators", "items"]
    view = {
        "searchFilter": "tags.`sweeps.level` = 'cell'",
        "orderByKey": f"metrics.`{metric}`",
        "orderByAsc": lower_is_better(metric),
        "selectedColumns": [f"metrics.`{name}`" for name in costs + shown] + ["params.`sweep`"],
        "runsHiddenMode": "SHOWALL",
        "isAccordionReordered": True,  # else the sections that the UI makes itself come first
        "compareRunSections": [_section("cost", "What labels cost and how well they do")],
        "compareRunCharts": [_scatter("label_usd", f"{name}/{test}") for name in ("ce", "scaled-ce", "rmsce", "fgsm")],
    }
    note = (
        "One run a sweep; below it one a cell (a way to buy labels and to train on them: means over replicates, with "
        "`<metric>.low` and `.high` as the 95% interval over replicates); below that one a trial. `label_usd` and "
        "`label_seconds_per_item` are what people's time costs; `scaled-ce` is cross-entropy after one temperature."
    )
    return {
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.note.content": ("ANNOTATORS ARE SIMULATED. " if simulated else "") + note,
        f"mlflow.sharedViewState.{VIEW}": json.dumps(view),
    }


def _section(key: str, name: str) -> dict[str, Any]:
    return {"uuid": key, "name": name, "display": True, "isReordered": False, "deleted": False, "isGenerated": False}


def _scatter(x: str, y: str) -> dict[str, Any]:
    """One of the UI's charts: a dot a run, metric `y` against metric `x`."""
    return {
        "type": "SCATTER",
        "uuid": f"{x} {y}",
        "metricSectionId": "cost",
        "xaxis": {"type": "METRIC", "key": x},
        "yaxis": {"type": "METRIC", "key": y},
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
    }


def views(uri: str) -> dict[str, str]:
    """For each study of an MLflow store, the part of the UI's address that shows its cells."""
    _settle()
    from mlflow import MlflowClient

    studies = [e for e in MlflowClient(uri).search_experiments() if f"mlflow.sharedViewState.{VIEW}" in e.tags]
    return {e.name: f"/#/experiments/{e.experiment_id}/runs?viewStateShareKey={VIEW}" for e in studies}
