"""Logits after an attack on the images, through torchattacks."""

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import nn

from softcore.predict import batches

EPSILON = 4 / 255  # the bound of Peterson et al. 2019, in pixels of 0..1


def fgsm_logits(
    model: nn.Module,
    images: UInt8[np.ndarray, "n h w c"],
    items: Int[np.ndarray, " m"],
    targets: Float[np.ndarray, "m k"],
    epsilon: float = EPSILON,
) -> Float[np.ndarray, "m k"]:
    """Float32 logits of `items` after one step of the fast gradient sign method against their soft targets.

    The step raises the cross-entropy with the soft target, each pixel by at most `epsilon`, within 0..1.
    Source: Goodfellow et al. 2014, doi:10.48550/arXiv.1412.6572; bound as in Collins 2022, section 3.3.1.
    """
    from torchattacks import FGSM

    model.eval()
    device = next(model.parameters()).device
    attack = FGSM(model, eps=epsilon)
    soft = torch.from_numpy(targets).float().to(device)
    parts = []
    for part, batch in batches(images, items, device):
        attacked = attack(batch, soft[part])
        with torch.inference_mode():
            parts.append(model(attacked).float().cpu().numpy())
    return np.concatenate(parts)
