"""How many test labels tell two models apart: how differences vary by image and by click, what a gain takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_softmax
from scipy.stats import norm

from softcore.errors import unknown_name
from softcore.scoring.metrics import Logits

# Metrics whose value on people's label is the mean of their values on single clicks: others can't be replayed so.
BY_CLICK = ("ce", "scaled-ce", "accuracy")


def click_losses(metric: str, logits: Logits) -> Float[np.ndarray, "n k"]:
    """The loss of a model on each of n images if a click there says class k; less is better.

    Of `accuracy` the loss is 1 where the model's class is another: agreement with single clicks, which never is above
    people's agreement with one another. RequestError for a metric that is none of `BY_CLICK`.
    """
    if metric not in BY_CLICK:
        raise unknown_name("metric by click", metric, BY_CLICK)
    wide = logits.clean.astype(np.float64)
    if metric == "accuracy":
        return 1.0 - np.eye(wide.shape[1])[wide.argmax(axis=1)]
    return -log_softmax(wide / (logits.temperature if metric == "scaled-ce" else 1.0), axis=1)


@dataclass(frozen=True)
class Spread:
    """The variance of the difference of two models: between images, and between the clicks on one image."""

    between: float
    within: float

    def variance(self, images: float, each: float) -> float:
        """Of the mean difference over `images` with `each` clicks on every one."""
        return self.between / images + self.within / (images * each)

    def images_to_see(self, gain: float, each: float, *, level: float = 0.95, power: float = 0.8) -> float:
        """Images with `each` clicks that a two-sided test at `level` needs to see this gain with this power."""
        reach = norm.ppf((1 + level) / 2) + norm.ppf(power)
        return float(reach**2 * (self.between + self.within / each) / gain**2)

    def smallest_seen(self, images: float, each: float, *, level: float = 0.95, power: float = 0.8) -> float:
        """The smallest gain that so many images with `each` clicks show at `level` with this power."""
        reach = norm.ppf((1 + level) / 2) + norm.ppf(power)
        return float(reach * np.sqrt(self.variance(images, each)))


def spread(difference: Float[np.ndarray, "n k"], counts: Int[np.ndarray, "n k"]) -> Spread:
    """The variances of a difference by image and click, as people's clicks `counts` have them.

    An image's mean over some 50 clicks varies by chance itself; that share is taken off the variance between images
    (which is never below 0). Images with fewer than two clicks tell nothing of the variance within and are left out.
    """
    clicks = counts.sum(axis=1)
    kept = clicks >= 2
    shares = counts[kept] / clicks[kept, None]
    means = (shares * difference[kept]).sum(axis=1)
    squares = (shares * difference[kept] ** 2).sum(axis=1) - means**2
    within = squares * clicks[kept] / (clicks[kept] - 1)
    by_chance = float((within / clicks[kept]).mean())
    return Spread(between=max(0.0, float(means.var(ddof=1)) - by_chance), within=float(within.mean()))


def pooled_spread(spreads: Sequence[Spread]) -> Spread:
    """The mean variances of several pairs of models."""
    return Spread(float(np.mean([s.between for s in spreads])), float(np.mean([s.within for s in spreads])))
