"""Noise of one run about its expected value: the annotators who happen to be hired, the seed, and the residual."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from sweeps.uncertainty.layout import NOBODY
from sweeps.uncertainty.strata import CELL, CROWD, OWN, PEOPLE, REST, SEED
from sweeps.uncertainty.variance import VarianceModel


def annotator_noise(
    model: VarianceModel,
    crowd: Sequence[str],
    annotators: Float[np.ndarray, " p"],
    variances: Float[np.ndarray, "n j"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "n p"]:
    """Draws [n, p] of the noise of hiring M new annotators at each of p points, in units of the metric.

    `crowd` [p] and `annotators` [p] (M) describe the points, `variances` [n, j] are draws of the model's components.
    The variance falls as 1/M and points are independent, as different plans hire different people; 0 for free recipes.
    Where no two panels of a crowd share a seed, its annotators' variance can't be separated from the cell's within a
    seed (`shows_annotator_variance`): all of that counts as the annotators', at any M.
    """
    of, noise = _of(model, variances), np.zeros((len(variances), len(crowd)))
    for name, these in _crowds(crowd):
        if name == NOBODY:
            continue
        if shows_annotator_variance(model, name):
            size = _column(of, PEOPLE + name, variances) + _column(of, OWN + name, variances)
            each = size / np.maximum(annotators[these], 1e-9)
        else:
            each = np.repeat(_column(of, CELL, variances), these.sum(), axis=1)
        noise[:, these] = np.sqrt(each) * rng.standard_normal(each.shape)
    return noise


def seed_noise(
    model: VarianceModel,
    crowd: Sequence[str],
    variances: Float[np.ndarray, "n j"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "n p"]:
    """Draws [n, p] of the noise of training with a new seed at each of p points, annotators' noise excluded.

    All points of a draw share the seed's component and those of one crowd the crowd's; the rest is independent.
    """
    of, noise = _of(model, variances), np.zeros((len(variances), len(crowd)))
    noise += np.sqrt(_column(of, SEED, variances)) * rng.standard_normal((len(variances), 1))
    for name, these in _crowds(crowd):
        noise[:, these] += np.sqrt(_column(of, CROWD, variances)) * rng.standard_normal((len(variances), 1))
        own = _column(of, REST, variances)
        if name == NOBODY or shows_annotator_variance(model, name):
            own = own + _column(of, CELL, variances)
        noise[:, these] += np.sqrt(own) * rng.standard_normal((len(variances), int(these.sum())))
    return noise


def shows_annotator_variance(model: VarianceModel, crowd: str) -> bool:
    """Whether the sweep separates the variance of `crowd`'s annotators from the rest: it has two panels of one seed."""
    return any(name in model.strata.components for name in (PEOPLE + crowd, OWN + crowd))


def _of(model: VarianceModel, variances: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(model.strata.components, np.maximum(variances, 0).T, strict=True))


def _column(of: dict[str, np.ndarray], name: str, variances: np.ndarray) -> np.ndarray:
    return of.get(name, np.zeros(len(variances)))[:, None]


def _crowds(crowd: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    names = np.array(list(crowd), dtype=object)
    return ((str(name), names == name) for name in dict.fromkeys(crowd))
