"""MLflow's own SQL store, written to directly where the runs of a sweep are in a database."""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any


class Database:
    """MLflow's own SQL store, written in one transaction a run.

    MLflow's client takes three calls and some 30 ms of CPU for a run with 20 metrics, more than Ray Tune takes for the
    whole trial. What is written is what these calls write (a test holds the two against each other).
    """

    def __init__(self, uri: str, experiment: Any) -> None:
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        self.experiment = experiment
        self.store = SqlAlchemyStore(uri, experiment.artifact_location)

    def follow(self, location: str) -> None:
        """Have the artifacts of the experiment at `location` where they were in another output folder, since moved.

        MLflow keeps whole paths: without this a moved or copied folder would write into the one that it came from.
        """
        from mlflow.store.tracking.dbmodels import models
        from sqlalchemy import func, update

        before = self.experiment.artifact_location.rstrip("/")
        if before == location or not before.startswith("file:") or not before.endswith("/mlflow/artifacts"):
            return
        number = int(self.experiment.experiment_id)
        moved = func.replace(models.SqlRun.artifact_uri, before, location)
        with self.store.ManagedSessionMaker(read_only=False) as session:
            session.execute(
                update(models.SqlRun).where(models.SqlRun.experiment_id == number).values(artifact_uri=moved)
            )
            where = models.SqlExperiment.experiment_id == number
            session.execute(update(models.SqlExperiment).where(where).values(artifact_location=location))
        self.experiment = self.store.get_experiment(self.experiment.experiment_id)

    def insert(
        self,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        values: Mapping[str, float],
        seconds: float,
        ended: float | None = None,
        curve: Sequence[tuple[str, int, float]] = (),
    ) -> str:
        """A finished run of the experiment, which began `seconds` before it `ended` (now without it); its id."""
        from mlflow.store.tracking.dbmodels import models
        from sqlalchemy import insert

        run, now = uuid.uuid4().hex, milliseconds(ended)
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


def milliseconds(ended: float | None, before: float = 0.0) -> int:
    """So many seconds before a time (seconds since 1970; now for None), as MLflow counts time."""
    return int(((time.time() if ended is None else ended) - before) * 1000)
