"""A data set: images, reference labels, answers, splits, test sets, a metric."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from softcore.data.hmix import MixedImages


@dataclass(frozen=True, kw_only=True, eq=False)
class TestSet:
    """Items to score on and what the truth about each is.

    `items` int64 [m] indexes the data set's images; `targets` float64 [m, K] has rows that sum to 1.
    """

    __test__ = False  # pytest: not a class of tests

    items: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images with reference labels, people's answers, splits and test sets; read-only by agreement.

    Test sets' items, validation items and training items are disjoint. `records` has the columns of
    `softcore.data.records.COLUMNS`, repeats included and marked, and names training items only.
    """

    name: str
    title: str
    images: np.ndarray  # uint8 [n, h, w, c]; item i is images[i]
    labels: np.ndarray  # int64 [n], the reference labels
    classes: tuple[str, ...]
    train_items: np.ndarray  # int64
    validation_items: np.ndarray  # int64, never trained on
    records: pd.DataFrame
    counts: np.ndarray | None  # int64 [n, K] clicks a class where they are known as counts; a row of zeros: none known
    fixed_tests: Mapping[str, TestSet]
    held_out: int  # annotated training items that each seed holds out anew
    held_out_test: str  # the name of the test set made of them
    default_metric: str
    simulated: bool
    odd_rows: Mapping[str, int]  # rule of `softcore.data.records.ODD_RULES` -> first answers it changed or marks
    fingerprints: Mapping[str, str]  # file or part -> SHA-256 (hex) of what was read
    notes: tuple[str, ...] = ()  # sentences that belong on the data set's card
    mixed: "MixedImages | None" = None  # mixed images and what people said about them, where the data set has them
    word_similarity: np.ndarray | None = None  # float64 [K, K] cosine of class names, of the user's word-vector file
    class_positions: np.ndarray | None = None  # float64 [K], where the classes lie on a line if they have an order

    @property
    def annotated_items(self) -> np.ndarray:
        """The training items that at least one person answered (a repeat alone does not count), int64, ascending."""
        first = self.records.loc[~self.records["is_repeat"], "item"].to_numpy(dtype=np.int64)
        return np.intersect1d(first, self.train_items)


def fingerprint(*parts: np.ndarray | bytes | str) -> str:
    """SHA-256 (hex) over `parts` in order; an array counts with its type and shape, so that no two arrays collide."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()
