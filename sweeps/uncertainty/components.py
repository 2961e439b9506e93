"""From mean squares to variance components: the best guess, and draws of what they might be."""

import itertools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from scipy.special import chdtr, chdtri

from sweeps.uncertainty.strata import CELL, CROWD, OWN, PANELS, PEOPLE, REPEAT, REST, SEED, Strata

MORE = 4  # draws made for each that is kept
FLOOR = 0.01
TINY = 1e-300


def estimate(strata: Strata, squares: Float[np.ndarray, " k"]) -> Float[np.ndarray, " j"]:
    """The variance components, none below 0, whose expected mean squares fit `squares`.

    What training itself varies by comes first; people's and the rest's by least squares weighted with degrees of
    freedom over the square of what is expected, then from the narrowest stratum to the widest by what is left for each.
    """
    from scipy.optimize import nnls  # slow to import, and tables that are only shown need none of it

    found = np.zeros(len(strata.components))
    if REPEAT in strata.components:
        repeat = strata.components.index(REPEAT)
        found[repeat] = squares[strata.names.index(REPEAT)]  # each trial's own: expected once
    own, rows = _own(strata), _rows(strata)
    shared = [j for j, _ in _widening(strata) if strata.components[j].startswith(PEOPLE)]
    joint, where = [*own, *shared], [*rows, *(k for j, k in _widening(strata) if j in shared)]
    if joint:
        left = np.maximum(squares[where] - strata.expected[where] @ found, 0.0)
        weights = strata.df[where]
        for _ in range(3):  # the weights depend on what is fitted; more rounds change little
            root = np.sqrt(weights)
            found[joint] = nnls(strata.expected[np.ix_(where, joint)] * root[:, None], left * root)[0]
            weights = _weights(strata, found)[where]
    for j, k in _widening(strata):
        if j not in shared and strata.components[j] != REPEAT:
            found[j] = max(0.0, (squares[k] - strata.expected[k] @ found) / strata.expected[k, j])
    return found


def draw(
    strata: Strata,
    squares: Float[np.ndarray, " k"],
    n: int,
    rng: np.random.Generator,
    shared_scale: float | None = None,
) -> Float[np.ndarray, "n j"]:
    """`n` draws of the variance components given the mean squares, none below 0.

    Each stratum's expected mean square is drawn as its mean square times df over a chi-square, cut off where a
    component would be negative, and draws are weighted by how much is left: the posterior under Jeffreys' priors of the
    strata (Box & Tiao 1973, section 5.2), which gives Student's t where there is one stratum. That prior is flat in a
    variance which is small beside what else its stratum holds, and makes it look too large; here it is flat in the
    standard deviation (Gelman 2006, doi:10.1214/06-BA117A), down to a `FLOOR` of the stratum's mean square.

    Two or three seeds leave it likely that seeds vary many times as much as the trials of one. A `shared_scale` has the
    standard deviation of what trials of a seed share (`seed`, `crowd`) follow a half-Cauchy in place of a flat prior
    (Gelman et al., Bayesian Data Analysis, 2013, section 5.7) whose median is so many standard deviations of trials
    within a seed. With ten seeds it changes little. Where no trials differ within a seed the prior stays flat.
    """
    many, df = MORE * n, strata.df
    shared = np.inf if shared_scale is None else max(shared_scale**2 * _within(strata, squares), TINY)
    found = np.zeros((many, len(strata.components)))
    logs = np.zeros(many)
    own, rows = _own(strata), _rows(strata)
    if own:
        guess = estimate(strata, squares)
        drawn = squares[rows] * df[rows] / rng.chisquare(df[rows], size=(many, len(rows)))
        drawn -= strata.expected[rows] @ np.where(np.isin(np.arange(len(guess)), own), 0, guess)
        found[:, own] = _nonnegative(strata.expected[np.ix_(rows, own)], drawn, _weights(strata, guess)[rows])
    for j, k in _widening(strata):
        least = np.maximum(found @ strata.expected[k], TINY)
        most = df[k] * squares[k] / least  # of the chi-square
        room = np.maximum(chdtr(df[k], most), TINY)
        chi = np.where(room > 1e-8, chdtri(df[k], 1 - room * rng.random(many)), most)
        found[:, j] = np.maximum(0, df[k] * squares[k] / np.maximum(chi, TINY) - least) / strata.expected[k, j]
        added = found[:, j] * strata.expected[k, j]
        logs += np.log(room) - np.log(added / np.maximum(least + added, TINY) + FLOOR) / 2
        if strata.components[j] in (CROWD, SEED):
            logs -= np.log1p(found[:, j] / shared)
    weights = np.cumsum(np.exp(logs - logs.max()))
    kept = np.searchsorted(weights / weights[-1], (np.arange(n) + rng.random()) / n)
    return found[rng.permutation(np.minimum(kept, many - 1))]


def _within(strata: Strata, squares: Float[np.ndarray, " k"]) -> float:
    """The mean square of trials within a seed; infinite where there are none."""
    narrow = np.array([name == CELL or name.startswith(REST) for name in strata.names])
    return float(np.average(squares[narrow], weights=strata.df[narrow])) if narrow.any() else np.inf


def _own(strata: Strata) -> list[int]:
    return [j for j, name in enumerate(strata.components) if name == REST or name.startswith(OWN)]


def _rows(strata: Strata) -> list[int]:
    return list(range(len(strata.bases), len(strata.names)))


def _widening(strata: Strata) -> Iterator[tuple[int, int]]:
    """Components that have a stratum of their own, the narrowest first: (component, stratum)."""
    if REPEAT in strata.components:
        yield strata.components.index(REPEAT), strata.names.index(REPEAT)
    for j, component in enumerate(strata.components):
        if component.startswith(PEOPLE):
            yield j, strata.names.index(PANELS + component.removeprefix(PEOPLE))
    for name in (CELL, CROWD, SEED):
        if name in strata.components:
            yield strata.components.index(name), strata.names.index(name)


def _weights(strata: Strata, variances: np.ndarray) -> np.ndarray:
    """One over the variance of each mean square, up to a factor."""
    fitted = strata.expected @ variances
    return strata.df / np.maximum(fitted, max(1e-6 * fitted.max(), TINY)) ** 2


def _nonnegative(expected: np.ndarray, squares: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Non-negative least squares for many right sides [n, rows] at once, by trying which of few unknowns are 0."""
    root = np.sqrt(weights / weights.max())
    a, b = expected * root[:, None], squares * root
    found, least = np.zeros((len(b), a.shape[1])), (b**2).sum(axis=1)
    for size in range(1, a.shape[1] + 1):
        for chosen in map(list, itertools.combinations(range(a.shape[1]), size)):
            fitted = b @ np.linalg.pinv(a[:, chosen]).T
            miss = ((b - fitted @ a[:, chosen].T) ** 2).sum(axis=1)
            better = (fitted >= 0).all(axis=1) & (miss < least)
            least[better] = miss[better]
            found[better] = 0
            found[np.ix_(better, chosen)] = fitted[better]
    return found
