"""Logits before and after an attack on the images, through torchattacks."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from softcore.training.images import as_tensor, pixels

BATCH = 64  # images a pass on a CPU
LARGE_BATCH = 1024  # and on a card, which few leave idle
EPSILON = 4 / 255  # the bound of Peterson et al. 2019, in pixels of 0..1
STEPS = 10  # of PGD, each a quarter of the bound: enough to cross it and come back


def fold_batch_norms(model: nn.Module) -> nn.Module:
    """A copy of `model` for evaluation only: each batch norm that follows a convolution is folded into it.

    The same function but for rounding, a fifth faster, and its parameters take no gradients.
    """
    return fuse(model.eval()).to(memory_format=torch.channels_last).eval().requires_grad_(False)


def batches(
    images: UInt8[np.ndarray, "n h w c"], items: Int[np.ndarray, " m"], device: torch.device
) -> Iterator[tuple[slice, Tensor]]:
    """Pixels of `items` in order, with the slice of `items` that each batch covers."""
    size = BATCH if device.type == "cpu" else LARGE_BATCH
    for start in range(0, len(items), size):
        part = slice(start, start + size)
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


def fgsm_logits(
    model: nn.Module,
    images: UInt8[np.ndarray, "n h w c"],
    items: Int[np.ndarray, " m"],
    targets: Float[np.ndarray, "m k"],
    epsilon: float = EPSILON,
) -> tuple[Float[np.ndarray, "m k"], Float[np.ndarray, "m k"]]:
    """Float32 logits of `items`: clean, and after one step of the fast gradient sign method against their soft targets.

    The step raises the cross-entropy with the soft target, each pixel by at most `epsilon`, within 0..1. The clean
    logits come with it because the attack needs them: a pass over the model less than asking for them apart.
    Source: Goodfellow et al. 2014, doi:10.48550/arXiv.1412.6572; bound as in Collins 2022, section 3.3.1.
    """
    from torchattacks import FGSM

    model.eval()
    device = next(model.parameters()).device
    soft = torch.from_numpy(targets).float().to(device)
    seen: list[np.ndarray] = []
    attacked: list[np.ndarray] = []
    attack = FGSM(LogitRecorder(model, seen).eval(), eps=epsilon)  # torchattacks puts back the mode that it finds
    for part, batch in batches(images, items, device):
        moved = attack(batch, soft[part])
        with torch.inference_mode():
            attacked.append(model(moved).float().cpu().numpy())
    return np.concatenate(seen), np.concatenate(attacked)


def pgd_logits(
    model: nn.Module,
    images: UInt8[np.ndarray, "n h w c"],
    items: Int[np.ndarray, " m"],
    targets: Float[np.ndarray, "m k"],
    epsilon: float = EPSILON,
) -> Float[np.ndarray, "m k"]:
    """Float32 logits of `items` after projected gradient ascent on their cross-entropy with their soft targets.

    Ten steps of a quarter of `epsilon` from the clean image (no random start, so the same each time), each pixel kept
    within `epsilon` of its own and within 0..1. Source: Madry et al. 2018, doi:10.48550/arXiv.1706.06083; Collins 2022,
    section 3.3.1, tried it and found it unstable.
    """
    from torchattacks import PGD

    model.eval()
    device = next(model.parameters()).device
    soft = torch.from_numpy(targets).float().to(device)
    attack = PGD(model, eps=epsilon, alpha=epsilon / 4, steps=STEPS, random_start=False)
    parts = []
    for part, batch in batches(images, items, device):
        moved = attack(batch, soft[part])
        with torch.inference_mode():
            parts.append(model(moved).float().cpu().numpy())
    return np.concatenate(parts)


class LogitRecorder(nn.Module):
    """A model that keeps a copy of the logits it gives."""

    def __init__(self, model: nn.Module, seen: list[np.ndarray]) -> None:
        super().__init__()
        self.model, self.seen = model, seen

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        out = self.model(images)
        self.seen.append(out.detach().float().cpu().numpy())
        return out
