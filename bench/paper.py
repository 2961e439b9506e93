"""Record a preset's cells in packs on one card that needs nothing but PyTorch and the scientific stack.

    python bench/paper.py plan chapter-3 --set seeds=3 --to plan.json        where the project is installed
    python bench/paper.py run plan.json --data DATA --out OUT --limit 480    where the card is
    python bench/paper.py collect plan.json --data DATA --from OUT --out SWEEPS

`plan` writes the trials of one or more specs with their cells resolved, each trial once. `run` trains them in packs,
evaluates each and writes predictions into OUT as each pack ends, in files of at most 16 MiB; it starts no pack that
would not end within the limit and goes on where an earlier run stopped. With `--alone 12` it trains them by the loop of
`softcore.train` instead, in float32, so many processes at a time, seed after seed. `collect` makes sweeps of the
predictions, as `sweeps run` would have written them but without weights.
"""

import argparse
import json
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from softcore.data.dataset import Dataset
from softcore.datasets import load
from softcore.evaluate import Predictions, evaluate, predict
from softcore.files import whole
from softcore.labels.build import Targets, build
from softcore.labels.mixed import add_mixed_images
from softcore.pack import Member, Pack, shape
from softcore.policy import LabelPolicy, TrainingPolicy
from softcore.test_sets import TestSet, test_sets
from softcore.train import round_weights
from softcore.training.images import pool_images
from softcore.training.models import PixelNetwork

MOST_BYTES = 15 << 20  # of one file's arrays
Work = tuple[dict[str, Any], Member]
Found = tuple[dict[str, Any], dict[str, np.ndarray]]  # a trial's record and its predictions


def say(text: str) -> None:
    """One line of progress, at once."""
    print(text, flush=True)


def targets_of(dataset: Dataset, trial: Mapping[str, Any]) -> tuple[Targets, np.ndarray]:
    """A planned trial's targets and the mixed images that it adds."""
    labels = LabelPolicy(**trial["labels"])
    targets = build(dataset, labels, seed=trial["seed"], panel=trial["panel"])
    return add_mixed_images(targets, dataset, labels, trial["seed"])


class Groups:
    """The trials of a plan that are left, by the shape of their packs."""

    def __init__(self, dataset: Dataset, trials: Sequence[dict[str, Any]]) -> None:
        self.dataset = dataset
        self.images: dict[int | None, np.ndarray] = {}
        self.left: dict[Any, list[Work]] = {}
        for trial in trials:
            targets, mixed = targets_of(dataset, trial)
            policy = TrainingPolicy(**trial["training"])
            images = self.pooled(policy.image_size)
            if len(mixed):
                images = np.concatenate([images, pool_images(mixed, policy.image_size)])
            member = Member(images, targets, policy, trial["seed"], trial["repeat"])
            self.left.setdefault((shape(policy), len(targets.items)), []).append((trial, member))

    def pooled(self, size: int | None) -> np.ndarray:
        """The data set's images at a size."""
        if size not in self.images:
            self.images[size] = pool_images(self.dataset.images, size)
        return self.images[size]


def finished(out: Path) -> set[str]:
    """The trials whose predictions lie in a folder."""
    return {record["trial"] for part in sorted(out.glob("part-*.npz")) for record in records(part)}


def records(part: Path) -> list[dict[str, Any]]:
    """What a file of predictions says of each of its trials."""
    with np.load(part, allow_pickle=False) as arrays:
        found: list[dict[str, Any]] = json.loads(str(arrays["records"]))
    return found


