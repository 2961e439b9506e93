"""Metrics of how likely people's labels are under a model: cross-entropy raw and scaled, negative log-likelihood."""

import numpy as np
from jaxtyping import Float
from scipy.special import log_softmax

from softcore.scoring.metric_card import Card, Example, Logits


def cross_entropies(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """Of each item -sum_k target_k log softmax(logits)_k, in nats; a class without mass adds nothing."""
    return -(targets * log_softmax(logits.astype(np.float64), axis=1)).sum(axis=1)


def cross_entropy(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> float:
    """Mean over items of -sum_k target_k log softmax(logits)_k, in nats; a class without mass adds nothing.

    Source: Collins 2022, section 3.3.1 (with the sign put right).
    """
    return float(cross_entropies(logits, targets).mean())


def scaled(logits: Logits) -> Float[np.ndarray, "n k"]:
    """The logits after the model's temperature."""
    return logits.clean / logits.temperature


def negative_log_likelihoods(
    logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]
) -> Float[np.ndarray, " n"]:
    """Of each item -log softmax(logits) of the class with most of the target's mass (the first of those tied)."""
    logs = log_softmax(logits.astype(np.float64), axis=1)
    return -logs[np.arange(len(logs)), targets.argmax(axis=1)]


CE = Card(
    "ce",
    "cross-entropy",
    "mean of -sum_k target_k log p_k in nats, 0 or more",
    True,
    "falls when a model is merely less sure of itself: read scaled-ce beside it; its least is people's own entropy, "
    "so values on two test sets don't compare (kl takes that off)",
    each=lambda logits, targets: cross_entropies(logits.clean, targets),
    least=0.0,
    unit="nats",
    source="Collins 2022, section 3.3.1; Peterson et al. 2019, arXiv:1908.07086",
    example=Example(value=0.9739144),
)
SCALED_CE = Card(
    "scaled-ce",
    "cross-entropy after one temperature",
    "ce after dividing the logits by the temperature that fits the validation images' hard labels best, "
    "held near 1 where they can't tell",
    True,
    "one temperature a trial; the validation labels are hard; absent below 100 validation images",
    each=lambda logits, targets: cross_entropies(scaled(logits), targets),
    scaled=True,
    least=0.0,
    unit="nats",
    source="Guo et al. 2017, arXiv:1706.04599",
    example=Example(value=0.966737, temperature=2.0),
)
NLL = Card(
    "nll",
    "negative log-likelihood of the likeliest label",
    "mean of -log p of the class that has most of the target's mass (the first of those tied) in nats, 0 or more. "
    "That of a label drawn from the target is ce on average and is not told apart from it; on hard labels nll is ce",
    True,
    "people's second thoughts don't count: it rewards a model that is sure where people are split; on a tie the order "
    "of the classes decides",
    each=lambda logits, targets: negative_log_likelihoods(logits.clean, targets),
    least=0.0,
    unit="nats",
    source="Gneiting and Raftery 2007, doi:10.1198/016214506000001437",
    example=Example(value=0.9193345),
    usual=False,
)
