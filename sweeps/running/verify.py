"""Whether a sweep's folder holds what was written to it: digests, log, spec and folders, each against the others."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from softcore.errors import RequestError
from softcore.files import sha256
from sweeps.running.curve import CURVE
from sweeps.running.reading import as_event, is_result, read_mapping
from sweeps.running.store import BROKEN, DONE, EVENTS, FAILED, LOCK, MANIFEST, RECORD, RESOLVED, SPEC, STOPPED, Store
from sweeps.spec.cells import Trial, stored_sweep_id, trial_of, trials_of

DIGESTED = ("predictions", "weights", "panel")  # the files of a trial whose digests stand in its record
TRIAL_FILES = {RECORD, CURVE, *(f"{name}.npz" for name in DIGESTED)}
MANIFEST_HAS = ("created", "dataset", "data_root", "fingerprints", "hardware", "simulated")
STATUSES = {DONE, FAILED, STOPPED, BROKEN}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something of a sweep that is not as it was written: where in its folder, what is wrong, and the way out.

    `trial` is the trial that is trained again for it, `test_set` the one whose later scores are concerned; "" for none.
    """

    place: str
    wrong: str
    way_out: str
    trial: str = ""
    test_set: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.wrong}; {self.way_out}"


def spec_faults(store: Store) -> list[Fault]:
    """What is wrong with the files that say what the sweep is: without them nothing else can be checked."""
    faults = []
    for name, read in ((SPEC, store.spec), (RESOLVED, store.resolved), (MANIFEST, store.manifest)):
        try:
            content = read()
            if name == RESOLVED:
                trials_of(content)
            for entry in {MANIFEST: MANIFEST_HAS, SPEC: ("resources",)}.get(name, ()):
                content[entry]
        except RequestError as error:
            wrong, _, way_out = str(error).removeprefix(f"{store.folder / name}: ").rpartition("; ")
            faults.append(Fault(place=name, wrong=wrong, way_out=way_out))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            wrong = f"it is no resolved spec ({type(error).__name__}: {error})"
            faults.append(
                Fault(place=name, wrong=wrong, way_out=f"`sweeps verify {store.id} --repair` writes it again")
            )
    if not faults:
        asked, resolved = store.spec(), store.resolved()
        for name in ("name", "study", "seeds", "panels"):
            if name in asked and asked[name] != resolved[name]:
                way_out = "move it away, and `sweeps run` with the spec that the sweep was made from writes it again"
                faults.append(Fault(place=SPEC, wrong=f"its {name} are not those of {RESOLVED}", way_out=way_out))
    if not faults and (problem := other_sweep(store)):
        faults.append(Fault(place=RESOLVED, wrong=problem, way_out=_way_out_of_another(store)))
    return faults


def other_sweep(store: Store) -> str:
    """Why the resolved spec and the data's fingerprints are not those that gave the sweep its id; "" where they are."""
    found = stored_sweep_id(store.resolved(), store.manifest()["fingerprints"])
    if found == store.id:
        return ""
    return f"with the fingerprints of {MANIFEST} it is the spec of {found}, not of {store.id}"


def check_identity(store: Store) -> None:
    """Refuse to go on with a sweep whose resolved spec or fingerprints were altered, or whose folder was renamed."""
    if problem := other_sweep(store):
        raise RequestError(f"{store.folder / RESOLVED}: {problem}; {_way_out_of_another(store)}")


def _way_out_of_another(store: Store) -> str:
    return f"`sweeps verify {store.id} --repair` writes both again, or give the folder its old name"


def trial_fault(store: Store, trial: Trial, logged: Mapping[str, Any] | None) -> str:
    """Why what a trial stores does not count; "" where all is as written. `logged` is its result in the log, if any.

    Reads every byte of its files: about a millisecond for each megabyte, and no data set.
    """
    folder = store.trials / trial.id
    if not os.path.lexists(folder):
        return "its folder is gone"
    if not (folder / RECORD).is_file():
        return f"it has no {RECORD}"
    try:
        record = read_mapping(folder / RECORD)
    except RequestError as error:
        return str(error).replace(str(folder / RECORD), RECORD)
    return _record_fault(record, trial, logged) or _file_fault(store, record, trial)


def _record_fault(record: Mapping[str, Any], trial: Trial, logged: Mapping[str, Any] | None) -> str:
    try:
        config = trial_of(record["config"]).id
    except (RequestError, KeyError, TypeError, ValueError):
        config = "none"
    if record.get("trial") != trial.id or config != trial.id:
        return f"the configuration in its {RECORD} is not this trial's"
    if record.get("epochs") != trial.cell.axes.get("epochs"):
        return f"the epochs in its {RECORD} are not this trial's"
    if not is_result(record.get("result")) or not isinstance(record.get("sha256"), dict):
        return f"its {RECORD} lacks result or digests"
    if logged is not None and json.dumps(logged, sort_keys=True) != json.dumps(record["result"], sort_keys=True):
        return f"its result in {EVENTS} is not that of its {RECORD}"
    return ""


