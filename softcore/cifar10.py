"""CIFAR-10's official archive -> the two files of images that this project reads."""

import os
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from softcore.errors import RequestError
from softcore.files import read_npz
from softcore.seeding import generator

OFFICIAL = "official CIFAR-10 files, read with torchvision"
VALIDATION_A_CLASS = 500


def convert(archive: Path, folder: Path, a_class: int = VALIDATION_A_CLASS) -> None:
    """Write `test.npz` (test images in their order) and `validation.npz` into `folder` from the official `archive`.

    Each has `images` uint8 [n, 32, 32, 3], `labels` uint8 [n] and `source`. Validation images are `a_class` training
    images of each class, chosen and ordered by a fixed seed. Each file appears whole or not at all. Raises RequestError
    if the archive lacks a part or a part has another checksum than torchvision's.
    """
    from torchvision.datasets import CIFAR10

    with tempfile.TemporaryDirectory(dir=folder) as unpacked:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(unpacked, filter="data")
            test, training = CIFAR10(unpacked, train=False), CIFAR10(unpacked, train=True)
        except (tarfile.TarError, RuntimeError, OSError) as error:
            raise RequestError(f"{archive}: not the official CIFAR-10 archive ({error}); fetch it again") from error
    _write(folder / "test.npz", test.data, np.asarray(test.targets))
    labels = np.asarray(training.targets)
    chosen = choose_validation(labels, a_class)
    _write(folder / "validation.npz", training.data[chosen], labels[chosen])


def choose_validation(labels: np.ndarray, a_class: int) -> np.ndarray:
    """Indices of `a_class` images of each class, in a drawn order, the same on every machine."""
    order = generator("split").permutation(len(labels))
    rank = np.empty(len(labels), dtype=np.int64)  # how many images of the same class come earlier in the order
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members))
    return order[rank[order] < a_class]


def _write(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez_compressed(file, images=images, labels=labels.astype(np.uint8), source=np.array(OFFICIAL))
    os.replace(part, path)


def pixels_note(path: Path) -> str:
    """A sentence on where the pixels of a cached file come from, as far as the file itself says."""
    try:
        (source,) = read_npz(path, "source")
    except RequestError:
        return f"{path.name}: pixels of unknown origin (not made by `sweeps data fetch`); they may differ slightly"
    return f"{path.name}: pixels from the {source}"
