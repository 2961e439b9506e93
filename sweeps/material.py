"""What every trial of a sweep reads: its data, and what is evaluated beside the usual."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from softcore.data.dataset import Dataset
from softcore.datasets import load
from softcore.errors import RequestError
from softcore.files import sha256
from softcore.labels.similarity import read_word_vectors
from softcore.scoring.corrupted import Corrupted, corrupted_images
from softcore.scoring.metrics import check_extras

WORD_VECTORS = "word vectors"  # the name of their fingerprint


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """A data set, the evaluations beside the usual ones, and the corrupted test images where one of them needs them."""

    dataset: Dataset
    extras: tuple[str, ...] = ()
    corrupted: Corrupted | None = None


def load_data(name: str, root: Path, word_vectors: str | None = None) -> Dataset:
    """The data set `name`, its classes' similarity read from the file `word_vectors` where one is given."""
    dataset = load(name, root)
    if word_vectors is None:
        return dataset
    path = Path(word_vectors)
    similarity = read_word_vectors(path, dataset.classes)
    return replace(
        dataset,
        word_similarity=similarity,
        fingerprints={**dataset.fingerprints, WORD_VECTORS: sha256(path)},
    )


def make_material(dataset: Dataset, extras: Sequence[str], root: Path) -> Material:
    """The material of a sweep; makes or reads the corrupted test images where `extras` ask for them (a minute).

    Raises RequestError for an unknown extra, or one that the data set has nothing for.
    """
    check_extras(extras)
    corrupted = None
    if "corruptions" in extras:
        if not dataset.fixed_tests:
            raise RequestError(f"evaluate: corruptions needs a fixed test set; {dataset.name} has none")
        items = np.unique(np.concatenate([test.items for test in dataset.fixed_tests.values()]))
        corrupted = corrupted_images(root, dataset, items)
    return Material(dataset=dataset, extras=tuple(extras), corrupted=corrupted)