def _file_fault(store: Store, record: Mapping[str, Any], trial: Trial) -> str:
    folder = store.trials / trial.id
    for name in DIGESTED:
        path = folder / f"{name}.npz"
        try:
            if sha256(path) != record["sha256"].get(name):
                return f"{path.name} is not what was written (its digest is another)"
        except OSError as error:
            return f"{path.name} can't be read ({error.strerror})"
    try:
        curve = store.curve(trial.id)
        last = curve[-1]["epoch"] if curve else 0.0
    except (RequestError, KeyError):
        return f"{CURVE} can't be read"
    whole = not (folder / CURVE).exists() or trial.cell.axes.get("early_stopping") or last == record["epochs"]
    return "" if whole else f"{CURVE} ends before the last epoch"


def broken_trials(store: Store, trials: Sequence[Trial]) -> dict[str, str]:
    """Of trials that have finished by the log or have a folder: why what they store does not count, by id."""
    logged = {name: event["result"] for name, event in store.last_events().items() if event["status"] == DONE}
    there = logged.keys() | set(os.listdir(store.trials) if store.trials.is_dir() else ())
    found = {t.id: trial_fault(store, t, logged.get(t.id)) for t in trials if t.id in there}
    return {name: why for name, why in found.items() if why}


def trial_faults(store: Store) -> Iterator[Fault]:
    """What is wrong with the trials of a sweep, its log and what stands in `trials/`, by its resolved spec.

    Only for who holds the sweep's lock: what workers are about to write is no fault.
    """
    trials = trials_of(store.resolved())
    known = {trial.id for trial in trials}
    again = f"`sweeps verify {store.id} --repair`, or `sweeps resume {store.id}`, trains it again"
    for name, why in broken_trials(store, trials).items():
        yield Fault(place=f"trials/{name}", wrong=why, way_out=again, trial=name)
    done = store.finished()
    for name, event in store.last_events().items():
        if event["status"] == BROKEN and name in known and name not in done:
            yield Fault(
                place=f"trials/{name}", wrong="was broken, and is not trained again yet", way_out=again, trial=name
            )
    yield from _log_faults(store, known)
    aside = f"`sweeps verify {store.id} --repair` sets it aside"
    for path in sorted(store.folder.glob(".*")):
        if not path.name.startswith(LOCK):
            yield Fault(place=path.name, wrong="half-written", way_out=aside)
    for path in sorted(store.trials.iterdir()) if store.trials.is_dir() else ():
        place = f"trials/{path.name}"
        if path.name.startswith("."):
            yield Fault(place=place, wrong="half-written", way_out=aside)
        elif path.name not in known:
            yield Fault(place=place, wrong="no trial of this sweep", way_out=aside)
        elif path.is_dir():
            strange = sorted(each.name for each in path.iterdir() if each.name not in TRIAL_FILES)
            yield from (Fault(place=f"{place}/{each}", wrong="no file of a trial", way_out=aside) for each in strange)


def _log_faults(store: Store, known: set[str]) -> Iterator[Fault]:
    cut = f"`sweeps verify {store.id} --repair` takes it out and keeps a copy"
    for number, line in enumerate(store.log_lines(), start=1):
        if problem := line_fault(line, known):
            yield Fault(place=f"{EVENTS}, line {number}", wrong=problem, way_out=cut)
    done = {name for name, event in store.last_events().items() if event["status"] == DONE}
    for name in store.trial_folders():
        if name in known and name not in done:
            way_out = f"`sweeps resume {store.id}` or `sweeps verify {store.id} --repair` adds it"
            yield Fault(place=f"trials/{name}", wrong=f"finished, and {EVENTS} does not say so", way_out=way_out)


def line_fault(line: str, known: set[str]) -> str:
    """Why a line of the log is no event of the sweep's trials; "" where it is one."""
    event = as_event(line)
    if event is None:
        return "no event: half a line of a killed process, or altered"
    if event["trial"] not in known:
        return f"of trial {event['trial']}, which is none of this sweep"
    return "" if event["status"] in STATUSES else f"unknown status '{event['status']}'"


def mend(store: Store, fault: Fault) -> None:
    """Put out of the way what `fault` says of trials, log or stray files; all is kept in `set-aside/`.

    A trial counts as not finished afterwards, so that it is trained again.
    """
    if fault.trial:
        store.withdraw(fault.trial, fault.wrong)
    elif fault.place.startswith(EVENTS):
        lines = store.log_lines()
        known = {trial.id for trial in trials_of(store.resolved())}
        kept = [line for line in lines if not line_fault(line, known)]
        if kept != lines:
            store.rewrite_log(kept)
    elif os.path.lexists(path := store.folder / fault.place) and not fault.wrong.startswith("finished"):
        store.set_aside(path)
