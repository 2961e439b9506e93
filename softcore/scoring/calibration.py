"""Metrics of whether a model's probabilities are what they say: by confidence, by class, and against people."""

import math

import numpy as np
from jaxtyping import Float
from scipy.special import softmax

from softcore.scoring.agreement import agreements
from softcore.scoring.metric_card import Card, Example, Logits

BIN = 100  # items a bin of the calibration error ...
SMALL_BIN = 10  # ... and where a test set has fewer than SMALL
SMALL = 1000
WIDTHS = 15  # bins of equal width of a class's probability ...
DECIMALS = 9  # ... whose ends are met to so many decimals: 0.2 is in one bin however it was computed


def rms_calibration_error(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> float:
    """Root of the count-weighted mean, over bins of equal count, of (mean confidence - accuracy) squared.

    Items are sorted by confidence (their largest probability; equal ones stay in their order) and cut into bins of
    100, or of 10 where there are fewer than 1,000; the last bin may be smaller and every bin counts. "Correct" is
    agreement with the arg-max of the target. Source: Hendrycks et al. 2022 (adaptive bins), Collins 2022, 3.3.1.
    """
    gaps, counts = _bins(logits, targets)
    return float(np.sqrt((gaps**2 / counts).sum() / counts.sum()))


def rms_calibration_error_released(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> float | None:
    """The calibration error of the code released with the thesis: the most confident whole bin adds nothing.

    Nor does what is left over after it; both still count among the items that are divided by. None where there is no
    second whole bin. Source: `calib_err` of cambridge-mlg/cifar-10s, after Hendrycks et al. 2022; bins of 10 in test
    sets of fewer than 1,000 are this project's (there they are of 100, and a set of 100 items has an error of 0).
    """
    gaps, counts = _bins(logits, targets)
    whole = int((counts == counts[0]).sum())
    if whole < 2:
        return None
    counted = slice(0, whole - 1)
    return float(np.sqrt((gaps[counted] ** 2 / counts[counted]).sum() / counts.sum()))


def _bins(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By bin, least confident first: the sum over its items of confidence less correctness, and their number."""
    confidence = softmax(logits.astype(np.float64), axis=1).max(axis=1)
    correct = agreements(logits, targets)
    order = np.argsort(confidence, kind="stable")
    starts = np.arange(0, len(order), _bin_size(len(order)))
    return np.add.reduceat((confidence - correct)[order], starts), np.diff(np.append(starts, len(order)))


def _bin_size(items: int) -> int:
    return BIN if items >= SMALL else SMALL_BIN


def classwise_error(logits: Float[np.ndarray, "n k"], masses: Float[np.ndarray, "n k"]) -> float:
    """Mean over classes and bins of a class's probability, weighted by count, of |mean probability - mean mass|.

    `masses` is how much of each item is each class: one-hot labels, or people's distributions. Bins are fifteen of
    equal width, each with its lower end and without its upper one, but for the last, which has 1, too; empty ones don't
    count. With one item it is the mean over classes of |probability -
    mass|, and with few it is biased upward.
    """
    probabilities = softmax(logits.astype(np.float64), axis=1)
    bins = np.minimum(np.round(probabilities * WIDTHS, DECIMALS).astype(np.int64), WIDTHS - 1)
    n, classes = probabilities.shape
    place = (bins + WIDTHS * np.arange(classes)).ravel()
    gaps = np.bincount(place, weights=(probabilities - masses).ravel(), minlength=WIDTHS * classes)
    return min(float(np.abs(gaps).sum() / (n * classes)), 1.0)


def _likeliest(targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """One-hot labels: the class with most mass, the first of those tied."""
    return np.eye(targets.shape[1])[targets.argmax(axis=1)]


def _released(logits: Logits, targets: Float[np.ndarray, "n k"]) -> float:
    found = rms_calibration_error_released(logits.clean, targets)
    return math.nan if found is None else found


def _no_second_bin(logits: Logits, targets: Float[np.ndarray, "n k"]) -> str:
    needed = 2 * _bin_size(len(targets))
    return "" if len(targets) >= needed else f"{len(targets)} items, {needed} needed for two bins"


RMSCE = Card(
    "rmsce",
    "RMS calibration error",
    "root of the mean squared gap between confidence and accuracy over bins of equal count, 0..1",
    True,
    "biased upward, more so on small test sets; a model can be calibrated and bad; an answer is right where it is "
    "people's likeliest class, so a model that says exactly what people say scores worse than one that is sure of "
    "their likeliest class (people-ece says the opposite)",
    score=lambda logits, targets: rms_calibration_error(logits.clean, targets),
    least=0.0,
    most=1.0,
    source="Hendrycks et al. 2022, arXiv:2112.05135 (adaptive bins); Collins 2022, section 3.3.1; on its fault with "
    "people: Baan et al. 2022, arXiv:2210.16133",
    example=Example(value=0.0416667),
)
RMSCE_RELEASED = Card(
    "rmsce-released",
    "RMS calibration error as released",
    "rmsce without the most confident bin, which the code released with the thesis never counts, 0..1",
    True,
    "blind to the most confident predictions; here to compare with published numbers only; absent below two whole bins",
    extra="released",
    score=_released,
    lacks=_no_second_bin,
    least=0.0,
    most=1.0,
    source="`calib_err` of cambridge-mlg/cifar-10s",
    example=Example(value=0.0710047, times=4),
)
CLASSWISE_ECE = Card(
    "classwise-ece",
    "classwise calibration error",
    f"mean over classes of the mean gap between a class's probability and how often it is people's likeliest class, "
    f"over {WIDTHS} bins of equal width of that probability, weighted by count, 0..1",
    True,
    "biased upward on small test sets; small by making where there are many classes, most of which are unlikely on "
    "most items; the same fault as rmsce where people are split",
    score=lambda logits, targets: classwise_error(logits.clean, _likeliest(targets)),
    least=0.0,
    most=1.0,
    source="Kull et al. 2019, arXiv:1910.12656",
    example=Example(value=0.35),
    usual=False,
)
PEOPLE_ECE = Card(
    "people-ece",
    "calibration error against people's distribution",
    f"classwise-ece with the share of people who say a class in place of whether it is their likeliest one: mean over "
    f"classes of the mean gap between a class's probability and its share, over {WIDTHS} bins of equal width of that "
    "probability, weighted by count, 0..1. A model that says exactly what people say has 0",
    True,
    "biased upward on small test sets; small by making where there are many classes; a model that says the mean of all "
    "people of every item has 0, too: read kl or tv beside it",
    score=lambda logits, targets: classwise_error(logits.clean, targets),
    least=0.0,
    most=1.0,
    source="after Kull et al. 2019, arXiv:1910.12656, against people's distribution as Baan et al. 2022, "
    "arXiv:2210.16133, ask for",
    example=Example(value=0.1944444),
    usual=False,
)
