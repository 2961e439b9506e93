"""Run one trial: the only caller of softcore's training. Knows nothing of Ray."""

import json
import math
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from softcore.data.dataset import Dataset
from softcore.datasets import load
from softcore.errors import RequestError
from softcore.evaluate import Predictions, curve_items, curve_scores, evaluate, predict, validation_loss
from softcore.files import sha256
from softcore.labels.build import Targets, build
from softcore.labels.mixed import add_mixed_images
from softcore.labels.similarity import read_word_vectors
from softcore.prices.read import label_seconds, usd
from softcore.scoring.attacks import fold_batch_norms, logits
from softcore.scoring.corrupted import CorruptedImages, corrupted_images
from softcore.scoring.metrics import check_extras
from softcore.test_sets import test_sets
from softcore.train import Epoch, round_weights, start
from softcore.training.images import pool_images
from softcore.training.logistic import fit_curves
from softcore.training.mixing import TargetCurves
from softcore.training.models import PixelNetwork
from softcore.training.state import TrainingState
from sweeps.running.checkpoint import Checkpoint, Pace, Past, code_version
from sweeps.running.curve import CURVE, SCORES, write_curve
from sweeps.running.provenance import conditions, processor
from sweeps.spec.axis_names import CHECKPOINT_EVERY, CURVE_EVERY
from sweeps.spec.cells import Cell, Trial, digest

WORD_VECTORS = "word vectors"  # the name of their fingerprint
SCHEMA = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """What the trials of a sweep share: a data set, the evaluations beside the usual ones, the corrupted test images
    where one of them needs them, and how often a trial keeps a point of its curve (epochs) and its state (seconds).

    The last two change no result; 0 is never.
    """

    dataset: Dataset
    extras: tuple[str, ...] = ()
    corrupted: CorruptedImages | None = None
    curve_every: int = CURVE_EVERY
    checkpoint_every: float = CHECKPOINT_EVERY
    precision: str = "float32"


def load_data(name: str, root: Path, word_vectors: str | None = None) -> Dataset:
    """The data set `name`, its classes' similarity read from the file `word_vectors` where one is given."""
    dataset = load(name, root)
    if word_vectors is None:
        return dataset
    path = Path(word_vectors)
    similarity = read_word_vectors(path, dataset.classes)
    return replace(
        dataset,
        word_similarity=similarity,
        fingerprints={**dataset.fingerprints, WORD_VECTORS: sha256(path)},
    )


def make_material(
    dataset: Dataset,
    extras: Sequence[str],
    root: Path,
    *,
    curve_every: int = CURVE_EVERY,
    checkpoint_every: float = CHECKPOINT_EVERY,
    precision: str = "float32",
) -> Material:
    """The material of a sweep; makes or reads the corrupted test images where `extras` ask for them (a minute).

    Raises RequestError for an unknown extra, or one that the data set has nothing for.
    """
    check_extras(extras)
    corrupted = None
    if "corruptions" in extras:
        if not dataset.fixed_tests:
            raise RequestError(f"evaluate: corruptions needs a fixed test set; {dataset.name} has none")
        items = np.unique(np.concatenate([test.items for test in dataset.fixed_tests.values()]))
        corrupted = corrupted_images(root, dataset, items)
    return Material(
        dataset=dataset,
        extras=tuple(extras),
        corrupted=corrupted,
        curve_every=curve_every,
        checkpoint_every=checkpoint_every,
        precision=precision,
    )


_pooled: dict[tuple[str, int | None], np.ndarray] = {}  # a worker runs many trials on the same images
_corrupted: dict[tuple[str, int | None, str], CorruptedImages] = {}


def trial_of(config: Mapping[str, Any]) -> Trial:
    """The trial that a plain mapping (as Ray and trial.json carry it) describes."""
    return Trial(Cell(dict(config["axes"])), config["seed"], config["panel"], config.get("repeat", 0))


def config_of(trial: Trial) -> dict[str, Any]:
    """The plain mapping of a trial."""
    plain = {"axes": dict(trial.cell.axes), "seed": trial.seed, "panel": trial.panel}
    return plain | ({"repeat": trial.repeat} if trial.repeat else {})


