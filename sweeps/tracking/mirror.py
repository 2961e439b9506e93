"""What of a sweep goes to MLflow, and when: in a thread of its own, so that nothing there holds the sweep up.

In a study's experiment a run a sweep, below it a run a cell, below it a run a trial, all with the same metric and cost
columns so that the UI's charts work.
"""

import logging
import math
import queue
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

import pandas as pd

from cluster.addresses import masked
from cluster.errors import one_line
from sweeps.frontier.frontier import Frontiers, summarise
from sweeps.planning.verdict import frontier_verdicts
from sweeps.results.names import recipe
from sweeps.results.table import DONE, cell_id, results_row, results_table
from sweeps.spec.cells import COLUMNS, Trial
from sweeps.sweep import Sweep
from sweeps.tracking.runs import Point, Runs

log = logging.getLogger(__name__)
WITHIN_S = 30.0  # what a finished sweep waits for MLflow at most; the rest is for `sweeps mirror`
INTERRUPTED_WITHIN_S = 7.0  # likewise one that is to stop: Ctrl-C ends within 10 s
COSTS = ("label_seconds_per_item", "label_seconds_total", "label_usd", "train_seconds", "eval_seconds")


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
        self.times: dict[str, tuple[float, float]] = {}  # of trials mirrored later: begin and end, seconds since 1970
        self.finishing = threading.Event()  # from now on the store says what is left, not the queue
        self.given_up = threading.Event()
        self.thread = threading.Thread(target=self._work, name="mlflow-mirror", daemon=True)

    def __enter__(self) -> "Mirror":
        self.prepare()
        self.thread.start()
        return self

    def prepare(self) -> None:
        """Read which cells and how many trials of each there are."""
        self.cells = {cell_id(cell): cell for cell in self.sweep.store.resolved()["cells"]}
        self.replicates = Counter(trial.cell.id for trial in self.sweep.trials())

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.thread.is_alive() and not self.finishing.is_set():
            self.finish(complete=False)

    def trial_done(self, trial: Trial, result: Mapping[str, Any]) -> None:
        """Queue a finished trial."""
        self.waiting.put(results_row(trial, self.cells[trial.cell.id], DONE, result))

    def finish(self, complete: bool, found: Frontiers | None = None) -> None:
        """Bring MLflow to what the store holds; a failure is a warning with the way out.

        `found` are the frontiers of a `complete` sweep, of which some trial has finished. It is left after `WITHIN_S`,
        or `INTERRUPTED_WITHIN_S` where the sweep is not complete: a server that hangs holds nobody up.
        """
        self.finishing.set()
        self.waiting.put(None)
        # A thread again, for what MLflow does can't be interrupted: it waits minutes for a server that never answers.
        rest = threading.Thread(target=self._finish, args=(complete, found), name="mlflow-rest", daemon=True)
        rest.start()
        within = WITHIN_S if complete else INTERRUPTED_WITHIN_S
        try:
            rest.join(within)
        except KeyboardInterrupt:
            self.given_up.set()
            raise
        if rest.is_alive():
            self.given_up.set()
            log.warning(
                "MLflow at %s has not taken all of %s within %g s; `sweeps mirror %s` brings the rest",
                masked(self.uri),
                self.sweep.id,
                within,
                self.sweep.id,
            )

    def _finish(self, complete: bool, found: Frontiers | None) -> None:
        self.thread.join()
        try:
            if self.runs is None:
                self.runs = Runs(self.sweep, self.uri)
            self.catch_up()
            if self.runs.database is None:
                self.runs.reload()  # answers that a proxy lost may have left doubles
            if found is not None:
                self.close(found)
            self.runs.end_open("FINISHED" if complete else "KILLED")
        except Exception as error:
            log.debug("mirroring failed", exc_info=True)
            if self.given_up.is_set():
                return  # which has been said
            log.warning(
                "MLflow at %s misses part of %s (%s); `sweeps mirror %s` mirrors it again",
                masked(self.uri),
                self.sweep.id,
                masked(one_line(error)),
                self.sweep.id,
            )

    def _work(self) -> None:
        """The thread: opens MLflow (slow to import), then logs trial after trial; what fails waits for `finish`."""
        try:
            self.runs = Runs(self.sweep, self.uri)
        except Exception:
            log.debug("MLflow could not be opened", exc_info=True)
        while (entry := self.waiting.get()) is not None:
            if self.finishing.is_set():
                return  # one by one, each would wait for a server that hangs
            self.rows[entry["cell"]][entry["trial"]] = entry
            if self.runs is None:
                continue
            try:
                self._trial(entry)
                if entry["cell"] in self.rows and len(self.rows[entry["cell"]]) == self.replicates[entry["cell"]]:
                    self._cell(entry["cell"])
            except Exception:
                log.debug("trial %s was not mirrored", entry["trial"], exc_info=True)

    def catch_up(self) -> None:
        """Log every trial and cell of the store that MLflow lacks, with the times at which trials began and ended."""
        finished = self.sweep.store.finished()
        ends = {name: event["time"] for name, event in self.sweep.store.last_events().items() if event.get("time")}
        took = {name: _seconds(result) for name, result in finished.items() if name in ends}
        self.times = {name: (ends[name] - seconds, ends[name]) for name, seconds in took.items()}
        for trial in self.sweep.trials():
            if trial.id in finished:
                entry = results_row(trial, self.cells[trial.cell.id], DONE, finished[trial.id])
                self.rows[trial.cell.id][trial.id] = entry
        for cell in self.rows:
            for entry in self.rows[cell].values():
                self._trial(entry)
            self._cell(cell)

    def _trial(self, entry: Mapping[str, Any]) -> None:
        assert self.runs is not None
        if self.given_up.is_set():
            raise TimeoutError
        key = f"trial/{entry['trial']}"
        if (run := self.runs.whole(key)) and self.runs.ended(run):
            return  # before its curve is read: there may be thousands
        _, ended = self.span([entry["trial"]])
        self.runs.add(
            key,
            f"{recipe(entry)}, seed {entry['seed']}",
            parent=self._cell_run(entry["cell"]),
            params={**axes(entry), "seed": entry["seed"], "panel": entry["panel"]},
            values={**metrics(entry), "replicates": 1},
            seconds=_seconds(entry),
            ended=ended,
            curve=curve_points(self.sweep.store.curve(entry["trial"])),
        )

    def _cell_run(self, cell: str) -> str:
        assert self.runs is not None
        key, columns = f"cell/{cell}", self.cells[cell]
        if run := self.runs.whole(key):
            return run
        seconds, ended = self.span(self.rows[cell])
        how: dict[str, Any] = {"params": axes(columns), "seconds": seconds, "ended": ended}
        return self.runs.ensure(key, recipe(columns), parent=self._sweep_run(), **how)

    def span(self, trials: Iterable[str]) -> tuple[float, float | None]:
        """From the first beginning of trials to their last end: seconds, and that end; (0, None) for none."""
        known = [self.times[trial] for trial in trials if trial in self.times]
        if not known:
            return 0.0, None
        ended = max(end for _, end in known)
        return ended - min(begin for begin, _ in known), ended

    def _sweep_run(self) -> str:
        assert self.runs is not None
        if run := self.runs.whole("sweep"):
            return run
        manifest, content = self.sweep.store.manifest(), self.sweep.store.resolved()
        params = {name: content[name] for name in ("dataset", "metric")} | {"trials": len(self.sweep.trials())}
        seconds, ended = self.span(self.times)
        how: dict[str, Any] = {"params": params, "seconds": seconds, "ended": ended}
        return self.runs.ensure("sweep", self.sweep.id, parent=None, tags=source_tags(manifest, content), **how)

    def _cell(self, cell: str) -> None:
        """A cell's mean and interval, once all its replicates are in (or the sweep has ended)."""
        assert self.runs is not None
        run = self._cell_run(cell)
        if self.runs.ended(run):
            return
        table = results_table(list(self.rows[cell].values()))
        line = summarise(table).iloc[0]
        self.runs.log(run, {**cell_values(line), "replicates": len(table)})
        if len(table) == self.replicates[cell]:
            self.runs.end(run, "FINISHED", self.span(self.rows[cell])[1])

    def close(self, found: Frontiers) -> None:
        """The sweep's own run: the values of its best cell, the spec, the results and the frontier."""
        from softcore.scoring.metrics import lower_is_better

        assert self.runs is not None
        if self.given_up.is_set():
            raise TimeoutError
        run = self._sweep_run()
        metric = self.sweep.metric
        best = found.summary.sort_values(metric, ascending=lower_is_better(metric)).iloc[0]
        self.runs.log(run, {**cell_values(best), "replicates": int(best["n"])})
        self.runs.tag(run, {"sweeps.values_of": f"best cell on {metric}: {best['recipe']}"})
        for name, verdicts in frontier_verdicts(found).items():
            self.runs.tag(run, {f"sweeps.verdict.{name}": verdicts.words})
        found.results.to_csv(self.sweep.folder / "results.csv", index=False)
        for name in ("spec.yaml", "resolved.json", "manifest.json", "results.csv"):
            self.runs.artifact(run, self.sweep.folder / name)
        for path in sorted(self.sweep.folder.glob("frontier.*")):
            self.runs.artifact(run, path)


