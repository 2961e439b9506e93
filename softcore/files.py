"""Reading files that others wrote (CSV rows with their line, arrays with no pickles), writing files whole."""

import csv
import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from softcore.errors import BadRow, RequestError

# What people mean by a number: float() would also take "nan", "inf" and "1_000".
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def csv_rows(path: Path, bad: list[BadRow]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file as (line the row starts on, column -> text); the header is line 1, blank lines skipped.

    Cells that a short row lacks are "". A row with more cells than the header is added to `bad` and passed over.
    Raises RequestError for a file that can't be read, is not UTF-8, has no header or names a column twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            names = [name.strip() for name in next(reader, [])]
            if not any(names):
                raise RequestError(f"{path}: no header; a line of column names and one row an answer are expected")
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise RequestError(f"{path}: column '{twice[0]}' is there twice; each column name once is allowed")
            start = reader.line_num + 1
            for cells in reader:
                if len(cells) > len(names):
                    bad.append(BadRow(start, "row", f"{len(cells)} cells", f"{len(names)} cells, as the header has"))
                elif cells:
                    padded = cells + [""] * (len(names) - len(cells))
                    yield start, dict(zip(names, padded, strict=True))
                start = reader.line_num + 1
    except OSError as error:
        raise RequestError(f"{path}: can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{path}: not UTF-8 text; save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise RequestError(f"{path}: not a CSV file ({error})") from error


def read_array(path: Path) -> np.ndarray:
    """The array in a `.npy` file; a pickled object is refused. Raises RequestError if it can't be read."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RequestError(f"{path}: not a readable .npy array ({error})") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise RequestError(f"{path}: an archive of arrays; one .npy array is expected")
    return array


def read_npz(path: Path, *names: str) -> list[np.ndarray]:
    """The arrays called `names` in an `.npz` file; a pickled object is refused. RequestError if one can't be read."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in names if name not in archive.files]
            if missing:
                has = ", ".join(archive.files)
                raise RequestError(f"{path}: no array '{missing[0]}'; needed: {', '.join(names)}; it has: {has}")
            return [archive[name] for name in names]
    except RequestError:
        raise
    except Exception as error:  # zip, zlib and NumPy each have their own way to say that a file is cut or no archive
        raise RequestError(f"{path}: not a readable .npz archive ({error})") from error


def sha256(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to, which becomes `path` in one step when the block ends well.

    So `path` is whole or as it was, a power cut included; nothing is left where the block fails. Folders must be there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sync(*paths: Path) -> None:
    """Have files, and folders as lists of what is in them, on the disk when this returns: no power cut takes them."""
    for each in paths:
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some file systems have no such thing for folders
                raise
        finally:
            os.close(descriptor)