class Setting:
    """What one trial trains on, and what is kept of the model it gives: a pure function of trial and data."""

    def __init__(self, trial: Trial, material: Material) -> None:
        self.trial, self.material, self.dataset = trial, material, material.dataset
        self.policy, labels = trial.cell.training_policy(), trial.cell.label_policy()
        self.images = images_at(self.dataset, self.policy.image_size)
        targets = build(self.dataset, labels, seed=trial.seed, panel=trial.panel)
        self.targets, mixed = add_mixed_images(targets, self.dataset, labels, trial.seed)
        self.training_images = self.images
        if len(mixed):
            self.training_images = np.concatenate([self.images, pool_images(mixed, self.policy.image_size)])

    def curve_due(self, epoch: Epoch) -> bool:
        """Whether the learning curve has a point after this epoch."""
        every = self.material.curve_every
        return bool(every) and (epoch.number % every == 0 or epoch.number == epoch.of)

    def curve_row(self, epoch: Epoch, found: np.ndarray) -> list[float]:
        """Of the learning curve, with logits `found` of `curve_items`: the columns of `curve.COLUMNS`, NaN for a score
        that is absent.
        """
        items = curve_items(self.dataset)
        scores = curve_scores(found, self.dataset.labels[items])
        return [
            epoch.number,
            epoch.loss,
            epoch.learning_rate,
            len(items),
            *(scores.get(name, math.nan) for name in SCORES),
        ]

    def keep(
        self,
        model: PixelNetwork,
        trials: Path,
        *,
        train_seconds: Callable[[], float],
        about: Callable[[], Mapping[str, Any]],
        curve: Sequence[Sequence[float]],
    ) -> dict[str, Any]:
        """Evaluate, write `trials`/<id> (atomically) and return the result: metrics, costs and the two times.

        `train_seconds` is asked once the weights are rounded, `about` once they are evaluated. Raises
        FloatingPointError where the training diverged.
        """
        weights = round_weights(model.eval())
        seconds, trained = train_seconds(), time.perf_counter()
        tests = test_sets(self.dataset, self.trial.seed, self.trial.cell.axes.get("holdout"))
        extras = self.material.extras
        corrupted = corrupted_at(self.material, self.trial.cell.axes["image_size"])
        predictions = predict(model, self.images, self.dataset, tests, extras=extras, corrupted=corrupted)
        result = {
            **evaluate(predictions, self.dataset, tests, extras=extras),
            "train_seconds": round(seconds, 3),
            "eval_seconds": round(time.perf_counter() - trained, 3),
            **label_costs(self.targets),
        }
        ran = {**about(), "made_with": conditions()}
        save_trial(trials, self.trial, result, predictions, weights, self.targets, ran, curve=curve)
        return result


def checkpoint_of(trial: Trial, material: Material, folder: Path | None) -> Checkpoint | None:
    """The trial's checkpoint in `folder`, if it is to have one, with all that must be equal for it to be used."""
    if folder is None or not material.checkpoint_every:
        return None
    identity = {
        "trial": trial.id,
        "data": digest(dict(material.dataset.fingerprints))[:16],
        "code": code_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "processor": " ".join(processor().values()) if device() == "cpu" else torch.cuda.get_device_name(),
        "precision": material.precision,
    }
    return Checkpoint(folder / f"{trial.id}.npz", identity)


class Run:
    """One trial under way: iterate `train`, then `finish` writes its folder. A pure function of trial and data.

    With a folder of `checkpoints` it saves where it stands there, and goes on from what another process saved. `note`
    is a line about a checkpoint that could not be used.
    """

    def __init__(self, trial: Trial, material: Material, checkpoints: Path | None = None) -> None:
        calm_torch()
        self.trial, self.material, self.dataset = trial, material, material.dataset
        self.started, self.cpu_started = time.perf_counter(), time.process_time()
        self.pace = Pace(material.checkpoint_every)
        self.checkpoint = checkpoint_of(trial, material, checkpoints)
        saved, self.note = self.checkpoint.load() if self.checkpoint else ({}, "")
        self.past = Past(saved)
        self.setting = Setting(trial, material)
        self.images, self.targets, policy = self.setting.images, self.setting.targets, self.setting.policy
        self.model, self.epochs = start(
            self.setting.training_images,
            self.targets,
            policy,
            classes=len(self.dataset.classes),
            seed=trial.seed,
            repeat=trial.repeat,
            device=device(),
            curves=self._curves() if policy.target_mixing == "logistic" else None,
            validation_loss=self._validation_loss if policy.early_stopping else None,
            snapshot=saved or None,
            after_step=self._after_step if self.checkpoint else None,
        )
        self.kept = 0
        self.started, self.cpu_started = self.started - self.past.wall, self.cpu_started - self.past.cpu

    def _after_step(self, state: TrainingState) -> None:
        assert self.checkpoint is not None
        if self.pace.due():
            with self.pace.saving():
                spent = time.perf_counter() - self.started, time.process_time() - self.cpu_started
                self.checkpoint.save(state.snapshot() | self.past.arrays(*spent))

    def _validation_loss(self, model: torch.nn.Module) -> float:
        return validation_loss(model, self.images, self.dataset)

    def _curves(self) -> TargetCurves:
        """People's mixing curves, from the items that this seed may train on."""
        assert self.dataset.mixed is not None  # `axes.py` refuses the axis elsewhere
        allowed = np.setdiff1d(self.dataset.train_items, self.targets.held_out)
        return fit_curves(self.dataset.mixed, self.dataset.labels, allowed)

    def train(self) -> Iterator[Epoch]:
        """Each epoch as it ends."""
        for epoch in self.epochs:
            self.kept = epoch.kept
            if self.setting.curve_due(epoch):
                self.past.curve.append(self._curve_point(epoch))
            yield epoch

    def _curve_point(self, epoch: Epoch) -> list[float]:
        items = curve_items(self.dataset)
        found = logits(fold_batch_norms(self.model), self.images, items) if len(items) else np.zeros((0, 0))
        return self.setting.curve_row(epoch, found)

    def finish(self, trials: Path, *, host: str = "") -> dict[str, Any]:
        """Evaluate, write `trials`/<id> (atomically) and return the result: metrics, costs and the two times.

        `host` is the name of the machine as the record keeps it; "" takes the machine's own. The checkpoint is deleted.
        """

        def about() -> dict[str, Any]:
            told: dict[str, Any] = {
                "host": host or socket.gethostname(),
                "cpu_seconds": round(time.process_time() - self.cpu_started, 3),
            }
            if self.trial.cell.axes.get("early_stopping"):
                told["kept_epoch"] = self.kept
            return told | self.past.told()

        try:
            result = self.setting.keep(
                self.model,
                trials,
                train_seconds=lambda: time.perf_counter() - self.started,
                about=about,
                curve=self.past.curve,
            )
        except FloatingPointError:
            self._forget()  # it would diverge again
            raise
        self._forget()
        return result

    def _forget(self) -> None:
        if self.checkpoint:
            self.checkpoint.remove()


