"""CIFAR-10S under one name: CIFAR-10's test images, the answers of CIFAR-10S, the clicks of CIFAR-10H; and H-Mix."""

import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from softcore.data import hmix
from softcore.data.dataset import Dataset, TestSet, fingerprint
from softcore.data.readers import CIFAR_CLASSES, read_cifar10s, read_counts
from softcore.errors import RequestError, short
from softcore.files import read_array, read_npz, whole
from softcore.seeding import generator

OFFICIAL = "official CIFAR-10 files, read with torchvision"
VALIDATION_A_CLASS = 500
TITLE = "CIFAR-10S: 1,000 CIFAR-10 test images with soft labels elicited from 248 people"
TEST_IMAGES, VALIDATION_IMAGES = 10_000, 5_000
IMAGES = "cifar10/test.npz"
VALIDATION = "cifar10/validation.npz"
ANSWERS = "cifar10s/raw_human_data.csv"
CLICKS = "cifar10h/cifar10h-counts.npy"
TRAIN_SPLIT = "splits/train_indices.npy"
TEST_SPLIT = "splits/test_indices.npy"
FILES = (IMAGES, VALIDATION, ANSWERS, CLICKS, TRAIN_SPLIT, TEST_SPLIT)


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
        except Exception as error:  # tar, gzip, zlib and pickle each have their own way to say that a file is cut
            raise RequestError(
                f"{archive}: not the official CIFAR-10 archive ({short(error, 120)}); fetch it again"
            ) from error
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
    with whole(path) as temporary, temporary.open("wb") as file:  # a file, as NumPy would end its name in .npz
        np.savez_compressed(file, images=images, labels=labels.astype(np.uint8), source=np.array(OFFICIAL))


def pixels_note(path: Path) -> str:
    """A sentence on where the pixels of a cached file come from, as far as the file itself says."""
    try:
        (source,) = read_npz(path, "source")
    except RequestError:
        return f"{path.name}: pixels of unknown origin (not made by `sweeps data fetch`); they may differ slightly"
    return f"{path.name}: pixels from the {source}"


def load_cifar10s(root: Path) -> Dataset:
    """CIFAR-10S from the files below `root`.

    Items 0..9999 are CIFAR-10's test images in their order, 10000..14999 the validation images (from its training set,
    without clicks: their rows of `counts` are 0). Raises RequestError for a file that is missing or does not fit.
    """
    _require(root, FILES, "cifar10s")
    images, labels = read_images(root / IMAGES, TEST_IMAGES)
    more_images, more_labels = read_images(root / VALIDATION, VALIDATION_IMAGES)
    clicks = read_counts(root / CLICKS, TEST_IMAGES, len(CIFAR_CLASSES))
    if (clicks.argmax(axis=1) == labels).mean() < 0.9:
        raise RequestError(f"{root / IMAGES}: its labels disagree with {CLICKS}; the official order is expected")
    train, test = _splits(root)
    records, odd_rows = read_cifar10s(root / ANSWERS)
    outside = np.setdiff1d(records["item"], train)
    if outside.size:
        raise RequestError(
            f"{root / ANSWERS}: image {outside[0]} ({outside.size} in all) is not in the training split "
            f"{TRAIN_SPLIT}; only its images may have answers"
        )
    frequencies = clicks[test] / clicks[test].sum(axis=1, keepdims=True)
    return Dataset(
        name="cifar10s",
        title=TITLE,
        images=np.concatenate([images, more_images]),
        labels=np.concatenate([labels, more_labels]),
        classes=CIFAR_CLASSES,
        train_items=train,
        validation_items=np.arange(TEST_IMAGES, TEST_IMAGES + VALIDATION_IMAGES),
        records=records,
        counts=np.concatenate([clicks, np.zeros((VALIDATION_IMAGES, clicks.shape[1]), dtype=np.int64)]),
        fixed_tests={"10h": TestSet(items=test, targets=frequencies)},
        held_out=100,
        held_out_test="10s",
        default_metric="ce/10h",
        simulated=False,
        odd_rows=odd_rows,
        fingerprints={
            IMAGES: fingerprint(images, labels),
            VALIDATION: fingerprint(more_images, more_labels),
            ANSWERS: fingerprint((root / ANSWERS).read_bytes()),
            CLICKS: fingerprint(clicks),
            TRAIN_SPLIT: fingerprint(train),
            TEST_SPLIT: fingerprint(test),
        },
        notes=(
            pixels_note(root / IMAGES),
            pixels_note(root / VALIDATION),
            "CIFAR-10H is known as counts: clicks are drawn from an image's counts, not by person",
        ),
    )


