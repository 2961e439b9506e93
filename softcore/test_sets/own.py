"""A user's own test images: an `.npz` or a folder, with hard labels, soft labels or people's answers beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, UInt8

from softcore.data.dataset import Dataset
from softcore.data.own_answers import Vocabulary, read_own_answers
from softcore.data.own_images import decode_images, image_files
from softcore.data.records import refuse
from softcore.errors import BadRow, RequestError
from softcore.files import NUMBER, csv_rows, npz_names, read_npz
from softcore.labels.aggregate import mean
from softcore.labels.ask import people_labels
from softcore.labels.elicited import DEFAULT_GAMMA
from softcore.test_sets.outside import NAMED, OutsideTestSet, item_numbers

WHERE = ("image", "item")  # a column of a labels file that says which image a row is about
HARD = "label"  # the column of a labels file with one class an image
ROUNDED = 0.01  # how far the probabilities of a row may be from a sum of 1


@dataclass(frozen=True, kw_only=True, eq=False)
class _Images:
    """Images with their names and, where the folders or the file say so, their targets."""

    images: UInt8[np.ndarray, "n h w c"]
    names: tuple[str, ...]
    targets: Float[np.ndarray, "n k"] | None
    words: str


def read_own_test_set(
    path: Path,
    dataset: Dataset,
    *,
    name: str,
    labels: Path | None = None,
    answers: Path | None = None,
    probabilities: Literal["percent", "fraction"] | None = None,
    resize: bool = False,
) -> OutsideTestSet:
    """The images at `path` as a test set of the classes of `dataset`, in its image size.

    `path` is an `.npz` with `images` (uint8 [n, h, w] or [n, h, w, c]) and `labels` (class names or indices) or
    `targets` ([n, K]), or a folder: with a subfolder a class, or of images in any order with one of two files.
    `labels`: a CSV file with a row an image, its column `image` (the file's path below the folder, or its number) and
    either `label` (a class) or a column a class (probabilities, percent or counts). `answers`: people's answers as a
    data set of one's own has them, `probabilities` being the unit of theirs; the target is the mean T2 Clamp (gamma
    0.1) of an image's people, or of their clicks; images that nobody answered are left out and counted. `resize`
    brings files of any size to that of the data set. Raises RequestError for what does not fit, in one line or, for
    rows of a file, with all of them (first 20 and a count).
    """
    if labels is not None and answers is not None:
        raise RequestError(f"test set {name}: labels and answers are both there; one of them says what the truth is")
    found = _read_images(path, dataset, resize=resize, by_folder=labels is None and answers is None)
    items, targets, notes = item_numbers(len(found.images)), found.targets, [found.words]
    if labels is not None:
        targets = read_targets(labels, found.names, dataset.classes)
        notes = [f"{len(targets)} images with the labels of {labels.name}"]
    elif answers is not None:
        items, targets, people = _asked(answers, found, dataset, probabilities)
        notes = [f"{len(items)} images with the mean label of {people} people ({answers.name})"]
        if len(items) < len(found.images):
            notes.append(f"{len(found.images) - len(items)} images that nobody answered are left out")
    assert targets is not None  # `_read_images` refuses images without labels where no file has them
    return OutsideTestSet(
        name=name,
        title=f"{path.name}: {notes[0]}",
        images=found.images[items],
        targets=targets,
        items=items,
        names=tuple(found.names[item] for item in items),
        notes=tuple(notes),
    )


def _read_images(path: Path, dataset: Dataset, *, resize: bool, by_folder: bool) -> _Images:
    if path.is_dir():
        return _folder(path, dataset, resize, by_folder)
    if path.suffix.lower() != ".npz" or not path.is_file():
        raise RequestError(f"test set {path}: no such folder or .npz file")
    return _archive(path, dataset, resize, by_folder)


def _folder(path: Path, dataset: Dataset, resize: bool, by_folder: bool) -> _Images:
    files = image_files(path)
    if not files:
        raise RequestError(f"{path}: no images; .png and .jpg files, in subfolders named by class or not, are allowed")
    targets = None
    if by_folder:
        classes = [name.split("/")[0] if "/" in name else "" for name, _ in files]
        wrong = next((k for k, name in enumerate(classes) if name not in dataset.classes), None)
        if wrong is not None:
            raise RequestError(
                f"{path}: {files[wrong][0]} is in no folder of a class; allowed: {', '.join(dataset.classes)}, or a "
                "file of labels (--labels) or of answers (--answers)"
            )
        targets = _one_hot([dataset.classes.index(name) for name in classes], dataset)
    height, width, channels = dataset.images.shape[1:]
    images = decode_images([file for _, file in files], (width, height) if resize else None, colour=channels == 3)
    names = tuple(name for name, _ in files)
    return _Images(images=images, names=names, targets=targets, words=f"{len(names)} images labelled by folder")


def _archive(path: Path, dataset: Dataset, resize: bool, by_file: bool) -> _Images:
    (images,) = read_npz(path, "images")
    if images.ndim not in (3, 4) or images.dtype != np.uint8 or 0 in images.shape:
        raise RequestError(
            f"{path}: `images` is {images.dtype} {list(images.shape)}; uint8 [n, h, w] or [n, h, w, c] is allowed"
        )
    images = images if images.ndim == 4 else images[..., None]
    images = _resized(images, dataset.images.shape[1:3]) if resize else images
    names = tuple(f"image {k}" for k in range(len(images)))
    targets = _archived_targets(path, len(images), dataset) if by_file else None
    return _Images(images=images, names=names, targets=targets, words=f"{len(images)} images labelled in {path.name}")


def _archived_targets(path: Path, n: int, dataset: Dataset) -> Float[np.ndarray, "n k"]:
    if "targets" in npz_names(path):
        (targets,) = read_npz(path, "targets")
        if targets.shape != (n, len(dataset.classes)) or targets.dtype.kind not in "fiu":
            raise RequestError(
                f"{path}: `targets` is {targets.dtype} {list(targets.shape)}; numbers [{n}, {len(dataset.classes)}], a "
                f"row an image and a column a class of {dataset.name}, are allowed"
            )
        wide = targets.astype(np.float64)
        bad = ~np.isfinite(wide).all(axis=1) | (wide < 0).any(axis=1) | (abs(wide.sum(axis=1) - 1) > ROUNDED)
        if bad.any():
            row = int(bad.argmax())
            raise RequestError(
                f"{path}: `targets` of image {row} are {targets[row].tolist()}; 0 or more, with a sum of 1, are allowed"
            )
        return wide / wide.sum(axis=1, keepdims=True)
    (labels,) = read_npz(path, "labels")
    if labels.shape != (n,):
        raise RequestError(f"{path}: `labels` is {list(labels.shape)}; one for each of {n} images is allowed")
    index = {name: k for k, name in enumerate(dataset.classes)}
    found = [index.get(str(label), -1) for label in labels]
    if labels.dtype.kind in "iu":
        found = [int(label) if 0 <= label < len(index) else -1 for label in labels]
    if -1 in found:
        row = found.index(-1)
        raise RequestError(
            f"{path}: label of image {row} is '{labels[row]}'; allowed: {', '.join(dataset.classes)}, or 0 to "
            f"{len(index) - 1}"
        )
    return _one_hot(found, dataset)


def _one_hot(labels: Sequence[int], dataset: Dataset) -> Float[np.ndarray, "n k"]:
    return np.eye(len(dataset.classes))[np.asarray(labels, dtype=np.int64)]


def _resized(images: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    from PIL import Image

    height, width = size
    pictures = [Image.fromarray(image.squeeze()).resize((width, height), Image.Resampling.BICUBIC) for image in images]
    return np.stack([np.asarray(picture).reshape(height, width, -1) for picture in pictures])


def read_targets(path: Path, names: Sequence[str], classes: Sequence[str]) -> Float[np.ndarray, "n k"]:
    """The target of each image of `names` in the CSV file `path`, with a row an image (`read_own_test_set`).

    Rows of whole numbers are counts, rows that sum to 100 percent, others probabilities, which sum to 1 within 0.01.
    Raises RequestError for a row that names no image, one a second time or no class, and for images without a row.
    """
    bad: list[BadRow] = []
    rows = list(csv_rows(path, bad))
    columns = list(rows[0][1]) if rows else []
    where = next((column for column in WHERE if column in columns), None)
    if where is None or not (HARD in columns or set(classes) <= set(columns)):
        missing = [name for name in classes if name not in columns]
        raise RequestError(
            f"{path}: needed are a column image and either a column {HARD} or one for each class; it has "
            f"{', '.join(columns) or 'no rows'}"
            + (f"; no column '{missing[0]}'" if where and HARD not in columns else "")
        )
    index = {name: k for k, name in enumerate(names)} | {str(k): k for k in range(len(names))}
    targets = np.full((len(names), len(classes)), np.nan)
    for line, row in rows:
        item = index.get(row[where].strip())
        if item is None:
            bad.append(BadRow(line, where, row[where], f"one of {len(names)} images, such as {names[0]}"))
        elif not np.isnan(targets[item, 0]):
            bad.append(BadRow(line, where, row[where], "one row an image"))
        else:
            targets[item] = _target(line, row, classes, bad)
    if bad:
        refuse(str(path), bad)
    without = [name for name, blank in zip(names, np.isnan(targets).any(axis=1), strict=True) if blank]
    if without:
        raise RequestError(
            f"{path}: {len(without)} of {len(names)} images have no row: {', '.join(without[:NAMED])}"
            f"{' ...' if len(without) > NAMED else ''}"
        )
    return targets


def _target(line: int, row: Mapping[str, str], classes: Sequence[str], bad: list[BadRow]) -> np.ndarray:
    """The target that a row says; one of ones where it is bad, which is noted."""
    if HARD in row:
        if row[HARD] in classes:
            return np.eye(len(classes))[classes.index(row[HARD])]
        bad.append(BadRow(line, HARD, row[HARD], f"one of {', '.join(classes)}"))
        return np.ones(len(classes))
    texts = [row[name].strip() for name in classes]
    wrong = next((k for k, text in enumerate(texts) if not NUMBER.fullmatch(text) or float(text) < 0), None)
    if wrong is not None:
        bad.append(BadRow(line, classes[wrong], texts[wrong], "a number, 0 or more"))
        return np.ones(len(classes))
    values = np.array([float(text) for text in texts])
    total = values.sum()
    if total > 0 and ((values == values.round()).all() or abs(total - 1) <= ROUNDED or abs(total - 100) <= 1):
        return values / total
    bad.append(BadRow(line, "sum", f"{total:g}", "probabilities that sum to 1, percent to 100, or whole counts"))
    return np.ones(len(classes))


def _asked(
    path: Path, found: _Images, dataset: Dataset, probabilities: Literal["percent", "fraction"] | None
) -> tuple[Int[np.ndarray, " m"], Float[np.ndarray, "m k"], int]:
    """Items that somebody answered, their mean labels, and how many people answered."""
    archived = all(name == f"image {k}" for k, name in enumerate(found.names))
    words = Vocabulary(
        classes=dataset.classes,
        n_items=len(found.images),
        names=() if archived else found.names,
        probabilities=probabilities,
    )
    records, _ = read_own_answers(path, words)
    first = records.loc[~records["is_repeat"]]
    items = np.unique(first["item"].to_numpy(dtype=np.int64))
    # What people said of these images and nothing else: they are items of their own, not of the data set.
    asked = replace(dataset, images=found.images, train_items=items, records=records, counts=None, fixed_tests={})
    variety = "t2-clamp" if (records["question"] == "page").any() else "click"
    labels, _ = people_labels(asked, variety, items, gamma=DEFAULT_GAMMA)
    pooled = mean(labels)
    return pooled.items, np.asarray(pooled.probs), int(first["annotator"].nunique())