def _seconds(result: Mapping[str, Any]) -> float:
    return sum(float(result.get(name) or 0.0) for name in ("train_seconds", "eval_seconds"))


def axes(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The axes of a row or a cell, as parameters."""
    return {name: entry[name] for name in COLUMNS if not _missing(entry.get(name))}  # older sweeps lack newer axes


def metrics(entry: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a trial's row: metrics, costs, M and N', with the same names on every run."""
    names = [name for name in entry if "/" in name and not name.startswith("answers/")]
    values = {name: float(entry[name]) for name in (*names, *COSTS) if not _missing(entry[name])}
    return {**values, **sizes(entry)}


def curve_points(curve: Sequence[Mapping[str, float]]) -> list[Point]:
    """The rows of a trial's learning curve as metrics by epoch, which MLflow charts under `curve`."""
    return [
        (f"curve/{name}", int(row["epoch"]), value)
        for row in curve
        for name, value in row.items()
        if name not in ("epoch", "validation_images") and math.isfinite(value)
    ]


def sizes(entry: Mapping[str, Any]) -> dict[str, float]:
    """How many people an item and how many items were asked, 0 where nobody was."""
    answers = sum(int(entry[name]) for name in entry if str(name).startswith("answers/") and not _missing(entry[name]))
    items = 0 if _missing(entry["items"]) or not answers else int(entry["items"])
    return {"annotators": answers / items if items else 0.0, "items": float(items)}


def cell_values(line: pd.Series) -> dict[str, float]:
    """A cell's line of `summarise` under a trial's names of metrics; `<metric>.low` and `.high` are its interval."""
    values = {str(k): v for k, v in line.items() if _number(v)}
    ends = (" low", " high")
    named = {k: float(v) for k, v in values.items() if "/" in k and not k.startswith("answers/")}
    known = {k: v for k, v in named.items() if not k.endswith(ends)}
    bounds = {".".join(k.rsplit(" ", 1)): v for k, v in named.items() if k.endswith(ends)}
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
