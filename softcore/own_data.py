"""A user's own data set, declared in a small YAML file: images, classes, answers, how to split."""

import re
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from softcore.datasets import DATASETS, Dataset, TestSet, fingerprint
from softcore.errors import RequestError
from softcore.own_answers import Vocabulary, read_own_answers
from softcore.own_images import OwnImages, read_own_images
from softcore.seeding import generator

Share = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True, pattern=r"^[^|]+$")]


class OwnData(BaseModel):
    """The keys of the YAML file. Paths are relative to the file; shares are of all images but `held_out`'s."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    title: str | None = None
    images: str
    classes: Annotated[list[Name], Field(min_length=2)] | None = None
    answers: str
    probabilities: Literal["percent", "fraction"] | None = None
    validation: Share = 0.15
    test: Share = 0.25
    held_out: Share = 0.1  # of the training items that have answers


def load_own(path: Path) -> Dataset:
    """The data set that the YAML file `path` declares.

    Each class is split anew by a fixed seed into training, validation and test. Images with answers go to training as
    long as others are left for the other two; an answer about a validation or test image is not used and is counted
    under `not-in-training`. Raises RequestError, one line for a wrong file or key, more for bad rows of answers.
    """
    own = read_declaration(path)
    folder = path.parent
    try:
        images = read_own_images(folder / own.images, own.classes)
        _check_classes(images.classes)
        words = Vocabulary(
            classes=images.classes,
            n_items=len(images.images),
            names=images.names,
            probabilities=own.probabilities,
        )
        records, odd_rows = read_own_answers(folder / own.answers, words)
        train, validation, test = split(images.labels, np.unique(records["item"]), own.validation, own.test)
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from error
    used = records["item"].isin(train)
    outside = int((~used & ~records["is_repeat"]).sum())
    records = records[used].reset_index(drop=True)
    annotated = records.loc[~records["is_repeat"], "item"].nunique()
    if annotated < 2:
        raise RequestError(
            f"{path}: {annotated} training images have answers; at least 2 are needed, one to train on and one held out"
        )
    targets = np.eye(len(images.classes))[images.labels[test]]
    return Dataset(
        name=own.name,
        title=own.title or own.name,
        images=images.images,
        labels=images.labels,
        classes=images.classes,
        train_items=train,
        validation_items=validation,
        records=records,
        counts=None,
        fixed_tests={"reference": TestSet(items=test, targets=targets)},
        held_out=min(max(1, round(own.held_out * annotated)), annotated - 1),
        held_out_test="pages",
        default_metric="ce/reference",
        simulated=False,
        odd_rows=odd_rows | {"not-in-training": outside},
        fingerprints=_fingerprints(own, images, folder / own.answers),
    )


def read_declaration(path: Path) -> OwnData:
    """The checked content of the YAML file `path`; RequestError in one line: file, key, value, what is allowed."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"data set {path}: can't be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RequestError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise RequestError(f"{path}: a {type(content).__name__}; keys are needed: {', '.join(OwnData.model_fields)}")
    try:
        own = OwnData.model_validate(content)
    except ValidationError as error:
        raise RequestError(f"{path}: {'; '.join(_plain(e) for e in error.errors())}") from error
    if own.name in DATASETS:
        raise RequestError(f"{path}: key 'name': '{own.name}' is the name of a built-in data set; choose another")
    if own.validation + own.test >= 1:
        raise RequestError(
            f"{path}: keys 'validation' and 'test': {own.validation:g} + {own.test:g}; less than 1 together is allowed"
        )
    return own


ALLOWED = {
    "name": "letters, digits, '-', '_' and '.'",
    "title": "a line of text",
    "images": "the path of an .npz file or a folder",
    "classes": "a list of two or more class names, in quotes where YAML reads them as yes or no",
    "answers": "the path of a .csv or .parquet file",
    "probabilities": "percent, fraction",
    "validation": "a share between 0 and 1",
    "test": "a share between 0 and 1",
    "held_out": "a share between 0 and 1",
}


def _plain(error: ErrorDetails) -> str:
    """One of pydantic's errors in the words of this project."""
    key = str(error["loc"][0])
    if error["type"] == "missing":
        return f"key '{key}' is missing; allowed: {ALLOWED[key]}"
    if error["type"] == "extra_forbidden":
        return f"key '{key}' is not known; allowed: {', '.join(OwnData.model_fields)}"
    return f"key '{key}': '{error['input']}'; allowed: {ALLOWED[key]}"


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
        "images": fingerprint(images.images, images.labels, "\n".join(images.names)),
        "answers": fingerprint(answers.read_bytes()),
        "settings": fingerprint(settings),
    }
