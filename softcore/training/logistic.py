"""Target mixing by logistic curves fitted to the mixing coefficients that people inferred, one curve a class pair."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import curve_fit
from scipy.special import expit

from softcore.data.hmix import MixedImages
from softcore.errors import RequestError

FEWEST_ANSWERS, FEWEST_COEFFICIENTS = 10, 2
LOWEST, HIGHEST = (0.0, 0.0), (50.0, 1.0)  # slope and midpoint; a slope of 50 is a step in all but name
START = (5.0, 0.5)

Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """A curve for each ordered pair of classes: slopes and midpoints [K, K], and the answers behind each pair's own.

    `fallbacks` names each pair of different classes (lower index first) that has no fit of its own, with the reason;
    it uses the curve fitted to all pairs.
    """

    slopes: Float[np.ndarray, "k k"]
    midpoints: Float[np.ndarray, "k k"]
    answers: Int[np.ndarray, "k k"]
    fallbacks: Mapping[Pair, str]

    def __call__(
        self, coefficient: np.ndarray | float, class_a: np.ndarray | int, class_b: np.ndarray | int
    ) -> np.ndarray:
        """The share of `class_a` that people see where `coefficient` of it was mixed with `class_b`, elementwise.

        1 / (1 + exp(-slope * (coefficient - midpoint))), which is not quite 0 at 0 nor 1 at 1. Turned round it is the
        same statement: curves(l, a, b) = 1 - curves(1 - l, b, a). Two images of one class: the coefficient itself.
        """
        coefficient = np.asarray(coefficient, dtype=np.float64)
        curve = expit(self.slopes[class_a, class_b] * (coefficient - self.midpoints[class_a, class_b]))
        return np.where(np.equal(class_a, class_b), coefficient, curve)


def fit_curves(mixed: MixedImages, labels: Int[np.ndarray, " n"], items: Int[np.ndarray, " m"]) -> Curves:
    """Curves of inferred against generating coefficient, by least squares, from first answers about `items` only.

    `labels` are the reference classes of all images, `items` those that may be used: an answer counts where both
    endpoints are among them (a trial gives its training items without those that its seed holds out). Slope lies in
    0..50, midpoint in 0..1. A pair with fewer than 10 answers, or answers at one coefficient only, takes the curve of
    all pairs together, which treats both classes alike, and is named in `fallbacks`. Raises RequestError with fewer
    than 10 answers in all. Source: Collins 2022, appendix C.
    """
    first = mixed.inferences[~mixed.inferences["is_repeat"]]
    image = first["mixed"].to_numpy(np.int64)
    usable = np.asarray(np.isin(mixed.endpoints, items).all(axis=1))[image]
    image, inferred = image[usable], first["coefficient"].to_numpy(np.float64)[usable]
    if len(image) < FEWEST_ANSWERS:
        raise RequestError(
            f"{len(image)} inferred coefficients have both endpoints among the {len(items)} items given; "
            f"logistic curves need at least {FEWEST_ANSWERS}"
        )
    x, classes = mixed.coefficients[image], labels[mixed.endpoints[image]]
    turned = classes[:, 0] > classes[:, 1]  # said of the class with the lower index
    x, y = np.where(turned, 1 - x, x), np.where(turned, 1 - inferred, inferred)
    low, high = classes.min(axis=1), classes.max(axis=1)
    together = _fit(np.concatenate([x, 1 - x]), np.concatenate([y, 1 - y]))

    k = int(labels.max()) + 1
    slopes, midpoints, answers = np.zeros((k, k)), np.full((k, k), 0.5), np.zeros((k, k), dtype=np.int64)
    fallbacks: dict[Pair, str] = {}
    for a, b in combinations(range(k), 2):
        own = (low == a) & (high == b)
        reason = _too_few(x[own])
        slope, midpoint = together if reason else _fit(x[own], y[own])
        slopes[a, b] = slopes[b, a] = slope
        midpoints[a, b], midpoints[b, a] = midpoint, 1 - midpoint
        answers[a, b] = answers[b, a] = own.sum()
        if reason:
            fallbacks[a, b] = reason
    return Curves(slopes=slopes, midpoints=midpoints, answers=answers, fallbacks=fallbacks)


def _too_few(x: np.ndarray) -> str:
    """Why answers at the coefficients `x` can't be fitted, "" where they can."""
    if len(x) < FEWEST_ANSWERS:
        return f"{len(x)} answers; a curve of its own needs at least {FEWEST_ANSWERS}"
    if len(np.unique(x)) < FEWEST_COEFFICIENTS:
        return f"answers at one coefficient only; a curve of its own needs {FEWEST_COEFFICIENTS}"
    return ""


def _fit(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and midpoint of the curve closest to `y` at `x`."""

    def curve(x: np.ndarray, slope: float, midpoint: float) -> np.ndarray:
        return np.asarray(expit(slope * (x - midpoint)))

    def gradient(x: np.ndarray, slope: float, midpoint: float) -> np.ndarray:
        p = curve(x, slope, midpoint)
        return (p * (1 - p))[:, None] * np.stack([x - midpoint, np.full_like(x, -slope)], axis=1)

    (slope, midpoint), _ = curve_fit(curve, x, y, p0=START, jac=gradient, bounds=(LOWEST, HIGHEST), max_nfev=10_000)
    return float(slope), float(midpoint)
