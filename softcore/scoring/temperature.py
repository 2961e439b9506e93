"""One temperature a model, fitted to the hard labels of validation images."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

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
