"""From what a mean difference varies by to its interval, its p and the difference that could have been detected.

A mean difference of a few replicates has a variance in two parts: what differs between replicates, known from their
spread on few degrees of freedom, and what the images that all replicates share add to it, known from many images. The
sum of an uncertain and a well-known variance has no exact interval; here the uncertain one is drawn (as its mean square
times df over a chi-square), weighted by a prior, and the difference is held against the mixture of normal distributions
that this gives. Without shared images it is Student's t, without replicates the normal distribution.

How the prior was chosen: Satterthwaite's degrees of freedom cover as little as 87% with two replicates and 92% with
three, because a small spread by luck passes for many degrees of freedom; the unweighted draws (Behrens and Fisher's
interval) cover up to 99% and 98%. Weighted by the share of replicates in all variance to the power of -1 (-1/2 with two
replicates) they cover 93.1% to 97.2% with two replicates and 93.8% to 95.6% with more, whatever the share. Far out in
the tails only the unweighted draws never say too much: families of comparisons are corrected on those.

Few replicates may by luck differ less than the images that they share allow. An interval is never shorter than that
over images alone (`floor`), and p never smaller: where seeds add little to images this covers up to 98%.
Sources: Box & Tiao 1973, section 2.5.2; `sweeps.studies.comparison` has the simulation.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import chdtri, ndtr, stdtr, stdtrit

from softcore.errors import RequestError

FLOOR = 0.01  # added to the share of replicates, so that a share of none has a finite weight
NODES = 64
POWER = 0.8
# Of detectable differences: the share of replicates, by degrees of freedom, above which draws weigh alike.
_ALIKE_ABOVE = {1.0: 0.1, 2.0: 0.5, 3.0: 0.7}
TINY = 1e-300


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What the mean of paired differences varies by over what is covered.

    `between` is the variance of the mean as replicates show it, on `df` degrees of freedom (0 where no replicates are
    covered); `shared` is the variance that images add, on `image_df`. `floor` is what images alone do to the mean: a
    part of the variance that is known well, so that all of it is no less, however alike a few replicates are by luck.
    """

    between: float
    df: float
    shared: float
    image_df: float = np.inf
    floor: float = 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation of the mean difference, as estimated."""
        return float(np.sqrt(max(self.between + self.shared, self.floor)))


@lru_cache(maxsize=64)
def chi_square_nodes(df: float) -> tuple[np.ndarray, np.ndarray]:
    """Values of df over a chi-square on `df`, and weights that sum to 1: denser where it is large."""
    x, weights = np.polynomial.legendre.leggauss(NODES)
    q = (x + 1) / 2
    return df / chdtri(df, 1 - q**4), 2 * q**3 * weights  # the upper tail of chdtri is 1 - q^4


def two_sided_p(
    values: Float[np.ndarray, " n"],
    between: Float[np.ndarray, " n"],
    shared: Float[np.ndarray, " n"],
    df: float,
    *,
    cautious: bool = False,
) -> Float[np.ndarray, " n"]:
    """Two-sided p of n mean differences `values`, of variances as in `Spread`, for a true difference of 0.

    `cautious` draws without weights: never too small a p at any level, for families. A value of 0 has p = 1.
    """
    variances, weights = _mixture(between, shared, df, 0.0 if cautious else 0.5 if df <= 1 else 1.0)
    found = (weights * 2 * ndtr(-np.abs(values)[:, None] / np.sqrt(variances))).sum(axis=1)
    return np.where(values == 0, 1.0, np.minimum(found, 1.0))


def _mixture(
    between: np.ndarray, shared: np.ndarray, df: float, exponent: float, most: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Variances of the normal distributions that a difference may come from [n, nodes], and their weights.

    Weighted by the share of replicates in all variance, or `most` where it is more, to the power of -`exponent`.
    """
    ratio, weights = chi_square_nodes(df)
    drawn = np.maximum(between[:, None] * ratio, TINY)
    variances = drawn + shared[:, None]
    weights = weights * (np.minimum(drawn / variances, most) + FLOOR) ** -exponent
    return variances, weights / weights.sum(axis=1, keepdims=True)


