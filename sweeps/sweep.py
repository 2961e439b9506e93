"""A sweep from Python: run it, open it, read it."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from softcore.data.dataset import Dataset
from softcore.datasets import data_root
from softcore.errors import RequestError
from softcore.prices.read import PriceList
from sweeps import store as stores
from sweeps.cells import Trial, resolved, sweep_id, trials_of
from sweeps.manifest import manifest
from sweeps.material import Material, load_data, make_material
from sweeps.results import cell_id, frame, row
from sweeps.spec import Spec
from sweeps.spec import resolve as resolve_spec
from sweeps.store import DONE, FAILED, Store
from sweeps.tracking_server import check_server
from sweeps.tune import choose, record, tuned, tuning_spec

if TYPE_CHECKING:
    from sweeps.planning.plan import Advice

log = logging.getLogger(__name__)


class Sweep:
    """A sweep that has run, is running or was stopped; reads its folder each time it is asked."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def id(self) -> str:
        """Its id."""
        return self.store.id

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self.store.folder

    @property
    def metric(self) -> str:
        """The metric that its frontier shows first."""
        return str(self.store.resolved()["metric"])

    @property
    def simulated(self) -> bool:
        """Whether its annotators are simulated."""
        return bool(self.store.manifest()["simulated"])

    def trials(self) -> list[Trial]:
        """Every trial of the spec, in its order."""
        return trials_of(self.store.resolved())

    def results(self) -> pd.DataFrame:
        """One row a trial that has finished or failed, in the order of the spec (`docs/results-table.md`).

        While the sweep runs: the trials so far. A failed trial has its axes and no metrics.
        """
        done, failed = self.store.finished(), self.store.failed()
        columns = {cell_id(cell): cell for cell in self.store.resolved()["cells"]}
        trials = self.trials()
        rows = []
        for trial in trials:
            if trial.id in done or trial.id in failed:
                status = DONE if trial.id in done else FAILED
                rows.append(row(trial, columns[trial.cell.id], status, done.get(trial.id, {})))
        # Before the first trial has ended: the same columns and no row.
        return frame(rows or [row(trials[0], columns[trials[0].cell.id], FAILED, {})]).iloc[: len(rows)]

    def frontier(
        self,
        metric: str | None = None,
        *,
        cost: str | PriceList = "thesis",
        wage: float | None = None,
        fee: float | None = None,
    ) -> pd.DataFrame:
        """Every cell with its cost and value, and whether it is on the frontier (`sweeps.frontier`)."""
        from sweeps.frontier import frontier

        return frontier(self.results(), metric or self.metric, cost=cost, wage=wage, fee=fee)

    def plan(self, metric: str | None = None, **budget: Any) -> "Advice":
        """What a budget buys, and whether to buy it (`sweeps.planning.advise.advise` has the arguments)."""
        from sweeps.planning.advise import advise

        return advise(self.results(), metric=metric or self.metric, **budget)

    def predictions(self, trial: str) -> dict[str, np.ndarray]:
        """The stored logits of a finished trial (its id or a unique beginning) by `test-set/items|clean|fgsm`."""
        matches = [name for name in self.store.trial_folders() if name.startswith(trial)]
        if len(matches) != 1:
            raise RequestError(f"{len(matches)} finished trials of {self.id} begin with '{trial}'; name one")
        with np.load(self.store.trials / matches[0] / "predictions.npz", allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    def dataset(self, root: str | Path | None = None) -> Dataset:
        """The data it ran on; refuses data that has changed since."""
        manifest = self.store.manifest()
        where = data_root(root or manifest["data_root"])
        dataset = load_data(manifest["dataset"], where, self.store.spec().get("word_vectors"))
        if dict(dataset.fingerprints) != manifest["fingerprints"]:
            raise RequestError(f"the data of {self.id} has changed since it began; run the spec again for a new sweep")
        return dataset

    def material(self, root: str | Path | None = None) -> Material:
        """What its trials read; refuses data that has changed since."""
        where = data_root(root or self.store.manifest()["data_root"])
        return make_material(self.dataset(root), self.store.spec().get("evaluate", []), where)

    def __repr__(self) -> str:
        return f"Sweep({self.id!r}, {len(self.store.finished())} of {len(self.trials())} trials done)"


def open_sweep(name: str, *, out: str | Path | None = None) -> Sweep:
    """The sweep that an id, a unique beginning of one, or a path means."""
    return Sweep(stores.find(name, stores.out_folder(out)))


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
    the validation images by a sweep of its own (`sweeps.tune`); choice and curve are kept in the manifest. Results are
    in the returned sweep; trials may have failed. Raises RequestError for a request that can't be served, before
    anything is written, and KeyboardInterrupt when it was stopped (it can be run again).
    """
    asked, dataset, source = prepare(spec, scale=scale, sets=sets, root=data_root)
    folder = stores.out_folder(out)
    stores.check_writable(folder)
    chosen: list[dict[str, Any]] = []
    if tune is not None:
        trying, parts = tuning_spec(asked, tune, dataset)
        resolved(asked, dataset)  # what would be refused afterwards is refused before
        where: dict[str, Any] = {"out": out, "cpus": cpus, "address": address, "tracking_uri": tracking_uri}
        trial_sweep = run(trying, data_root=data_root, **where)
        choices = choose(trial_sweep.results(), tune, parts, dataset)
        asked, chosen = tuned(asked, choices), record(choices, trial_sweep.id)
    content = resolved(asked, dataset)
    identity = sweep_id(asked, dataset)
    uri = _checked_tracking(tracking_uri)
    material = make_material(dataset, asked.evaluate, source)
    store = stores.create(folder, identity, asked.model_dump(), content, manifest(asked, dataset, source, uri))
    if chosen:
        store.update_manifest(tuning=chosen)
    carry_on(Sweep(store), material, cpus=cpus, address=address, tracking_uri=uri)
    return Sweep(store)


def resume(
    name: str,
    *,
    out: str | Path | None = None,
    data_root: str | Path | None = None,
    cpus: int | None = None,
    address: str | None = None,
    tracking_uri: str | None = None,
) -> Sweep:
    """Go on with a sweep that was stopped in any way; failed trials are tried again."""
    sweep = open_sweep(name, out=out)
    material = sweep.material(data_root)
    uri = _checked_tracking(tracking_uri or sweep.store.manifest().get("tracking_uri"))
    carry_on(sweep, material, cpus=cpus, address=address, tracking_uri=uri)
    return sweep


def prepare(
    spec: Any, *, scale: str | None, sets: Sequence[str], root: str | Path | None
) -> tuple[Spec, Dataset, Path]:
    """The resolved spec, its data set and the data root."""
    asked = resolve_spec(spec, scale=scale, sets=sets)
    where = data_root(root)
    return asked, load_data(asked.dataset, where, asked.word_vectors), where


def _checked_tracking(uri: str | None) -> str | None:
    if uri:
        check_server(uri)
    return uri


def carry_on(
    sweep: Sweep, material: Material, *, cpus: int | None, address: str | None, tracking_uri: str | None
) -> None:
    """Run what is left of a sweep, mirror it, draw its frontier."""
    from sweeps.proposer import Grid
    from sweeps.runner import run_trials
    from sweeps.trial import config_of

    store = sweep.store
    with store.lock():
        _same_corruptions(store, material)
        store.clear_unfinished()
        store.adopt()
        done = set(store.finished())
        waiting = [trial for trial in sweep.trials() if trial.id not in done]
        with _mirror(sweep, tracking_uri) as mirror:
            complete = not waiting or run_trials(
                store,
                Grid(waiting),
                material,
                waiting=len(waiting),
                done=len(done),
                as_config=config_of,
                cpus=cpus,
                address=address,
                cpus_per_trial=store.spec()["resources"]["cpus"],
                gpus_per_trial=store.spec()["resources"]["gpus"],
                listeners=(mirror,),
            )
            if complete and store.finished():
                draw_frontier(sweep)
            mirror.finish(complete)
    if not complete:
        raise KeyboardInterrupt


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
    from sweeps.mirror import Mirror
    from sweeps.tracking import default_uri

    return Mirror(sweep, uri or default_uri(sweep.folder.parent))


def draw_frontier(
    sweep: Sweep,
    metric: str | None = None,
    *,
    cost: str | PriceList = "thesis",
    wage: float | None = None,
    fee: float | None = None,
) -> dict[str, Path]:
    """Write the frontier's table, picture and page into the sweep's folder; their paths by kind."""
    from sweeps.frontier_files import write_frontier

    return write_frontier(
        sweep.folder,
        sweep.results(),
        metric or sweep.metric,
        sweep_id=sweep.id,
        simulated=sweep.simulated,
        hardware=sweep.store.manifest()["hardware"],
        prices=cost,
        wage=wage,
        fee=fee,
    )
