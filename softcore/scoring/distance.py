"""Metrics of how far a model's distribution is from people's, item by item."""

import numpy as np
from jaxtyping import Float
from scipy.special import entr, softmax

from softcore.scoring.likelihood import cross_entropies
from softcore.scoring.metric_card import Card, Example, Logits


def squared_distances(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """Of each item sum_k (softmax(logits)_k - target_k) ** 2, 0..2."""
    return ((softmax(logits.astype(np.float64), axis=1) - targets) ** 2).sum(axis=1)


def total_variations(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """Of each item half of sum_k |softmax(logits)_k - target_k|, 0..1."""
    return np.minimum(np.abs(softmax(logits.astype(np.float64), axis=1) - targets).sum(axis=1) / 2, 1.0)


def divergences(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """Of each item sum_k target_k log(target_k / softmax(logits)_k) in nats, 0 or more; 0 log 0 is 0.

    From logarithms throughout, so that it is finite where a probability is too small for a float.
    """
    return np.maximum(cross_entropies(logits, targets) - entr(targets).sum(axis=1), 0.0)


def transports(
    logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"], positions: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " n"]:
    """Of each item how far mass must be moved to make one distribution the other, classes lying at `positions`.

    On a line that is the integral of the difference of the two cumulative distributions; classes may lie in any order
    and at one place.
    """
    order = np.argsort(positions, kind="stable")
    surplus = (softmax(logits.astype(np.float64), axis=1) - targets)[:, order].cumsum(axis=1)
    return np.abs(surplus[:, :-1]) @ np.diff(positions[order])


def _transports(logits: Logits, targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    assert logits.positions is not None  # `lacks` says so else
    return transports(logits.clean, targets, logits.positions)


BRIER = Card(
    "brier",
    "Brier score",
    "mean of sum_k (p_k - target_k)^2 over all classes, 0..2: 0 where the model says what people say. Not halved, so "
    "with two classes it is twice the score of one of them",
    True,
    "against a label drawn from the target it is larger, by the target's own sum_k target_k (1 - target_k), for every "
    "model alike; hardly tells probabilities near 0 apart",
    each=lambda logits, targets: squared_distances(logits.clean, targets),
    least=0.0,
    most=2.0,
    source="Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    example=Example(value=0.31),
    usual=False,
)
TV = Card(
    "tv",
    "total variation",
    "mean of half of sum_k |p_k - target_k|, 0..1: the mass that would have to move",
    True,
    "not a proper score: where people's distribution is known from few of them, a model that is surer than they are "
    "may have less of it; its floor lies above 0 there",
    each=lambda logits, targets: total_variations(logits.clean, targets),
    least=0.0,
    most=1.0,
    source="Gibbs and Su 2002, doi:10.1111/j.1751-5823.2002.tb00178.x; as a metric beside people: Baan et al. 2022, "
    "arXiv:2210.16133",
    example=Example(value=0.3083333),
    usual=False,
)
KL = Card(
    "kl",
    "KL divergence from people",
    "mean of KL(people || model) = sum_k target_k log(target_k / p_k) in nats, 0 or more; 0 log 0 is 0. It is ce less "
    "people's own entropy",
    True,
    "orders models on one test set as ce does, and rewards softness as ce does; where people's distribution is known "
    "from few of them its floor lies above 0",
    each=lambda logits, targets: divergences(logits.clean, targets),
    least=0.0,
    unit="nats",
    source="Kullback and Leibler 1951, doi:10.1214/aoms/1177729694",
    example=Example(value=0.5554202),
    usual=False,
)
WASSERSTEIN = Card(
    "wasserstein",
    "Wasserstein distance",
    "mean of the least sum of mass times way that makes the model's distribution people's, in steps from class to "
    "class, 0 or more: order 1, between classes that have an order",
    True,
    "takes the classes of a data set that says `ordered: true` to lie at equal steps; absent elsewhere",
    each=_transports,
    lacks=lambda logits, targets: "" if logits.positions is not None else "the classes have no order",
    least=0.0,
    unit="classes",
    source="Gibbs and Su 2002, doi:10.1111/j.1751-5823.2002.tb00178.x; Hou et al. 2016, arXiv:1611.05916",
    example=Example(value=0.3416667, positions=(0.0, 1.0, 2.0)),
    usual=False,
)
