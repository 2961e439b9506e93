"""A user's own data set, declared in a small YAML file: images, classes, answers, how to split."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Int
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from softcore.data.dataset import Dataset, TestSet, fingerprint
from softcore.data.own_answers import Vocabulary, read_own_answers
from softcore.data.own_images import OwnImages, read_own_images
from softcore.errors import RequestError, short
from softcore.files import read_yaml
from softcore.seeding import generator

Share = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True, pattern=r"^[^|]+$")]


class OwnData(BaseModel):
    """The keys of the YAML file. Paths are relative to the file; shares are of all images but `held_out`'s.

    There are `images` or `images_of`, the name of a built-in data set whose images, classes, splits and test sets are
    taken.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    title: str | None = None
    images: str | None = None
    images_of: str | None = None
    classes: Annotated[list[Name], Field(min_length=2)] | None = None
    answers: str
    probabilities: Literal["percent", "fraction"] | None = None
    validation: Share = 0.15
    test: Share = 0.25
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1  # of the training items that have answers
    ordered: StrictBool = False  # whether the classes are steps on a line, in the order of `classes`


OF_IMAGES = ("classes", "validation", "test")  # which a built-in data set has already
ALLOWED = {
    "name": "letters, digits, '-', '_' and '.'",
    "title": "a line of text",
    "images": "the path of an .npz file or a folder",
    "images_of": "the name of a built-in data set",
    "classes": "a list of two or more class names, in quotes where YAML reads them as yes or no",
    "answers": "the path of a .csv or .parquet file",
    "probabilities": "percent, fraction",
    "validation": "a share between 0 and 1",
    "test": "a share between 0 and 1",
    "held_out": "a share of 0 or more, below 1",
    "ordered": "true, false",
}


def read_declaration(path: Path, built_in: Collection[str]) -> OwnData:
    """The checked content of the YAML file `path`; RequestError in one line: file, key, value, what is allowed.

    `built_in` are the names of the data sets that come with the package.
    """
    try:
        content = read_yaml(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise RequestError(f"data set {path}: can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{path}: not valid YAML: not UTF-8 text") from error
    if not isinstance(content, dict):
        raise RequestError(f"{path}: a {type(content).__name__}; keys are needed: {', '.join(OwnData.model_fields)}")
    if odd := [key for key in content if key not in OwnData.model_fields]:
        raise RequestError(f"{path}: key '{short(odd[0])}' is not known; allowed: {', '.join(OwnData.model_fields)}")
    try:
        own = OwnData.model_validate(content)
    except ValidationError as error:
        raise RequestError(f"{path}: {'; '.join(_plain(e, built_in) for e in error.errors()[:3])}") from error
    if problem := _problem(own, built_in):
        raise RequestError(f"{path}: {problem}")
    return own


def _problem(own: OwnData, built_in: Collection[str]) -> str:
    """What the keys can't mean together, or nothing."""
    names = " or ".join(sorted(built_in))
    if own.name in built_in:
        return f"key 'name': '{own.name}' is the name of a built-in data set; choose another"
    if own.images is not None and own.images_of is not None:
        return "keys 'images' and 'images_of': both are there; one of them is allowed"
    if own.images_of is None and own.images is None:
        return f"key 'images' is missing; allowed: {ALLOWED['images']}, or in its place images_of: {names}"
    if own.images_of is not None and own.images_of not in built_in:
        return f"key 'images_of': '{own.images_of}'; allowed: {_allowed('images_of', built_in)}"
    if own.images_of is not None and (given := [key for key in OF_IMAGES if key in own.model_fields_set]):
        return f"key '{given[0]}': images_of: {own.images_of} brings that with it; leave the key out"
    if own.ordered and own.images_of is None and own.classes is None:
        return "key 'ordered': true; the key 'classes' must say in which order"
    if own.validation + own.test >= 1:
        return f"keys 'validation' and 'test': {own.validation:g} + {own.test:g}; less than 1 together is allowed"
    return ""


def _allowed(key: str, built_in: Collection[str]) -> str:
    return f"{ALLOWED[key]}: {', '.join(sorted(built_in))}" if key == "images_of" else ALLOWED[key]


def _plain(error: ErrorDetails, built_in: Collection[str]) -> str:
    """One of pydantic's errors in the words of this project."""
    key = str(error["loc"][0])
    if error["type"] == "missing":
        return f"key '{key}' is missing; allowed: {_allowed(key, built_in)}"
    return f"key '{key}': '{short(error['input'])}'; allowed: {_allowed(key, built_in)}"


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


def load_own(path: Path, root: Path | None, built_in: Mapping[str, Callable[[Path | None], Dataset]]) -> Dataset:
    """The data set that the YAML file `path` declares.

    Each class is split anew by a fixed seed into training, validation and test. Images with answers go to training as
    long as others are left for the other two; an answer about a validation or test image is not used and is counted
    under `not-in-training`. With `images_of` images, reference labels, splits and test sets are those of a built-in
    data set (one of `built_in`, of the files below `root`), whose own answers and clicks are left out. Raises
    RequestError, one line for a wrong file or key, more for bad rows of answers.
    """
    own = read_declaration(path, built_in)
    folder = path.parent
    try:
        base = None if own.images_of is None else built_in[own.images_of](root)
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
        class_positions=np.arange(len(images.classes), dtype=float) if own.ordered else None,
    )


def _images(own: OwnData, folder: Path) -> OwnImages:
    assert own.images is not None
    images = read_own_images(folder / own.images, own.classes)
    _check_classes(images.classes)
    return images


def _images_of(base: Dataset) -> OwnImages:
    return OwnImages(images=base.images, labels=base.labels, classes=base.classes, names=())


def _split_anew(own: OwnData, images: OwnImages, answered: np.ndarray) -> _Around:
    train, validation, test = split_images(images.labels, answered, own.validation, own.test)
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


def split_images(
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
    if own.ordered:
        settings += " ordered"
    return {
        "answers": fingerprint(answers.read_bytes()),
        "settings": fingerprint(settings),
    }
