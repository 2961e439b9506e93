"""Fit a surface to cell means and draw from its joint posterior: 1,000 draws by default.

Hyperparameters (a surface's `sizes` and its length scale) and the variance components of the noise are sampled by
adaptive importance sampling (Cappe et al. 2004, doi:10.1198/106186004X12803). Given those, coefficients and the
Gaussian process are normal, and each draw is a sample from the prior corrected by conditioning on simulated data
(Matheron's rule). Prices play no part: draws are made once and priced any number of times.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from softcore.seeding import generator
from sweeps.planning.rows import Rows
from sweeps.planning.surfaces import Surface
from sweeps.uncertainty.shrinkage import chunks, next_proposal

SAMPLES, ROUNDS, KEPT, DRAWS = 512, 4, 200, 1000
EACH = 5  # draws that each kept sample has, at the least
LEAST_SAMPLES, HEAVY = 40, 5  # that a round's proposal must rest on; degrees of freedom of its tails
POOLED = 2  # last rounds whose samples are kept
SPREAD_OUT = 0.3  # share of a round's reaches that is drawn whatever the last one found
NUGGET = 1e-9


def draws_generator(seed: int, part: int = 0) -> np.random.Generator:
    """The random generator for `seed` and a `part` of the planner.

    Parts: 0 model checks, 1 plans, 2 sealed cells, 3 other readings of the same results.
    """
    return generator("plan", seed, part)


class FittedModel(Protocol):
    """A model fitted to cell means, which predicts values at new points."""

    @property
    def name(self) -> str:
        """The model's name, such as "curve"."""

    @property
    def rows(self) -> Rows:
        """The cells it was fitted to."""

    def values(
        self, points: pd.DataFrame, rng: np.random.Generator, n: int = DRAWS
    ) -> tuple[Float[np.ndarray, "n p"], Float[np.ndarray, "n j"]]:
        """`n` joint posterior draws of the points' expected values, and of the variance components drawn with them.

        A point's expected value is its mean over seeds and annotators, on `rows.scale` with less being better.
        `points` has a row a point, with the columns of `POINT` and `free`.
        """

    def left_out(self, rng: np.random.Generator, n: int = DRAWS) -> Float[np.ndarray, "n b"]:
        """`n` draws of the means of the cells `rows.told`, each predicted from all others, noise included."""

    def refitted(self, rows: Rows, rng: np.random.Generator) -> "FittedModel":
        """The model fitted to other `rows`, which differ from its own by few trials or by a prior: a quick search."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Weighted samples of the hyperparameters: `sizes`, `reach`, `variances`; `weights` sum to 1.

    `sizes` [s, d] are the logarithms of a surface's nonlinear parameters, `reach` [s] indexes its length scales
    (`Surface.reaches`), `variances` [s, j] are the variance components of the noise.
    """

    sizes: Float[np.ndarray, "s d"]
    reach: Int[np.ndarray, " s"]
    variances: Float[np.ndarray, "s j"]
    weights: Float[np.ndarray, " s"]