def load_hmix(root: Path) -> Dataset:
    """CIFAR-10S with H-Mix's mixed images beside it, from the files below `root`.

    Raises RequestError for a file that is missing or does not fit, or a mixed image of an image that is not in the
    training split.
    """
    _require(root, (*FILES, *hmix.FILES), "hmix")
    base, mixed = load_cifar10s(root), hmix.read_mixed(root)
    outside = np.flatnonzero(~np.isin(mixed.endpoints, base.train_items).all(axis=1))
    if outside.size:
        raise RequestError(
            f"{root / hmix.INFERENCES}: {mixed.names[outside[0]]} ({outside.size} in all) mixes an image that is not "
            f"in the training split {TRAIN_SPLIT}; only its images may be mixed"
        )
    return replace(
        base,
        name="hmix",
        title=hmix.TITLE,
        mixed=mixed,
        fingerprints={**base.fingerprints, **{file: fingerprint((root / file).read_bytes()) for file in hmix.FILES}},
    )


def _require(root: Path, files: Sequence[str], name: str) -> None:
    for file in files:
        if not (root / file).is_file():
            raise RequestError(
                f"data file {root / file} is missing; fetch it with `sweeps data fetch {name}`, "
                "or name the folder that has it with --data-root or SOFTCORE_DATA"
            )


def read_images(path: Path, n: int) -> tuple[np.ndarray, np.ndarray]:
    """`images` uint8 [n, 32, 32, 3] and `labels` (as int64 [n]) of a cached `.npz`; RequestError if it does not fit."""
    images, labels = read_npz(path, "images", "labels")
    if images.shape != (n, 32, 32, 3) or images.dtype != np.uint8:
        raise RequestError(f"{path}: images are {images.dtype} {list(images.shape)}; uint8 [{n}, 32, 32, 3] is allowed")
    if labels.shape != (n,) or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= len(CIFAR_CLASSES):
        raise RequestError(f"{path}: labels are {labels.dtype} {list(labels.shape)}; {n} whole numbers 0 to 9 allowed")
    return images, labels.astype(np.int64)


def _splits(root: Path) -> tuple[np.ndarray, np.ndarray]:
    """Training and test items, int64, in the files' order; RequestError if they overlap or leave 0..9999."""
    train, test = read_array(root / TRAIN_SPLIT), read_array(root / TEST_SPLIT)
    for name, part in ((TRAIN_SPLIT, train), (TEST_SPLIT, test)):
        if part.ndim != 1 or part.dtype.kind not in "iu" or not part.size:
            raise RequestError(f"{root / name}: {part.dtype} {list(part.shape)}; a list of image numbers is expected")
        if part.min() < 0 or part.max() >= TEST_IMAGES or np.unique(part).size != part.size:
            raise RequestError(f"{root / name}: image numbers must be different ones from 0 to {TEST_IMAGES - 1}")
    both = np.intersect1d(train, test)
    if both.size:
        raise RequestError(f"{root / TEST_SPLIT}: image {both[0]} is in {TRAIN_SPLIT} too; the two must not overlap")
    return train.astype(np.int64), test.astype(np.int64)