def p_of(value: float, spread: Spread, *, cautious: bool = False) -> float:
    """Two-sided p of a mean difference of `spread`; 1 where value and spread are 0."""
    if value == 0:
        return 1.0
    if not spread.df:
        if not spread.shared:
            return 0.0
        return _p_over_images(value, spread.shared, spread.image_df)
    between, shared = np.array([spread.between]), np.array([spread.shared])
    found = float(two_sided_p(np.array([value]), between, shared, spread.df, cautious=cautious)[0])
    return max(found, _p_over_images(value, spread.floor, spread.image_df))


def _p_over_images(value: float, variance: float, df: float) -> float:
    return float(2 * stdtr(df, -abs(value) / np.sqrt(variance))) if variance else 0.0


def half_width(spread: Spread, level: float = 0.95) -> float:
    """Half the width of the interval at `level`; a level outside 0..1 is a RequestError."""
    if not 0 < level < 1:
        raise RequestError(f"level must lie between 0 and 1, not {level:g}")
    if not spread.df:
        return float(stdtrit(spread.image_df, (1 + level) / 2) * np.sqrt(spread.shared))
    if not spread.deviation:
        return 0.0
    found = critical_values(np.array([spread.between]), np.array([spread.shared]), spread.df, level)
    return max(float(found[0]), _half_over_images(spread, level))


def _half_over_images(spread: Spread, level: float) -> float:
    return float(stdtrit(spread.image_df, (1 + level) / 2) * np.sqrt(spread.floor))


def critical_values(
    between: Float[np.ndarray, " n"], shared: Float[np.ndarray, " n"], df: float, level: float
) -> Float[np.ndarray, " n"]:
    """The value at which `two_sided_p` is 1 - `level`, by bisection, for n spreads at once."""
    deviation = np.sqrt(between + shared)
    low, high = np.zeros(len(between)), np.log1p(stdtrit(max(df, 1.0), (1 + level) / 2) * 4)
    high = np.full(len(between), high)
    for _ in range(32):
        middle = (low + high) / 2
        beyond = two_sided_p(np.expm1(middle) * deviation, between, shared, df) > 1 - level
        low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
    return np.expm1((low + high) / 2) * deviation


def smallest_detectable(spread: Spread, level: float = 0.95, power: float = POWER) -> float:
    """The true difference that as many fresh replicates would tell from 0 with probability `power`, at `level`.

    What is not known of the variance between replicates counts: the power is its mean over the mixture, so that it
    holds on average over studies: between 77% and 83% where 80% is asked, whatever the share of replicates, by weights
    of its own (`_ALIKE_ABOVE`). Two replicates know so
    little of their variance that it may be very large.
    """
    if not spread.df:
        return float((stdtrit(spread.image_df, (1 + level) / 2) + stdtrit(spread.image_df, power)) * spread.deviation)
    if not spread.deviation:
        return 0.0
    parts = np.array([spread.between]), np.array([spread.shared])
    variances, weights = _mixture(*parts, spread.df, 1.0, _ALIKE_ABOVE.get(spread.df, 1.0))
    between = np.maximum(variances[0] - spread.shared, TINY)
    ratio, fresh_weights = chi_square_nodes(spread.df)
    seen = between[:, None] / ratio  # what fresh replicates might show: a chi-square over df
    # By how many standard deviations it must be off 0 changes between one variance and the other only.
    grid = spread.deviation**2 * np.geomspace(1e-6, 1e6, 80)
    critical = critical_values(grid, np.full(len(grid), spread.shared), spread.df, level)
    factor = np.interp(np.log(np.maximum(seen, TINY)), np.log(grid), critical / np.sqrt(grid + spread.shared))
    needed = np.maximum(factor * np.sqrt(seen + spread.shared), _half_over_images(spread, level))
    deviation = np.sqrt(variances[0])[:, None]

    def lacking(log_difference: float) -> float:
        found = ndtr((np.exp(log_difference) - needed) / deviation) + ndtr(
            (-np.exp(log_difference) - needed) / deviation
        )
        return float(weights[0] @ found @ fresh_weights) - power

    scale = np.log(spread.deviation)
    return float(np.exp(brentq(lacking, scale - 10, scale + 20)))


def holm(p: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The p of a family of n, corrected so that one of them is at most alpha by chance with probability alpha.

    Source: Holm 1979, www.jstor.org/stable/4615733.
    """
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    found = np.empty(len(p))
    found[order] = np.minimum(stepped, 1.0)
    return found