def run(asked: argparse.Namespace) -> None:
    """Train and evaluate what is left of a plan."""
    began = time.perf_counter()
    compute_exactly()
    plans = [json.loads(path.read_text()) for path in asked.plans]
    dataset = load(plans[0]["dataset"], asked.data)
    if any(dict(dataset.fingerprints) != each["fingerprints"] for each in plans):
        raise SystemExit(f"{asked.data}: not the data that these trials were planned with")
    asked.out.mkdir(parents=True, exist_ok=True)
    there = finished(asked.out)
    planned = {trial["id"]: trial for each in plans for trial in each["trials"]}
    if asked.only:
        planned = {name: planned[name] for name in finished(asked.only)}
    trials = [trial for name, trial in planned.items() if name not in there]
    if asked.epochs:
        trials = [trial | {"training": trial["training"] | {"epochs": asked.epochs}} for trial in trials]
    trials = trials[: asked.trials]
    say(f"{len(there)} of {len(planned)} trials done")
    if asked.alone:
        from alone import alone

        write_parts(asked.out, alone(trials, plans[0]["dataset"], asked, began))
        say(f"ended after {time.perf_counter() - began:.1f} s")
        return
    groups = Groups(dataset, trials)
    say(f"{len(groups.left)} shapes left")

    def left() -> float:
        return float(asked.limit - (time.perf_counter() - began))

    for group in groups.left.values():
        while group:
            chunk = group[: asked.pack]
            fits = train_pack(chunk, groups, asked, left)
            if fits == 0:
                say(f"stopped: {left():.0f} s left do not hold another pack of this shape")
                break
            if fits == len(chunk):
                del group[:fits]
            else:
                asked.pack = fits
    say(f"ended after {time.perf_counter() - began:.1f} s")


