"""Intervals: means over few replicates, shares, and means over people and images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import betaincinv, stdtrit

from softcore.errors import RequestError

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class MeanInterval:
    """A mean of `n` values with the bounds of its interval (None where one value gives none), and what it is over."""

    mean: float
    low: float | None
    high: float | None
    n: int
    level: float = 0.95
    over: str = "replicates"

    @property
    def half_width(self) -> float | None:
        """Half the interval's width, or None without an interval."""
        return None if self.high is None else self.high - self.mean


def mean_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> MeanInterval:
    """The mean of replicates' `values` [n] with Student's t interval at `level`.

    One value has no interval, never one of width zero. No value at all, NaN or infinity is a RequestError, as is a
    level outside 0..1.

    What it covers is what the replicates vary: seeds, and panels where they differ; not the test images and not their
    labels. It takes replicates as independent and alike. With three of them t is 4.3 and the interval mostly reflects
    three numbers' luck; pool the variance over cells before a close call is decided, and compare two cells by their
    paired differences, not by whether two of these overlap.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise RequestError(f"an interval needs a list of one value or more, not shape {values.shape}")
    if not np.isfinite(values).all():
        raise RequestError(f"an interval needs finite values; {(~np.isfinite(values)).sum()} of {values.size} are not")
    mean, n = float(values.mean()), values.size
    if n == 1:
        half_width(np.nan, n, level)  # a level that makes no sense is refused here too
        return MeanInterval(mean=mean, low=None, high=None, n=n, level=level)
    half = float(half_width(values.std(ddof=1), n, level))
    return MeanInterval(mean=mean, low=mean - half, high=mean + half, n=n, level=level)


def half_width(sd: float | np.ndarray, n: int | np.ndarray, level: float = 0.95) -> np.ndarray:
    """Half the width of Student's t interval for means of `n` values with sample standard deviation `sd`, elementwise.

    NaN where n < 2. A level outside 0..1 is a RequestError.
    """
    if not 0 < level < 1:
        raise RequestError(f"level must lie between 0 and 1, not {level}")
    n = np.asarray(n)
    enough = np.maximum(n, 2)
    half = stdtrit(enough - 1, (1 + level) / 2) * np.asarray(sd, dtype=np.float64) / np.sqrt(enough)
    return np.where(n >= 2, half, np.nan)


def share_interval(hits: int, n: int, level: float = 0.95) -> MeanInterval:
    """The share of `hits` in `n` independent trials with the exact binomial interval at `level`.

    Source: Clopper & Pearson (1934), doi:10.1093/biomet/26.4.404. It never covers less than its level. Hits outside
    0..n, or no trial, are a RequestError, as is a level outside 0..1.
    """
    if not 0 <= hits <= n or n < 1:
        raise RequestError(f"a share needs hits in 0..n of one trial or more, not {hits} of {n}")
    if not 0 < level < 1:
        raise RequestError(f"level must lie between 0 and 1, not {level}")
    low = float(betaincinv(hits, n - hits + 1, (1 - level) / 2)) if hits else 0.0
    high = float(betaincinv(hits + 1, n - hits, (1 + level) / 2)) if hits < n else 1.0
    return MeanInterval(mean=hits / n, low=low, high=high, n=n, level=level, over="trials")


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
