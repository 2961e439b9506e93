"""MLflow as a mirror of the store, and the only importer of mlflow.

One experiment a study. In it a run a sweep, below it a run a cell, below it a run a trial, all with the same metric and
cost columns so that the UI's charts work. Everything is looked up by tags first, so that mirroring again adds nothing.
Ray's own MLflow callback is not used: it talks to the server in the driver's loop and leaves runs behind.
"""

import logging
import os
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd

from sweeps.cells import COLUMNS, Trial
from sweeps.frontier import summarise
from sweeps.recipes import recipe
from sweeps.store import DONE
from sweeps.sweep import Sweep, frame, row

log = logging.getLogger(__name__)
KEY, SWEEP = "sweeps.key", "sweeps.sweep"
COSTS = ("label_seconds_per_item", "label_seconds_total", "label_usd", "train_seconds", "eval_seconds")
SETTINGS = {  # no minutes of retries when a server goes away, no chatter about database tables
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "8",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def default_uri(out: Path) -> str:
    """The SQLite store inside an output folder."""
    return f"sqlite:///{out / 'mlflow' / 'mlflow.db'}"


class Mirror:
    """Mirrors a sweep in a thread of its own: what MLflow does, or fails to do, never holds the sweep up.

    Use it in a `with` block; `finish` brings MLflow to what the store holds and reports what it could not.
    """

    def __init__(self, sweep: Sweep, uri: str) -> None:
        self.sweep, self.uri = sweep, uri
        self.cells: dict[str, Mapping[str, Any]] = {}
        self.waiting: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.rows: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.runs: Runs | None = None
        self.thread = threading.Thread(target=self._work, name="mlflow-mirror", daemon=True)

    def __enter__(self) -> "Mirror":
        content = self.sweep.store.resolved()
        trials = self.sweep.trials()
        cells = dict(zip(dict.fromkeys(t.cell.id for t in trials), content["cells"], strict=True))
        self.cells = cells
        self.replicates = len(content["seeds"]) * len(content["panels"])
        self.earlier = {trial.id for trial in trials} & set(self.sweep.store.finished())
        self.thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.thread.is_alive():
            self.finish(complete=False)

    def trial_done(self, trial: Trial, result: Mapping[str, Any]) -> None:
        """Queue a finished trial."""
        self.waiting.put(row(trial, self.cells[trial.cell.id], DONE, result))

    def finish(self, complete: bool) -> None:
        """Wait for the queue, then bring MLflow to what the store holds; a failure is a warning with the way out."""
        self.waiting.put(None)
        self.thread.join()
        try:
            if self.runs is None:
                self.runs = Runs(self.sweep, self.uri)
            self._catch_up()
            if complete:
                self._close()
            self.runs.end_open("FINISHED" if complete else "KILLED")
        except Exception as error:
            log.debug("mirroring failed", exc_info=True)
            log.warning(
                "MLflow at %s misses part of %s (%s); `sweeps resume %s` mirrors it again",
                self.uri,
                self.sweep.id,
                str(error).splitlines()[0] if str(error) else type(error).__name__,
                self.sweep.id,
            )

    def _work(self) -> None:
        """The thread: opens MLflow (slow to import), then logs trial after trial; what fails waits for `finish`."""
        try:
            self.runs = Runs(self.sweep, self.uri)
        except Exception:
            log.debug("MLflow could not be opened", exc_info=True)
        while (entry := self.waiting.get()) is not None:
            self.rows[entry["cell"]][entry["trial"]] = entry
            if self.runs is None:
                continue
            try:
                self._trial(entry)
                if entry["cell"] in self.rows and len(self.rows[entry["cell"]]) == self.replicates:
                    self._cell(entry["cell"])
            except Exception:
                log.debug("trial %s was not mirrored", entry["trial"], exc_info=True)

    def _catch_up(self) -> None:
        """Log every trial and cell of the store that MLflow lacks."""
        finished = self.sweep.store.finished()
        for trial in self.sweep.trials():
            if trial.id in finished:
                entry = row(trial, self.cells[trial.cell.id], DONE, finished[trial.id])
                self.rows[trial.cell.id][trial.id] = entry
                self._trial(entry)
        for cell in self.rows:
            self._cell(cell)

    def _trial(self, entry: Mapping[str, Any]) -> None:
        assert self.runs is not None
        seconds = float(entry["train_seconds"]) + float(entry["eval_seconds"])
        run = self.runs.ensure(
            f"trial/{entry['trial']}",
            f"{recipe(entry)}, seed {entry['seed']}",
            parent=self._cell_run(entry["cell"]),
            params={**axes(entry), "seed": entry["seed"], "panel": entry["panel"]},
            values={**metrics(entry), "replicates": 1},
            seconds=seconds,
        )
        self.runs.end(run, "FINISHED")

    def _cell_run(self, cell: str) -> str:
        assert self.runs is not None
        return self.runs.ensure(
            f"cell/{cell}", recipe(self.cells[cell]), parent=self._sweep_run(), params=axes(self.cells[cell])
        )

    def _sweep_run(self) -> str:
        assert self.runs is not None
        manifest, content = self.sweep.store.manifest(), self.sweep.store.resolved()
        params = {name: content[name] for name in ("dataset", "metric")} | {"trials": len(self.sweep.trials())}
        return self.runs.ensure("sweep", self.sweep.id, parent=None, params=params, tags=source_tags(manifest, content))

    def _cell(self, cell: str) -> None:
        """A cell's mean and interval, once all its replicates are in (or the sweep has ended)."""
        assert self.runs is not None
        run = self._cell_run(cell)
        if self.runs.ended(run):
            return
        table = frame(list(self.rows[cell].values()))
        line = summarise(table).iloc[0]
        self.runs.log(run, {**summary(line), "replicates": len(table)})
        if len(table) == self.replicates:
            self.runs.end(run, "FINISHED")

    def _close(self) -> None:
        """The sweep's own run: the values of its best cell, the spec, the results and the frontier."""
        assert self.runs is not None
        run = self._sweep_run()
        results = self.sweep.results()
        if results.empty or not (results["status"] == DONE).any():
            return
        from softcore.metrics import lower_is_better

        table = summarise(results)
        metric = self.sweep.metric
        best = table.sort_values(metric, ascending=lower_is_better(metric)).iloc[0]
        self.runs.log(run, {**summary(best), "replicates": int(best["n"])})
        self.runs.tag(run, {"sweeps.values_of": f"best cell on {metric}: {best['recipe']}"})
        results.to_csv(self.sweep.folder / "results.csv", index=False)
        for name in ("spec.yaml", "resolved.json", "manifest.json", "results.csv"):
            self.runs.artifact(run, self.sweep.folder / name)
        for path in sorted(self.sweep.folder.glob("frontier.*")):
            self.runs.artifact(run, path)


class Runs:
    """The runs of one sweep in MLflow, found and made by key."""

    def __init__(self, sweep: Sweep, uri: str) -> None:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
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
            return str(self.client.create_experiment(study, artifact_location=location))
        except MlflowException:  # another sweep of the study was first
            return str(self.client.get_experiment_by_name(study).experiment_id)

    def ended(self, run: str) -> bool:
        """Whether a run has all it will ever have."""
        return self.status.get(run) == "FINISHED"

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
    ) -> str:
        """The run of `key`; where there is none it is made, with its parameters and `values` (metrics) in one call.

        A run that a killed driver left half-logged is logged again, which changes nothing that is there. Children carry
        the sweep's tags, so that filters keep them.
        """
        level = key.partition("/")[0]
        run = self.by_key.get(key)
        if run is None:
            marks = {KEY: key, SWEEP: self.sweep.id, "sweeps.level": level, "mlflow.user": "sweeps", **(tags or {})}
            if parent:
                marks["mlflow.parentRunId"] = parent
            if self.sweep.simulated:
                marks["sweeps.simulated"] = "annotators are simulated"
            begun = int((time.time() - seconds) * 1000)
            run = str(self.client.create_run(self.experiment, start_time=begun, tags=marks, run_name=name).info.run_id)
            self.by_key[key], self.status[run] = run, "RUNNING"
        elif not values or self.ended(run):
            return run
        shown = {"sweep": self.sweep.id, "level": level, **params}
        self.log(run, values or {}, shown)
        return run

    def log(self, run: str, values: Mapping[str, float], params: Mapping[str, Any] | None = None) -> None:
        """Log metrics and parameters in one call."""
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        self.client.log_batch(
            run,
            metrics=[Metric(name, float(value), now, 0) for name, value in values.items()],
            params=[Param(name, str(value)) for name, value in (params or {}).items() if value is not None],
        )

    def tag(self, run: str, tags: Mapping[str, str]) -> None:
        """Set tags."""
        from mlflow.entities import RunTag

        self.client.log_batch(run, tags=[RunTag(name, value) for name, value in tags.items()])

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