@dataclass(frozen=True, eq=False)
class FittedSurface:
    """A surface, the cells it was fitted to, and posterior samples of its hyperparameters."""

    surface: Surface
    rows: Rows
    samples: Samples

    @property
    def name(self) -> str:
        """The surface's name."""
        return self.surface.name

    @cached_property
    def _centred(self) -> np.ndarray:
        return self.rows.mean - self.rows.mean.mean()

    def values(
        self, points: pd.DataFrame, rng: np.random.Generator, n: int = DRAWS
    ) -> tuple[Float[np.ndarray, "n p"], Float[np.ndarray, "n j"]]:
        """See `FittedModel`: a draw from the prior, corrected by conditioning on simulated data (Matheron's rule)."""
        seen = len(self.rows.cells)
        columns = list(points.columns.intersection(self.rows.cells.columns))
        every = pd.concat([self.rows.cells[columns], points[columns]], ignore_index=True)
        samplers = [self.surface.sampler(every, reach) for reach in self.surface.reaches]
        correlations = [self.surface.scatter(every, every[:seen], reach) for reach in self.surface.reaches]
        chosen, times = self._resampled(rng, n)
        values, variances = [], []
        for k, count in zip(chosen, times, strict=True):
            sizes = self.samples.sizes[k : k + 1]
            features, spreads = self.surface.features(every, sizes)[0], self.surface.spreads(sizes)[0]
            amplitude = self.surface.amplitude(every, sizes)[0]
            noise = self._noise(self.samples.variances[k : k + 1])[0]
            scatter = amplitude[:, None] * correlations[self.samples.reach[k]] * amplitude[:seen]
            known = features @ (features[:seen] * spreads**2).T + scatter
            gain = np.linalg.solve(known[:seen] + noise, known.T).T
            before = (rng.standard_normal((count, len(spreads))) * spreads) @ features.T
            before += amplitude * samplers[self.samples.reach[k]](count, rng)
            errors = rng.standard_normal((count, seen)) @ np.linalg.cholesky(noise).T
            values.append(before[:, seen:] + (self._centred - before[:, :seen] - errors) @ gain[seen:].T)
            variances.append(np.repeat(self.samples.variances[k : k + 1], count, axis=0))
        mixed = rng.permutation(int(times.sum()))[:n]
        return np.concatenate(values)[mixed] + self.rows.mean.mean(), np.concatenate(variances)[mixed]

    def left_out(self, rng: np.random.Generator, n: int = DRAWS) -> Float[np.ndarray, "n b"]:
        """See `FittedModel`: in closed form for each sample, reweighted as if the cell had been left out of the fit.

        Source: Rasmussen & Williams (2006), equations 5.10 to 5.12.
        """
        means, variances = [], []
        for few in chunks(len(self.samples.sizes), len(self._centred)):
            inverse = np.linalg.inv(self._covariance(few))
            variances.append(1 / np.diagonal(inverse, axis1=1, axis2=2))
            means.append(self._centred - inverse @ self._centred * variances[-1])
        mean, variance = np.concatenate(means), np.concatenate(variances)
        density = -0.5 * (self._centred - mean) ** 2 / variance - 0.5 * np.log(variance)
        logs = np.log(np.maximum(self.samples.weights, 1e-300))[:, None] - density
        found = np.empty((n, len(self.rows.told)))
        for place, cell in enumerate(self.rows.told):
            weights = np.exp(logs[:, cell] - logs[:, cell].max())
            weights = np.minimum(weights, weights.sum() / np.sqrt(len(weights)))  # none carries all the others
            k = rng.choice(len(weights), size=n, p=weights / weights.sum())
            found[:, place] = mean[k, cell] + np.sqrt(variance[k, cell]) * rng.standard_normal(n)
        return found + self.rows.mean.mean()

    def refitted(self, rows: Rows, rng: np.random.Generator) -> "FittedSurface":
        """See `FittedModel`."""
        return fit_surface(type(self.surface).of(rows), rows, rng, like=self)

    def _covariance(self, few: slice) -> np.ndarray:
        samples = self.samples
        scatter = _scatters(self.surface, self.rows)[samples.reach[few]]
        prior = _prior(self.surface, self.rows, samples.sizes[few], scatter)
        return prior + self._noise(samples.variances[few])

    def _noise(self, variances: np.ndarray) -> np.ndarray:
        return _noise(self.rows, variances)

    def _resampled(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        shares = np.cumsum(self.samples.weights)
        kept = min(KEPT, -(-n // EACH))
        chosen = np.searchsorted(shares / shares[-1], (np.arange(kept) + rng.random()) / kept)
        chosen, times = np.unique(np.minimum(chosen, len(shares) - 1), return_counts=True)
        return chosen, times * -(-n // kept)


def fit_surface(
    surface: Surface, rows: Rows, rng: np.random.Generator, like: FittedSurface | None = None
) -> FittedSurface:
    """Fit `surface` to the cell means of `rows`: weighted posterior samples of its hyperparameters and the variances.

    Four rounds of 512 samples, each of which factors a matrix [cells, cells]: seconds for 100 cells. The search starts
    from the prior, or from a fit that must be much `like` it, and then takes one round.
    """
    values = rows.mean - rows.mean.mean()
    mean, spread = np.array(surface.prior).T
    centre, root, scatters = mean, np.diag(spread), _scatters(surface, rows)
    rounds: list[tuple[np.ndarray, ...]] = []
    likely = np.full(len(surface.reaches), 1 / len(surface.reaches))
    if like is not None:
        logs = np.log(np.maximum(like.samples.weights, 1e-300))
        centre, root = next_proposal(logs, like.samples.sizes, LEAST_SAMPLES)
        likely = _spread_out(np.bincount(like.samples.reach, like.samples.weights, len(likely)))
    for _ in range(ROUNDS if like is None else 1):
        variances = rows.draw_variances(SAMPLES, rng)
        steps = rng.standard_normal((SAMPLES, len(mean))) / np.sqrt(rng.chisquare(HEAVY, (SAMPLES, 1)) / HEAVY)
        sizes = np.clip(centre + steps @ root.T, mean - 5 * spread, mean + 5 * spread)
        reach = rng.choice(len(likely), size=SAMPLES, p=likely)
        logs = _log_likelihood(surface, rows, values, sizes, scatters[reach], variances)
        logs -= (((sizes - mean) / spread) ** 2).sum(axis=1) / 2
        logs += (HEAVY + len(mean)) / 2 * np.log1p((steps**2).sum(axis=1) / HEAVY)  # over what was proposed
        logs += np.log(np.diag(root)).sum() - np.log(likely[reach])
        rounds.append((sizes, reach, variances, logs))
        centre, root = next_proposal(logs, sizes, LEAST_SAMPLES)
        likely = _spread_out(np.bincount(reach, np.exp(logs - logs.max()), len(likely)))
    sizes, reach, variances, logs = (np.concatenate(parts) for parts in zip(*rounds[-POOLED:], strict=True))
    weights = np.exp(logs - logs.max())
    return FittedSurface(surface, rows, Samples(sizes, reach, variances, weights / weights.sum()))


def _spread_out(weights: np.ndarray) -> np.ndarray:
    """How likely each reach is to be drawn next."""
    return (1 - SPREAD_OUT) * weights / weights.sum() + SPREAD_OUT / len(weights)


def _scatters(surface: Surface, rows: Rows) -> np.ndarray:
    """Correlation of the Gaussian process between cells at each length scale [reaches, c, c]."""
    return np.array([surface.scatter(rows.cells, rows.cells, reach) for reach in surface.reaches])


def _prior(surface: Surface, rows: Rows, sizes: np.ndarray, scatter: np.ndarray) -> np.ndarray:
    """Prior covariance [s, c, c] of the cells' expected values, one a sample."""
    features, spreads = surface.features(rows.cells, sizes), surface.spreads(sizes)
    scaled, size = features * spreads[:, None, :], surface.amplitude(rows.cells, sizes)
    return scaled @ scaled.transpose(0, 2, 1) + size[:, :, None] * size[:, None, :] * scatter


def _noise(rows: Rows, variances: np.ndarray) -> np.ndarray:
    """Covariance [s, c, c] of the noise of the cells' means."""
    found = np.tensordot(variances, rows.between, axes=1)
    return found + NUGGET * rows.spread**2 * np.eye(len(rows.mean))


def _log_likelihood(
    surface: Surface, rows: Rows, values: np.ndarray, sizes: np.ndarray, scatter: np.ndarray, variances: np.ndarray
) -> np.ndarray:
    found = []
    for few in chunks(len(sizes), len(values)):
        root = np.linalg.cholesky(_prior(surface, rows, sizes[few], scatter[few]) + _noise(rows, variances[few]))
        white = np.linalg.solve(root, np.broadcast_to(values[:, None], (len(root), len(values), 1)))[:, :, 0]
        size = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        found.append(-(white**2).sum(axis=1) / 2 - size)
    return np.concatenate(found)
