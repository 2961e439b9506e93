"""A user's own data set, declared in a small YAML file: images, classes, answers, how to split."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from softcore.datasets import Dataset, TestSet, fingerprint, load
from softcore.errors import RequestError
from softcore.own_answers import Vocabulary, read_own_answers
from softcore.own_declaration import OwnData, read_declaration
from softcore.own_images import OwnImages, read_own_images
from softcore.seeding import generator


@dataclass(frozen=True, kw_only=True, eq=False)
class _Around:
    """All of a data set but its answers: training and validation items, test sets, and what is said of them."""

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]
    tests: Mapping[str, TestSet]
    metric: str
    fingerprints: Mapping[str, str]
    simulated: bool = False
    notes: tuple[str, ...] = ()


def load_own(path: Path, root: Path | None = None) -> Dataset:
    """The data set that the YAML file `path` declares.

    Each class is split anew by a fixed seed into training, validation and test. Images with answers go to training as
    long as others are left for the other two; an answer about a validation or test image is not used and is counted
    under `not-in-training`. With `images_of` images, reference labels, splits and test sets are those of a built-in
    data set (of the files below `root`), whose own answers and clicks are left out. Raises RequestError, one line for a
    wrong file or key, more for bad rows of answers.
    """
    own = read_declaration(path)
    folder = path.parent
    try:
        base = None if own.images_of is None else load(own.images_of, root)
        images = _images(own, folder) if base is None else _images_of(base)
        words = Vocabulary(
            classes=images.classes,
            n_items=len(images.images),
            names=images.names,
            probabilities=own.probabilities,
        )
        records, odd_rows = read_own_answers(folder / own.answers, words)
        answered = np.unique(records["item"])
        around = _split_anew(own, images, answered) if base is None else _as_in(base)
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from error
    used = records["item"].isin(around.train)
    outside = int((~used & ~records["is_repeat"]).sum())
    records = records[used].reset_index(drop=True)
    return Dataset(
        name=own.name,
        title=own.title or own.name,
        images=images.images,
        labels=images.labels,
        classes=images.classes,
        train_items=around.train,
        validation_items=around.validation,
        records=records,
        counts=None,
        fixed_tests=around.tests,
        held_out=_held_out(path, own.held_out, records.loc[~records["is_repeat"], "item"].nunique()),
        held_out_test="pages",
        default_metric=around.metric,
        simulated=around.simulated,
        odd_rows=odd_rows | {"not-in-training": outside},
        fingerprints={**around.fingerprints, **_fingerprints(own, images, folder / own.answers)},
        notes=around.notes,
    )


def _images(own: OwnData, folder: Path) -> OwnImages:
    assert own.images is not None
    images = read_own_images(folder / own.images, own.classes)
    _check_classes(images.classes)
    return images


def _images_of(base: Dataset) -> OwnImages:
    return OwnImages(images=base.images, labels=base.labels, classes=base.classes, names=())


def _split_anew(own: OwnData, images: OwnImages, answered: np.ndarray) -> _Around:
    train, validation, test = split(images.labels, answered, own.validation, own.test)
    targets = np.eye(len(images.classes))[images.labels[test]]
    read = fingerprint(images.images, images.labels, "\n".join(images.names))
    return _Around(
        train=train,
        validation=validation,
        tests={"reference": TestSet(items=test, targets=targets)},
        metric="ce/reference",
        fingerprints={"images": read},
    )


def _as_in(base: Dataset) -> _Around:
    """What `base` has around its answers; simulated where its are, as those label its test set, too."""
    left_out = f"images, reference labels, splits and test sets are those of {base.name}; its own answers are left out"
    return _Around(
        train=base.train_items,
        validation=base.validation_items,
        tests=base.fixed_tests,
        metric=base.default_metric,
        fingerprints=base.fingerprints,
        simulated=base.simulated,
        notes=(left_out, *base.notes),
    )


def _held_out(path: Path, share: float, annotated: int) -> int:
    """How many of the annotated training images each seed holds out: none, or at least one, and never all."""
    least = 1 if share == 0 else 2
    if annotated < least:
        raise RequestError(
            f"{path}: {annotated} training images have answers; at least {least} {'is' if least == 1 else 'are'} "
            f"needed, one to train on{'' if least == 1 else ' and one held out'}"
        )
    return min(max(1, round(share * annotated)), annotated - 1) if share else 0


def _check_classes(classes: tuple[str, ...]) -> None:
    twice = sorted({name for name in classes if classes.count(name) > 1})
    if twice:
        raise RequestError(f"key 'classes': '{twice[0]}' is there twice; different names are allowed")
    if len(classes) < 2:
        raise RequestError(f"key 'classes': {len(classes)} class; two or more are allowed")
    if any("|" in name or not re.search(r"\S", name) for name in classes):
        raise RequestError("key 'classes': a name is blank or has a '|'; other names are allowed")


def split(
    labels: np.ndarray, answered: np.ndarray, validation: float, test: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training, validation and test items (int64, ascending) with each class's share in each as even as can be.

    Within a class the order is drawn; images without answers are taken for test and validation first, so that no
    answer is paid for and left unused while there is another way. Raises RequestError where a part would be empty.
    """
    rng = generator("split")
    has_answer = np.isin(np.arange(len(labels)), answered)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    seen = 0
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        members = members[np.argsort(has_answer[members], kind="stable")]
        seen += len(members)
        # Rounding the running total, not each class, keeps the shares right where classes are small.
        n_test = min(round(test * seen) - len(parts[2]), len(members))
        n_validation = min(round(validation * seen) - len(parts[1]), len(members) - n_test)
        parts[2].extend(members[:n_test])
        parts[1].extend(members[n_test : n_test + n_validation])
        parts[0].extend(members[n_test + n_validation :])
    for name, part in zip(("training", "validation", "test"), parts, strict=True):
        if not part:
            raise RequestError(f"{len(labels)} images leave none for {name}; more images, or other shares, are allowed")
    train, held_back, tested = (np.sort(np.array(part, dtype=np.int64)) for part in parts)
    return train, held_back, tested


def _fingerprints(own: OwnData, images: OwnImages, answers: Path) -> dict[str, str]:
    settings = f"{images.classes} {own.probabilities} {own.validation} {own.test} {own.held_out}"
    return {
        "answers": fingerprint(answers.read_bytes()),
        "settings": fingerprint(settings),
    }
