"""Corrupted copies of test images: the official CIFAR-10-C where its files are, else made by `corruptions.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from softcore.data.cifar10s import TEST_IMAGES
from softcore.data.dataset import Dataset
from softcore.datasets import data_root
from softcore.errors import RequestError
from softcore.scoring.corruptions import CORRUPTIONS, SEVERITY, corrupt

FOLDER = "cifar10c"
STANDARD = (*CORRUPTIONS, "frost")  # the fifteen that a mean is taken over
FURTHER = ("speckle_noise", "gaussian_blur", "spatter", "saturate")  # in the official archive, in no mean
SEVERITIES = 5  # blocks of a file, mildest first
CIFAR_TESTS = ("cifar10s", "hmix")  # data sets whose items are CIFAR-10's test images in their order
NO_FROST = "its recipe needs photographs of frost that this project may not hand on; the official files have it"


@dataclass(frozen=True, kw_only=True, eq=False)
class CorruptedImages:
    """Copies of `items` after each corruption at severity 3, plain arrays throughout.

    `images`: corruption -> uint8 [m, h, w, c], row i shows items[i]; `items` int64 [m], ascending. `source` is
    "official" (CIFAR-10-C) or "generated"; `absent` says why a corruption is not there.
    """

    source: str
    images: Mapping[str, np.ndarray]
    items: np.ndarray
    absent: Mapping[str, str]
    severity: int = SEVERITY

    @property
    def suffix(self) -> str:
        """What the names of scores on it end in: `c`, or `c-generated` where the images are not the official ones."""
        return "c" if self.source == "official" else "c-generated"

    def at(self, image_size: int | None) -> "CorruptedImages":
        """The same mean-pooled to a trial's size, as its clean images are."""
        from softcore.training.images import pool_images

        return replace(self, images={name: pool_images(images, image_size) for name, images in self.images.items()})

    def rows(self, items: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """Where `items` are in `images`; ValueError for one that is not there."""
        missing = np.setdiff1d(items, self.items)
        if missing.size:
            raise ValueError(f"no corrupted image of item {missing[0]} ({missing.size} of {len(items)} are missing)")
        return np.searchsorted(self.items, items)


def corrupted_images(
    root: Path | None, dataset: Dataset, items: Int[np.ndarray, " n"], test_images: int = TEST_IMAGES
) -> CorruptedImages:
    """Corrupted copies of `items` (each once, in any order) of `dataset`, the same each time.

    The official files are read from the folder `cifar10c` below `root`, where it is and the data set's items are
    CIFAR-10's test images; all fifteen standard ones must be there. Otherwise they are generated, without `frost`.
    `test_images` is the number of images a severity in a file. Raises RequestError for a folder that lacks a file, a
    file of another shape or type, and images too small to be corrupted.
    """
    items = np.unique(items).astype(np.int64)
    folder = data_root(root) / FOLDER
    if dataset.name in CIFAR_TESTS and folder.is_dir():
        return _official(folder, dataset, items, test_images)
    clean = dataset.images[items]
    images = {name: corrupt(clean, name, items) for name in CORRUPTIONS}
    return CorruptedImages(source="generated", images=images, items=items, absent={"frost": NO_FROST})


def _official(folder: Path, dataset: Dataset, items: np.ndarray, test_images: int) -> CorruptedImages:
    missing = [name for name in STANDARD if not (folder / f"{name}.npy").is_file()]
    if missing:
        names = ", ".join(f"{name}.npy" for name in missing)
        raise RequestError(
            f"{folder}: lacks {names}; all {len(STANDARD)} standard files of CIFAR-10-C are needed, "
            "or no such folder, and then the corruptions are generated"
        )
    if items.size and items[-1] >= test_images:
        raise ValueError(f"item {items[-1]} is not one of the {test_images} test images of CIFAR-10")
    block = (SEVERITY - 1) * test_images
    _check_labels(folder / "labels.npy", dataset.labels[:test_images], block)
    shape = (SEVERITIES * test_images, *dataset.images.shape[1:])
    there = [name for name in (*STANDARD, *FURTHER) if (folder / f"{name}.npy").is_file()]
    images = {name: _mapped(folder / f"{name}.npy", shape)[block + items] for name in there}
    absent = {name: f"no file {FOLDER}/{name}.npy" for name in FURTHER if name not in there}
    return CorruptedImages(source="official", images=images, items=items, absent=absent)


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The uint8 array of `shape` in a `.npy` file, left on disk; RequestError if it is another."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RequestError(f"{path}: not a readable .npy array ({error})") from error
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.shape != shape:
        found = f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else "an archive of arrays"
        raise RequestError(f"{path}: {found}; uint8 {list(shape)} is allowed")
    return array


def _check_labels(path: Path, labels: np.ndarray, block: int) -> None:
    """Where the archive's labels are there, they must be those of the test images in the data set's order."""
    if path.is_file():
        found = _mapped(path, (SEVERITIES * len(labels),))[block : block + len(labels)]
        if not np.array_equal(found, labels):
            differ = int((found != labels).sum())
            raise RequestError(f"{path}: {differ} labels differ from the data set's; the official order is expected")
