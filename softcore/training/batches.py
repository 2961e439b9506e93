"""Batches of one epoch: which items in which order, which of an item's labels, how each image is moved."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional as F

from softcore.errors import unknown_name
from softcore.labels.build import Targets
from softcore.seeding import generator, torch_seed
from softcore.training.images import pixels

AUGMENTATIONS = ("none", "crop-flip")


@dataclass(frozen=True, kw_only=True)
class EpochOrder:
    """What one epoch of a trial sees, in order, drawn on the host and so the same on every device.

    `images` are rows of the images, `labels` rows of the targets' `probs`; `moves` the (rows down, columns right,
    flipped) of each image where it is moved, None where none is.
    """

    images: Int[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"]
    moves: Int[Tensor, "n 3"] | None


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

    def sizes(self) -> list[int]:
        """How many items each batch of an epoch has."""
        return [min(self.batch, len(self.items) - k * self.batch) for k in range(len(self))]

    def order(self, number: int) -> EpochOrder:
        """The order of epoch `number` (0, 1, ...), the same each time it is asked for."""
        order = generator("order", self.seed, number).permutation(len(self.items))[: sum(self.sizes())]
        # One draw for every image there is, so that an item's draw does not depend on which others are trained on.
        draw = generator("draw", self.seed, number).random(self.n_items)[self.items]
        labels = self.first + (draw * self.counts).astype(np.int64)
        moves = None
        if self.augmentation == "crop-flip":
            noise = torch.Generator().manual_seed(torch_seed("augmentation", self.seed, number))
            moves = torch.cat([draw_moves(n, self.images.shape[-2:], noise) for n in self.sizes()])
        return EpochOrder(images=self.items[order], labels=labels[order], moves=moves)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of epoch `number`, the same each time they are asked for."""
        order = self.order(number)
        images, labels = (torch.from_numpy(rows).to(self.device) for rows in (order.images, order.labels))
        moves = None if order.moves is None else order.moves.to(self.device)
        start = 0
        for n in self.sizes():
            part = slice(start, start + n)
            batch = pixels(self.images[images[part]], self.device)
            if moves is not None:
                batch = crop_flip(batch, moves[part])
            yield batch, self.probs[labels[part]]
            start += n


def reach(size: tuple[int, ...]) -> int:
    """How many pixels an image of (height, width) may be shifted: an eighth of its shorter side, at least one."""
    return max(1, min(size) // 8)


def draw_moves(n: int, size: tuple[int, ...], noise: torch.Generator) -> Int[Tensor, "n 3"]:
    """For `n` images of (height, width): where the window starts in the padded image, and 1 where it is flipped."""
    most = 2 * reach(size) + 1
    down = torch.randint(0, most, (n, 1), generator=noise)
    right = torch.randint(0, most, (n, 1), generator=noise)
    return torch.cat([down, right, (torch.rand(n, 1, generator=noise) < 0.5).long()], dim=1)


def crop_flip(batch: Tensor, moves: Int[Tensor, "n 3"]) -> Tensor:
    """Each image shifted by up to an eighth of its side, edges reflected, and flipped left-right half of the time."""
    n, _, height, width = batch.shape
    pad = reach((height, width))
    padded = F.pad(batch, (pad, pad, pad, pad), mode="reflect")
    down, right, flipped = moves.split(1, dim=1)
    rows = down + torch.arange(height, device=batch.device)
    columns = right + torch.arange(width, device=batch.device)
    columns = torch.where(flipped.bool(), columns.flip(1), columns)
    every = torch.arange(n, device=batch.device)
    picked = padded.permute(0, 2, 3, 1)[every[:, None, None], rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2)