def label_costs(targets: Targets) -> dict[str, Any]:
    """What the labels cost at the thesis's prices: seconds an item and in all, dollars, answers by question."""
    seconds = label_seconds(targets.answers)
    return {
        "label_seconds_per_item": seconds / max(1, len(targets.panel.items)),
        "label_seconds_total": seconds,
        "label_usd": usd(seconds),
        "answers": dict(targets.answers),
        "recorded_seconds": None if np.isnan(targets.recorded_seconds) else targets.recorded_seconds,
    }


def save_trial(
    trials: Path,
    trial: Trial,
    result: Mapping[str, Any],
    predictions: Predictions,
    weights: Mapping[str, np.ndarray],
    targets: Targets,
    about: Mapping[str, Any],
    *,
    curve: Sequence[Sequence[float]] = (),
) -> None:
    """Write the trial's folder under a temporary name and rename it; a folder that is there already stays.

    `about` says where and how it ran; neither it nor the `curve` (rows of `curve.COLUMNS`) is part of the result.
    """
    temporary = trials / f".{trial.id}-{socket.gethostname()}-{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    np.savez(temporary / "predictions.npz", **predictions.arrays())  # type: ignore[arg-type]
    np.savez(temporary / "weights.npz", **weights)  # type: ignore[arg-type]
    panel = targets.panel
    np.savez(
        temporary / "panel.npz",
        item=panel.label_items,
        annotator=panel.annotators,
        label=panel.probs.astype(np.float32),
        held_out=targets.held_out,
    )
    if curve:
        write_curve(temporary / CURVE, curve)
    record = {
        "schema": SCHEMA,
        "trial": trial.id,
        "config": config_of(trial),
        "epochs": trial.cell.axes["epochs"],
        "result": result,
        **about,
        "sha256": {name: sha256(temporary / f"{name}.npz") for name in ("predictions", "weights", "panel")},
    }
    (temporary / "trial.json").write_text(json.dumps(record, indent=1))
    try:
        temporary.rename(trials / trial.id)
    except OSError:
        if not (trials / trial.id / "trial.json").is_file():
            raise
        shutil.rmtree(temporary, ignore_errors=True)  # another worker finished the same trial: the same bytes


def run_trial(trial: Trial, material: Material, trials: Path) -> dict[str, Any]:
    """The whole trial at once."""
    under_way = Run(trial, material)
    for _ in under_way.train():
        pass
    return under_way.finish(trials)


def images_at(dataset: Dataset, image_size: int | None) -> np.ndarray:
    """The data set's images at a size; a process keeps the last few."""
    key = (json.dumps(dict(dataset.fingerprints), sort_keys=True), image_size)
    if key not in _pooled:
        while len(_pooled) >= 2:
            _pooled.pop(next(iter(_pooled)))
        _pooled[key] = pool_images(dataset.images, image_size)
    return _pooled[key]


def corrupted_at(material: Material, image_size: int | None) -> CorruptedImages | None:
    """The corrupted images at a size, where the material has some; a process keeps the last."""
    if material.corrupted is None:
        return None
    key = (json.dumps(dict(material.dataset.fingerprints), sort_keys=True), image_size, material.corrupted.source)
    if key not in _corrupted:
        _corrupted.clear()
        _corrupted[key] = material.corrupted.at(image_size)
    return _corrupted[key]


def calm_torch() -> None:
    """One thread a trial, and no algorithm chosen by timing: the same numbers whatever runs beside it."""
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def device() -> str:
    """The GPU that Ray lent to this process, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"
