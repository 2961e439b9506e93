"""What learning curves and checkpoints cost a trial at `small`, measured in one run.

    python bench/keeping.py --data-root D [--rounds 5] [--epochs 5] [--model cnn] [--every 5]

Each round trains the same trial three times, in an order that rotates: with neither, with a curve, and with a
checkpoint every so many seconds, more often than is usual so that there is something to measure. CPU seconds of
training, which neighbours disturb least; a ratio is of two trainings of one round. Beside it what points and
checkpoints took by their own clocks, wall and CPU, and their share of the time: of a checkpoint at the usual interval.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from softcore.training.state import TrainingState
from sweeps.drive import prepare_sweep
from sweeps.running.checkpoint import Checkpoint
from sweeps.running.trial import Material, Run
from sweeps.spec.axis_names import CHECKPOINT_EVERY
from sweeps.spec.cells import Trial, trials

BLOCK = {"variety": "t2-clamp", "annotators": 6}


class Clock:
    """Wall and CPU seconds of calls of a method, and how many there were."""

    def __init__(self, owner: type, method: str) -> None:
        self.wall, self.cpu, self.calls = 0.0, 0.0, 0
        called: Callable[..., Any] = getattr(owner, method)

        def timed(*arguments: Any, **more: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                return called(*arguments, **more)
            finally:
                self.wall += time.perf_counter() - wall
                self.cpu += time.process_time() - cpu
                self.calls += 1

        setattr(owner, method, timed)


def train(trial: Trial, material: Material, folder: Path) -> float:
    """CPU seconds of the trial's training."""
    run = Run(trial, material, folder)
    began = time.process_time()
    for _ in run.train():
        pass
    return time.process_time() - began


def measure(trial: Trial, dataset: Any, rounds: int, every: float) -> dict[str, object]:
    """The three trainings in turn, and what they say."""
    ways = {
        "neither": Material(dataset=dataset, curve_every=0, checkpoint_every=0),
        "curve": Material(dataset=dataset, curve_every=1, checkpoint_every=0),
        "checkpoints": Material(dataset=dataset, curve_every=0, checkpoint_every=every),
    }
    points, saves = Clock(Run, "_curve_point"), Clock(Checkpoint, "save")
    snapshots = Clock(TrainingState, "snapshot")
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    names = list(ways)
    with tempfile.TemporaryDirectory() as folder:
        for k in range(rounds):
            for way in names[k % 3 :] + names[: k % 3]:
                seconds[way].append(train(trial, ways[way], Path(folder) / way / str(k)))
        size = max((path.stat().st_size for path in Path(folder).rglob("*.npz")), default=0)
    middle = {way: round(statistics.median(each), 2) for way, each in seconds.items()}
    found: dict[str, object] = {"CPU s of training, median": middle}
    for way in ("curve", "checkpoints"):
        ratios = [with_it / without for with_it, without in zip(seconds[way], seconds["neither"], strict=True)]
        found[f"{way} by neither"] = {
            "median": round(statistics.median(ratios), 4),
            "least and most": [round(min(ratios), 4), round(max(ratios), 4)],
        }
    one = {"wall": (saves.wall + snapshots.wall) / saves.calls, "cpu": (saves.cpu + snapshots.cpu) / saves.calls}
    found["a point of a curve"] = {
        "ms of CPU": round(1000 * points.cpu / points.calls, 1),
        "share of training": round(points.cpu / sum(seconds["curve"]), 4),
    }
    found["a checkpoint"] = {
        "MB": round(size / 1e6, 1),
        "saved": saves.calls,
        "ms, wall": round(1000 * one["wall"], 1),
        "ms of CPU": round(1000 * one["cpu"], 1),
        f"share of the time, one every {CHECKPOINT_EVERY:g} s": round(one["wall"] / CHECKPOINT_EVERY, 5),
    }
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between checkpoints")
    asked = parser.parse_args()
    sets = [f"epochs={asked.epochs}", f"model={asked.model}"]
    spec, dataset, _ = prepare_sweep({"name": "x", "blocks": [BLOCK]}, scale="small", sets=sets, root=asked.data_root)
    (trial,) = trials(spec, dataset)
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, torch {torch.__version__}"
    print(f"# {machine}; {asked.model}, {asked.epochs} epochs at small; n = {asked.rounds} rounds", flush=True)
    print(json.dumps(measure(trial, dataset, asked.rounds, asked.every), indent=1))


if __name__ == "__main__":
    main()
