"""A user's own images: an `.npz` with `images` and `labels`, or a folder with one subfolder a class."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from softcore.errors import RequestError
from softcore.files import read_npz

SUFFIXES = (".png", ".jpg", ".jpeg")
GREY_MODES = ("L", "LA", "1")
DEEP_MODES = ("I", "F")  # more than 8 bits a channel: Pillow would clip them, not scale them


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnImages:
    """Images uint8 [n, h, w, c] with labels int64 [n]; `names` are the files' paths below the folder, or empty."""

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    names: tuple[str, ...]


def read_own_images(path: Path, classes: Sequence[str] | None) -> OwnImages:
    """The images at `path` with `classes` in the order given; for a folder None means its subfolders' names, sorted.

    Any size, channels and number of classes (two or more). Raises RequestError naming the first file or item that does
    not fit.
    """
    if path.is_dir():
        return _folder(path, classes)
    if not path.is_file():
        raise RequestError(f"images {path}: no such file or folder; an .npz or a folder with one subfolder a class")
    if classes is None:
        raise RequestError(f"key 'classes' is missing; images in a file ({path}) need the list of class names")
    return _archive(path, tuple(classes))


def _archive(path: Path, classes: tuple[str, ...]) -> OwnImages:
    images, labels = read_npz(path, "images", "labels")
    if images.ndim not in (3, 4) or images.dtype != np.uint8 or 0 in images.shape:
        raise RequestError(
            f"{path}: `images` is {images.dtype} {list(images.shape)}; uint8 [n, h, w] or [n, h, w, c] is allowed"
        )
    if labels.shape != images.shape[:1]:
        raise RequestError(f"{path}: `labels` is {list(labels.shape)}; one for each of {len(images)} images is allowed")
    if labels.dtype.kind == "U":
        index = {name: i for i, name in enumerate(classes)}
        indices = np.array([index.get(str(name), -1) for name in labels], dtype=np.int64)
    elif labels.dtype.kind in "iu":
        indices = labels.astype(np.int64)
    else:
        raise RequestError(f"{path}: `labels` are {labels.dtype}; class indices or class names are allowed")
    wrong = (indices < 0) | (indices >= len(classes))
    if wrong.any():
        item = int(wrong.argmax())
        raise RequestError(
            f"{path}: label of image {item} is '{labels[item]}'; allowed: {', '.join(classes)}, or 0 to "
            f"{len(classes) - 1}"
        )
    if images.ndim == 3:
        images = images[..., None]
    return OwnImages(images=images, labels=indices, classes=classes, names=())


def _folder(path: Path, classes: Sequence[str] | None) -> OwnImages:
    folders = sorted(p.name for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    if classes is not None:
        unknown = [name for name in folders if name not in classes]
        if unknown:
            raise RequestError(f"{path}: folder '{unknown[0]}' is no class; allowed: {', '.join(classes)}")
    found = tuple(classes) if classes is not None else tuple(folders)
    files = image_files(path, folders)
    if not files:
        raise RequestError(f"{path}: no images; subfolders named by class with {', '.join(SUFFIXES)} files are allowed")
    names = tuple(name for name, _ in files)
    labels = np.array([found.index(name.split("/")[0]) for name in names], dtype=np.int64)
    return OwnImages(images=decode_images([file for _, file in files]), labels=labels, classes=found, names=names)


def image_files(path: Path, folders: Sequence[str] = (".",)) -> list[tuple[str, Path]]:
    """Image files below these folders of `path` by their path below it, in its order; hidden ones are passed over."""
    return sorted(
        (file.relative_to(path).as_posix(), file)
        for folder in folders
        for file in (path / folder).rglob("*")
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )


def decode_images(
    files: Sequence[Path], size: tuple[int, int] | None = None, *, colour: bool = False
) -> UInt8[np.ndarray, "n h w c"]:
    """All files as uint8 [n, h, w, c]: one channel where every file is grey, else (or with `colour`) three.

    With a `size` (width, height) each is brought to it (bicubic, smoothed where it shrinks; what was not of its shape
    is stretched); without, RequestError for a file of another size than the first. RequestError for one that is no
    readable image or has more than 8 bits a channel, too.
    """
    from PIL import Image

    pictures = []
    for file in files:
        try:
            with Image.open(file) as image:
                picture = image.copy()  # a copy is decoded and outlives the open file
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise RequestError(f"{file}: not a readable image ({error})") from error
        if picture.mode.split(";")[0] in DEEP_MODES:
            raise RequestError(f"{file}: pixels of mode {picture.mode}; 8 bits a channel are allowed")
        pictures.append(picture)
    grey = not colour and all(picture.mode in GREY_MODES for picture in pictures)
    pictures = [picture.convert("L" if grey else "RGB") for picture in pictures]
    if size is not None:
        pictures = [picture.resize(size, Image.Resampling.BICUBIC) for picture in pictures]
    width, height = pictures[0].size
    for file, picture in zip(files, pictures, strict=True):
        if picture.size != (width, height):
            raise RequestError(
                f"{file}: {picture.size[0]} wide, {picture.size[1]} high; all images must be of one size, "
                f"that of {files[0].name}: {width} wide, {height} high"
            )
    stacked = np.stack([np.asarray(picture) for picture in pictures])
    return stacked[..., None] if grey else stacked
