"""A sweep from Python: run it, open it, read it."""

import logging
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from time import strftime
from typing import Any

import numpy as np
import pandas as pd

from softcore.costs import PRICES
from softcore.datasets import Dataset, data_root
from softcore.errors import RequestError
from softcore.metrics import METRICS
from sweeps import store as stores
from sweeps.cells import COLUMNS, Cell, Trial, resolved, sweep_id
from sweeps.material import Material, load_data, make_material
from sweeps.spec import Spec
from sweeps.spec import resolve as resolve_spec
from sweeps.store import DONE, FAILED, Store
from sweeps.tracking_server import check_server
from sweeps.tune import choose, record, tuned, tuning_spec

PACKAGES = ("label-sweeps", "ray", "torch", "torchvision", "torchattacks", "numpy", "scipy", "pandas", "mlflow")
WHOLE = ("annotators", "items", "seed", "panel", "image_size", "epochs", "batch")
REAL = (
    *(
        "gamma",
        "beta",
        "confidence_decay",
        "alpha",
        "entropy_floor",
        "budget_hours",
        "learning_rate",
        "weight_decay",
        "train_seconds",
        "eval_seconds",
    ),
    *("label_seconds_per_item", "label_seconds_total", "label_usd"),
)
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
        return spec_trials(self.store.resolved())

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
        self, metric: str | None = None, *, cost: str = "thesis", wage: float = 12.0, fee: float = 0.333
    ) -> pd.DataFrame:
        """Every cell with its cost and value, and whether it is on the frontier (`sweeps.frontier`)."""
        from sweeps.frontier import frontier

        return frontier(self.results(), metric or self.metric, cost=cost, wage=wage, fee=fee)

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


def cell_id(columns: Mapping[str, Any]) -> str:
    """The id of a cell from its columns."""
    return Cell({name: value for name, value in columns.items() if name != "budget_hours"}).id


def spec_trials(content: Mapping[str, Any]) -> list[Trial]:
    """The trials of a resolved spec, replicates outermost."""
    cells = [Cell({name: v for name, v in cell.items() if name != "budget_hours"}) for cell in content["cells"]]
    return [Trial(cell, seed, panel) for seed in content["seeds"] for panel in content["panels"] for cell in cells]


def row(trial: Trial, columns: Mapping[str, Any], status: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the results table."""
    answers = result.get("answers", {})
    costs = ("label_seconds_per_item", "label_seconds_total", "label_usd")
    return {
        "trial": trial.id,
        "cell": trial.cell.id,
        "seed": trial.seed,
        "panel": trial.panel,
        "status": status,
        **{name: columns.get(name) for name in COLUMNS},
        **{name: value for name, value in result.items() if "/" in name},
        "train_seconds": result.get("train_seconds"),
        "eval_seconds": result.get("eval_seconds"),
        **{name: result.get(name) for name in costs},
        **{f"answers/{v}": answers.get(v, 0) if result else None for v in PRICES["thesis"].seconds},
    }


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a table: whole numbers stay whole where some are missing, columns keep one order."""
    table = pd.DataFrame(rows)
    metrics = [name for name in table.columns if "/" in name and not name.startswith("answers/")]
    head = [name for name in table.columns if name not in metrics]
    split = head.index("train_seconds") if "train_seconds" in head else len(head)
    table = table[[*head[:split], *sorted(metrics, key=_metric_order), *head[split:]]]
    for name in table.columns:
        if name in WHOLE or name.startswith("answers/"):
            # `annotators` may hold the word "all"; beside numbers it is a number, with and without nulls.
            table[name] = table[name] if (table[name] == "all").any() else table[name].astype("Int64")
        elif name in REAL:
            table[name] = table[name].astype(float)
    return table


def _metric_order(name: str) -> tuple[str, int]:
    order = tuple(METRICS)
    metric, _, test = name.partition("/")
    return test, order.index(metric) if metric in order else len(order)


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
    sweep: Sweep, metric: str | None = None, *, cost: str = "thesis", wage: float = 12.0, fee: float = 0.333
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


def manifest(spec: Spec, dataset: Dataset, root: Path, tracking_uri: str | None) -> dict[str, Any]:
    """Where a sweep's data and code came from."""
    return {
        "created": strftime("%Y-%m-%dT%H:%M:%S%z"),
        "dataset": spec.dataset,
        "data_root": str(root.absolute()),  # it is read again to resume, perhaps from elsewhere
        "simulated": dataset.simulated,
        "fingerprints": dict(dataset.fingerprints),
        "versions": versions(),
        "commit": commit(),
        "hardware": hardware(),
        "tracking_uri": tracking_uri,
        "hosts": [],
    }


def versions() -> dict[str, str]:
    """Versions of Python and of what results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def commit() -> str | None:
    """The git commit of the code that runs, with a `+` when it has changes; None outside a checkout."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(["git", "-C", here, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)
        changed = subprocess.run(
            ["git", "-C", here, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "") if head.returncode == 0 else None


def hardware() -> str:
    """The machine in a few words, as results carry it."""
    import torch

    cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ", ".join([f"{len(os.sched_getaffinity(0))} {platform.machine()} cores", *cards])
