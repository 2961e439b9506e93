"""Joint draws of what the cells of a sweep are worth, shrunk towards a surface so that lucky cells don't win.

The best of many noisy cells looks better than it is. A cell is therefore taken to lie near a surface over what was
bought (log M, log N'), one for each curve (a question with its way of training) and these near one another; how near,
the cells' scatter beyond their noise says. Of two cells that look equally good the one that its neighbours bear out is
believed. Draws depend on what was bought and never on prices: they are made once and priced again at will.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from softcore.errors import RequestError
from sweeps.uncertainty.variance import VarianceModel

MEMORY = 2_000_000  # numbers of a batch of matrices


def next_proposal(
    log_weights: Float[np.ndarray, " n"], samples: Float[np.ndarray, "n k"], least: float
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k k"]]:
    """Centre and root of the covariance of the next round's proposal, from the last round's weighted samples.

    Weights are flattened until they rest on `least` effective samples or more; the root is a little wider than theirs.
    """
    heat = 1.0
    while True:
        soft = np.exp((log_weights - log_weights.max()) * heat)
        soft /= soft.sum()
        if 1 / (soft**2).sum() >= least or heat < 0.01:
            break
        heat *= 0.8
    centre = soft @ samples
    scatter = ((samples - centre) * soft[:, None]).T @ (samples - centre)
    return centre, 1.1 * np.linalg.cholesky(scatter + 0.02 * np.eye(len(centre)))


def chunks(samples: int, cells: int) -> list[slice]:
    """Samples a few at a time, so that their matrices [cells, cells] fit into memory."""
    step = max(1, MEMORY // cells**2)
    return [slice(start, start + step) for start in range(0, samples, step)]


# Standard deviations, in the cells' own, at which the search starts: of the curves' levels, of their slopes, of cells
# about their curve, of free recipes about their level, of bought cells' level against the free ones', of the slopes
# that all curves share.
START = (0.5, 0.3, 0.2, 0.5, 0.5, 0.5)
WIDE = 10.0  # standard deviation, in the cells' own, of the mean of all, which is left free
ROUNDS, SAMPLES, KEPT, HEAVY = 3, 192, 96, 5
LEAST_SAMPLES = 25  # that a round's proposal must rest on
# Power of a size in its prior, beside the half-normal: 1 is the half-normal seen in logarithms, 0 leaves all orders of
# magnitude alike. Cells that are all worth the same need it below 1, or the luckiest of them looks too good.
POWER = 0.5
# Share of an interval's nominal tails that is cut off: draws hold a little less than they say. So much of that is left
# where two or three seeds are all that is known of seeds, and again where a crowd had one panel, so that people are not
# seen to vary (docs/bands.md has the coverage by kind of problem).
TAILS, LESS_KNOWN = 0.7, 0.75
FEW = 3  # degrees of freedom of a variance below which its intervals mostly reflect luck
NUGGET = 1e-9
FAR = 1e15


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """Joint draws [draws, cells] of the cells' values, of which less is better.

    `covers` says what their scatter is over, `bought` [cells] which cells cost anything, `mean` [cells] are the means
    of the replicates as they were seen, `shrunk` is false for draws around their estimates. `worse` [cells] is by how
    much each cell may be worse than drawn, because trials that failed may be its worst; all values lie between `ends`;
    `tails` is which share of an interval's nominal tails is cut off.
    """

    cells: tuple[str, ...]
    values: Float[np.ndarray, "draws cells"]
    mean: Float[np.ndarray, " cells"]
    bought: Bool[np.ndarray, " cells"]
    covers: str
    shrunk: bool
    worse: Float[np.ndarray, " cells"] | float = 0.0
    ends: tuple[float, float] = (-np.inf, np.inf)
    tails: float = TAILS

    def shares(self, level: float) -> tuple[float, float]:
        """Between which shares of the draws an interval at `level` lies: 3.5% and 96.5% at 0.9 where seeds are many."""
        tail = self.tails * (1 - level) / 2
        return tail, 1 - tail

    @property
    def best_guess(self) -> Float[np.ndarray, " cells"]:
        """The mean of the draws of each cell."""
        return self.values.mean(axis=0)


def shrunk_draws(
    model: VarianceModel,
    curve: Sequence[str],
    features: Float[np.ndarray, "cells features"],
    bought: Bool[np.ndarray, " cells"],
    rng: np.random.Generator,
    n: int = 1000,
) -> Draws:
    """`n` draws of the values of the model's cells, each on its `curve` at its `features` (log M, log N').

    They start from the cells' estimates, by generalised least squares on their trials: cells are compared on the seeds
    and panels that they share.

    Curves and features of free cells (`bought` false) are not read: they lie around a level of their own. The spread of
    levels, slopes and cells is drawn too, by adaptive importance sampling (Cappe et al. 2004,
    doi:10.1198/106186004X12803; the prior of a size s is s^(POWER - 1) times a half-normal), as are the variances of
    the noise.
    """
    sampled, between = model.draw_variances(SAMPLES, rng), model.estimates.between
    seen = Observations(mean=model.estimates.values, noise=between, pull=between, around=between)
    return _draws(model, predicted_draws(seen, sampled, curve, features, bought, rng, n), bought, shrunk=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Observations:
    """Means [c] of cells, or their estimates by trials, and what they share with values [c] to be told from them.

    What a unit of each of j variances adds: `noise` [j, c, c] to the covariance of the means' errors, `around` to that
    of the values less the means, `pull` to that of the means' errors less the values' own (rows) with the means' errors
    (columns). Values without an error of their own have `noise` for all three.
    """

    mean: Float[np.ndarray, " c"]
    noise: Float[np.ndarray, "j c c"]
    pull: Float[np.ndarray, "j c c"]
    around: Float[np.ndarray, "j c c"]


def predicted_draws(
    seen: Observations,
    variances: Float[np.ndarray, "samples j"],
    curve: Sequence[str],
    features: Float[np.ndarray, "c features"],
    bought: Bool[np.ndarray, " c"],
    rng: np.random.Generator,
    n: int = 1000,
) -> Float[np.ndarray, "n c"]:
    """`n` draws of the values that `seen` tells of, shrunk as in `shrunk_draws`; `variances` are 192 joint draws."""
    kinds, flat = _shape(curve, features, bought)
    values = seen.mean - seen.mean.mean()
    spread = float(values.std()) or 1.0
    flat = flat * (WIDE * spread) ** 2 + NUGGET * spread**2 * np.eye(len(values))
    parts = _Parts(shape=kinds * spread**2, flat=flat, seen=seen)
    sizes, weights = _sizes(values, parts, variances, rng)
    shares = np.cumsum(np.exp(weights - weights.max()))
    chosen = np.searchsorted(shares / shares[-1], (np.arange(KEPT) + rng.random()) / KEPT)
    chosen, times = np.unique(np.minimum(chosen, SAMPLES - 1), return_counts=True)
    drawn = _posterior(values, parts, sizes[chosen], variances[chosen], times * -(-n // KEPT), rng)
    return drawn[rng.permutation(len(drawn))[:n]] + seen.mean.mean()


def _sizes(
    values: np.ndarray, parts: "_Parts", variances: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sampled sizes of each kind of spread [samples, kinds], and the logarithms of their weights."""
    centre, root = np.log(START), 1.2 * np.eye(len(START))
    for turn in range(ROUNDS):
        steps = rng.standard_normal((SAMPLES, len(START))) / np.sqrt(rng.chisquare(HEAVY, (SAMPLES, 1)) / HEAVY)
        sizes = np.exp(np.clip(centre + steps @ root.T, -8, 4))
        weights = _log_likelihood(values, parts, sizes, variances)
        weights += POWER * np.log(sizes).sum(axis=1) - (sizes**2).sum(axis=1) / 2
        weights += (HEAVY + len(START)) / 2 * np.log1p((steps**2).sum(axis=1) / HEAVY)  # over what was proposed
        if turn < ROUNDS - 1:
            centre, root = next_proposal(weights, np.log(sizes), LEAST_SAMPLES)
    return sizes, weights


