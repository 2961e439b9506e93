"""Score a trained model: logits on every test set, clean, attacked and corrupted, and the metrics they give."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from softcore.data.dataset import Dataset, TestSet
from softcore.scoring.attacks import fgsm_logits, fold_batch_norms, logits, pgd_logits
from softcore.scoring.corrupted import STANDARD, CorruptedImages
from softcore.scoring.metrics import (
    LEAST_VALIDATION,
    Logits,
    accuracy,
    check_extras,
    cross_entropy,
    extra_scores,
    fit_temperature,
    scores,
    temperature_error,
)
from softcore.seeding import generator

CURVE_IMAGES = 500  # of the validation images, for learning curves: a fiftieth of what training costs on a CPU


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Float32 logits of one trial: on the validation images, and on every test set clean and after FGSM.

    Where they were asked for: `pgd` on every test set, and `corrupted` (test set -> corruption -> logits) on the fixed
    ones, whose names end in `-<suffix>` where they are scored.
    """

    validation_items: np.ndarray
    validation: np.ndarray
    items: Mapping[str, np.ndarray]
    clean: Mapping[str, np.ndarray]
    fgsm: Mapping[str, np.ndarray]
    pgd: Mapping[str, np.ndarray] = field(default_factory=dict)
    corrupted: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    suffix: str = ""

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything under one flat name each, as it is stored; a corruption as `<test set>/<suffix>/<corruption>`."""
        flat = {"validation/items": self.validation_items, "validation/clean": self.validation}
        for name in sorted(self.items):
            flat |= {
                f"{name}/items": self.items[name],
                f"{name}/clean": self.clean[name],
                f"{name}/fgsm": self.fgsm[name],
            }
            if name in self.pgd:
                flat[f"{name}/pgd"] = self.pgd[name]
            for corruption, found in self.corrupted.get(name, {}).items():
                flat[f"{name}/{self.suffix}/{corruption}"] = found
        return flat


def predict(
    model: nn.Module,
    images: np.ndarray,
    dataset: Dataset,
    tests: Mapping[str, TestSet],
    *,
    extras: Collection[str] = (),
    corrupted: CorruptedImages | None = None,
) -> Predictions:
    """The logits that every metric is computed from. `images` are those of the data set at the trial's size.

    `extras` are words of `metrics.EXTRAS`; `corruptions` among them needs `corrupted`, at the same size as `images`.
    Raises RequestError for an unknown extra, ValueError where `corrupted` is not there, of another size or without an
    item of a fixed test set.
    """
    check_extras(extras)
    quick = fold_batch_norms(model)
    pairs = {name: fgsm_logits(quick, images, test.items, test.targets) for name, test in tests.items()}
    pgd, on_corrupted, suffix = {}, {}, ""
    if "pgd" in extras:
        pgd = {name: pgd_logits(quick, images, test.items, test.targets) for name, test in tests.items()}
    if "corruptions" in extras:
        if corrupted is None:
            raise ValueError("corruptions were asked for, but no corrupted images were given")
        fixed = {name: test.items for name, test in tests.items() if name in dataset.fixed_tests}
        on_corrupted = {name: corrupted_logits(quick, images, items, corrupted) for name, items in fixed.items()}
        suffix = corrupted.suffix
    return Predictions(
        validation_items=dataset.validation_items,
        validation=logits(quick, images, dataset.validation_items),
        items={name: test.items for name, test in tests.items()},
        clean={name: clean for name, (clean, _) in pairs.items()},
        fgsm={name: attacked for name, (_, attacked) in pairs.items()},
        pgd=pgd,
        corrupted=on_corrupted,
        suffix=suffix,
    )


def corrupted_logits(
    model: nn.Module, images: np.ndarray, items: np.ndarray, corrupted: CorruptedImages
) -> dict[str, np.ndarray]:
    """Float32 logits of `items` after each corruption, by its name."""
    rows = corrupted.rows(items)
    for name, copies in corrupted.images.items():
        if copies.shape[1:] != images.shape[1:]:
            raise ValueError(f"{name} images are {list(copies.shape[1:])}, the trial's {list(images.shape[1:])}")
    return {name: logits(model, copies, rows) for name, copies in corrupted.images.items()}


def validation_loss(model: nn.Module, images: np.ndarray, dataset: Dataset) -> float:
    """Cross-entropy of `model` (left in evaluation mode) with the hard labels of the validation images.

    `images` are those of the data set at the trial's size.
    """
    items = dataset.validation_items
    hard = np.eye(len(dataset.classes))[dataset.labels[items]]
    return cross_entropy(logits(fold_batch_norms(model), images, items), hard)


def curve_items(dataset: Dataset) -> np.ndarray:
    """The validation items of learning curves, the same in every trial: all, or a draw of `CURVE_IMAGES`, ascending."""
    items = dataset.validation_items
    return np.sort(items[generator("curve").permutation(len(items))[:CURVE_IMAGES]])


def curve_scores(found: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """`ce`, `scaled-ce` and `accuracy` of logits `found` [n, k] with hard `labels` [n], for a learning curve.

    The temperature is fitted to the same images; with fewer than `LEAST_VALIDATION` of them there is no `scaled-ce`.
    Nothing where there is no image, or a logit that is not finite.
    """
    if not len(found) or not np.isfinite(found).all():
        return {}
    hard = np.eye(found.shape[1])[labels]
    curve = {"ce": cross_entropy(found, hard), "accuracy": accuracy(found, hard)}
    if len(found) >= LEAST_VALIDATION:
        curve["scaled-ce"] = cross_entropy(found / fit_temperature(found, labels), hard)
    return curve


def evaluate(
    predictions: Predictions, dataset: Dataset, tests: Mapping[str, TestSet], *, extras: Collection[str] = ()
) -> dict[str, float]:
    """Metrics by `metric/test-set`, from logits alone; the temperature is fitted on validation images only.

    With at least `LEAST_VALIDATION` of them there is also the `temperature` and its `temperature_error`; with fewer no
    scaled metric.

    `extras` (words of `metrics.EXTRAS`) add theirs, from predictions that were made with them: `pgd`, `rmsce-released`
    (absent on a test set too small for two bins), every metric that no other word asks for (`all-metrics`), and on each
    fixed test set the means over the standard corruptions of `ce`, `scaled-ce` and `accuracy`, at the temperature of
    the clean images. Raises RequestError for an unknown extra.
    """
    check_extras(extras)
    labels = dataset.labels[predictions.validation_items]
    temperature = trial_temperature(predictions.validation, labels)
    found = {
        f"{metric}/{name}": value
        for name, test in tests.items()
        for metric, value in scores(predictions.clean[name], predictions.fgsm[name], test.targets, temperature).items()
    }
    hard = np.eye(predictions.validation.shape[1])[labels]
    if not np.isnan(temperature):
        found["temperature"] = temperature
        found["temperature_error"] = temperature_error(predictions.validation, labels, temperature)
    found["ce/validation"] = cross_entropy(predictions.validation, hard)
    found["accuracy/validation"] = accuracy(predictions.validation, hard)
    for name, test in tests.items():
        logits_of = Logits(
            clean=predictions.clean[name],
            attacked=predictions.fgsm[name],
            pgd=predictions.pgd[name] if "pgd" in extras else None,
            temperature=temperature,
            positions=dataset.class_positions,
        )
        found |= {f"{metric}/{name}": value for metric, value in extra_scores(logits_of, test.targets, extras).items()}
        if "corruptions" in extras and name in dataset.fixed_tests:
            means = corruption_scores(predictions.corrupted[name], test.targets, temperature)
            found |= {f"{metric}/{name}-{predictions.suffix}": mean for metric, mean in means.items()}
    return found


def trial_temperature(validation: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that fits a trial's logits [n, k] of its validation images with these labels [n].

    NaN where they are fewer than `LEAST_VALIDATION`.
    """
    return fit_temperature(validation, labels) if len(labels) >= LEAST_VALIDATION else math.nan


def corruption_scores(
    logits_by_corruption: Mapping[str, np.ndarray], targets: np.ndarray, temperature: float
) -> dict[str, float]:
    """Means over the standard corruptions that are there of `ce`, `scaled-ce` and `accuracy`; the others don't count.

    Without a temperature (NaN) there is no `scaled-ce`.

    Source: Collins 2022, section 5 (corruption CE, severity 3).
    """
    counted = [logits_by_corruption[name] for name in STANDARD if name in logits_by_corruption]
    means = {"ce": float(np.mean([cross_entropy(found, targets) for found in counted]))}
    if not np.isnan(temperature):
        means["scaled-ce"] = float(np.mean([cross_entropy(found / temperature, targets) for found in counted]))
    return means | {"accuracy": float(np.mean([accuracy(found, targets) for found in counted]))}
