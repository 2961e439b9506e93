"""A test set that comes after the training: images with labels, and the check that no model was trained on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from softcore.data.dataset import Dataset, fingerprint
from softcore.errors import RequestError
from softcore.training.images import pool_images

ALIKE = 8.0  # grey levels of 255, root mean square over an image's pixels: below it two files show the same picture
COARSE = 8  # the side of the thumbnails that are compared first
NAMED = 5  # images that a refusal names before it says how many there are
PIECE = 256  # images that are compared with all others at once


@dataclass(frozen=True, kw_only=True, eq=False)
class OutsideTestSet:
    """Images of a data set's size and classes with soft or hard targets, and where they came from.

    `images` uint8 [n, h, w, c], `targets` float64 [n, K] with rows that sum to 1. Rows of one number in `items` int64
    [n] show the same picture (as corrupted copies do), so that who resamples keeps them together; `names` say in a
    refusal which image is meant. `notes` are its rules and counts in sentences.
    """

    name: str
    title: str
    images: np.ndarray
    targets: np.ndarray
    items: np.ndarray
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    simulated: bool = False
    of_dataset: bool = False  # whether `items` are items of the data set that the models were trained on

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of its images, targets and items: what makes it this test set."""
        return fingerprint(self.images, self.targets, self.items)

    @property
    def is_soft(self) -> bool:
        """Whether the targets of some image lie on more than one class."""
        return bool((self.targets.max(axis=1) < 1).any())


def check_outside(test: OutsideTestSet, dataset: Dataset) -> None:
    """Refuse a test set that does not fit `dataset`, or shares images with its training or validation images.

    Models were trained on the former, and their temperatures fitted to the latter. Files that differ by less than
    `ALIKE` grey levels a pixel (another compression of one picture) count as one image; cropped, turned or mirrored
    copies are not found. Raises RequestError with names and a count.
    """
    shape, own = test.images.shape[1:], dataset.images.shape[1:]
    if shape != own:
        raise RequestError(
            f"test set {test.name}: images are {_size(shape)}, those of {dataset.name} {_size(own)}; --resize brings "
            "them to that size"
            if shape[2] == own[2]
            else f"test set {test.name}: images have {shape[2]} channels, those of {dataset.name} {own[2]}"
        )
    for use, items in (("training", dataset.train_items), ("validation", dataset.validation_items)):
        if test.of_dataset:
            rows = np.flatnonzero(np.isin(test.items, items))
            pairs = [(int(row), int(test.items[row])) for row in rows]
        else:
            pairs = same_pictures(test.images, dataset.images[items])
            pairs = [(row, int(items[place])) for row, place in pairs]
        if pairs:
            raise RequestError(_shared(test, dataset, use, pairs))


def _shared(test: OutsideTestSet, dataset: Dataset, use: str, pairs: Sequence[tuple[int, int]]) -> str:
    named = [f"{test.names[row]} (item {item})" for row, item in pairs[:NAMED]]
    more = f" and {len(pairs) - NAMED} more" if len(pairs) > NAMED else ""
    return (
        f"test set {test.name}: {len(pairs)} of {len(test.images)} images are {use} images of {dataset.name}: "
        f"{', '.join(named)}{more}; leave them out"
    )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} wide, {shape[0]} high"


def same_pictures(
    images: UInt8[np.ndarray, "n h w c"], known: UInt8[np.ndarray, "m h w c"], alike: float = ALIKE
) -> list[tuple[int, int]]:
    """(row of `images`, row of `known`) for each image that some known one equals within `alike`: the nearest one.

    The distance is the root mean square over pixels and channels, in grey levels of 255. That of thumbnails is never
    larger, so that only pairs with near thumbnails are compared in full.
    """
    small, small_known = _thumbnails(images), _thumbnails(known)
    norms, found = (small_known**2).mean(axis=1), []
    for start in range(0, len(images), PIECE):
        piece = small[start : start + PIECE]
        squares = (piece**2).mean(axis=1)[:, None] + norms - 2 / piece.shape[1] * (piece @ small_known.T)
        for row in np.flatnonzero((squares < (alike + 1) ** 2).any(axis=1)):
            near = np.flatnonzero(squares[row] < (alike + 1) ** 2)  # thumbnails are rounded to whole grey levels
            apart = known[near].astype(np.float32) - images[start + row]
            distances = np.sqrt((apart**2).mean(axis=(1, 2, 3)))
            if distances.min() < alike:
                found.append((start + int(row), int(near[distances.argmin()])))
    return found


def _thumbnails(images: np.ndarray) -> Float[np.ndarray, "n pixels"]:
    pooled = pool_images(images, COARSE)
    return pooled.reshape(len(images), -1).astype(np.float32)


def item_numbers(n: int) -> Int[np.ndarray, " n"]:
    """The items of n images that are all different."""
    return np.arange(n, dtype=np.int64)
