"""Score a trained model: logits on every test set, clean and attacked, and the metrics computed from them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import nn

from softcore.attacks import fgsm_logits
from softcore.datasets import Dataset, TestSet
from softcore.metrics import fit_temperature, scores
from softcore.predict import folded, logits


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Float32 logits of one trial: on the validation images, and on every test set clean and after FGSM."""

    validation_items: np.ndarray
    validation: np.ndarray
    items: Mapping[str, np.ndarray]
    clean: Mapping[str, np.ndarray]
    fgsm: Mapping[str, np.ndarray]

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything under one flat name each, as it is stored."""
        flat = {"validation/items": self.validation_items, "validation/clean": self.validation}
        for name in sorted(self.items):
            flat |= {
                f"{name}/items": self.items[name],
                f"{name}/clean": self.clean[name],
                f"{name}/fgsm": self.fgsm[name],
            }
        return flat


def predict(model: nn.Module, images: np.ndarray, dataset: Dataset, tests: Mapping[str, TestSet]) -> Predictions:
    """The logits that every metric is computed from. `images` are those of the data set at the trial's size."""
    quick = folded(model)
    pairs = {name: fgsm_logits(quick, images, test.items, test.targets) for name, test in tests.items()}
    return Predictions(
        validation_items=dataset.validation_items,
        validation=logits(quick, images, dataset.validation_items),
        items={name: test.items for name, test in tests.items()},
        clean={name: clean for name, (clean, _) in pairs.items()},
        fgsm={name: attacked for name, (_, attacked) in pairs.items()},
    )


def evaluate(predictions: Predictions, dataset: Dataset, tests: Mapping[str, TestSet]) -> dict[str, float]:
    """Metrics by `metric/test-set`, from logits alone; the temperature is fitted on validation images only."""
    temperature = fit_temperature(predictions.validation, dataset.labels[predictions.validation_items])
    return {
        f"{metric}/{name}": value
        for name, test in tests.items()
        for metric, value in scores(predictions.clean[name], predictions.fgsm[name], test.targets, temperature).items()
    }
