"""A sweep's folder: the only truth about what has run.

    <out>/<sweep id>/
        spec.yaml        the spec as asked for, scale and settings applied
        resolved.json    every default and cell written out; the sweep's id is its digest
        manifest.json    data fingerprints, versions, git commit, hosts, paths
        events.jsonl     one line a trial event, appended
        trials/<trial>/  trial.json, predictions.npz, weights.npz, panel.npz, curve.csv
        checkpoints/     where trials stand that are under way, or were when they were killed
        frontier.*       made from the above when the sweep ends, and by `sweeps frontier`
        set-aside/       what was found broken and is kept out of the way (`sweeps.running.verify`)

A trial's folder appears whole or not at all. A killed process costs at most the trials in flight. What stands there
that is none of these disturbs nothing, and a file that can't be read is one line with the way out.
"""

import itertools
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from softcore.errors import RequestError
from softcore.files import sync, whole
from sweeps.results.table import DONE, FAILED
from sweeps.running.checkpoint import CHECKPOINTS
from sweeps.running.curve import CURVE, read_curve
from sweeps.running.reading import as_event, is_result, misshapen, read_mapping

STOPPED = "stopped"  # in flight when the sweep was stopped: in the log, not among the results
BROKEN = "broken"  # what it had stored was found broken: it is done no more, until it is done again
TRIAL_ID = re.compile(r"\w+-s\d+-p\d+(-r\d+)?")  # as `sweeps.spec.cells.Trial` makes them
RECORD, ASIDE = "trial.json", "set-aside"
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
        path = self.trials / trial / CURVE
        try:
            return read_curve(path)
        except (OSError, ValueError, TypeError) as error:
            raise self.unreadable(path, error) from None

    def record(self, trial: str) -> dict[str, Any]:
        """The `trial.json` of a finished trial; empty where its folder is gone, or it can't be read as one."""
        try:
            found = read_mapping(self.trials / trial / RECORD)
        except RequestError:
            return {}
        return dict(found) if is_result(found.get("result")) else {}

    def whole_record(self, trial: str) -> dict[str, Any]:
        """The same, of a trial that is to be worked on: RequestError with the way out where there is none."""
        if not (found := self.record(trial)):
            path = self.trials / trial / RECORD
            raise self.unreadable(path, "not the record of a trial" if path.is_file() else "it is gone")
        return found

    def unreadable(self, path: Path, why: object) -> RequestError:
        """The refusal of a trial's file that can't be read, with the way out."""
        said = str(why).partition("\n")[0]
        return RequestError(f"{path}: can't be read ({said}); `sweeps verify {self.id} --repair` trains it again")

    def resolved(self) -> dict[str, Any]:
        """The resolved spec."""
        way_out = f"`sweeps verify {self.id} --repair` writes it again"
        content = read_mapping(self.folder / RESOLVED, way_out)
        if problem := misshapen(content):
            raise RequestError(f"{self.folder / RESOLVED}: {problem}; {way_out}")
        return content

    def spec(self) -> dict[str, Any]:
        """The spec as asked for, scale and settings applied."""
        return read_mapping(
            self.folder / SPEC, "`sweeps run` with the spec that the sweep was made from writes it again"
        )

    def manifest(self) -> dict[str, Any]:
        """Where the data and the code came from."""
        return read_mapping(self.folder / MANIFEST, f"`sweeps verify {self.id} --repair` writes it again")

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
        """Every whole event, oldest first; half a line of a killed process, or what else is no event, is ignored."""
        return [event for event in map(as_event, self.log_lines()) if event is not None]

    def log_lines(self) -> list[str]:
        """The lines of the log as they lie there; none before the first event."""
        path = self.folder / EVENTS
        try:
            return path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RequestError(
                f"{path}: can't be read ({error.strerror}); move it away: `sweeps resume {self.id}` goes by the folders"
            ) from None

    def rewrite_log(self, lines: Sequence[str]) -> None:
        """Have these lines alone in the log; what it was is kept with what is set aside."""
        path = self.folder / EVENTS
        copy = self.folder / f".{EVENTS}.before"
        shutil.copyfile(path, copy)
        self.set_aside(copy)
        write_text(path, "".join(f"{line}\n" for line in lines))

    def last_events(self) -> dict[str, dict[str, Any]]:
        """The latest event of each trial; a trial that is done stays done, unless it is found broken."""
        last: dict[str, dict[str, Any]] = {}
        for event in self.events():
            if event["status"] == BROKEN or last.get(event["trial"], {}).get("status") != DONE:
                last[event["trial"]] = event
        return last

    def outcomes(self) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
        """`finished` and `failed`, at one reading of the log."""
        last = self.last_events()
        done = {name: event["result"] for name, event in last.items() if event["status"] == DONE}
        for name in self.trial_folders():
            if name not in done and (record := self.record(name)):
                done[name] = record["result"]
        return done, {n: event for n, event in last.items() if event["status"] == FAILED and n not in done}

    def finished(self) -> dict[str, dict[str, Any]]:
        """The result of every finished trial by its id: from the log, and from folders that no driver has logged."""
        return self.outcomes()[0]

    def failed(self) -> dict[str, dict[str, Any]]:
        """The last event of every trial that failed and has not finished since."""
        return self.outcomes()[1]

    def adopt(self, known: Collection[str] | None = None) -> int:
        """Log the finished folders, of trials that are `known`, that no driver has logged; how many there were."""
        logged = {name for name, event in self.last_events().items() if event["status"] == DONE}
        names = [name for name in self.trial_folders() if name not in logged and (known is None or name in known)]
        orphans = {name: record for name in names if (record := self.record(name))}
        for name, record in orphans.items():
            self.log(name, record["epochs"], DONE, result=record["result"], adopted=True)
        return len(orphans)

    def trial_folders(self) -> list[str]:
        """The ids of the trials whose folder is whole, in order; what else stands there is passed over."""
        names = os.listdir(self.trials) if self.trials.is_dir() else []
        folder = str(self.trials)
        return sorted(n for n in names if TRIAL_ID.fullmatch(n) and os.path.isfile(f"{folder}/{n}/{RECORD}"))

    def set_aside(self, path: Path) -> Path:
        """Move a file or folder of the sweep to where nothing reads it, and delete nothing; where it is now."""
        folder = self.folder / ASIDE
        folder.mkdir(exist_ok=True)
        free = (folder / f"{path.name.lstrip('.')}{f'.{n}' if n else ''}" for n in itertools.count())
        target = next(each for each in free if not os.path.lexists(each))
        path.rename(target)
        return target

    def withdraw(self, trial: str, why: str) -> None:
        """Count a trial as not finished any more: set aside what there is of it, then log why.

        In this order, for a folder that is gone is seen again where this is killed between the two.
        """
        if os.path.lexists(path := self.trials / trial):
            self.set_aside(path)
        self.log(trial, 0, BROKEN, error=why)

    def clear_unfinished(self) -> None:
        """Remove what killed workers left half-written, and checkpoints of trials that are done.

        Only for a driver that holds the lock, and none of whose workers is at work.
        """
        if os.path.lexists(self.trials) and not self.trials.is_dir():
            self.set_aside(self.trials)
        self.trials.mkdir(exist_ok=True)
        for path in self.trials.glob(".*"):
            shutil.rmtree(path, ignore_errors=True)
        done = set(self.trial_folders())
        for path in self.checkpoints.glob("*"):
            if path.is_dir():
                continue
            if path.name.startswith(".") or path.stem in done:
                path.unlink(missing_ok=True)
        with suppress(OSError):  # it is not there, or some trial is to go on from it
            self.checkpoints.rmdir()


