"""Reading files that others wrote (CSV rows with their line, YAML and arrays with no code), writing files whole."""

import csv
import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from softcore.errors import BadRow, RequestError, short

# What people mean by a number: float() would also take "nan", "inf" and "1_000".
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

MOST_YAML = 300_000  # characters, which PyYAML may need seconds for; the largest file of ours has 9,000
MOST_VALUES = 20_000  # keys and values, each counted as often as aliases repeat it
DEEPEST = 50  # mappings and lists inside each other


def read_yaml(text: str, source: str) -> Any:
    """What a YAML text of a user's says, as plain Python values. It can run no code and take no more than its share.

    Raises RequestError in one line with `source`, line and column for text that is no YAML, is longer than `MOST_YAML`
    characters, is nested deeper than `DEEPEST`, or has more than `MOST_VALUES` values with its aliases written out.
    """
    if len(text) > MOST_YAML:
        raise RequestError(f"{source}: {len(text):,} characters of YAML; at most {MOST_YAML:,} are allowed")
    try:
        return yaml.load(text, Loader=_BoundedLoader)
    except Exception as error:  # PyYAML lets ValueError, TypeError and others out of dates and tags that are none
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0] or type(error).__name__
        raise RequestError(f"{source}{place}: not valid YAML: {problem[:150]}") from None


class _BoundedLoader(yaml.SafeLoader):
    """Stops at the first value too many or too deep: what reads the values later goes through all of them."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.size = 0
        self.sizes: dict[int, int] = {}  # values in a node that is whole, by its identity

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """A node of the document, or the one that an alias repeats."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            node = self.anchors.get(event.anchor)
            if node is not None and id(node) not in self.sizes:
                raise self._refusal(f"alias '{event.anchor}' stands inside of what it repeats", event)
            self.size += self.sizes.get(id(node), 0)
            self._check(event)
            return super().compose_node(parent, index)
        before = self.size
        self.size, self.depth = self.size + 1, self.depth + 1
        self._check(event)
        node = super().compose_node(parent, index)
        self.depth -= 1
        self.sizes[id(node)] = self.size - before
        return node

    def _check(self, event: yaml.Event) -> None:
        if self.depth > DEEPEST:
            raise self._refusal(f"nested more than {DEEPEST} deep", event)
        if self.size > MOST_VALUES:
            raise self._refusal(f"more than {MOST_VALUES:,} values, aliases written out", event)

    def _refusal(self, problem: str, event: yaml.Event) -> yaml.YAMLError:
        return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)  # type: ignore[arg-type]  # the stubs have two marks


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
    except Exception as error:  # zip, zlib and NumPy each have their own way to say that a file is cut or no array
        raise RequestError(f"{path}: not a readable .npy array ({short(error, 120)})") from error
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
        raise RequestError(f"{path}: not a readable .npz archive ({short(error, 120)})") from error


def npz_names(path: Path) -> list[str]:
    """The names of the arrays in an `.npz` file. Raises RequestError if it can't be read."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return list(archive.files)
    except Exception as error:  # as in `read_npz`
        raise RequestError(f"{path}: not a readable .npz archive ({short(error, 120)})") from error


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
