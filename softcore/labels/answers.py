"""What people answered to one question, as labels: whose answers are asked for, and one label a record."""

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from softcore.labels.elicited import DEFAULT_GAMMA, ELICITED, soft_labels
from softcore.labels.label_set import LabelSet, group
from softcore.labels.panels import check_annotators, draw_clicks, draw_records
from softcore.labels.votes import one_hot

ONE_CLASS = ("click", "first-choice")  # all mass on the class chosen
PEOPLE = (*ELICITED, *ONE_CLASS)


def people_labels(
    dataset: Dataset,
    variety: str,
    items: Int[np.ndarray, " n"],
    *,
    annotators=None,
    gamma=None,
    seed=0,
    panel=0,
    similarity: Float[np.ndarray, "classes classes"] | None = None,
    apart=False,
) -> tuple[LabelSet, float]:
    """The labels that people gave on `items` before any aggregation, and the seconds recorded with them.

    A semantic variety needs the `similarity` of classes (`softcore.labels.similarity`). `apart`: panels of a seed share
    no click that is known as a count.
    """
    m = "all" if annotators is None else annotators
    check_annotators(m, most_answers(dataset, variety), "answers")
    if variety == "click" and dataset.counts is not None:
        # Drawn over all annotated items first, so that an item's clicks don't depend on its company.
        asked = dataset.annotated_items
        rows, classes = draw_clicks(dataset.counts[asked], m, seed, panel, apart=apart)
        kept = np.isin(asked[rows], items)
        probs = one_hot(classes[kept], len(dataset.classes))
        nobody = np.full(int(kept.sum()), "", dtype=str)
        return group(asked[rows][kept], probs, nobody, variety, classes[kept]), float("nan")
    records = draw_records(asked_records(dataset, variety), m, seed, panel)
    records = records[records["item"].isin(items)]
    return labels_of(records, variety, len(dataset.classes), gamma, similarity), recorded_seconds(records)


def labels_of(
    records: pd.DataFrame,
    variety: str,
    n_classes: int,
    gamma: float | None = None,
    similarity: Float[np.ndarray, "classes classes"] | None = None,
) -> LabelSet:
    """One label a record; `first-choice` and a `click` for which nobody was asked apart are a page's first class."""
    choices = records["top1"].to_numpy(np.int64)
    if variety in ONE_CLASS:
        probs = one_hot(choices, n_classes)
    else:
        probs = soft_labels(records, variety, n_classes, DEFAULT_GAMMA if gamma is None else gamma, similarity)
    people = records["annotator"].to_numpy().astype(str)
    return group(records["item"].to_numpy(np.int64), probs, people, variety, choices)


def recorded_seconds(records: pd.DataFrame) -> float:
    """The time of `records` in all, those without one counted at the mean of the others; NaN where none has one."""
    seconds = records["seconds"].to_numpy(float)
    timed = seconds[np.isfinite(seconds)]
    # Where all are timed it is their plain sum, to the bit.
    return float(timed.sum()) * (len(seconds) / len(timed)) if len(timed) else float("nan")


def by_count(dataset: Dataset, variety: str) -> bool:
    """Whether the variety's answers are known as counts: then nobody knows by whom they are."""
    return variety == "click" and dataset.counts is not None


def asked_records(dataset: Dataset, variety: str) -> pd.DataFrame:
    """The records that can answer the variety's question: pages, and for a click clicks or else pages' first choices.

    Raises RequestError where people were only asked for clicks and the variety needs probabilities.
    """
    pages = dataset.records["question"] == "page"
    if variety == "click" and not pages.all():
        return dataset.records[~pages]
    if not pages.any():
        raise RequestError(f"{dataset.name} has clicks only, variety '{variety}' needs pages; known here: click")
    return dataset.records[pages]


def most_answers(dataset: Dataset, variety: str) -> int:
    """The most answers to the variety's question that any annotated item has."""
    if variety == "click" and dataset.counts is not None:
        return int(dataset.counts[dataset.annotated_items].sum(axis=1).max())
    records = asked_records(dataset, variety)
    return int(records[~records["is_repeat"]].groupby("item").size().max())
