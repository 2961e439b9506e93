"""How alike classes are: from people's own confusions, or from word vectors in a file that the user names."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from softcore.data.dataset import Dataset
from softcore.errors import RequestError, unknown_name

SIMILARITIES = ("confusions", "word-vectors")


def check_similarity(dataset: Dataset, name: str | None) -> None:
    """Refuse a similarity that the data set can't give: one is never taken in place of the other.

    Raises RequestError for an unknown name or None, for confusions without clicks known as counts, and for
    word-vectors without a file of them.
    """
    if name not in SIMILARITIES:
        raise unknown_name("similarity", name, SIMILARITIES)
    if name == "confusions" and dataset.counts is None:
        raise RequestError(f"similarity: confusions needs clicks known as counts; {dataset.name} has none")
    if name == "word-vectors" and dataset.word_similarity is None:
        raise RequestError("similarity: word-vectors needs word_vectors: FILE (GloVe or word2vec text format)")


def class_similarity(
    dataset: Dataset, name: str | None, items: Int[np.ndarray, " items"]
) -> Float[np.ndarray, "classes classes"]:
    """The similarity called `name`; confusions are those on `items`, which must be training items, none held out.

    Raises RequestError for what `check_similarity` refuses.
    """
    check_similarity(dataset, name)
    if name == "word-vectors":
        assert dataset.word_similarity is not None
        return dataset.word_similarity
    assert dataset.counts is not None
    return confusion_similarity(dataset.counts, dataset.labels, items, len(dataset.classes))


def confusion_similarity(
    counts: Int[np.ndarray, "n classes"],
    labels: Int[np.ndarray, " n"],
    items: Int[np.ndarray, " items"],
    n_classes: int,
) -> Float[np.ndarray, "classes classes"]:
    """Row a: the share of all clicks on images of reference class a, among `items`, that went to each other class.

    The diagonal is 0, as is the row of a class without clicks. Not symmetrised: cats that look like dogs are not dogs
    that look like cats, and whoever reads row a asks what else an image called a may be. Pass training items only.
    """
    clicks = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(clicks, labels[items], counts[items])
    total = clicks.sum(axis=1, keepdims=True)
    shares = clicks / np.where(total > 0, total, 1)
    np.fill_diagonal(shares, 0.0)
    return shares


def read_word_vectors(path: Path, classes: Sequence[str]) -> Float[np.ndarray, "classes classes"]:
    """The cosine similarity of the class names' vectors in a GloVe or word2vec *text* file, with or without a header.

    A name of several words (split at spaces, _ and -) has the mean of their vectors. Upper and lower case are alike,
    but a word spelled as in the class name goes before the first of other spellings. The file is read line by line,
    no further than needed. Raises RequestError for a file that can't be read, a word that it does not have (with the
    class it belongs to), a vector of another length than the others, or a vector of length 0.
    Source: Collins 2022, section B.4.
    """
    words = {name: [word for word in re.split(r"[\s_-]+", name) if word] for name in classes}
    found = _find(path, {word for parts in words.values() for word in parts})
    missing = [f"'{word}' (class '{name}')" for name, parts in words.items() for word in parts if word not in found]
    if missing:
        raise RequestError(
            f"{path}: no vector for {', '.join(missing)}; every class name needs one, in a GloVe or word2vec text file"
        )
    if len({len(vector) for vector in found.values()}) > 1:
        raise RequestError(f"{path}: the vectors of the class names are not all of one length")
    vectors = np.array([np.mean([found[word] for word in parts], axis=0) for parts in words.values()])
    length = np.linalg.norm(vectors, axis=1)
    if not (np.isfinite(length).all() and length.all()):
        bad = classes[int(np.argmin(np.where(np.isfinite(length), length, 0)))]
        raise RequestError(f"{path}: the vector of class '{bad}' has no direction: its length must be above 0")
    unit = vectors / length[:, None]
    return np.asarray(unit @ unit.T)


def _find(path: Path, wanted: set[str]) -> dict[str, np.ndarray]:
    """The vector of each wanted word that the file has, in its own spelling or else in the first other one."""
    spelled: dict[str, np.ndarray] = {}
    other: dict[str, np.ndarray] = {}
    lower = {word.lower() for word in wanted}
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for word, vector in _vectors(file, lower):
                if word in wanted:
                    spelled.setdefault(word, vector)
                other.setdefault(word.lower(), vector)
                if len(spelled) == len(wanted):
                    break
    except OSError as error:
        raise RequestError(f"word vectors {path}: can't be read ({error.strerror})") from error
    alike = {word: other[word.lower()] for word in wanted if word.lower() in other}
    return alike | spelled


def _vectors(lines: Iterable[str], wanted: set[str]) -> Iterator[tuple[str, np.ndarray]]:
    """(word, vector) of each line whose word is wanted in any case; numbers are only read there.

    A line that has no numbers after its first word is passed over: a few of GloVe's words contain spaces. So is
    word2vec's header, two whole numbers: a vector of one number can't tell classes apart.
    """
    for line in lines:
        word, _, rest = line.strip().partition(" ")
        if word.lower() not in wanted:
            continue
        try:
            vector = np.array(rest.split(), dtype=float)
        except ValueError:
            continue
        if len(vector) > 1:
            yield word, vector
