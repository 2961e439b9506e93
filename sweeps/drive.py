"""Run, resume, replay, evaluate: what runs trials, what mirrors them to MLflow and what draws frontiers."""

import json
import logging
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softcore.data.dataset import Dataset
from softcore.datasets import data_root
from softcore.errors import RequestError
from softcore.files import sha256
from sweeps.evaluation.verify import forget_scores, scored_on
from sweeps.results.table import for_choosing
from sweeps.running import store as stores
from sweeps.running.packs import check_precision, run_together
from sweeps.running.provenance import conditions_now, manifest, why_bytes_differ
from sweeps.running.store import BROKEN, Store
from sweeps.running.trial import Material, calm_torch, load_data, make_material
from sweeps.running.verify import broken_trials, check_identity
from sweeps.spec.cells import Trial, config_of, spec_content, sweep_id, trial_of, trials
from sweeps.spec.spec import HOW, Spec
from sweeps.spec.spec import resolve as resolve_spec
from sweeps.spec.tune import apply_choices, choice_records, choose, tuning_spec
from sweeps.sweep import Sweep, open_sweep
from sweeps.tracking.server import check_server, tracking_address

if TYPE_CHECKING:
    from sweeps.evaluation.evaluate import Evaluation
    from sweeps.frontier.frontier import Frontiers

TIMES = ("train_seconds", "eval_seconds")

log = logging.getLogger(__name__)


def run(
    spec: str | Path | Mapping[str, Any] | Spec,
    *,
    scale: str | None = None,
    sets: Sequence[str] = (),
    data_root: str | Path | None = None,
    out: str | Path | None = None,
    cpus: int | None = None,
    address: str | None = None,
    tracking_uri: str | None = None,
    tune: str | None = None,
) -> Sweep:
    """Run a spec (a preset's name, a YAML file, a mapping) to its end, or on from where it was stopped.

    `scale` and `sets` ("axis=value") change the spec as the command line does. `cpus` limits this machine's cores,
    `address` joins a Ray cluster that this machine is a node of. `tune` names an axis whose value is first chosen on
    the validation images by a sweep of its own (`sweeps.spec.tune`); choice and curve are kept in the manifest. Results
    are in the returned sweep; trials may have failed. Raises RequestError for a request that can't be served, before
    anything is written, and KeyboardInterrupt when it was stopped (it can be run again).
    """
    asked, dataset, source = prepare_sweep(spec, scale=scale, sets=sets, root=data_root)
    folder = stores.out_folder(out)
    stores.check_writable(folder)
    chosen: list[dict[str, Any]] = []
    if tune is not None:
        trying, parts = tuning_spec(asked, tune, dataset)
        spec_content(asked, dataset)  # what would be refused afterwards is refused before
        where: dict[str, Any] = {"out": out, "cpus": cpus, "address": address, "tracking_uri": tracking_uri}
        trial_sweep = run(trying, data_root=data_root, **where)
        choices = choose(for_choosing(trial_sweep.results()), tune, parts, dataset)
        asked, chosen = apply_choices(asked, choices), choice_records(choices, trial_sweep.id)
    content = spec_content(asked, dataset)
    check_precision(trials(asked, dataset), asked.precision)
    identity = sweep_id(asked, dataset)
    uri = checked_tracking(tracking_uri)
    often = {name: getattr(asked, name) for name in HOW}
    material = make_material(dataset, asked.evaluate, source, **often)
    store = stores.create(folder, identity, asked.model_dump(), content, manifest(asked, dataset, source, uri))
    if chosen:
        store.update_manifest(tuning=chosen)
    found = carry_on(Sweep(store), material, cpus=cpus, address=address, tracking_uri=uri)
    return Sweep(store, ended_with=found)


def resume(
    name: str,
    *,
    out: str | Path | None = None,
    data_root: str | Path | None = None,
    cpus: int | None = None,
    address: str | None = None,
    tracking_uri: str | None = None,
) -> Sweep:
    """Go on with a sweep that was stopped in any way; failed trials are tried again, and those whose files are broken.

    Every file that trials stored is checked against its digest: a millisecond or two for each megabyte.
    """
    sweep = open_sweep(name, out=out)
    check_identity(sweep.store)
    material = sweep.material(data_root)
    uri = checked_tracking(tracking_address(tracking_uri, sweep.store.manifest().get("tracking_uri")))
    found = carry_on(sweep, material, cpus=cpus, address=address, tracking_uri=uri)
    return Sweep(sweep.store, ended_with=found)