def create(out: Path, sweep_id: str, spec: Mapping[str, Any], resolved: Mapping[str, Any], manifest) -> Store:
    """The store of a new sweep, whole or not at all; an existing one of that id is returned as it is.

    But for its spec, resolved spec and manifest: those of them that can't be read are set aside and written again.
    """
    folder = out / sweep_id
    contents = {
        SPEC: yaml.safe_dump(dict(spec), sort_keys=False),
        RESOLVED: json.dumps(resolved, indent=1),
        MANIFEST: json.dumps(manifest, indent=1),
    }
    if folder.is_dir():
        return _with_its_files(Store(folder), contents)
    try:
        out.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=out))
    except OSError as error:
        raise RequestError(f"output folder {out} can't be written: {error.strerror}") from None
    temporary.chmod(0o755)
    (temporary / TRIALS).mkdir()
    for name, text in contents.items():
        (temporary / name).write_text(text)
    sync(*(temporary / name for name in contents), temporary)
    try:
        temporary.rename(folder)
    except OSError:  # another driver was first
        shutil.rmtree(temporary)
    return Store(folder)


def _with_its_files(store: Store, contents: Mapping[str, str]) -> Store:
    for name, read in ((SPEC, store.spec), (RESOLVED, store.resolved), (MANIFEST, store.manifest)):
        try:
            read()
        except RequestError:
            path = store.folder / name
            if os.path.lexists(path):
                store.set_aside(path)
            write_text(path, contents[name])
    return store


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
        return [Store(path) for path in sorted(out.iterdir()) if is_sweep(path)]
    except OSError as error:
        raise RequestError(f"output folder {out} can't be read: {error.strerror}") from None


def is_sweep(folder: Path) -> bool:
    """Whether a folder is a sweep's, one that lost its resolved spec included."""
    if folder.name.startswith("."):
        return False
    if os.path.isfile(folder / RESOLVED):
        return True
    return os.path.isdir(folder / TRIALS) and any(os.path.isfile(folder / name) for name in (SPEC, MANIFEST, EVENTS))


def find(name: str, out: Path) -> Store:
    """The sweep that `name` means: a path, an id, or any unique beginning of one.

    Raises RequestError that lists the sweeps there are.
    """
    path = Path(name).expanduser().absolute()
    if "/" in name and is_sweep(path):
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
