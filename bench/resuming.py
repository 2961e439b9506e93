"""On a card: a killed pack goes on to the same bytes, a pack too large for memory is halved, and what saving costs.

    python bench/resuming.py --data DATA --out FOLDER [--model resnet34a] [--epochs 3] [--precision bf16]

Trains the trials of a made-up sweep undisturbed, then half of them in a process that is killed once it has saved, and
goes on in packs of other members; then all with so little memory left that they don't fit. Each step's finding is a
line of FOLDER/resuming.jsonl. On a CPU (`--dataset digits --model cnn --items 100`) it is a rehearsal.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import torch

from softcore.evaluate import curve_items
from sweeps.running.checkpoint import CHECKPOINTS, Pace
from sweeps.running.packs import LIMITS, PackRun, run_together
from sweeps.running.trial import Material, Setting, checkpoint_of, device, load_data
from sweeps.spec.cells import Trial, trials
from sweeps.spec.spec import resolve


def all_trials(asked: argparse.Namespace, dataset: Any) -> list[Trial]:
    """Four cells of one shape, some mixed, by as many seeds as asked for."""
    common = {"model": asked.model, "epochs": asked.epochs, "batch": 32, "schedule": "step", "rest": asked.rest}
    if asked.items:
        common["items"] = asked.items
    blocks = [{"variety": "t2-clamp", "annotators": [1, 3, 6]}, {"variety": "hard", "mixing": "mixup"}]
    spec = {"name": "resuming", "dataset": asked.dataset, "seeds": asked.seeds, "common": common, "blocks": blocks}
    return list(trials(resolve(spec), dataset))


def digests(folder: Path, wanted: Sequence[Trial]) -> dict[str, Any]:
    """What each trial's record says of its files."""
    return {trial.id: json.loads((folder / trial.id / "trial.json").read_text())["sha256"] for trial in wanted}


def train(wanted: Sequence[Trial], material: Material, folder: Path, *, save: bool = False) -> list[Any]:
    """Everything that is said while they are trained together."""
    return list(run_together(wanted, material, folder / "trials", checkpoints=folder / CHECKPOINTS if save else None))


def die_after_saving(step: int) -> None:
    """Let this process save after its step `step` and end as a power cut would."""
    steps, saving = count(1), Pace.saving

    class Dying:
        def __init__(self, pace: Pace) -> None:
            self.inner = saving(pace)

        def __enter__(self) -> None:
            self.inner.__enter__()

        def __exit__(self, *error: Any) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

    Pace.due = lambda self: next(steps) == step  # type: ignore[method-assign]
    Pace.saving = lambda self: Dying(self)  # type: ignore[method-assign,assignment,return-value]


def costs(wanted: Sequence[Trial], material: Material, folder: Path) -> dict[str, float]:
    """Seconds of a pack's epoch, of one saving of all its members and of one point of their curves."""
    files = [checkpoint_of(trial, material, folder) for trial in wanted]
    run = PackRun([Setting(trial, material) for trial in wanted], material, [(each, {}) for each in files if each])
    run.pace.next = float("inf")
    saving, training, scoring, work = [], [], [], run.pack.after_step

    def timed(state: Any) -> None:
        began, due = time.perf_counter(), run.pace.due()
        work(state)  # type: ignore[misc]
        if due:
            saving.append(time.perf_counter() - began)

    run.pack.after_step = timed
    images = run.settings[0].images[curve_items(material.dataset)]
    began = time.perf_counter()
    for epochs in run.pack.epochs():
        ended = time.perf_counter()
        training.append(ended - began)
        for place, found in enumerate(run.pack.logits(images)):
            run.settings[place].curve_row(epochs[place], found)
        began = time.perf_counter()
        scoring.append(began - ended)
        if len(training) == 2:
            run.pace.next = 0.0  # it saves in the third epoch, once everything is compiled
    return {
        "members": len(wanted),
        "epoch_seconds": round(training[1], 3),
        "saving_seconds": round(saving[0], 3),
        "curve_seconds": round(scoring[1], 3),
    }


def main() -> None:
    """Run the steps and print what they found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dataset", default="cifar10s")
    parser.add_argument("--model", default="resnet34a")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--items", type=int)
    parser.add_argument("--rest", default="hard")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--steps", nargs="*", default=["kill", "memory", "costs"])
    parser.add_argument("--leave", type=float, default=0.6, help="share of a pack's memory that is left")
    parser.add_argument("--kill-at", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    dataset = load_data(asked.dataset, asked.data)
    every = all_trials(asked, dataset)
    half = every[::2]
    material = Material(dataset=dataset, curve_every=0, precision=asked.precision)
    if asked.kill_at:
        die_after_saving(asked.kill_at)
        train(half, material, asked.out, save=True)
        return
    asked.out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()

    def say(what: str, found: Any) -> None:
        line = json.dumps({"what": what, "found": found, "at": round(time.perf_counter() - began, 1)})
        print(line, flush=True)
        with (asked.out / "resuming.jsonl").open("a") as file:
            file.write(line + "\n")

    name = torch.cuda.get_device_name() if device() == "cuda" else "CPU"
    say("device", {"name": name, "torch": torch.__version__, "model": asked.model, "precision": asked.precision})
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        if "costs" in asked.steps:
            say("costs", costs(every, material, place / "costs"))
        train(every, material, place / "whole")
        wanted = digests(place / "whole" / "trials", every)
        record = json.loads((place / "whole" / "trials" / every[0].id / "trial.json").read_text())
        say("undisturbed", {"trials": len(every), **{key: record.get(key) for key in ("pack", "pack_gb")}})
        if "kill" in asked.steps:
            steps = -(-len(Setting(every[0], material).targets.items) // 32)
            for at in (steps // 2, steps, steps + steps // 2):
                folder = place / f"killed-{at}"
                passed = [part for part in sys.argv[1:] if part != "--out" and part != str(asked.out)]
                call = [sys.executable, __file__, *passed, "--out", str(folder), "--kill-at", str(at)]
                child = subprocess.run(call, check=False, capture_output=True, text=True)
                files = sorted((folder / CHECKPOINTS).glob("*.npz"))
                if child.returncode != -signal.SIGKILL or len(files) != len(half):
                    raise SystemExit(f"the process ended with {child.returncode}: {child.stderr[-2000:]}")
                files[0].write_bytes(files[0].read_bytes()[:-1000])
                said = train(half[:3], material, folder, save=True) + train(half[:2:-1], material, folder, save=True)
                found = digests(folder / "trials", half)
                same = sum(found[trial.id] == wanted[trial.id] for trial in half)
                notes = [each for each in said if isinstance(each, str)]
                say(
                    f"killed at step {at} of {steps} an epoch", {"the same bytes": same, "of": len(half), "said": notes}
                )
                shutil.rmtree(folder)
        if "memory" in asked.steps:
            held = None
            if device() == "cuda":
                torch.cuda.empty_cache()
                leave = int(asked.leave * record["pack_gb"] * 1e9)
                held = torch.empty(torch.cuda.mem_get_info()[0] - leave, dtype=torch.uint8, device="cuda")
            said = train(every, material, place / "short")
            del held
            same = sum(digests(place / "short" / "trials", every)[trial] == wanted[trial] for trial in wanted)
            limits = (place / "short" / LIMITS).read_text() if (place / "short" / LIMITS).is_file() else "none"
            notes = [each for each in said if isinstance(each, str)]
            say("short of memory", {"the same bytes": same, "of": len(every), "said": notes, "limits": limits})


if __name__ == "__main__":
    main()