def plain_draws(
    model: VarianceModel, bought: Bool[np.ndarray, " cells"], rng: np.random.Generator, n: int = 1000
) -> Draws:
    """`n` draws around the cells' estimates by their trials: good for two cells, too good for the best of many."""
    variances, seen, found = model.draw_variances(KEPT, rng), model.estimates, []
    for few in chunks(KEPT, len(seen.values)):
        root = _root(seen.covariance(variances[few]))
        steps = rng.standard_normal((len(root), -(-n // KEPT), len(seen.values)))
        found.append((seen.values + steps @ root.transpose(0, 2, 1)).reshape(-1, len(seen.values)))
    drawn = np.concatenate(found)
    return _draws(model, drawn[rng.permutation(len(drawn))[:n]], bought, shrunk=False)


def _draws(model: VarianceModel, drawn: np.ndarray, bought: np.ndarray, *, shrunk: bool) -> Draws:
    return Draws(
        cells=model.strata.layout.cells,
        values=drawn,
        mean=model.mean,
        bought=np.asarray(bought, dtype=bool),
        covers=model.covers,
        shrunk=shrunk,
        tails=TAILS * LESS_KNOWN ** (model.strata.few_seeds(FEW) + bool(model.strata.unseen_crowds)),
    )


def _shape(curve: Sequence[str], features: np.ndarray, bought: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a unit of each kind of spread adds to the cells' covariance [kinds, c, c], and what is left free [c, c].

    Only the mean of all cells is left free: where nothing differs every spread can vanish.
    """
    bought = np.asarray(bought, dtype=bool)
    if features.shape[0] != len(curve) or len(bought) != len(curve):
        raise RequestError(f"{len(curve)} curves, {features.shape[0]} rows of features and {len(bought)} cells")
    slopes = np.zeros((len(curve), 0))
    for column in features.T:
        there = column[bought]
        if there.size and there.std() > 1e-9:
            slopes = np.column_stack([slopes, np.where(bought, (column - there.mean()) / there.std(), 0)])
    both = np.outer(bought, bought)
    same = (np.array(curve)[:, None] == np.array(curve)) & both
    apart = np.where(bought, 0.5, -0.5)
    kinds = [
        same.astype(float),
        same * (slopes @ slopes.T),
        np.diag(bought.astype(float)),
        np.diag((~bought).astype(float)),
        np.outer(apart, apart),
        slopes @ slopes.T,
    ]
    return np.array(kinds), np.ones((len(curve), len(curve)))


@dataclass(frozen=True, eq=False)
class _Parts:
    """What a unit of each kind of spread adds to the cells' covariance, what is left free in it, and the means seen."""

    shape: np.ndarray
    flat: np.ndarray
    seen: Observations

    def covariances(self, sizes: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Covariance [samples, c, c] of the values and of the noise around them."""
        return np.tensordot(sizes**2, self.shape, axes=1) + self.flat, np.tensordot(variances, self.seen.noise, axes=1)


def _log_likelihood(values: np.ndarray, parts: _Parts, sizes: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """The logarithm [samples] of how likely `values` are, up to a constant; a few samples at a time, for memory."""
    found = []
    for few in chunks(len(sizes), len(values)):
        prior, noise = parts.covariances(sizes[few], variances[few])
        both = np.zeros((len(prior), len(values) + 1, len(values) + 1))
        both[:, :-1, :-1] = prior + noise
        both[:, -1, :-1] = values  # its row of the factor is the factor's inverse times the values
        both[:, -1, -1] = FAR
        root = np.linalg.cholesky(both)
        size = np.log(np.diagonal(root, axis1=1, axis2=2)[:, :-1]).sum(axis=1)
        found.append(-(root[:, -1, :-1] ** 2).sum(axis=1) / 2 - size)
    return np.concatenate(found)


def _posterior(
    values: np.ndarray,
    parts: _Parts,
    sizes: np.ndarray,
    variances: np.ndarray,
    times: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws [sum of times, c] of what `parts.seen` tells of, given `values`: `times` for each sample."""
    found = []
    for few in chunks(len(sizes), len(values)):
        prior, noise = parts.covariances(sizes[few], variances[few])
        pull, around = (np.tensordot(variances[few], each, axes=1) for each in (parts.seen.pull, parts.seen.around))
        gain = np.linalg.solve(prior + noise, pull.transpose(0, 2, 1)).transpose(0, 2, 1)  # pull (prior + noise)^-1
        middle, root = values - gain @ values, _root(around - gain @ pull.transpose(0, 2, 1))
        for centre, spread, count in zip(middle, root, times[few], strict=True):
            found.append(centre + rng.standard_normal((count, len(values))) @ spread.T)
    return np.concatenate(found)


def _root(covariance: np.ndarray) -> np.ndarray:
    """Cholesky factors, of covariances [k, c, c] that rounding or shared people may have left singular."""
    size = np.trace(covariance, axis1=1, axis2=2)[:, None, None] / covariance.shape[1]
    symmetric = (covariance + covariance.transpose(0, 2, 1)) / 2
    return np.linalg.cholesky(symmetric + 1e-7 * size * np.eye(covariance.shape[1]))
