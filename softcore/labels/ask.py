"""Whom a policy asks what: people drawn for each image or hired whole, one question or two."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from softcore.data.dataset import Dataset
from softcore.labels.answers import PEOPLE, asked_records, by_count, labels_of, people_labels, recorded_seconds
from softcore.labels.elicited import SEMANTIC
from softcore.labels.label_set import LabelSet, group
from softcore.labels.panels import Annotators, check_panel
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
from softcore.policy import LabelPolicy


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
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
Made = tuple[LabelSet, dict[str, int], float]
Maker = Callable[[Request], Made]


def from_people(request: Request) -> Made:
    """The answers that the policy pays for, as labels: to the variety's question, or to it and to one click."""
    if request.policy.pages_on is not None:
        return _pages_and_clicks(request)
    labels, seconds = _answers(request, request.items)
    return labels, {request.policy.variety: len(labels.probs)}, seconds


def _pages_and_clicks(request: Request) -> Made:
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
    answers = {"click": len(clicks.items) + len(routing.items), policy.variety: len(pages.probs)}
    return both, answers, seconds


def _answers(request: Request, items: Int[np.ndarray, " items"]) -> tuple[LabelSet, float]:
    """The labels of the variety's question on `items`, and the seconds recorded with them."""
    dataset, policy = request.dataset, request.policy
    semantic = policy.variety in SEMANTIC
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
    if policy.variety not in PEOPLE:
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
