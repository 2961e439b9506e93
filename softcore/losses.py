"""Losses on soft targets."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def soft_cross_entropy(logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
    """Mean over the batch of -sum_k target_k log softmax(logits)_k."""
    return F.cross_entropy(logits, targets)
