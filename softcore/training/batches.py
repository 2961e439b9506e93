"""Batches of one epoch: which items in which order, and which of an item's labels."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from softcore.errors import unknown_name
from softcore.labels.build import Targets
from softcore.seeding import generator, torch_seed
from softcore.training.images import pixels

AUGMENTATIONS = ("none", "crop-flip")


class Batches:
    """The training set of one trial on its device, handed out as (pixels, soft targets).

    An item's label is drawn anew each epoch from all it has, by the epoch and the item alone; so two trials of one
    seed see the same order and, where they share labels, the same labels.
    """

    def __init__(self, images: Tensor, targets: Targets, *, batch: int, seed: int, augmentation: str, device) -> None:
        if augmentation not in AUGMENTATIONS:
            raise unknown_name("augmentation", augmentation, AUGMENTATIONS)
        self.images = images.to(device)
        self.items = targets.items
        self.first, self.counts = targets.offsets[:-1], np.diff(targets.offsets)
        self.probs = torch.from_numpy(targets.probs).float().to(device)
        self.batch, self.seed, self.augmentation, self.device = batch, seed, augmentation, device
        self.n_items = len(images)

    def __len__(self) -> int:
        """Batches an epoch; the last may be smaller, but never a single item, which batch norm can't take."""
        full, left = divmod(len(self.items), self.batch)
        return full + (left > 1 or full == 0)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of epoch `number` (0, 1, ...), the same each time they are asked for."""
        order = generator("order", self.seed, number).permutation(len(self.items))
        # One draw for every image there is, so that an item's draw does not depend on which others are trained on.
        draw = generator("draw", self.seed, number).random(self.n_items)[self.items]
        rows = torch.from_numpy(self.first + (draw * self.counts).astype(np.int64)).to(self.device)
        items = torch.from_numpy(self.items).to(self.device)
        noise = torch.Generator(device=self.device).manual_seed(torch_seed("augmentation", self.seed, number))
        for index in torch.from_numpy(order).to(self.device).split(self.batch)[: len(self)]:
            batch = pixels(self.images[items[index]], self.device)
            if self.augmentation == "crop-flip":
                batch = crop_flip(batch, noise)
            yield batch, self.probs[rows[index]]


def crop_flip(batch: Tensor, noise: torch.Generator) -> Tensor:
    """Each image shifted by up to an eighth of its side, edges reflected, and flipped left-right half of the time."""
    n, _, height, width = batch.shape
    pad = max(1, min(height, width) // 8)
    padded = F.pad(batch, (pad, pad, pad, pad), mode="reflect")

    def start() -> Tensor:
        return torch.randint(0, 2 * pad + 1, (n, 1), generator=noise, device=batch.device)

    rows = start() + torch.arange(height, device=batch.device)
    columns = start() + torch.arange(width, device=batch.device)
    flipped = torch.rand(n, 1, generator=noise, device=batch.device) < 0.5
    columns = torch.where(flipped, columns.flip(1), columns)
    picked = padded.permute(0, 2, 3, 1)[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)
