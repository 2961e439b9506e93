"""Score stored trials on a test set that came later: nothing is trained. What a worker does knows nothing of Ray."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from softcore.evaluate import trial_temperature
from softcore.files import read_npz, whole
from softcore.scoring.attacks import fgsm_logits, fold_batch_norms
from softcore.scoring.metrics import Logits, all_scores
from softcore.test_sets.outside import OutsideTestSet, item_numbers
from softcore.training.images import pool_images
from softcore.training.models import PixelNetwork, make_model
from sweeps.evaluation.stored import PREDICTIONS, on_test_set
from sweeps.running.store import Store
from sweeps.running.trial import calm_torch, device, trial_of

_pooled: dict[tuple[str, int | None], np.ndarray] = {}  # a worker scores many trials on the same images


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoringMaterial:
    """What all trials that are scored share: the test set and its digest, validation labels, where trials are, and
    where the classes lie on a line if they have an order.
    """

    test: OutsideTestSet
    digest: str
    labels: np.ndarray  # int64, of all items of the data set: for the temperature
    trials: Path
    logits: Path
    positions: np.ndarray | None = None  # float64 [K]


def stored_model(folder: Path, *, channels: int, classes: int, size: tuple[int, int]) -> PixelNetwork:
    """The trained model of a trial's folder, in evaluation mode, for images of this (pooled) size.

    Raises RequestError where the stored weights are not those of the trial's network.
    """
    policy = trial_of(json.loads((folder / "trial.json").read_text())["config"]).cell.training_policy()
    blank = torch.zeros((1, channels, *size))
    unknown = torch.zeros(channels), torch.ones(channels)
    model = make_model(policy.model, blank, classes, 0, statistics=unknown)
    state = model.state_dict()
    stored = dict(zip(state, read_npz(folder / "weights.npz", *state), strict=True))
    wrong = [name for name, array in stored.items() if array.shape != tuple(state[name].shape)]
    if wrong:
        raise RequestError(
            f"{folder / 'weights.npz'}: {wrong[0]} is {list(stored[wrong[0]].shape)}, of another network"
        )
    model.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in stored.items()})
    return model.to(device()).eval()


def score_trial(trial: str, material: ScoringMaterial) -> Mapping[str, float]:
    """Write a trial's logits on the test set (whole or not at all) and return its metrics by name."""
    calm_torch()
    folder, test = material.trials / trial, material.test
    images = _images_at(material, trial_of(json.loads((folder / "trial.json").read_text())["config"]))
    height, width, channels = images.shape[1:]
    model = stored_model(folder, channels=channels, classes=test.targets.shape[1], size=(height, width))
    rows = item_numbers(len(images))
    clean, attacked = fgsm_logits(fold_batch_norms(model), images, rows, test.targets)
    validation_items, validation = read_npz(folder / PREDICTIONS, "validation/items", "validation/clean")
    with whole(material.logits / f"{trial}.npz") as temporary, temporary.open("wb") as file:
        np.savez(file, items=test.items, clean=clean, fgsm=attacked)
    temperature = trial_temperature(validation, material.labels[validation_items])
    logits = Logits(clean=clean, attacked=attacked, temperature=temperature, positions=material.positions)
    return all_scores(logits, test.targets).values


def _images_at(material: ScoringMaterial, trial) -> np.ndarray:
    key = material.digest, trial.cell.axes["image_size"]
    if key not in _pooled:
        while len(_pooled) >= 2:
            _pooled.pop(next(iter(_pooled)))
        _pooled[key] = pool_images(material.test.images, key[1])
    return _pooled[key]


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredMaterial:
    """What trials share whose stored logits are scored again."""

    store: Store
    test_set: str
    dataset: Dataset


def score_again(trial: str, material: StoredMaterial) -> Mapping[str, float]:
    """Of a test set that a trial has logits on: its metrics by name that the trial's result lacks."""
    found = on_test_set(material.store, trial, material.test_set, material.dataset)
    result = json.loads((material.store.trials / trial / "trial.json").read_text())["result"]
    every = all_scores(found.logits, found.targets).values
    return {name: value for name, value in every.items() if f"{name}/{material.test_set}" not in result}
