"""Cells whose trials have made-up logits, so that comparisons are tested without training."""

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest

from softcore.scoring.metrics import Logits
from sweeps.comparison.replicates import DRAWN, ComparedCell
from sweeps.evaluation.stored import TrialOnTestSet

IMAGES, CLASSES, CLICKS = 200, 4, 20


class Trials:
    """Reads made-up trials: a cell is as good as `skill` says, a seed adds noise of its own."""

    def __init__(self, skill: Mapping[str, float], noise: float = 0.3) -> None:
        rng = np.random.default_rng(7)
        self.truth = rng.integers(CLASSES, size=IMAGES)
        self.counts = np.stack(
            [np.bincount(np.where(rng.random(CLICKS) < 0.8, k, rng.integers(CLASSES, size=CLICKS)), minlength=CLASSES)
             for k in self.truth]
        )  # fmt: skip
        self.skill, self.noise = skill, noise
        self.dataset = SimpleNamespace(held_out_test="pages", counts=self.counts, class_positions=None)

    def cell(self, name: str, seeds: int = 3, asks: str = DRAWN) -> ComparedCell:
        """A cell with a trial of each seed."""
        trials = {(seed, 0): f"{name}-s{seed}-p0" for seed in range(seeds)}
        return ComparedCell(id=name, title=f"recipe {name}", trials=trials, asks=asks)

    def __call__(self, trial: str) -> TrialOnTestSet:
        """A trial on the test set "10h": its images, people's labels, logits that know them more or less."""
        name, seed, _ = trial.split("-")
        shared = np.random.default_rng(int(seed[1:])).standard_normal((IMAGES, CLASSES))
        own = np.random.default_rng([*name.encode(), int(seed[1:])]).standard_normal((IMAGES, CLASSES))
        clean = (self.skill[name] * np.eye(CLASSES)[self.truth] + shared + self.noise * own).astype(np.float32)
        logits = Logits(clean=clean, attacked=0.5 * clean, temperature=1.2)
        targets = self.counts / self.counts.sum(axis=1, keepdims=True)
        return TrialOnTestSet(trial=trial, items=np.arange(IMAGES), logits=logits, targets=targets)


@pytest.fixture(scope="session")
def trials() -> Trials:
    """A good cell, one like it, a worse one and one that all others beat."""
    return Trials({"good": 3.0, "same": 3.0, "worse": 2.0, "dominated": 0.2})
