"""The runs of a sweep in MLflow: found by tags, made where there are none. The only importer of mlflow.

Everything is looked up by the sweep's own tags first, so that mirroring again adds nothing. Ray's own MLflow callback
is not used: it talks to the server in the driver's loop and leaves runs behind.
"""

import json
import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.tracking.database import Database, milliseconds
from sweeps.tracking.study import VIEW, study_tags

if TYPE_CHECKING:
    from sweeps.sweep import Sweep

KEY, SWEEP = "sweeps.key", "sweeps.sweep"
PARENT = "mlflow.parentRunId"
Point = tuple[str, int, float]  # a metric's name, its step and its value, which is finite
MOST = 1000  # metrics that MLflow takes in a call
DIGEST = 32  # characters of a digest: MLflow takes 36
SETTINGS = {  # no minutes of retries when a server goes away, no chatter about tables, no reports to MLflow's makers
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "8",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # what commands print with --json is JSON alone
}
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"

log = logging.getLogger(__name__)


def default_uri(out: Path) -> str:
    """The SQLite store inside an output folder."""
    return f"sqlite:///{out / 'mlflow' / 'mlflow.db'}"


class Runs:
    """The runs of one sweep in MLflow, found and made by key: one a key, whatever became of the server's answers.

    Where MLflow has several of a key, the fullest stays and the others go to its deleted stage (`removed` has their
    keys). An experiment that was deleted there is brought back if `restore` says so, else it is a ValueError.
    """

    def __init__(self, sweep: "Sweep", uri: str, *, restore: bool = False) -> None:
        _settle()
        from mlflow import MlflowClient

        self.sweep, self.restored = sweep, False
        location = None
        if uri.startswith("sqlite:///"):
            folder = Path(uri.removeprefix("sqlite:///")).parent
            folder.mkdir(parents=True, exist_ok=True)
            location = (folder / "artifacts").as_uri()
        self.client = MlflowClient(uri)
        self.experiment = self._experiment(sweep.store.resolved()["study"], location, restore)
        self.database = None if uri.startswith("http") else Database(uri, self.client.get_experiment(self.experiment))
        if location is not None and self.database is not None:
            self.database.follow(location)
        self.removed: list[str] = []
        self.doubtful: set[str] = set()  # keys whose run may have been made, though no answer came
        self.reload()

    def reload(self) -> None:
        """Read what MLflow has of the sweep, and leave one run a key."""
        self.by_key: dict[str, str] = {}
        self.status: dict[str, str] = {}
        self.metrics: dict[str, Mapping[str, float]] = {}
        self.bare: set[str] = set()  # made by a driver that was killed before it could say what they are
        alike = defaultdict(list)
        for run in self._search():
            alike[run.data.tags[KEY]].append(run)
        instead: dict[str, str] = {}
        for key, runs in alike.items():
            kept, *doubles = sorted(runs, key=_fullness, reverse=True)
            instead |= {double.info.run_id: kept.info.run_id for double in doubles}
            self.by_key[key], self.status[kept.info.run_id] = kept.info.run_id, kept.info.status
            self.metrics[kept.info.run_id] = kept.data.metrics
            if not kept.data.params:
                self.bare.add(kept.info.run_id)
        if instead:
            self._merge(instead, [run for runs in alike.values() for run in runs])

    def _merge(self, instead: Mapping[str, str], runs: Sequence[Any]) -> None:
        """Move doubles to the deleted stage; what was below one is below the one that stays."""
        keys = {run.info.run_id: run.data.tags[KEY] for run in runs}
        for run in runs:
            if run.info.run_id not in instead and (parent := run.data.tags.get(PARENT)) in instead:
                self.client.set_tag(run.info.run_id, PARENT, instead[parent])
        self.remove(list(instead))
        self.removed += [keys[run] for run in instead]
        log.warning(
            "MLflow had %d doubled runs of %s, moved to its deleted stage: %s",
            len(instead),
            self.sweep.id,
            ", ".join(sorted({keys[run] for run in instead})),
        )

    def remove(self, runs: Sequence[str]) -> None:
        """Move runs to MLflow's deleted stage, ended, where its page still has them."""
        for run in runs:
            if self.status.get(run, "RUNNING") == "RUNNING":
                self.client.set_terminated(run, "KILLED")
            self.client.delete_run(run)
        gone = set(runs)
        self.by_key = {key: run for key, run in self.by_key.items() if run not in gone}
        self.status = {run: status for run, status in self.status.items() if run not in gone}

    def _search(self, key: str | None = None) -> Iterator[Any]:
        """The sweep's active runs, or those of one key."""
        from mlflow.entities import ViewType

        wanted = f"tags.`{SWEEP}` = '{self.sweep.id}'" + (f" and tags.`{KEY}` = '{key}'" if key else "")
        token = None
        while True:
            page = self.client.search_runs([self.experiment], wanted, ViewType.ACTIVE_ONLY, 1000, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _experiment(self, study: str, location: str | None, restore: bool) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(study)
        if found is not None:
            if found.lifecycle_stage == "deleted":
                if not restore:
                    raise ValueError(f"its experiment '{study}' was deleted there")
                self.client.restore_experiment(found.experiment_id)
                self.restored = True
            return str(found.experiment_id)
        try:
            return str(
                self.client.create_experiment(
                    study, artifact_location=location, tags=study_tags(self.sweep.metric, self.sweep.simulated)
                )
            )
        except MlflowException:  # another sweep of the study was first, or the answer was lost
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
        ended: float | None = None,
        curve: Sequence[Point] = (),
    ) -> str:
        """The run of `key`; where there is none it is made, with its parameters and `values` (metrics) in one call.

        It began `seconds` before it `ended` (seconds since 1970; now without it). A run that a killed driver left
        half-logged is logged again, which changes nothing that is there. Children carry the sweep's tags, so that
        filters keep them.
        """
        run = self.by_key.get(key)
        if run is None:
            run = self._create(key, name, self._tags(key, parent) | dict(tags or {}), milliseconds(ended, seconds))
        elif self.ended(run) or (not values and run not in self.bare):
            return run
        self.log(run, values or {}, self._params(key, params), curve, ended)
        self.bare.discard(run)
        return run

    def _create(self, key: str, name: str, tags: Mapping[str, str], begun: int) -> str:
        """A new run of `key`; before it is asked for a second time, it is looked up whether the first one was made.

        MLflow's own retries would make one each, where a proxy loses the server's answers.
        """
        run = self._made(key) if key in self.doubtful else None
        if run is None:
            self.doubtful.add(key)
            try:
                with _no_retries():
                    made = self.client.create_run(self.experiment, start_time=begun, tags=dict(tags), run_name=name)
                run = str(made.info.run_id)
            except Exception as error:  # requests, urllib3 and MLflow each have their own way to say that none came
                log.debug("no answer to making %s", key, exc_info=True)
                run = self._made(key)
                if run is None:
                    raise error
        self.doubtful.discard(key)
        self.by_key[key], self.status[run] = run, "RUNNING"
        self.bare.add(run)
        return run

    def _made(self, key: str) -> str | None:
        return next((str(run.info.run_id) for run in self._search(key)), None)

    def add(
        self,
        key: str,
        name: str,
        *,
        parent: str,
        params: Mapping[str, Any],
        values: Mapping[str, float],
        seconds: float,
        ended: float | None = None,
        curve: Sequence[Point] = (),
    ) -> None:
        """A run that has ended, whole: into a database in one transaction, to a server in three calls or a few more.

        `curve` are its metrics by step: the charts of its page.
        """
        if key in self.by_key or self.database is None:
            how: dict[str, Any] = {"params": params, "values": values, "seconds": seconds, "ended": ended}
            run = self.ensure(key, name, parent=parent, curve=curve, **how)
            self.end(run, "FINISHED", ended)
            return
        own = self._tags(key, parent), self._params(key, params)
        run = self.database.insert(name, *own, values, seconds, ended, curve)
        self.by_key[key], self.status[run] = run, "FINISHED"

    def _tags(self, key: str, parent: str | None) -> dict[str, str]:
        marks = {KEY: key, SWEEP: self.sweep.id, "sweeps.level": key.partition("/")[0], "mlflow.user": "sweeps"}
        if parent:
            marks[PARENT] = parent
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
        ended: float | None = None,
    ) -> None:
        """Log metrics and parameters in one call, a `curve` after them in calls of `MOST` points."""
        from mlflow.entities import Metric, Param

        now = milliseconds(ended)
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

    def end(self, run: str, status: str, ended: float | None = None) -> None:
        """Mark a run as ended, now or when it did."""
        if self.status.get(run) != status:
            self.client.set_terminated(run, status, milliseconds(ended))
            self.status[run] = status

    def end_open(self, status: str, ended: float | None = None) -> int:
        """Leave no run RUNNING; how many were."""
        states = ("RUNNING", "KILLED") if status == "FINISHED" else ("RUNNING",)
        left = [run for run, state in self.status.items() if state in states]
        for run in left:
            self.end(run, status, ended)
        return len(left)


def _fullness(run: Any) -> tuple[bool, bool, int, int]:
    """Of runs of one key the largest is the one to keep: ended well, with parameters, most metrics, the oldest."""
    return run.info.status == "FINISHED", bool(run.data.params), len(run.data.metrics), -run.info.start_time


@contextmanager
def _no_retries() -> Iterator[None]:
    """Have MLflow's client ask once."""
    before = os.environ.get(RETRIES)
    os.environ[RETRIES] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[RETRIES]
        else:
            os.environ[RETRIES] = before


def _settle() -> None:
    """Put MLflow's settings in place before its first import; what a user has set stays."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def views(uri: str) -> dict[str, str]:
    """For each study of an MLflow store, the part of the UI's address that shows its cells."""
    _settle()
    from mlflow import MlflowClient

    studies = [e for e in MlflowClient(uri).search_experiments() if f"mlflow.sharedViewState.{VIEW}" in e.tags]
    return {e.name: f"/#/experiments/{e.experiment_id}/runs?viewStateShareKey={VIEW}" for e in studies}