def compute_exactly() -> None:
    """Let library kernels compute in float32 and always alike: evaluation does, and trials alone."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


def made_on(device: str, precision: str) -> dict[str, Any]:
    """On what a trial was trained and with what."""
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
        "precision": precision,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def train_pack(chunk: Sequence[Work], groups: Groups, asked: argparse.Namespace, left: Any) -> int:
    """Train a pack and write its predictions; how many members fit into the time left, if not all do.

    The second epoch says how long the rest will take (the first compiles); a pack that would not end is given up.
    """
    started = time.perf_counter()
    classes = len(groups.dataset.classes)
    pack = Pack([member for _, member in chunk], classes=classes, device=asked.device, precision=asked.precision)
    made = time.perf_counter()
    losses: list[list[float]] = []
    for epochs in pack.epochs():
        losses.append([epoch.loss for epoch in epochs])
        now, done = time.perf_counter(), len(losses)
        if done == 1:
            first = now
        rate = (now - first) / (done - 1) if done > 1 else now - made
        to_come = rate * (epochs[0].of - done) + asked.evaluating * len(chunk)
        if done in (2, 5) or done % 10 == 0:
            say(f"pack of {len(chunk)}: epoch {done}/{epochs[0].of}, {rate:.2f} s each, {to_come:.0f} s to come")
        if done in (2, 3) and to_come > left():
            return max(0, int(len(chunk) * left() / to_come) - 2)
    trained = time.perf_counter()
    n_images = len(chunk) * len(chunk[0][1].targets.items) * len(losses)
    say(f"pack of {len(chunk)} trained in {trained - started:.1f} s, {n_images / (trained - made):.0f} images/s")
    about = {
        **made_on(asked.device, asked.precision),
        "pack": len(chunk),
        "pack_seconds": round(trained - started, 2),
    }
    write_parts(asked.out, evaluated(pack, chunk, groups, losses, about))
    say(f"evaluated in {time.perf_counter() - trained:.1f} s")
    return len(chunk)


def evaluated(
    pack: Pack, chunk: Sequence[Work], groups: Groups, losses: Sequence[Sequence[float]], about: Mapping[str, Any]
) -> Iterator[Found]:
    """The record and the predictions of each member."""
    for place, (trial, _) in enumerate(chunk):
        yield scored(pack.model(place), trial, groups, [each[place] for each in losses], about)


def scored(
    model: PixelNetwork, trial: Mapping[str, Any], groups: Groups, losses: Sequence[float], about: Mapping[str, Any]
) -> Found:
    """The record and the predictions of a trained model; one that diverged has none and says so."""
    began, arrays = time.perf_counter(), dict[str, np.ndarray]()
    record = {"trial": trial["id"], "losses": [round(loss, 6) for loss in losses], **about}
    record["epochs"] = trial["training"]["epochs"]
    try:
        round_weights(model)
        tests = test_sets(groups.dataset, trial["seed"], trial["labels"].get("holdout"))
        found = predict(model, groups.pooled(trial["training"]["image_size"]), groups.dataset, tests)
        arrays = {name: array for name, array in found.arrays().items() if not name.endswith("/items")}
    except FloatingPointError as error:
        record["failed"] = f"FloatingPointError: {error}"
    record["eval_seconds"] = round(time.perf_counter() - began, 3)
    return record, arrays


def write_parts(out: Path, found: Iterator[Found]) -> None:
    """Write trials into files of at most MOST_BYTES, each whole or not at all."""
    kept: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}

    def write() -> None:
        number = len(list(out.glob("part-*.npz")))
        with whole(out / f"part-{number:02d}.npz") as temporary, temporary.open("wb") as file:
            np.savez(file, records=np.array(json.dumps(kept)), **arrays)  # type: ignore[arg-type]
        kept.clear()
        arrays.clear()

    for record, own in found:
        size = sum(array.nbytes for array in [*arrays.values(), *own.values()])
        if kept and size > MOST_BYTES:
            write()
        kept.append(record)
        arrays |= {f"{record['trial']}/{name}": array for name, array in own.items()}
    if kept:
        write()


def plan(asked: argparse.Namespace) -> None:
    """Write the trials of specs, each once, with all that a machine without the project's other packages needs."""
    from sweeps.running.trial import load_data
    from sweeps.spec.cells import trials
    from sweeps.spec.spec import resolve

    specs = [resolve(name, scale=asked.scale or None, sets=asked.set) for name in asked.specs]
    (dataset_name,) = {spec.dataset for spec in specs}
    dataset = load_data(dataset_name, asked.data, None)
    found = {trial.id: trial for spec in specs for trial in trials(spec, dataset)}
    for name in finished(asked.without) if asked.without else ():
        found.pop(name, None)
    content = {
        "specs": [spec.model_dump() for spec in specs],
        "dataset": dataset_name,
        "fingerprints": dict(dataset.fingerprints),
        "trials": [
            {
                "id": trial.id,
                "seed": trial.seed,
                "panel": trial.panel,
                "repeat": trial.repeat,
                "labels": asdict(trial.cell.label_policy()),
                "training": asdict(trial.cell.training_policy()),
            }
            for trial in found.values()
        ],
    }
    asked.to.write_text(json.dumps(content))
    say(f"{len(found)} trials of {', '.join(asked.specs)}")


