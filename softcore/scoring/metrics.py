"""Scores of stored logits: NumPy only, so that they can be computed again without training."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from softcore.errors import RequestError, unknown_name
from softcore.plugins import PluginTable

BIN = 100  # items a bin of the calibration error ...
SMALL_BIN = 10  # ... and where a test set has fewer than SMALL
SMALL = 1000
WEIGHTED = "weighted"  # "weighted/...": several metrics as one loss (softcore/scoring/weighted.py)
EXTRAS = ("pgd", "corruptions", "released")  # what can be asked for besides the metrics of every trial


@dataclass(frozen=True, kw_only=True, eq=False)
class Logits:
    """A model's logits on one test set: of its images, of the images `attacked` by FGSM, and its temperature.

    The temperature is NaN where validation images are too few to fit one (`LEAST_VALIDATION`).
    """

    clean: Float[np.ndarray, "n k"]
    attacked: Float[np.ndarray, "n k"]
    temperature: float


Score = Callable[[Logits, Float[np.ndarray, "n k"]], float]  # of the logits, and of the targets in rows of one


@dataclass(frozen=True)
class Card:
    """What a metric is: definition, range, whether lower is better, known faults, and how it is computed.

    A metric with a `score` is computed of every trial; one without is computed in softcore/evaluate.py where `extra`, a
    word of `EXTRAS`, asks for it. One that is `scaled` is absent where no temperature can be fitted.
    Every value lies in `least`..`most`.
    """

    name: str
    title: str
    definition: str
    lower: bool
    faults: str
    extra: str = ""
    score: Score | None = None
    scaled: bool = False
    least: float = -math.inf
    most: float = math.inf

    def __post_init__(self) -> None:
        """Refuse a metric that nothing computes, or both ways at once."""
        if (self.score is None) != bool(self.extra):
            raise RequestError(f"metric '{self.name}' needs a `score`, or one of the extras {', '.join(EXTRAS)}")


_BUILT_IN = (
    Card(
        "ce",
        "cross-entropy",
        "mean of -sum_k target_k log p_k in nats, 0 or more",
        True,
        "falls when a model is merely less sure of itself: read scaled-ce beside it",
        score=lambda logits, targets: cross_entropy(logits.clean, targets),
        least=0.0,
    ),
    Card(
        "scaled-ce",
        "cross-entropy after one temperature",
        "ce after dividing the logits by the temperature that fits the validation images' hard labels best, "
        "held near 1 where they can't tell",
        True,
        "one temperature a trial; the validation labels are hard; absent below 100 validation images",
        score=lambda logits, targets: cross_entropy(logits.clean / logits.temperature, targets),
        scaled=True,
        least=0.0,
    ),
    Card(
        "rmsce",
        "RMS calibration error",
        "root of the mean squared gap between confidence and accuracy over bins of equal count, 0..1",
        True,
        "biased upward, more so on small test sets; a model can be calibrated and bad",
        score=lambda logits, targets: rms_calibration_error(logits.clean, targets),
        least=0.0,
        most=1.0,
    ),
    Card(
        "fgsm",
        "loss after FGSM",
        "ce after one FGSM step at 4/255",
        True,
        "a weak attack; rewards softness",
        score=lambda logits, targets: cross_entropy(logits.attacked, targets),
        least=0.0,
    ),
    Card(
        "accuracy",
        "accuracy",
        "share of items whose arg-max is that of the target",
        False,
        "blind to softness",
        score=lambda logits, targets: accuracy(logits.clean, targets),
        least=0.0,
        most=1.0,
    ),
    Card(
        "pgd",
        "loss after PGD",
        "ce after ten steps of projected gradient ascent, each 1/255, within 4/255 of the image",
        True,
        "rewards softness; starts at the image itself, so one basin is searched",
        extra="pgd",
        least=0.0,
    ),
    Card(
        "rmsce-released",
        "RMS calibration error as released",
        "rmsce without the most confident bin, which the code released with the thesis never counts, 0..1",
        True,
        "blind to the most confident predictions; here to compare with published numbers only",
        extra="released",
        least=0.0,
        most=1.0,
    ),
)
METRICS: PluginTable[Card] = PluginTable("softcore.metrics", Card, {card.name: card for card in _BUILT_IN})
ALWAYS = tuple(card.name for card in _BUILT_IN if card.score)  # of every trial, with those of plug-ins beside them


def check_extras(extras: Collection[str]) -> None:
    """RequestError for a word that is not one of `EXTRAS`."""
    for extra in extras:
        if extra not in EXTRAS:
            raise unknown_name("extra", extra, EXTRAS)


def lower_is_better(metric: str) -> bool:
    """Whether less of `metric` ("ce/10h" or "ce") is better; RequestError for an unknown one."""
    name = metric.split("/")[0]
    if name == WEIGHTED:
        return True
    if name not in METRICS:
        raise unknown_name("metric", name, METRICS)
    return METRICS[name].lower


def metric_range(metric: str) -> tuple[float, float]:
    """Between which values `metric` ("ce/10h" or "ce") can lie; RequestError for an unknown one."""
    lower_is_better(metric)
    name = metric.split("/")[0]
    return (0.0, math.inf) if name == WEIGHTED else (METRICS[name].least, METRICS[name].most)


def cross_entropy(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> float:
    """Mean over items of -sum_k target_k log softmax(logits)_k, in nats; a class without mass adds nothing.

    Source: Collins 2022, section 3.3.1 (with the sign put right).
    """
    return float(-(targets * log_softmax(logits.astype(np.float64), axis=1)).sum(axis=1).mean())


def accuracy(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> float:
    """Share of items where the largest logit is at the largest target; the first class wins a tie in either."""
    return float((logits.argmax(axis=1) == targets.argmax(axis=1)).mean())


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
    correct = (logits.argmax(axis=1) == targets.argmax(axis=1)).astype(float)
    order = np.argsort(confidence, kind="stable")
    starts = np.arange(0, len(order), BIN if len(order) >= SMALL else SMALL_BIN)
    return np.add.reduceat((confidence - correct)[order], starts), np.diff(np.append(starts, len(order)))


LEAST_VALIDATION = 100  # images: of fewer the temperature alone moves scaled cross-entropy by what matters (0.01)
PRIOR = 1.0  # standard deviation of the logarithm of a temperature before any image is seen


def fit_temperature(logits: Float[np.ndarray, "n k"], labels: Int[np.ndarray, " n"]) -> float:
    """The temperature in 0.01..100 that fits the hard `labels` best (Guo et al. 2017, arXiv:1706.04599), with a prior.

    The prior of its logarithm is normal around 0 with standard deviation `PRIOR`: images that are all classified
    rightly would else send it to 0. 5,000 images outweigh it (it moved `scaled-ce` by 0.0002 at most in 199 recorded
    trials). Raises ValueError without any item.
    """
    if not len(labels):
        raise ValueError("a temperature needs at least one validation image")
    loss = _temperature_loss(logits, labels)
    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.01), np.log(100)), method="bounded").x))


def temperature_error(logits: Float[np.ndarray, "n k"], labels: Int[np.ndarray, " n"], temperature: float) -> float:
    """The standard deviation of the logarithm of a `temperature` fitted to these labels: 0.03 means about 3%.

    Laplace's approximation at the fit, so that it is at most `PRIOR`.
    """
    loss, centre, step = _temperature_loss(logits, labels), np.log(temperature), 0.01
    curvature = (loss(centre + step) - 2 * loss(centre) + loss(centre - step)) / step**2
    return float(1 / np.sqrt(max(curvature, 1 / PRIOR**2)))


def _temperature_loss(logits: np.ndarray, labels: np.ndarray) -> Callable[[float], float]:
    """Minus the logarithm of the posterior of a log temperature, up to a constant."""
    wide = logits.astype(np.float64)

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(wide / np.exp(log_temperature), axis=1)
        return float(-scaled[np.arange(len(labels)), labels].sum() + (log_temperature / PRIOR) ** 2 / 2)

    return loss


def scores(
    clean: Float[np.ndarray, "n k"],
    attacked: Float[np.ndarray, "n k"],
    targets: Float[np.ndarray, "n k"],
    temperature: float,
) -> dict[str, float]:
    """Every metric of one test set that has a score, by name; those that are scaled not where `temperature` is NaN."""
    logits = Logits(clean=clean, attacked=attacked, temperature=temperature)
    computed = {name: card for name, card in METRICS.items() if not (card.scaled and np.isnan(temperature))}
    return {name: float(card.score(logits, targets)) for name, card in computed.items() if card.score}
