"""A sweep's folder: the only truth about what has run.

    <out>/<sweep id>/
        spec.yaml        the spec as asked for, scale and settings applied
        resolved.json    every default and cell written out; the sweep's id is its digest
        manifest.json    data fingerprints, versions, git commit, hosts, paths
        events.jsonl     one line a trial event, appended
        trials/<trial>/  trial.json, predictions.npz, weights.npz, panel.npz, curve.csv
        checkpoints/     where trials stand that are under way, or were when they were killed
        frontier.*       made from the above when the sweep ends, and by `sweeps frontier`

A trial's folder appears whole or not at all. A killed process costs at most the trials in flight.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from softcore.errors import RequestError
from softcore.files import whole
from sweeps.results.table import DONE, FAILED
from sweeps.running.checkpoint import CHECKPOINTS
from sweeps.running.curve import CURVE, read_curve

STOPPED = "stopped"  # in flight when the sweep was stopped: in the log, not among the results
SPEC, RESOLVED, MANIFEST, EVENTS, TRIALS, LOCK = (
    "spec.yaml",
    "resolved.json",
    "manifest.json",
    "events.jsonl",
    "trials",
    ".lock",
)


class Store:
    """One sweep's folder. Reading takes no lock; a driver that runs the sweep holds `lock`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        """The sweep's id: its folder's name."""
        return self.folder.name

    @property
    def trials(self) -> Path:
        """Where trials' folders are."""
        return self.folder / TRIALS

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints of unfinished trials are, if any is long enough to have one."""
        return self.folder / CHECKPOINTS

    def curve(self, trial: str) -> list[dict[str, float]]:
        """The learning curve of a finished trial, a row an epoch by column; empty where none was kept."""
        return read_curve(self.trials / trial / CURVE)

    def record(self, trial: str) -> dict[str, Any]:
        """The `trial.json` of a finished trial; empty where its folder is gone."""
        path = self.trials / trial / "trial.json"
        return dict(json.loads(path.read_text())) if path.is_file() else {}

    def resolved(self) -> dict[str, Any]:
        """The resolved spec."""
        return dict(json.loads((self.folder / RESOLVED).read_text()))

    def spec(self) -> dict[str, Any]:
        """The spec as asked for, scale and settings applied."""
        return dict(yaml.safe_load((self.folder / SPEC).read_text()))

    def manifest(self) -> dict[str, Any]:
        """Where the data and the code came from."""
        return dict(json.loads((self.folder / MANIFEST).read_text()))

    def update_manifest(self, **entries: Any) -> None:
        """Set top-level entries of the manifest."""
        write_text(self.folder / MANIFEST, json.dumps({**self.manifest(), **entries}, indent=1))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other drivers away; the lock dies with its process. Raises RequestError when another holds it."""
        from filelock import FileLock, Timeout

        held = FileLock(self.folder / LOCK, timeout=0)
        try:
            held.acquire()
        except Timeout:
            raise RequestError(f"sweep {self.id} is being run by another process; wait for it or stop it") from None
        try:
            yield
        finally:
            held.release()

    def log(self, trial: str, epoch: int, status: str, **more: Any) -> None:
        """Append one event; it is on disk when this returns."""
        line = json.dumps({"trial": trial, "epoch": epoch, "status": status, "time": round(time.time(), 3), **more})
        with open(self.folder / EVENTS, "a+b") as log:
            # A process killed while writing leaves half a line: begin a new one, and the half is ignored.
            if log.tell() and (log.seek(-1, os.SEEK_END), log.read(1))[1] != b"\n":
                log.write(b"\n")
            log.write(line.encode() + b"\n")
            log.flush()
            os.fsync(log.fileno())

    def events(self) -> list[dict[str, Any]]:
        """Every whole event, oldest first."""
        path = self.folder / EVENTS
        if not path.exists():
            return []
        events = []
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                events.append(json.loads(line))
            except json.JSONDecodeError:
                continue  # half a line of a killed process: its trial's folder tells the rest
        return events

    def last_events(self) -> dict[str, dict[str, Any]]:
        """The latest event of each trial; a trial that is done stays done."""
        last: dict[str, dict[str, Any]] = {}
        for event in self.events():
            if last.get(event["trial"], {}).get("status") != DONE:
                last[event["trial"]] = event
        return last

    def outcomes(self) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
        """`finished` and `failed`, at one reading of the log."""
        last = self.last_events()
        done = {name: event["result"] for name, event in last.items() if event["status"] == DONE}
        for name in self.trial_folders():
            if name not in done:
                done[name] = json.loads((self.trials / name / "trial.json").read_text())["result"]
        return done, {n: event for n, event in last.items() if event["status"] == FAILED and n not in done}

    def finished(self) -> dict[str, dict[str, Any]]:
        """The result of every finished trial by its id: from the log, and from folders that no driver has logged."""
        return self.outcomes()[0]

    def failed(self) -> dict[str, dict[str, Any]]:
        """The last event of every trial that failed and has not finished since."""
        return self.outcomes()[1]

    def adopt(self) -> int:
        """Log the finished folders that a killed driver never logged; how many there were."""
        logged = {name for name, event in self.last_events().items() if event["status"] == DONE}
        orphans = [name for name in self.trial_folders() if name not in logged]
        for name in orphans:
            trial = json.loads((self.trials / name / "trial.json").read_text())
            self.log(name, trial["epochs"], DONE, result=trial["result"], adopted=True)
        return len(orphans)

    def trial_folders(self) -> list[str]:
        """The ids of the trials whose folder is whole, in order."""
        return sorted(n for n in os.listdir(self.trials) if not n.startswith(".")) if self.trials.is_dir() else []

    def clear_unfinished(self) -> None:
        """Remove what killed workers left half-written, and checkpoints of trials that are done.

        Only for a driver that holds the lock, and none of whose workers is at work.
        """
        for path in self.trials.glob(".*"):
            shutil.rmtree(path, ignore_errors=True)
        done = set(self.trial_folders())
        for path in self.checkpoints.glob("*"):
            if path.name.startswith(".") or path.stem in done:
                path.unlink(missing_ok=True)
        with suppress(OSError):  # it is not there, or some trial is to go on from it
            self.checkpoints.rmdir()


