"""The metrics: one table, a row each, and the scores of one test set. NumPy only, so that they can be computed again
from stored logits without training.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from softcore.errors import misspelt_name, unknown_name
from softcore.plugins import PluginTable
from softcore.scoring.agreement import ACCURACY, ENTROPY_CORRELATION, accuracy
from softcore.scoring.calibration import (
    CLASSWISE_ECE,
    PEOPLE_ECE,
    RMSCE,
    RMSCE_RELEASED,
    rms_calibration_error,
    rms_calibration_error_released,
)
from softcore.scoring.distance import BRIER, KL, TV, WASSERSTEIN
from softcore.scoring.likelihood import CE, NLL, SCALED_CE, cross_entropy
from softcore.scoring.metric_card import ALL_METRICS, EXTRAS, Card, Each, Example, Logits, Rows, Score
from softcore.scoring.robustness import FGSM, PGD
from softcore.scoring.temperature import LEAST_VALIDATION, PRIOR, fit_temperature, temperature_error

__all__ = [
    "ALL_METRICS",
    "ALWAYS",
    "EXTRAS",
    "LEAST_VALIDATION",
    "METRICS",
    "PRIOR",
    "WEIGHTED",
    "Card",
    "Each",
    "Example",
    "Logits",
    "Rows",
    "Score",
    "Scores",
    "accuracy",
    "all_scores",
    "check_extras",
    "cross_entropy",
    "extra_scores",
    "fit_temperature",
    "lower_is_better",
    "metric_card",
    "metric_range",
    "rms_calibration_error",
    "rms_calibration_error_released",
    "scores",
    "temperature_error",
]
WEIGHTED = "weighted"  # "weighted/...": several metrics as one loss (softcore/scoring/weighted.py)
_BUILT_IN = (  # in the order of a results table's columns
    CE,
    SCALED_CE,
    RMSCE,
    FGSM,
    ACCURACY,
    PGD,
    RMSCE_RELEASED,
    BRIER,
    NLL,
    TV,
    KL,
    WASSERSTEIN,
    ENTROPY_CORRELATION,
    CLASSWISE_ECE,
    PEOPLE_ECE,
)
METRICS: PluginTable[Card] = PluginTable("softcore.metrics", Card, {card.name: card for card in _BUILT_IN})
ALWAYS = tuple(card.name for card in _BUILT_IN if card.usual)  # of every trial, with those of plug-ins beside them


def check_extras(extras: Collection[str]) -> None:
    """RequestError for a word that is not one of `EXTRAS`."""
    for extra in extras:
        if extra not in EXTRAS:
            raise unknown_name("extra", extra, EXTRAS)


def lower_is_better(metric: str) -> bool:
    """Whether less of `metric` ("ce/10h" or "ce") is better; RequestError for an unknown one."""
    name = metric.split("/")[0]
    return True if name == WEIGHTED else metric_card(name).lower


def metric_card(name: str) -> Card:
    """The card of a metric ("ce"); RequestError for an unknown one."""
    if name not in METRICS:
        raise misspelt_name("metric", name, METRICS)
    return METRICS[name]


def metric_range(metric: str) -> tuple[float, float]:
    """Between which values `metric` ("ce/10h" or "ce") can lie; RequestError for an unknown one."""
    lower_is_better(metric)
    name = metric.split("/")[0]
    return (0.0, math.inf) if name == WEIGHTED else (METRICS[name].least, METRICS[name].most)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The metrics of one test set by name, and of those that have no value there why."""

    values: dict[str, float]
    absent: dict[str, str]


def all_scores(logits: Logits, targets: Float[np.ndarray, "n k"], names: Collection[str] | None = None) -> Scores:
    """Every metric of one test set that its logits allow, usual or not, or those of `names` alone.

    Raises RequestError for an unknown name.
    """
    for name in names or ():
        metric_card(name)
    values, absent = dict[str, float](), dict[str, str]()
    for name, card in METRICS.items():
        if names is None or name in names:
            if why := card.absent(logits, targets):
                absent[name] = why
            elif card.score:
                values[name] = float(card.score(logits, targets))
    return Scores(values=values, absent=absent)


def scores(
    clean: Float[np.ndarray, "n k"],
    attacked: Float[np.ndarray, "n k"],
    targets: Float[np.ndarray, "n k"],
    temperature: float,
) -> dict[str, float]:
    """Every usual metric of one test set by name; those that are scaled not where `temperature` is NaN."""
    usual = [name for name, card in METRICS.items() if card.usual]
    return all_scores(Logits(clean=clean, attacked=attacked, temperature=temperature), targets, usual).values


def extra_scores(logits: Logits, targets: Float[np.ndarray, "n k"], extras: Collection[str]) -> dict[str, float]:
    """The metrics of one test set that `extras` (words of `EXTRAS`) ask for beside the usual ones, by name."""
    asked = [name for name, card in METRICS.items() if not card.usual and (card.extra or ALL_METRICS) in extras]
    return all_scores(logits, targets, asked).values
