"""Intervals for answers that are not independent: each belongs to a person and to an image, and both repeat."""

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit

from softcore.statistics import MeanInterval

LEVEL = 0.95


def clustered_mean(values: Float[np.ndarray, " n"], people: np.ndarray, images: np.ndarray) -> MeanInterval:
    """The mean of one value an answer with a 95% interval over people and images, both drawn anew.

    `people` [n] and `images` [n] name each answer's. The variance adds that of sums over people to that of sums over
    images and takes off the part counted twice (Cameron, Gelbach & Miller 2011, doi:10.1198/jbes.2010.07136); t has
    one degree of freedom fewer than there are clusters of the rarer kind. One person or one image gives no interval.
    """
    mean = float(np.mean(values))
    half = _half_width((values - mean) / len(values), people, images)
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return MeanInterval(mean=mean, low=low, high=high, n=len(values), level=LEVEL, over=_over(people, images))


def clustered_pearson(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], people: np.ndarray, images: np.ndarray
) -> MeanInterval:
    """Pearson's r of `x` and `y` [n], one pair an answer, with the same kind of interval (on Fisher's scale).

    Each answer's pull on r stands for its value. A constant `x` or `y` is a ValueError: there is no r.
    """
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise ValueError("no correlation with a constant")
    a, b = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    r = float((a * b).mean())
    pull = (a * b - r / 2 * (a**2 + b**2)) / len(a)
    half = None if abs(r) == 1 else _half_width(pull / (1 - r**2), people, images)
    low, high = (None, None) if half is None else np.tanh(np.arctanh(r) + np.array([-half, half])).tolist()
    return MeanInterval(mean=r, low=low, high=high, n=len(a), level=LEVEL, over=_over(people, images))


def _half_width(pulls: np.ndarray, people: np.ndarray, images: np.ndarray) -> float | None:
    """Half the interval's width for a statistic that is the sum of `pulls`."""
    clusters = min(len(np.unique(people)), len(np.unique(images)))
    if clusters < 2:
        return None
    _, person = np.unique(people, return_inverse=True)
    _, image = np.unique(images, return_inverse=True)
    _, answer = np.unique(np.stack([person, image]), axis=1, return_inverse=True)
    of_people, of_images, of_both = (_variance(pulls, groups.reshape(-1)) for groups in (person, image, answer))
    variance = max(of_people + of_images - of_both, of_people, of_images)  # the difference can come out too small
    return float(stdtrit(clusters - 1, (1 + LEVEL) / 2) * np.sqrt(variance))


def _variance(pulls: np.ndarray, groups: np.ndarray) -> float:
    sums = np.bincount(groups, weights=pulls)
    return float((sums**2).sum() * len(sums) / (len(sums) - 1))


def _over(people: np.ndarray, images: np.ndarray) -> str:
    return f"people ({len(np.unique(people))}) and images ({len(np.unique(images))}), both drawn anew"