def create(out: Path, sweep_id: str, spec: Mapping[str, Any], resolved: Mapping[str, Any], manifest) -> Store:
    """The store of a new sweep, whole or not at all; an existing one of that id is returned as it is."""
    folder = out / sweep_id
    if folder.is_dir():
        return Store(folder)
    try:
        out.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=out))
    except OSError as error:
        raise RequestError(f"output folder {out} can't be written: {error.strerror}") from None
    temporary.chmod(0o755)
    (temporary / TRIALS).mkdir()
    (temporary / SPEC).write_text(yaml.safe_dump(dict(spec), sort_keys=False))
    (temporary / RESOLVED).write_text(json.dumps(resolved, indent=1))
    (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1))
    try:
        temporary.rename(folder)
    except OSError:  # another driver was first
        shutil.rmtree(temporary)
    return Store(folder)


def check_writable(out: Path) -> None:
    """Refuse an output folder that can't be written, without creating it."""
    parent = out
    while not os.path.exists(parent):  # unlike Path.exists it does not raise where a folder may not be searched
        parent = parent.parent
    if not parent.is_dir():
        raise RequestError(f"output folder {out} can't be written: {parent} is not a folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise RequestError(f"output folder {out} can't be written: no permission to write in {parent}")
    try:
        tempfile.TemporaryFile(dir=parent).close()
    except OSError as error:
        raise RequestError(f"output folder {out} can't be written: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; RequestError when it can't be written."""
    try:
        with whole(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise RequestError(f"{path} can't be written: {error.strerror}") from None


def out_folder(given: str | Path | None) -> Path:
    """`given`, else SWEEPS_OUT, else ./sweeps-out; absolute."""
    return Path(given or os.environ.get("SWEEPS_OUT") or "sweeps-out").expanduser().absolute()


def stores(out: Path) -> list[Store]:
    """Every sweep in an output folder, by id."""
    if not os.path.isdir(out):
        return []
    try:
        return [Store(path) for path in sorted(out.iterdir()) if os.path.isfile(path / RESOLVED)]
    except OSError as error:
        raise RequestError(f"output folder {out} can't be read: {error.strerror}") from None


def find(name: str, out: Path) -> Store:
    """The sweep that `name` means: a path, an id, or any unique beginning of one.

    Raises RequestError that lists the sweeps there are.
    """
    path = Path(name).expanduser().absolute()
    if "/" in name and os.path.isfile(path / RESOLVED):
        return Store(path)
    there = stores(out)
    found = [store for store in there if store.id == name] or [s for s in there if s.id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if not there:
        raise RequestError(f"unknown sweep '{name}': there is no sweep in {out}")
    kind = "ambiguous" if found else "unknown"
    raise RequestError(f"{kind} sweep '{name}'; in {out}: {', '.join(s.id for s in (found or there))}")


def find_trial(name: str, out: Path) -> tuple[Store, str]:
    """The sweep and the full id of the finished trial that `name` (or its unique beginning, or a path) means.

    The same trial in two sweeps is the same trial: the first sweep by id answers.
    """
    path = Path(name).expanduser().absolute()
    if "/" in name and os.path.isfile(path / "trial.json"):
        return Store(path.parent.parent), path.name
    hits = [(store, trial) for store in stores(out) for trial in store.trial_folders() if trial.startswith(name)]
    names = sorted({trial for _, trial in hits})
    if len(names) == 1:
        return hits[0]
    if not names:
        raise RequestError(f"unknown trial '{name}': no sweep in {out} has finished it")
    raise RequestError(f"ambiguous trial '{name}': {', '.join(names[:10])}")
