"""Paired differences of two cells: one a replicate, and what other images would do to them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from softcore.errors import RequestError
from sweeps.comparison.intervals import Spread

IMAGES, SEEDS, PEOPLE = COVERS = ("images", "seeds", "people")
RESAMPLES = 300  # of images, for metrics that are no means over images


@dataclass(frozen=True, kw_only=True, eq=False)
class Differences:
    """A metric's difference A less B in r replicates, each a `seed` and a `panel` of people (drawn anew by each seed).

    `values` [r]; `over_images` [r, r] is the covariance of the values over other images: replicates that share no image
    have 0. `images` is how many images there are in all. `same_images`: whether all replicates have the same ones.
    """

    values: Float[np.ndarray, " r"]
    seed: Int[np.ndarray, " r"]
    panel: Int[np.ndarray, " r"]
    over_images: Float[np.ndarray, "r r"]
    images: int
    same_images: bool

    @cached_property
    def seeds(self) -> Int[np.ndarray, " s"]:
        """The seeds, ascending."""
        return np.unique(self.seed)

    @cached_property
    def of_seeds(self) -> Float[np.ndarray, "s r"]:
        """Weights that average the replicates of each seed."""
        own = (self.seeds[:, None] == self.seed).astype(float)
        return own / own.sum(axis=1, keepdims=True)

    @property
    def panels_apart(self) -> bool:
        """Whether every seed has two panels or more, so that people can be told from seeds."""
        return bool(((self.of_seeds > 0).sum(axis=1) > 1).all())

    @property
    def mean(self) -> float:
        """The mean over seeds of the mean of each seed's panels."""
        return float((self.of_seeds @ self.values).mean())

    @property
    def replicate_deviation(self) -> float:
        """The standard deviation of the seeds' differences; NaN with a single seed."""
        return float((self.of_seeds @ self.values).std(ddof=1)) if len(self.seeds) > 1 else np.nan


def spread(differences: Differences, covers: Sequence[str]) -> Spread:
    """What the mean of `differences` varies by over `covers`, some of images, seeds and people.

    What images do to each replicate by itself is part of what differs between replicates, and is not added again; what
    they do to all alike is their mean covariance between seeds. Seeds and people that come together (one panel a seed)
    are covered together; `coverage` in `replicates.py` says so. A single seed has no replicates to cover, and nothing
    to cover at all is a RequestError.
    """
    images, seeds, people = (name in covers for name in COVERS)
    of_seeds = differences.of_seeds
    between_images = of_seeds @ differences.over_images @ of_seeds.T
    count, all_images = len(of_seeds), float(between_images.mean())
    image_df = float(max(differences.images - 1, 1))
    if (seeds or people) and count > 1 and not (people and not seeds and differences.panels_apart):
        by_seed = of_seeds @ differences.values
        between, df = float(by_seed.var(ddof=1)) / count, count - 1.0
        alike = max(_mean_off_diagonal(between_images), 0.0)
        if seeds and not people and differences.panels_apart:
            between, df = _without_panels(differences, between, df)
    elif people and differences.panels_apart:
        between, df = _panels(differences)
        alike = max(all_images - _images_within_seeds(differences, between_images), 0.0)
    elif images:
        return Spread(between=0.0, df=0.0, shared=all_images, image_df=image_df)
    else:
        raise RequestError(
            "nothing that these replicates vary is covered: a single seed shows how much images vary only"
        )
    # What images do to each replicate apart comes with other seeds or people on the same images, too. Where each seed
    # has images of its own, the spread of few seeds holds all that they do, as exactly as Student's t.
    known = all_images if images else max(all_images - alike, 0.0)
    return Spread(
        between=between,
        df=df,
        shared=alike if images else 0.0,
        image_df=image_df,
        floor=known if differences.same_images else 0.0,
    )


