"""A ragged set of soft labels: some items have many, some one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int


@dataclass(frozen=True, kw_only=True)
class LabelSet:
    """Soft labels by item: those of `items[i]` are rows `offsets[i]:offsets[i + 1]` of `probs`.

    `annotators` names who gave each row ("" when pooled, nobody or not known), `choices` its first choice as a class
    index (-1 when pooled or nobody chose); `question` is the variety that was asked.
    """

    items: Int[np.ndarray, " items"]
    offsets: Int[np.ndarray, " bounds"]
    probs: Float[np.ndarray, "labels classes"]
    annotators: np.ndarray
    choices: Int[np.ndarray, " labels"]
    question: str

    @property
    def counts(self) -> Int[np.ndarray, " items"]:
        """How many labels each item has."""
        return np.diff(self.offsets)

    @property
    def label_items(self) -> Int[np.ndarray, " labels"]:
        """The item of each row of `probs`."""
        return np.repeat(self.items, self.counts)

    def frame(self, classes: tuple[str, ...]) -> pd.DataFrame:
        """One row a label: `item`, `annotator`, then `p_<class>` a class, in class order."""
        head = pd.DataFrame({"item": self.label_items, "annotator": self.annotators.astype(str)})
        probs = pd.DataFrame(self.probs, columns=[f"p_{name}" for name in classes])
        return pd.concat([head, probs], axis=1)


def group(
    label_items: Int[np.ndarray, " labels"],
    probs: Float[np.ndarray, "labels classes"],
    annotators: np.ndarray,
    question: str,
    choices: Int[np.ndarray, " labels"] | None = None,
) -> LabelSet:
    """A label set from one row a label; rows of an item keep their order, items are sorted; no `choices`: all -1."""
    order = np.argsort(label_items, kind="stable")
    items, counts = np.unique(label_items, return_counts=True)
    return LabelSet(
        items=items.astype(np.int64),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        probs=probs[order],
        annotators=np.asarray(annotators)[order],
        choices=(np.full(len(order), -1) if choices is None else choices[order]).astype(np.int64),
        question=question,
    )


def pooled(labels: LabelSet, probs: Float[np.ndarray, "items classes"]) -> LabelSet:
    """The label set of the same items with one row each, `probs`, which is nobody's own."""
    return LabelSet(
        items=labels.items,
        offsets=np.arange(len(labels.items) + 1),
        probs=probs,
        annotators=np.full(len(labels.items), "", dtype=str),
        choices=np.full(len(labels.items), -1, dtype=np.int64),
        question=labels.question,
    )


def votes(labels: LabelSet) -> Int[np.ndarray, "items classes"]:
    """How many of an item's labels have each class as their first choice; those without a choice don't count."""
    chose = labels.choices >= 0
    counted = np.zeros((len(labels.items), labels.probs.shape[1]), dtype=np.int64)
    rows = np.repeat(np.arange(len(labels.items)), labels.counts)
    np.add.at(counted, (rows[chose], labels.choices[chose]), 1)
    return counted
