"""The gain of people's labels over hard ones, and the share of it that stays over a control, by Fieller's interval."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit

from softcore.statistics import MeanInterval, mean_interval


@dataclass(frozen=True, kw_only=True)
class Share:
    """Which share of a gain a control leaves standing: 1 all of it, 0 none, below 0 the control does better.

    `low` and `high` are Fieller's 95% interval; both are None where the gain itself can't be told from none, so that
    any share would do.
    """

    share: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Left:
    """The gain over hard labels, the gain over a control, each over the replicates that both have, and the share."""

    gain: MeanInterval
    left: MeanInterval
    share: Share
    n: int


def left_standing(gain: Float[np.ndarray, " n"], left: Float[np.ndarray, " n"], level: float = 0.95) -> Left:
    """From paired gains of n replicates: over hard labels and over a control.

    One replicate has no interval (`MeanInterval`).
    """
    return Left(
        gain=mean_interval(gain, level), left=mean_interval(left, level), share=share_of(gain, left, level), n=len(gain)
    )


def share_of(gain: Float[np.ndarray, " n"], left: Float[np.ndarray, " n"], level: float = 0.95) -> Share:
    """mean(left) / mean(gain) with Fieller's interval over n paired replicates (Fieller 1954, JRSS B 16(2), 175).

    The interval holds every ratio r for which mean(left - r * gain) can't be told from 0 by Student's t.
    """
    n, share = len(gain), float(left.mean() / gain.mean())
    if n < 2:
        return Share(share=share, low=None, high=None)
    reach = float(stdtrit(n - 1, (1 + level) / 2)) ** 2 / n
    (a, c), (_, b) = np.cov(gain, left, ddof=1)
    # (mean_left - r mean_gain)^2 = reach * (b - 2 r c + r^2 a), a quadratic in r.
    squared = gain.mean() ** 2 - reach * a
    linear = gain.mean() * left.mean() - reach * c
    constant = left.mean() ** 2 - reach * b
    inside = linear**2 - squared * constant
    if squared <= 0 or inside < 0:
        return Share(share=share, low=None, high=None)
    root = float(np.sqrt(inside))
    return Share(share=share, low=float((linear - root) / squared), high=float((linear + root) / squared))
