"""Whom a policy asks what: people drawn for each image or hired whole, one question or two."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from softcore.labels.elicited import DEFAULT_GAMMA, soft_labels
from softcore.labels.label_set import LabelSet, group
from softcore.labels.panels import by_count, check_annotators, check_panel, draw_clicks, draw_records
from softcore.labels.people import ImageBatch, check_hiring, hire, image_batches
from softcore.labels.questions import (
    DEFAULT_CLICKS,
    ask_clicks,
    check_pages_on,
    most_clicks,
    page_items,
    routing_clicks,
)
from softcore.labels.similarity import class_similarity
from softcore.labels.votes import one_hot
from softcore.policy import Annotators, LabelPolicy
from softcore.varieties import CLICK, FREE, VARIETIES


def asked_varieties() -> tuple[str, ...]:
    """The varieties that ask people."""
    return tuple(name for name in VARIETIES if name not in FREE)


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
    if dataset.counts is not None and by_count(dataset, variety):
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
    if VARIETIES[variety].complete is None:
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


def asked_records(dataset: Dataset, variety: str) -> pd.DataFrame:
    """The records that can answer the variety's question: pages, and for a click clicks or else pages' first choices.

    Raises RequestError where people were only asked for clicks and the variety needs probabilities.
    """
    pages = dataset.records["question"] == "page"
    if variety == CLICK and not pages.all():
        return dataset.records[~pages]
    if not pages.any():
        raise RequestError(f"{dataset.name} has clicks only, variety '{variety}' needs pages; known here: click")
    return dataset.records[pages]


def most_answers(dataset: Dataset, variety: str) -> int:
    """The most answers to the variety's question that any annotated item has."""
    if dataset.counts is not None and by_count(dataset, variety):
        return int(dataset.counts[dataset.annotated_items].sum(axis=1).max())
    records = asked_records(dataset, variety)
    return int(records[~records["is_repeat"]].groupby("item").size().max())


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelRequest:
    """What a variety makes labels from: whom to ask about which items (ascending), and what a fit may learn from.

    `batches` are those that `items` come in, where whole people are hired.
    """

    dataset: Dataset
    policy: LabelPolicy
    items: Int[np.ndarray, " items"]
    batches: tuple[ImageBatch, ...]
    trained_on: Int[np.ndarray, " train"]
    seed: int
    panel: int

    @property
    def annotators(self) -> Annotators:
        """M."""
        return annotators_of(self.policy)


# The labels before aggregation, the answers used by question, the seconds recorded with them.
MadeLabels = tuple[LabelSet, dict[str, int], float]
Maker = Callable[[LabelRequest], MadeLabels]


def from_people(request: LabelRequest) -> MadeLabels:
    """The answers that the policy pays for, as labels: to the variety's question, or to it and to one click."""
    if request.policy.pages_on is not None:
        return _pages_and_clicks(request)
    labels, seconds = _answers(request, request.items)
    return labels, {request.policy.variety: len(labels.probs)}, seconds


def _pages_and_clicks(request: LabelRequest) -> MadeLabels:
    dataset, policy = request.dataset, request.policy
    assert policy.pages_on is not None
    clicks, routing = ask_clicks(
        dataset,
        request.items,
        labels=DEFAULT_CLICKS if policy.clicks is None else policy.clicks,
        routing=routing_clicks(policy.pages_on),
        seed=request.seed,
        panel=request.panel,
        apart=policy.holdout == "batches",
    )
    paged = page_items(policy.pages_on, request.items, routing, request.seed, request.panel)
    pages, seconds = _answers(request, paged)
    both = group(
        np.concatenate([clicks.items, pages.label_items]),
        np.concatenate([one_hot(clicks.choices, len(dataset.classes)), pages.probs]),
        np.concatenate([clicks.annotators, pages.annotators]),
        policy.variety,
        np.concatenate([clicks.choices, pages.choices]),
    )
    answers = {CLICK: len(clicks.items) + len(routing.items), policy.variety: len(pages.probs)}
    return both, answers, seconds


def _answers(request: LabelRequest, items: Int[np.ndarray, " items"]) -> tuple[LabelSet, float]:
    """The labels of the variety's question on `items`, and the seconds recorded with them."""
    dataset, policy = request.dataset, request.policy
    semantic = VARIETIES[policy.variety].similarity
    similarity = class_similarity(dataset, policy.similarity, request.trained_on) if semantic else None
    if policy.hiring is None:
        return people_labels(
            dataset,
            policy.variety,
            items,
            annotators=request.annotators,
            gamma=policy.gamma,
            seed=request.seed,
            panel=request.panel,
            similarity=similarity,
            apart=policy.holdout == "batches",
        )
    hired = hire(
        asked_records(dataset, policy.variety),
        request.batches,
        annotators=request.annotators,
        panel=request.panel,
        hiring=policy.hiring,
        hours=policy.hired_hours,
    )
    hired = hired[hired["item"].isin(items)]
    return labels_of(hired, policy.variety, len(dataset.classes), policy.gamma, similarity), recorded_seconds(hired)


def annotators_of(policy: LabelPolicy) -> Annotators:
    """M of a policy, None being "all"."""
    return "all" if policy.annotators is None else policy.annotators


def check_replicate(dataset: Dataset, policy: LabelPolicy, panel: int) -> None:
    """Refuse people or clicks that a policy can't ask on this panel of any seed.

    Where whole batches are held out, panels of one seed share no click, and where whole people are hired nobody; so
    panel 0 alone can be asked for more than half of what there is.
    """
    if policy.variety in FREE:
        return
    m, apart = annotators_of(policy), policy.holdout == "batches"
    if policy.hiring is not None:
        check_hiring(
            dataset,
            asked_records(dataset, policy.variety),
            hiring=policy.hiring,
            variety=policy.variety,
            holdout=policy.holdout,
            items=policy.items,
            hours=policy.hired_hours,
        )
        check_panel(panel, m, max(len(batch.people) for batch in image_batches(dataset)), "people of a batch")
    elif apart and by_count(dataset, policy.variety):
        check_panel(panel, m, most_clicks(dataset), "clicks of an image")
    if policy.pages_on is None:
        return
    clicks = DEFAULT_CLICKS if policy.clicks is None else policy.clicks
    check_pages_on(dataset, pages_on=policy.pages_on, variety=policy.variety, rest=policy.rest, clicks=clicks)
    if apart and dataset.counts is not None:
        each = clicks + routing_clicks(policy.pages_on)
        check_panel(panel, each, most_clicks(dataset), "clicks of an image, routing ones too,")
