"""Trials trained together: which go into one pack, and their training from start to folders."""

import logging
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from softcore.errors import RequestError
from softcore.pack import Member, Pack, shape
from softcore.train import Epoch
from sweeps.running.trial import Material, Run, Setting, calm_torch, device
from sweeps.spec.cells import Trial

log = logging.getLogger(__name__)
AUTO = 16  # trials on a card: 87% of the speed of 64 with `resnet34a`, in 1.3 GB; no other model was measured
# Label axes that say how many items are trained on; trials that differ in another may share a pack.
SIZES = ("dataset", "items", "rest", "holdout", "hiring", "hired_hours", "hmix", "hmix_images")


def pack_size(asked: int | str, cards: bool) -> int:
    """How many trials a pack may have: a number as it is, "auto" one without cards and AUTO with."""
    return asked if isinstance(asked, int) else AUTO if cards else 1


def in_packs(trials: Sequence[Trial], most: int) -> list[list[Trial]]:
    """`trials` in packs of at most `most`, each of one shape, in the order of their first trials.

    A trial that packs can't train (`softcore.pack.shape`) has one of its own.
    """
    open_packs: dict[Any, list[Trial]] = {}
    packs: list[list[Trial]] = []
    for trial in trials:
        key = _shape(trial) if most > 1 else None
        pack = open_packs.get(key) if key is not None else None
        if pack is None or len(pack) == most:
            packs.append(pack := [])
            open_packs[key] = pack
        pack.append(trial)
    return packs


def check_precision(trials: Sequence[Trial], precision: str) -> None:
    """Refuse another precision than float32 for trials that packs can't train (RequestError, with the reason)."""
    if precision != "float32":
        for policy in {trial.cell.id: trial.cell.training_policy() for trial in trials}.values():
            try:
                shape(policy)
            except RequestError as error:
                raise RequestError(f"precision: {precision} is of packs alone; {error}") from None


def _shape(trial: Trial) -> Any:
    axes = trial.cell.axes
    try:
        return shape(trial.cell.training_policy()), *(axes.get(axis) for axis in SIZES)
    except RequestError:
        return None


class PackRun:
    """A pack under way: iterate `train`, then `finish` writes each trial's folder.

    Raises RequestError for settings of two shapes, and for what packs can't train.
    """

    def __init__(self, settings: Sequence[Setting], material: Material) -> None:
        calm_torch()
        self.started, self.settings = time.perf_counter(), list(settings)
        self.pack = Pack(
            [
                Member(each.training_images, each.targets, each.policy, each.trial.seed, each.trial.repeat)
                for each in self.settings
            ],
            classes=len(material.dataset.classes),
            device=device(),
            precision=material.precision,
        )
        self.about = {"pack": len(self.settings), "precision": material.precision}
        self.curves: list[list[list[float]]] = [[] for _ in self.settings]

    def train(self) -> Iterator[Epoch]:
        """Each epoch as it ends, as the first member has it."""
        for epochs in self.pack.epochs():
            for place, (setting, epoch) in enumerate(zip(self.settings, epochs, strict=True)):
                if setting.curve_due(epoch):
                    self.curves[place].append(setting.curve_row(epoch, self.pack.model(place)))
            yield epochs[0]

    def finish(self, trials: Path, *, host: str = "") -> Iterator[tuple[Setting, dict[str, Any] | str]]:
        """Evaluate the members one by one and write their folders; each with its result, or with what it failed of.

        A trial's training time is its share of the pack's.
        """
        seconds = (time.perf_counter() - self.started) / len(self.settings)
        about = {"host": host or socket.gethostname(), **self.about}
        if device() != "cpu":
            about["device"] = torch.cuda.get_device_name()
        for place, setting in enumerate(self.settings):
            try:
                result = setting.keep(
                    self.pack.model(place),
                    trials,
                    train_seconds=lambda: seconds,
                    about=lambda: about,
                    curve=self.curves[place],
                )
            except Exception as error:
                log.exception("trial %s failed", setting.trial.id)
                yield setting, f"{type(error).__name__}: {error}"
            else:
                yield setting, result


def run_together(
    wanted: Sequence[Trial], material: Material, trials: Path, *, host: str = "", checkpoints: Path | None = None
) -> Iterator[Any]:
    """Train trials and write their folders: yields epochs' numbers, lines to say, and (place in `wanted`, its end).

    An end is a result, or the words of a failure. On a card, and in another precision than float32, every trial that
    packs can train is trained in one, of one member if need be, so that its bytes don't depend on its company; on a CPU
    a trial alone has the same bytes and may save where it stands in `checkpoints`.
    """
    check_precision(wanted, material.precision)
    alone = len(wanted) == 1 and device() == "cpu" and material.precision == "float32"
    if alone or _shape(wanted[0]) is None:
        run = Run(wanted[0], material, checkpoints)
        if run.note:
            yield run.note
        for epoch in run.train():
            yield epoch.number
        yield 0, run.finish(trials, host=host)
        return
    groups: dict[Any, list[Setting]] = {}
    places: dict[int, int] = {}
    for place, trial in enumerate(wanted):
        setting = Setting(trial, material)
        groups.setdefault((shape(setting.policy), len(setting.targets.items)), []).append(setting)
        places[id(setting)] = place
    for settings in groups.values():
        pack = PackRun(settings, material)
        for epoch in pack.train():
            yield epoch.number
        yield from ((places[id(setting)], end) for setting, end in pack.finish(trials, host=host))
