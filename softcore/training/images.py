"""Images as the training core holds them: uint8 in memory, pooled to the size asked for, pixels 0..1 in a batch."""

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor


def pool_images(images: UInt8[np.ndarray, "n h w c"], image_size: int | None) -> UInt8[np.ndarray, "n h2 w2 c"]:
    """Images mean-pooled by the largest whole factor that keeps the shorter side at least `image_size` long.

    None, or images that are small already, come back as they are. Rows and columns that don't fill a pool are cut off
    at the lower and right edge.
    """
    factor = 1 if image_size is None else max(1, min(images.shape[1:3]) // image_size)
    if factor == 1:
        return images
    n, height, width, channels = images.shape
    height, width = height // factor, width // factor
    out = np.empty((n, height, width, channels), dtype=np.uint8)
    for start in range(0, n, 1000):  # in pieces, so that the float copy stays small
        part = images[start : start + 1000, : height * factor, : width * factor]
        blocks = part.reshape(len(part), height, factor, width, factor, channels)
        out[start : start + 1000] = np.rint(blocks.mean(axis=(2, 4)))
    return out


def as_tensor(images: UInt8[np.ndarray, "n h w c"]) -> Tensor:
    """The same bytes as an uint8 tensor (n, c, h, w) in channels_last layout, without a copy where memory allows."""
    if not images.flags.writeable:  # arrays from the object store are read-only, which torch warns about
        images = images.copy()
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)


def pixels(batch: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """A uint8 batch as float32 pixels in 0..1."""
    return batch.to(device, torch.float32).div_(255)