def collect(asked: argparse.Namespace) -> None:
    """Make a sweep of each spec of a plan from the predictions that are there."""
    from sweeps.running import store as stores
    from sweeps.running.provenance import manifest
    from sweeps.running.trial import label_costs, save_trial
    from sweeps.spec.cells import spec_content, sweep_id, trials
    from sweeps.spec.spec import read_spec

    planned = json.loads(asked.plan.read_text())
    dataset = load(planned["dataset"], asked.data)
    parts = {
        record["trial"]: (part, record) for part in sorted(asked.source.glob("part-*.npz")) for record in records(part)
    }
    by_id = {trial["id"]: trial for trial in planned["trials"]}
    for content in planned["specs"]:
        spec = read_spec(content)
        store = stores.create(
            asked.out, sweep_id(spec, dataset), spec.model_dump(), spec_content(spec, dataset),
            manifest(spec, dataset, asked.data, None),
        )  # fmt: skip
        finished = store.finished()
        wanted = [trial for trial in trials(spec, dataset) if trial.id in parts and trial.id not in finished]
        for trial in wanted:
            part, record = parts[trial.id]
            if "failed" in record:
                store.log(trial.id, record["epochs"], stores.FAILED, error=record["failed"])
                continue
            tests = test_sets(dataset, trial.seed, trial.cell.axes.get("holdout"))
            predictions = read_predictions(part, trial.id, dataset, tests)
            targets, _ = targets_of(dataset, by_id[trial.id])
            result = {
                **evaluate(predictions, dataset, tests, extras=spec.evaluate),
                "train_seconds": round(record["pack_seconds"] / record["pack"], 3),
                "eval_seconds": record["eval_seconds"],
                **label_costs(targets),
            }
            how = {"host": record["device"], "device": record["device"], "losses": record["losses"]}
            how |= {name: record[name] for name in ("precision", "pack", "pack_seconds", "torch", "python")}
            save_trial(store.trials, trial, result, predictions, {}, targets, how)
            store.log(trial.id, record["epochs"], stores.DONE, result=result)
        used = [record for _, record in parts.values()]
        if used:
            last = used[-1]
            store.update_manifest(
                hardware=f"{last['device']}, packs of {', '.join(sorted({str(r['pack']) for r in used}))} trials",
                precision=last["precision"],
                trained_with={name: last[name] for name in ("torch", "python")},
            )
        say(f"{store.id}: {len(wanted)} trials added, {len(store.finished())} there")


def read_predictions(part: Path, trial: str, dataset: Dataset, tests: Mapping[str, TestSet]) -> Predictions:
    """The predictions of a trial in a file of `write_parts`."""
    with np.load(part, allow_pickle=False) as arrays:
        own = {name.removeprefix(f"{trial}/"): arrays[name] for name in arrays.files if name.startswith(f"{trial}/")}
    return Predictions(
        validation_items=dataset.validation_items,
        validation=own["validation/clean"],
        items={name: test.items for name, test in tests.items()},
        clean={name: own[f"{name}/clean"] for name in tests},
        fgsm={name: own[f"{name}/fgsm"] for name in tests},
    )


def main() -> None:
    """Plan, run or collect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("plan")
    one.add_argument("specs", nargs="+", help="presets or spec files on one data set")
    one.add_argument("--scale", default="paper", help="empty for the specs' own")
    one.add_argument("--set", action="append", default=[], metavar="AXIS=VALUE")
    one.add_argument("--data", type=Path, required=True)
    one.add_argument("--without", type=Path, metavar="FOLDER", help="leave out the trials that are done there")
    one.add_argument("--to", type=Path, required=True)
    one.set_defaults(work=plan)
    two = commands.add_parser("run")
    two.add_argument("plans", type=Path, nargs="+", help="a trial of several plans is trained once")
    two.add_argument("--data", type=Path, required=True)
    two.add_argument("--out", type=Path, required=True)
    two.add_argument("--limit", type=float, default=480, help="seconds in all")
    two.add_argument("--pack", type=int, default=64, help="most trials a pack")
    two.add_argument("--precision", default="bf16")
    two.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    two.add_argument("--evaluating", type=float, default=1.0, help="seconds a trial's evaluation is reckoned to take")
    two.add_argument("--epochs", type=int, help="of every trial, for a rehearsal: the results are no cell's")
    two.add_argument("--trials", type=int, help="the first so many, for a rehearsal")
    two.add_argument("--alone", type=int, default=0, metavar="PROCESSES", help="train without packs, in float32")
    two.add_argument("--only", type=Path, metavar="FOLDER", help="only the trials that are done there")
    two.set_defaults(work=run)
    three = commands.add_parser("collect")
    three.add_argument("plan", type=Path)
    three.add_argument("--data", type=Path, required=True)
    three.add_argument("--from", dest="source", type=Path, required=True)
    three.add_argument("--out", type=Path, required=True)
    three.set_defaults(work=collect)
    asked = parser.parse_args()
    asked.work(asked)


if __name__ == "__main__":
    main()
