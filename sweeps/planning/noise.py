"""Noise of one run about its expected value: the annotators who happen to be hired, the seed, and the residual."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from sweeps.planning.bootstrap import DRAWS, FittedModel
from sweeps.uncertainty.layout import NOBODY
from sweeps.uncertainty.strata import CELL, CROWD, OWN, PEOPLE, REST, SEED
from sweeps.uncertainty.variance import VarianceModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Runs:
    """Joint draws [n, points] in units of the metric, less being better.

    `values` are expected over seeds and annotators, `hired` over seeds with newly hired annotators, `runs` those of
    single runs with new annotators and a new seed.
    """

    values: Float[np.ndarray, "n p"]
    hired: Float[np.ndarray, "n p"]
    runs: Float[np.ndarray, "n p"]


def draw_runs(
    model: FittedModel,
    points: pd.DataFrame,
    rng: np.random.Generator,
    n: int = DRAWS,
    *,
    panels: np.ndarray | float = 1,
    seeds: np.ndarray | float = 1,
) -> Runs:
    """`n` joint draws for `points`, with the columns of `POINT`, `free` and `crowd`.

    Noise is that of the mean over so many `panels` of new annotators and so many new `seeds` [p], one by default;
    without end (inf) it leaves none.
    """
    values, variances = model.values(points, rng, n)
    crowd, annotators = points["crowd"].tolist(), points["annotators"].to_numpy(dtype=float)
    noise, scale = model.rows.variance, model.rows.scale
    hired = values + annotator_noise(noise, crowd, annotators, variances, rng) / np.sqrt(panels)
    runs = hired + seed_noise(noise, crowd, variances, rng) / np.sqrt(seeds)
    return Runs(values=scale.metric(values), hired=scale.metric(hired), runs=scale.metric(runs))


def annotator_noise(
    model: VarianceModel,
    crowd: Sequence[str],
    annotators: Float[np.ndarray, " p"],
    variances: Float[np.ndarray, "n j"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "n p"]:
    """Draws [n, p] of the noise of hiring M new annotators at each of p points, on the scale of the model.

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