def _panels(differences: Differences) -> tuple[float, float]:
    """The variance of the mean over other panels of these seeds, and its degrees of freedom."""
    of_seeds, values = differences.of_seeds, differences.values
    own = of_seeds > 0
    by_seed = of_seeds @ values
    counts = own.sum(axis=1)
    squares = np.array([((values[rows] - mean) ** 2).sum() for rows, mean in zip(own, by_seed, strict=True)])
    df = float((counts - 1).sum())
    return float(squares.sum() / df * (1 / counts).sum()) / len(counts) ** 2, df


def _images_within_seeds(differences: Differences, between_images: np.ndarray) -> float:
    """The part of the variance of the mean by images that panels of one seed do not share."""
    found = 0.0
    for own, of_mean in zip(differences.of_seeds > 0, np.diag(between_images), strict=True):
        each = float(np.diag(differences.over_images)[own].mean())  # of one panel, of_mean of their mean
        found += (each - of_mean) / (own.sum() - 1)
    return found / len(differences.seeds) ** 2


def _without_panels(differences: Differences, between: float, df: float) -> tuple[float, float]:
    """The variance of the mean over seeds less what their panels add to it, with Satterthwaite's degrees of freedom."""
    panels, panel_df = _panels(differences)
    left = max(between - panels, 0.0)
    noise = between**2 / df + panels**2 / panel_df
    return left, float(np.clip(left**2 / noise, 1.0, df)) if noise else df


def _mean_off_diagonal(square: np.ndarray) -> float:
    count = len(square)
    return float((square.sum() - np.trace(square)) / (count * (count - 1)))


def from_items(
    values: Sequence[Float[np.ndarray, " n"]],
    items: Sequence[Int[np.ndarray, " n"]],
    seed: Int[np.ndarray, " r"],
    panel: Int[np.ndarray, " r"],
) -> Differences:
    """Of a metric that is a mean over rows: each replicate's differences by row, and the image that each row shows.

    Rows of one image (as after several corruptions) are drawn together.
    """
    places, count = _places(items)
    pulls = np.zeros((len(values), count))
    for pull, own, place in zip(pulls, values, places, strict=True):
        pull += np.bincount(place, weights=(own - own.mean()) / len(own), minlength=count)
    each = [len(np.unique(place)) for place in places]
    scale = np.array([n / max(n - 1, 1) for n in each])
    return Differences(
        values=np.array([own.mean() for own in values]),
        seed=seed,
        panel=panel,
        over_images=pulls @ pulls.T * np.sqrt(np.outer(scale, scale)),
        images=count,
        same_images=all(n == count for n in each),
    )


def from_resamples(
    score: Callable[[int, Int[np.ndarray, " rows"]], float],
    items: Sequence[Int[np.ndarray, " n"]],
    seed: Int[np.ndarray, " r"],
    panel: Int[np.ndarray, " r"],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Differences:
    """Of any metric: `score(replicate, rows)` is its difference on those rows of the replicate, some of them repeated.

    Images are drawn with replacement, the same draw in all replicates. Source: Efron & Tibshirani 1993, chapter 6.
    """
    places, count = _places(items)
    drawn = np.empty((resamples, len(items)))
    for found in drawn:
        times = np.bincount(rng.integers(count, size=count), minlength=count)
        for replicate, place in enumerate(places):
            found[replicate] = score(replicate, np.repeat(np.arange(len(place)), times[place]))
    return Differences(
        values=np.array([score(replicate, np.arange(len(place))) for replicate, place in enumerate(places)]),
        seed=seed,
        panel=panel,
        over_images=np.atleast_2d(np.cov(drawn, rowvar=False)),
        images=count,
        same_images=all(len(np.unique(place)) == count for place in places),
    )


def _places(items: Sequence[np.ndarray]) -> tuple[list[np.ndarray], int]:
    """The place of each row's image among all images, by replicate, and how many images there are."""
    known = np.unique(np.concatenate(items))
    return [np.searchsorted(known, own) for own in items], len(known)
