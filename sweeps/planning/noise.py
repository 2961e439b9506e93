"""What a run adds to the value of what it was bought with: its people, and its seed with what is left."""

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
    """Noise of asking `annotators` (M) new people of its `crowd` at each of p points: a draw a row, 0 for free ones.

    It falls as 1/M and is each point's own, as different plans hire different people. `variances` are draws of the
    model's components. Where no two panels of a crowd share a seed its people can't be told from what a cell's seeds do
    (`shows_annotator_variance`): all of that counts as people's, at any M.
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
    """Noise of training with a new seed at each of p points, people apart: a draw a row.

    All points of a draw share the seed's part, those of one crowd the crowd's; the rest is each point's own.
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
    """Whether the sweep shows how much people of `crowd` vary: two panels of one seed."""
    return any(name in model.strata.components for name in (PEOPLE + crowd, OWN + crowd))


def _of(model: VarianceModel, variances: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(model.strata.components, np.maximum(variances, 0).T, strict=True))


def _column(of: dict[str, np.ndarray], name: str, variances: np.ndarray) -> np.ndarray:
    return of.get(name, np.zeros(len(variances)))[:, None]


def _crowds(crowd: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    names = np.array(list(crowd), dtype=object)
    return ((str(name), names == name) for name in dict.fromkeys(crowd))