def axes(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The axes of a row or a cell, as parameters."""
    return {name: entry[name] for name in COLUMNS if not _missing(entry[name])}


def metrics(entry: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a trial's row: metrics, costs, M and N', with the same names on every run."""
    names = [name for name in entry if "/" in name and not name.startswith("answers/")]
    values = {name: float(entry[name]) for name in (*names, *COSTS) if not _missing(entry[name])}
    return {**values, **sizes(entry)}


def sizes(entry: Mapping[str, Any]) -> dict[str, float]:
    """How many people an item and how many items were asked, 0 where nobody was."""
    answers = sum(int(entry[name]) for name in entry if str(name).startswith("answers/") and not _missing(entry[name]))
    items = 0 if _missing(entry["items"]) or not answers else int(entry["items"])
    return {"annotators": answers / items if items else 0.0, "items": float(items)}


def summary(line: pd.Series) -> dict[str, float]:
    """A cell's line of `summarise` under a trial's names of metrics; `<metric>.low` and `.high` are its interval."""
    values = {str(k): v for k, v in line.items() if _number(v)}
    known = {k: float(v) for k, v in values.items() if "/" in k and not k.startswith("answers/") and " " not in k}
    bounds = {k.replace(" ", "."): float(v) for k, v in values.items() if k.endswith((" low", " high"))}
    costs = {name: float(values[name]) for name in COSTS if name in values}
    return {**known, **bounds, **costs, **sizes({str(name): value for name, value in line.items()})}


def source_tags(manifest: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, str]:
    """Data fingerprints, versions and commit as tags."""
    tags = {f"data.{name.replace('/', '.')}": digest for name, digest in manifest["fingerprints"].items()}
    tags |= {f"version.{name}": version for name, version in manifest["versions"].items()}
    tags |= {"hardware": manifest["hardware"], "metric": content["metric"]}
    if manifest["commit"]:
        tags["mlflow.source.git.commit"] = manifest["commit"]
    return tags


def _missing(value: Any) -> bool:
    return value is None or (not isinstance(value, str) and bool(pd.isna(value)))


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not _missing(value)
