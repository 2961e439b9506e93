"""Labels that ask for one class or for nobody: clicks and the baselines."""

import numpy as np
from jaxtyping import Float, Int

from softcore.errors import RequestError
from softcore.seeding import generator

DEFAULT_BETA = 0.05


def one_hot(classes: Int[np.ndarray, " n"], n_classes: int) -> Float[np.ndarray, "n classes"]:
    """All mass on each given class: the label of one click, and the hard label."""
    return np.eye(n_classes)[classes]


def smoothed_labels(classes: Int[np.ndarray, " n"], n_classes: int, beta: float) -> Float[np.ndarray, "n classes"]:
    """Label smoothing: (1 - beta) on the class, beta spread over all K classes (Collins 2022, section B.2).

    Raises RequestError for a beta outside 0..1.
    """
    if not 0 <= beta <= 1:
        raise RequestError(f"beta must lie in 0..1; it is {beta}")
    return one_hot(classes, n_classes) * (1 - beta) + beta / n_classes


def random_labels(n_items: int, n_classes: int, seed: int) -> Float[np.ndarray, "n classes"]:
    """A fresh uniform draw a class, normalised, once an item; row i belongs to item i whatever else is drawn."""
    draws = generator("labels", seed).random((n_items, n_classes))
    return np.asarray(draws / draws.sum(axis=1, keepdims=True))


def uniform_labels(n_items: int, n_classes: int) -> Float[np.ndarray, "n classes"]:
    """The same mass on every class."""
    return np.full((n_items, n_classes), 1 / n_classes)