def evaluate(
    name: str,
    test_set: str,
    *,
    out: str | Path | None = None,
    data_root: str | Path | None = None,
    cpus: int | None = None,
    address: str | None = None,
    tracking_uri: str | None = None,
    **file: Any,
) -> tuple[Sweep, "Evaluation", str]:
    """Score every finished trial of a sweep on a test set that came later, without training; what MLflow was told.

    `test_set` is a name or a file, which `file` (`called`, `labels`, `answers`, ...) says more of:
    `sweeps.evaluation.evaluate.find_test_set`. The sweep's results and the runs that MLflow has get its metrics.
    """
    from sweeps.evaluation.evaluate import find_test_set, score_sweep
    from sweeps.evaluation.looks import count_look
    from sweeps.tracking.later import mirror_scores
    from sweeps.tracking.runs import default_uri

    sweep = open_sweep(name, out=out)
    if not sweep.store.finished():
        raise RequestError(f"{sweep.id} has no finished trial to score; `sweeps resume {sweep.id}` goes on with it")
    uri = checked_tracking(tracking_address(tracking_uri, sweep.store.manifest().get("tracking_uri")))
    root = Path(data_root or sweep.store.manifest()["data_root"])
    dataset = sweep.dataset(root)
    test = find_test_set(sweep.store, test_set, dataset, root, **file)
    gpus = sweep.store.spec()["resources"]["gpus"]
    found = score_sweep(sweep.store, test, dataset, cpus=cpus, address=address, gpus_per_trial=gpus)
    told = mirror_scores(sweep, uri or default_uri(sweep.folder.parent), found.test_set, found.about)
    trials = sorted({*found.scored, *found.before})
    results = sweep.results().set_index("trial").reindex(trials)
    columns = results[[name for name in results if str(name).partition("/")[2] == found.test_set]].astype(float)
    question, study = {"evaluate": found.test_set, "trials": trials}, str(sweep.store.resolved()["study"])
    look = count_look(sweep.folder.parent, study, found.test_set, question, columns.to_numpy().tolist())
    return sweep, replace(found, look=look), told


def prepare_sweep(
    spec: Any, *, scale: str | None, sets: Sequence[str], root: str | Path | None
) -> tuple[Spec, Dataset, Path]:
    """The resolved spec, its data set and the data root."""
    asked = resolve_spec(spec, scale=scale, sets=sets)
    where = data_root(root)
    return asked, load_data(asked.dataset, where, asked.word_vectors), where


def checked_tracking(uri: str | None) -> str | None:
    if uri:
        check_server(uri)
    return uri


def carry_on(
    sweep: Sweep,
    material: Material,
    *,
    cpus: int | None,
    address: str | None,
    tracking_uri: str | None,
    only: Collection[str] | None = None,
) -> "Frontiers | None":
    """Run what is left of a sweep, mirror it, draw its frontiers and return them; None where no trial has finished.

    Trials whose stored files are broken are left, too. `only` names trials beside which nothing is run.
    """
    from sweeps.running.runner import run_trials

    store, trials = sweep.store, {trial.id: trial for trial in sweep.trials()}
    with store.lock():
        check_identity(store)
        _same_corruptions(store, material)
        store.clear_unfinished()
        again = _withdraw_broken(store, list(trials.values()))
        store.adopt(trials)
        done = store.finished().keys() & trials.keys()
        left = {name: trial for name, trial in trials.items() if name not in done}
        waiting = [trial for name, trial in left.items() if only is None or name in only]
        with _mirror(sweep, tracking_uri) as mirror:
            complete = not waiting or run_trials(
                store,
                waiting,
                material,
                done=len(done),
                as_config=config_of,
                cpus=cpus,
                address=address,
                cpus_per_trial=store.spec()["resources"]["cpus"],
                gpus_per_trial=store.spec()["resources"]["gpus"],
                trials_per_gpu=store.spec()["resources"].get("trials_per_gpu", "auto"),
                trial_done=mirror.trial_done,
            )
            if complete:
                store.clear_unfinished()
            ended = complete and left.keys() - {trial.id for trial in waiting} <= store.failed().keys()
            found = sweep.frontiers() if ended and store.finished() else None
            if found is not None:
                draw_frontier(sweep, found)
            mirror.finish(ended, found)
    if not complete:
        raise KeyboardInterrupt
    if again:
        _mirror_trained_again(sweep, mirror.uri)
    return found


