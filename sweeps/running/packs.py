"""Trials trained together: which go into one pack, and their training from start to folders."""

import hashlib
import json
import logging
import math
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from softcore.errors import RequestError
from softcore.evaluate import curve_items
from softcore.files import whole
from softcore.pack import Member, Pack, shape
from softcore.train import Epoch
from softcore.training.pack_state import PackState, position
from softcore.training.state import Snapshot as Saved
from sweeps.running.checkpoint import Checkpoint, Pace, Past
from sweeps.running.trial import Material, Run, Setting, calm_torch, checkpoint_of, device
from sweeps.spec.cells import Trial

log = logging.getLogger(__name__)
MOST = 64  # trials a card trains at once unless asked for otherwise: with `resnet34a` a larger pack is hardly faster
# Label axes that say how many items are trained on; trials that differ in another may share a pack.
SIZES = ("dataset", "items", "rest", "holdout", "hiring", "hired_hours", "hmix", "hmix_images")
LIMITS = "pack-limits.json"  # in a sweep's folder: how many trials of a shape a card was seen to hold


def pack_size(asked: int | str, trials: int, cards: int) -> int:
    """How many trials a pack may have: a number as it is; "auto" is one without cards, and with them at most MOST of
    the sweep's `trials` so that every card has some.
    """
    if isinstance(asked, int):
        return asked
    return max(1, min(MOST, math.ceil(trials / cards))) if cards else 1


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

    `checkpoints` are the members' own, each with what was loaded of it: all are saved at once, and a member that is
    resumed goes on in whatever company. Raises RequestError for settings of two shapes or positions, and for what packs
    can't train.
    """

    def __init__(
        self, settings: Sequence[Setting], material: Material, checkpoints: Sequence[tuple[Checkpoint, Saved]] = ()
    ) -> None:
        calm_torch()
        if device() != "cpu":
            torch.cuda.reset_peak_memory_stats()
        self.started, self.cpu_started = time.perf_counter(), time.process_time()
        self.settings, self.checkpoints = list(settings), [checkpoint for checkpoint, _ in checkpoints]
        saved = [each for _, each in checkpoints] or [{} for _ in self.settings]
        self.pasts, self.pace = [Past(each) for each in saved], Pace(material.checkpoint_every)
        self.pack = Pack(
            [
                Member(each.training_images, each.targets, each.policy, each.trial.seed, each.trial.repeat)
                for each in self.settings
            ],
            classes=len(material.dataset.classes),
            device=device(),
            precision=material.precision,
            snapshots=saved if saved[0] else (),
            after_step=self._after_step if checkpoints else None,
        )
        self.about = {"pack": len(self.settings), "precision": material.precision}

    def _spent(self) -> tuple[float, float]:
        """A member's share of the seconds since the start, by the clock and of this process."""
        n = len(self.settings)
        return (time.perf_counter() - self.started) / n, (time.process_time() - self.cpu_started) / n

    def _after_step(self, state: PackState) -> None:
        if not self.pace.due():
            return
        with self.pace.saving():
            wall, cpu = self._spent()
            for checkpoint, past, snapshot in zip(self.checkpoints, self.pasts, state.snapshots(), strict=True):
                checkpoint.save(snapshot | past.arrays(past.wall + wall, past.cpu + cpu))

    def train(self) -> Iterator[Epoch]:
        """Each epoch as it ends, as the first member has it."""
        first = self.settings[0]
        images = first.images[curve_items(first.dataset)]
        for epochs in self.pack.epochs():
            if first.curve_due(epochs[0]):
                for place, found in enumerate(self.pack.logits(images)):
                    row = self.settings[place].curve_row(epochs[place], found)
                    self.pasts[place].curve.append(row)
            yield epochs[0]

    def finish(self, trials: Path, *, host: str = "") -> Iterator[tuple[Setting, dict[str, Any] | str]]:
        """Evaluate the members one by one and write their folders; each with its result, or with what it failed of.

        A trial's training time is its share of the pack's. Checkpoints of what is done are deleted.
        """
        wall, cpu = self._spent()
        about = {"host": host or socket.gethostname(), **self.about}
        if device() != "cpu":
            peak = round(torch.cuda.max_memory_reserved() / 1e9, 2)
            about |= {"device": torch.cuda.get_device_name(), "pack_gb": peak}
        for place, setting in enumerate(self.settings):
            try:
                result = self._keep(place, trials, wall, cpu, about)
            except Exception as error:
                log.exception("trial %s failed", setting.trial.id)
                if isinstance(error, FloatingPointError):  # it would diverge again
                    self._forget(place)
                yield setting, f"{type(error).__name__}: {error}"
            else:
                self._forget(place)
                yield setting, result

    def _keep(self, place: int, trials: Path, wall: float, cpu: float, about: Mapping[str, Any]) -> dict[str, Any]:
        past, began = self.pasts[place], time.process_time()
        return self.settings[place].keep(
            self.pack.model(place),
            trials,
            train_seconds=lambda: past.wall + wall,
            about=lambda: {
                **about,
                "cpu_seconds": round(past.cpu + cpu + time.process_time() - began, 3),
                **past.told(),
            },
            curve=past.curve,
        )

    def _forget(self, place: int) -> None:
        if self.checkpoints:
            self.checkpoints[place].remove()


