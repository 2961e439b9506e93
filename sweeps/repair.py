"""Check a sweep's folder, and make it whole: what is broken is set aside, trained and scored again."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from softcore.errors import RequestError
from sweeps.evaluation.stored import EVALUATIONS, later_test_sets
from sweeps.evaluation.verify import forget_scores, later_faults, mend_later, scored_on
from sweeps.running import store as stores
from sweeps.running.provenance import manifest
from sweeps.running.store import BROKEN, MANIFEST, SPEC, Store
from sweeps.running.verify import Fault, mend, spec_faults, trial_faults
from sweeps.spec.cells import spec_content, sweep_id
from sweeps.sweep import Sweep


def verify(name: str, *, out: str | Path | None = None) -> tuple[Store, list[Fault]]:
    """What of a sweep's folder is not as it was written: every digest, the log, the spec, later scores; none if whole.

    RequestError where another process runs the sweep.
    """
    store = stores.find(name, stores.out_folder(out))
    with ExitStack() as held:
        with suppress(OSError):  # a folder that can't be written: nobody runs a sweep there
            held.enter_context(store.lock())
        found = spec_faults(store)
        return store, found or [*trial_faults(store), *later_faults(store)]


def repair(
    name: str,
    *,
    out: str | Path | None = None,
    data_root: str | Path | None = None,
    cpus: int | None = None,
    address: str | None = None,
    tracking_uri: str | None = None,
) -> list[Fault]:
    """Set what is broken of a sweep aside, train just those trials again, score them as before; the faults there were.

    Nothing is deleted (`set-aside/` of the sweep's folder), and killed in the midst it can be done again.
    """
    from sweeps.drive import carry_on, checked_tracking, evaluate
    from sweeps.tracking.server import tracking_address

    store, found = verify(name, out=out)
    if of_spec := spec_faults(store):
        _restore_spec(store, of_spec, data_root)
        store, found = verify(name, out=out)
    sweep = Sweep(store)
    given_up = {trial for trial, event in store.last_events().items() if event["status"] == BROKEN}
    again = given_up | {fault.trial for fault in found if fault.trial}
    if again:  # all that may be refused is refused before anything is moved
        uri = checked_tracking(tracking_address(tracking_uri, store.manifest().get("tracking_uri")))
        material = sweep.material(data_root)
    tests = {fault.test_set for fault in found} | {test for trial in again for test in scored_on(store, trial)}
    with store.lock():
        for fault in found:
            for test in scored_on(store, fault.trial) if fault.trial else ():
                forget_scores(store, test, fault.trial)
            (mend_later if fault.place.startswith(EVALUATIONS) else mend)(store, fault)
        store.adopt({trial.id for trial in sweep.trials()})
    if again:
        carry_on(sweep, material, cpus=cpus, address=address, tracking_uri=uri, only=again)
    for test in sorted(tests & set(later_test_sets(store))):
        evaluate(str(store.folder), test, data_root=data_root, cpus=cpus, address=address, tracking_uri=tracking_uri)
    return of_spec + found


def _restore_spec(store: Store, faults: Sequence[Fault], root: str | Path | None) -> None:
    """Write the resolved spec and the manifest again from the spec and the data, where these give the sweep's id."""
    from sweeps.drive import prepare_sweep  # imports torch, which checking does not need

    if any(fault.place == SPEC for fault in faults):
        raise RequestError(f"{store.folder / SPEC}: {faults[0].wrong}; {faults[0].way_out}")
    with suppress(RequestError):
        root = root or store.manifest()["data_root"]
    asked, dataset, source = prepare_sweep(store.spec(), scale=None, sets=(), root=root)
    if (other := sweep_id(asked, dataset)) != store.id:
        raise RequestError(
            f"{store.folder / SPEC} and the data in {source} are those of {other}, not of {store.id}; "
            "name the data that it began with (--data-root), or give the folder its old name"
        )
    with store.lock():
        bad = {fault.place for fault in faults}
        if MANIFEST not in bad and store.manifest()["fingerprints"] != dict(dataset.fingerprints):
            bad.add(MANIFEST)
        for name in bad:
            if (store.folder / name).exists():
                store.set_aside(store.folder / name)
        told = manifest(asked, dataset, source, None)
        stores.create(store.folder.parent, store.id, asked.model_dump(), spec_content(asked, dataset), told)
