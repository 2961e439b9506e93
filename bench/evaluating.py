"""What scoring stored trials on a new test set costs beyond the bare passes over its images.

    python bench/evaluating.py SWEEP_FOLDER --trials 60 --images 3000

Copies of so many finished trials (in turn, where there are fewer) are scored by `sweeps.evaluation` on made-up images
through Ray, all metrics and FGSM, and the same passes (load weights, clean and attacked logits) are made bare, in as
many processes as there are cores. The two alternate; each round prints both wall times, their ratio and how busy the
cores were meanwhile.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from softcore.test_sets.outside import OutsideTestSet, item_numbers
from softcore.training.images import pool_images
from sweeps.running.store import Store
from sweeps.sweep import Sweep


def made_up(dataset, n: int) -> OutsideTestSet:
    """Images of noise with soft targets, of the data set's shape."""
    rng = np.random.default_rng(0)
    return OutsideTestSet(
        name="bench",
        title="noise",
        images=rng.integers(0, 256, (n, *dataset.images.shape[1:]), dtype=np.uint8),
        targets=rng.dirichlet(np.ones(len(dataset.classes)), n),
        items=item_numbers(n),
        names=tuple(map(str, range(n))),
    )


def some_trials(source: Path, folder: Path, n: int) -> Store:
    """A copy of a sweep with `n` of its finished trials alone, some of them several times where it has fewer."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("trials", "events.jsonl", "evaluations"))
    there = Store(source).trial_folders()
    for number in range(n):
        trial = there[number % len(there)]
        again = number // len(there)
        shutil.copytree(source / "trials" / trial, folder / "trials" / (f"{trial}-r{again}" if again else trial))
    return Store(folder)


def bare_passes(trials: list[Path], test: OutsideTestSet) -> None:
    """One process's share of the passes, and nothing else."""
    from softcore.scoring.attacks import fgsm_logits, fold_batch_norms
    from sweeps.evaluation.scoring import stored_model
    from sweeps.running.trial import calm_torch

    calm_torch()
    pooled: dict[int | None, np.ndarray] = {}
    for folder in trials:
        size = json.loads((folder / "trial.json").read_text())["config"]["axes"]["image_size"]
        images = pooled.setdefault(size, pool_images(test.images, size))
        height, width, channels = images.shape[1:]
        model = stored_model(folder, channels=channels, classes=test.targets.shape[1], size=(height, width))
        fgsm_logits(fold_batch_norms(model), images, item_numbers(len(images)), test.targets)


def busy_seconds() -> float:
    """Seconds of work that all cores have done since the machine started."""
    user, nice, system, *_ = map(float, Path("/proc/stat").read_text().splitlines()[0].split()[1:])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def timed(work) -> tuple[float, float]:
    """Wall seconds of `work`, and the share of the cores that was busy."""
    began, worked = time.perf_counter(), busy_seconds()
    work()
    wall = time.perf_counter() - began
    return wall, (busy_seconds() - worked) / wall / (os.cpu_count() or 1)


def main() -> None:
    """Alternate the two and print what they took."""
    from sweeps.evaluation.evaluate import score_sweep

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = some_trials(asked.sweep, Path(scratch) / asked.sweep.name, asked.trials)
        dataset = Sweep(store).dataset()
        test, trials = made_up(dataset, asked.images), [store.trials / name for name in store.trial_folders()]
        cores = os.cpu_count() or 1
        assert len(trials) == asked.trials, f"{len(trials)} of {asked.trials} trials were found"

        def bare() -> None:
            with multiprocessing.get_context("spawn").Pool(cores) as pool:
                pool.starmap(bare_passes, [(trials[k::cores], test) for k in range(cores)])

        def service() -> None:
            shutil.rmtree(store.folder / "evaluations", ignore_errors=True)
            assert not score_sweep(store, test, dataset).failed

        ratios = []
        for number in range(asked.rounds):
            (alone, _), (whole, busy) = timed(bare), timed(service)
            ratios.append(whole / alone)
            print(
                f"round {number}: bare {alone:.1f} s, service {whole:.1f} s, ratio {ratios[-1]:.3f}, "
                f"cores {busy:.0%} busy"
            )
        print(
            f"{len(trials)} trials on {asked.images} images: ratio {statistics.median(ratios):.3f} "
            f"(median of {asked.rounds})"
        )


if __name__ == "__main__":
    main()
