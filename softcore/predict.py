"""Logits of a model on items, in batches."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from softcore.images import as_tensor, pixels

BATCH = 64


def folded(model: nn.Module) -> nn.Module:
    """A copy of `model` for evaluation only: each batch norm that follows a convolution is folded into it.

    The same function but for rounding, a fifth faster, and its parameters take no gradients.
    """
    return fuse(model.eval()).to(memory_format=torch.channels_last).eval().requires_grad_(False)


def batches(
    images: UInt8[np.ndarray, "n h w c"], items: Int[np.ndarray, " m"], device: torch.device
) -> Iterator[tuple[slice, Tensor]]:
    """Pixels of `items` in order, with the slice of `items` that each batch covers."""
    for start in range(0, len(items), BATCH):
        part = slice(start, start + BATCH)
        yield part, pixels(as_tensor(images[items[part]]), device)


def logits(
    model: nn.Module, images: UInt8[np.ndarray, "n h w c"], items: Int[np.ndarray, " m"]
) -> Float[np.ndarray, "m k"]:
    """Float32 logits of `items`, in their order, by `model` in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    with torch.inference_mode():
        parts = [model(batch).float().cpu().numpy() for _, batch in batches(images, items, device)]
    return np.concatenate(parts)
