"""Losses on soft targets."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

SMALLEST_ENTROPY = 1e-6  # nats; keeps the weight of a prediction without entropy finite, far above its bound of 1


def soft_cross_entropy(logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
    """Mean over the batch of -sum_k target_k log softmax(logits)_k."""
    return F.cross_entropy(logits, targets)


def predictive_entropy(logits: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
    """Entropy of softmax(logits) in nats, one an item; 0 log 0 is 0."""
    log_probs = F.log_softmax(logits, dim=1)
    return -(log_probs.exp() * log_probs).sum(dim=1)


def entropy_weights(logits: Float[Tensor, "n k"], entropy_floor: float) -> Float[Tensor, " n"]:
    """The weight of each prediction: log 2 over its entropy, at least `entropy_floor` and at most 1.

    A prediction less sure than a fair coin counts less. Source: Collins 2022, section 5.2.2 (its kappa).
    """
    entropy = predictive_entropy(logits).clamp_min(SMALLEST_ENTROPY)
    return (math.log(2) / entropy).clamp(min=entropy_floor, max=1.0)


def entropy_weighted(
    logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"], entropy_floor: float
) -> Float[Tensor, ""]:
    """Mean over the batch of each item's soft cross-entropy times its entropy weight.

    The weight is part of the loss: the gradient flows through it, so that without a floor the model learns to be
    uniform. Source: Collins 2022, section 5.2.2.
    """
    each = F.cross_entropy(logits, targets, reduction="none")
    return (entropy_weights(logits, entropy_floor) * each).mean()


def mix_maxent(
    logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"], mixed_logits: Float[Tensor, "m k"]
) -> Float[Tensor, ""]:
    """Soft cross-entropy of the images as they are, less the mean predictive entropy of the mixed ones.

    Without mixed images the first part alone. Source: Pinto et al. 2021, Mix-MaxEnt.
    """
    loss = soft_cross_entropy(logits, targets)
    if len(mixed_logits) == 0:
        return loss
    return loss - torch.mean(predictive_entropy(mixed_logits))