def _withdraw_broken(store: Store, trials: Sequence[Trial]) -> set[str]:
    """Set aside what is broken of stored trials, each named in a line; all that are to be trained again, by id."""
    for name, why in broken_trials(store, trials).items():
        for test_set in scored_on(store, name):
            forget_scores(store, test_set, name)
        store.withdraw(name, why)
        log.warning("%s: trial %s is trained again: %s", store.id, name, why)
    return {name for name, event in store.last_events().items() if event["status"] == BROKEN}


def _mirror_trained_again(sweep: Sweep, uri: str) -> None:
    """Put right what MLflow has of trials that had ended there before they were trained again."""
    from sweeps.tracking.again import mirror_again

    try:
        mirror_again(sweep, uri)
    except RequestError as error:
        log.warning("%s", error)


def _same_corruptions(store: Store, material: Material) -> None:
    """Note where the corrupted images come from, and refuse to go on with others."""
    if material.corrupted is None:
        return
    source, before = material.corrupted.source, store.manifest().get("corruptions")
    if before not in (None, source):
        raise RequestError(
            f"{store.id} began with {before} corrupted images, this data root gives {source} ones; "
            "name the one that it began with (--data-root)"
        )
    store.update_manifest(corruptions=source)


def _mirror(sweep: Sweep, uri: str | None) -> Any:
    from sweeps.tracking.mirror import Mirror
    from sweeps.tracking.runs import default_uri

    return Mirror(sweep, uri or default_uri(sweep.folder.parent))


def draw_frontier(sweep: Sweep, found: "Frontiers") -> dict[str, Path]:
    """Write the frontiers' table, picture and page into the sweep's folder; their paths by kind."""
    from sweeps.show.files import write_frontier

    manifest = sweep.store.manifest()
    return write_frontier(
        sweep.folder, found, sweep_id=sweep.id, simulated=bool(manifest["simulated"]), hardware=manifest["hardware"]
    )


def replay(name: str, *, out: str | Path | None = None, root: str | Path | None = None) -> list[str]:
    """What differs between a stored trial and the same trial trained now; empty when nothing does.

    Metrics, costs and the bytes of predictions, weights and panel are compared, the two times are not.
    """
    store, trial = stores.find_trial(name, stores.out_folder(out))
    stored = store.whole_record(trial)
    material = replace(Sweep(store).material(root), curve_every=0)
    with tempfile.TemporaryDirectory(prefix="sweeps-replay-") as scratch:
        for said in run_together([trial_of(stored["config"])], material, Path(scratch)):
            if isinstance(said, tuple) and isinstance(said[1], str):
                return [f"trained again it fails: {said[1]}"]
        again = json.loads((Path(scratch) / trial / "trial.json").read_text())
    old, new = stored["result"], again["result"]
    differences = [
        f"{key}: {old.get(key)} was stored, now {new.get(key)}"
        for key in sorted(old.keys() | new.keys())
        if key not in TIMES and old.get(key) != new.get(key)
    ]
    # The files as they lie there, not what was written down of them when they were made.
    files = [store.trials / trial / f"{key}.npz" for key in again["sha256"]]
    there = {path.stem: sha256(path) if path.is_file() else None for path in files}
    return differences + [f"the bytes of {key}" for key in there if there[key] != again["sha256"][key]]


def replay_reasons(name: str, *, out: str | Path | None = None, root: str | Path | None = None) -> list[str]:
    """Why a stored trial that was trained again may differ: a line for each thing that is known to have changed since.

    Compared are versions, processor and instruction set, device, threads, data and code, as the trial kept them, and
    where an older one did not, as its sweep's manifest has them.
    """
    store, trial = stores.find_trial(name, stores.out_folder(out))
    record = store.whole_record(trial)
    material = Sweep(store).material(root)
    corruptions = None if material.corrupted is None else material.corrupted.source
    calm_torch()  # as the trial was trained again
    return why_bytes_differ(record, store.manifest(), conditions_now(material.dataset, corruptions))
