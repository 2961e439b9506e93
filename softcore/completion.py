"""How an answer that leaves probability open becomes a label: the rules that varieties name (softcore/varieties.py)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

# Probabilities are typed as whole percentages: less than this left over is rounding, not mass.
SPENT = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """What people said, a row an answer: the probability `stated` of each class, which were `chosen` (named), `ticked`.

    Of a variety that reads one class, the second is neither stated nor chosen. `top1` is the first class, `ticked` what
    is definitely not, `similarity` that of the classes (None where a variety takes none).
    """

    top1: Int[np.ndarray, " n"]
    stated: Float[np.ndarray, "n classes"]
    chosen: Bool[np.ndarray, "n classes"]
    ticked: Bool[np.ndarray, "n classes"]
    gamma: float
    similarity: Float[np.ndarray, "classes classes"] | None = None


Rule = Callable[[Answers], Float[np.ndarray, "n classes"]]


def uniform(answers: Answers) -> Float[np.ndarray, "n classes"]:
    """What is left goes evenly to all classes that were not chosen (Collins 2022, section 3.2.2)."""
    return complete(answers.stated, answers.chosen, (~answers.chosen).astype(float), 0.0)


def clamp(answers: Answers) -> Float[np.ndarray, "n classes"]:
    """What is left, or gamma where nothing is, goes evenly to the classes not ticked (Collins 2022, section 3.2.2)."""
    return complete(answers.stated, answers.chosen, (~answers.ticked).astype(float), answers.gamma)


def semantic(answers: Answers) -> Float[np.ndarray, "n classes"]:
    """What is left goes to the classes not chosen by their similarity to the first (Collins 2022, section B.4).

    Below 0 counts as 0; evenly where nothing is above 0.
    """
    assert answers.similarity is not None
    weights = np.clip(answers.similarity[answers.top1], 0, None) * ~answers.chosen
    alike = weights.sum(axis=1, keepdims=True) > 0
    return complete(answers.stated, answers.chosen, np.where(alike, weights, (~answers.chosen).astype(float)), 0.0)


def share_evenly(answers: Answers) -> Float[np.ndarray, "n classes"]:
    """The classes chosen share all mass evenly, whatever was stated."""
    return np.asarray(answers.chosen / answers.chosen.sum(axis=1, keepdims=True))


def scale_stated(answers: Answers) -> Float[np.ndarray, "n classes"]:
    """Stated probabilities scaled to one, nothing spread; all on the first class where they are all zero."""
    stated = answers.stated.copy()
    nothing = np.flatnonzero(stated.sum(axis=1) == 0)
    stated[nothing, answers.top1[nothing]] = 1.0
    return np.asarray(stated / stated.sum(axis=1, keepdims=True))


def complete(
    stated: Float[np.ndarray, "n classes"],
    chosen: Bool[np.ndarray, "n classes"],
    weights: Float[np.ndarray, "n classes"],
    gamma: float,
) -> Float[np.ndarray, "n classes"]:
    """Labels from `stated` mass: what it leaves goes to the classes not `chosen`, in proportion to `weights` (>= 0).

    When it leaves nothing and a class has weight, those classes get `gamma`. Over one in sum is scaled to one. Rows
    without any weight scale the stated mass up to one; stated mass of zero is then shared evenly by the chosen.
    """
    weights = np.where(chosen, 0.0, weights)
    weight = weights.sum(axis=1, keepdims=True)
    total = stated.sum(axis=1, keepdims=True)
    scaled = np.where(total > 1, stated / np.where(total > 0, total, 1), stated)
    left = np.clip(1 - scaled.sum(axis=1, keepdims=True), 0, None)
    spent = left <= SPENT
    keep = np.where(spent & (weight > 0), 1 - gamma, 1.0)
    spread = np.where(spent, gamma, left) * weights / np.where(weight > 0, weight, 1)
    # Nowhere to spread it: the stated classes take all of it, in proportion or, if all are zero, evenly.
    stranded = ~spent & (weight == 0)
    base = np.where(stranded & (total == 0), chosen / chosen.sum(axis=1, keepdims=True), scaled)
    labels = base * keep + spread
    return np.asarray(labels / labels.sum(axis=1, keepdims=True))