class Limits:
    """How many trials of a shape each kind of card was seen to hold at once, kept in a file of the sweep."""

    def __init__(self, path: Path, shape: Any) -> None:
        self.path = path
        self.key = hashlib.sha256(repr(shape).encode()).hexdigest()[:16]
        self.card = "CPU"
        if device() != "cpu":
            self.card = f"{torch.cuda.get_device_name()}, {torch.cuda.mem_get_info()[1] / 2**30:.1f} GiB"

    def most(self) -> float:
        """As many as fit; infinity where nothing is known against it."""
        return float(self._kept().get(self.card, {}).get(self.key, math.inf))

    def keep(self, most: int) -> None:
        """No more than so many fit."""
        kept = self._kept()
        kept.setdefault(self.card, {})[self.key] = most
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with whole(self.path) as temporary:
            temporary.write_text(json.dumps(kept, indent=1))

    def _kept(self) -> dict[str, dict[str, int]]:
        try:
            found: dict[str, dict[str, int]] = json.loads(self.path.read_text())
        except (OSError, ValueError):  # not there, or no JSON: measured again
            return {}
        return found


def run_together(
    wanted: Sequence[Trial], material: Material, trials: Path, *, host: str = "", checkpoints: Path | None = None
) -> Iterator[Any]:
    """Train trials and write their folders: yields epochs' numbers, lines to say, and (place in `wanted`, its end).

    An end is a result, or the words of a failure. On a card, and in another precision than float32, every trial that
    packs can train is trained in one, of one member if need be, so that its bytes don't depend on its company; on a CPU
    a trial alone has the same bytes. All may save where they stand in `checkpoints`, a file a trial, and go on from
    there: those that stand elsewhere go in another pack. Where a card's memory does not hold a pack, half of it is
    tried, and that limit kept.
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
    files: dict[int, tuple[Checkpoint, Saved]] = {}
    for place, trial in enumerate(wanted):
        setting, checkpoint = Setting(trial, material), checkpoint_of(trial, material, checkpoints)
        steps = 0
        if checkpoint is not None:
            saved, note = checkpoint.load()
            if note:
                yield note
            files[id(setting)] = checkpoint, saved
            steps = position(saved) if saved else 0
        groups.setdefault((shape(setting.policy), len(setting.targets.items), steps), []).append(setting)
        places[id(setting)] = place
    for key, left in groups.items():
        limits = Limits(trials.parent / LIMITS, key[:2])
        while left:
            settings = left[: int(min(len(left), limits.most()))]
            try:
                pack = PackRun(settings, material, [files[id(setting)] for setting in settings if files])
                for epoch in pack.train():
                    yield epoch.number
            except torch.OutOfMemoryError:
                if len(settings) == 1:
                    raise
                pack = None
            if pack is None:  # here, for the error holds on to what it met
                limits.keep(len(settings) // 2)
                yield f"{limits.card} does not hold {len(settings)} trials at once: trying {len(settings) // 2}"
                torch.cuda.empty_cache()
                continue
            yield from ((places[id(setting)], end) for setting, end in pack.finish(trials, host=host))
            del left[: len(settings)]
            for setting in settings:
                files.pop(id(setting), None)  # what was loaded of it
