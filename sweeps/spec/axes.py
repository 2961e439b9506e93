"""The axes of one cell, checked against each other and completed with defaults; None where an axis does not apply."""

from collections.abc import Iterable, Mapping
from typing import Any

from softcore.data.dataset import Dataset
from softcore.errors import RequestError, unknown_name
from softcore.labels.aggregate import AGGREGATORS, BY_PERSON, check_crowd_kit
from softcore.labels.ask import most_answers
from softcore.labels.build import REST
from softcore.labels.controls import CONTROLS
from softcore.labels.mixed import CONFIDENT, MIXED_IMAGES, MIXED_TARGETS
from softcore.labels.panels import check_annotators
from softcore.labels.people import HIRING, HOLDOUTS, left_to_train_on
from softcore.labels.questions import DEFAULT_CLICKS, PAGES_ON
from softcore.labels.similarity import SIMILARITIES, check_similarity
from softcore.labels.simulate import check_simulated
from softcore.policy import EARLY_STOPPING, SCHEDULES, TrainingPolicy
from softcore.training.batches import AUGMENTATIONS
from softcore.training.mixing import (
    ENTROPY_FLOOR,
    LOSSES,
    MAXENT_ALPHA,
    MIXINGS,
    MIXUP_ALPHA,
    TARGET_MIXINGS,
    WEIGHTED_ALPHA,
    check_mixing,
)
from softcore.training.models import DEFAULT_LEARNING_RATE, LEARNING_RATES, MODELS
from softcore.varieties import CLICK, FREE, VARIETIES
from sweeps.spec.axis_names import DEFAULT_AXES

BUDGET_BUYS = ("annotators", "items")
CHOICES: Mapping[str, Iterable[str]] = {
    "variety": VARIETIES,
    "aggregation": AGGREGATORS,
    "rest": REST,
    "holdout": HOLDOUTS,
    "model": MODELS,
    "schedule": SCHEDULES,
    "augmentation": AUGMENTATIONS,
    "budget_buys": BUDGET_BUYS,
    "mixing": ("none", *MIXINGS),
    "loss": LOSSES,
}
OPTIONAL_CHOICES: Mapping[str, Iterable[str]] = {
    "similarity": SIMILARITIES,
    "hmix": MIXED_TARGETS,
    "hmix_images": MIXED_IMAGES,
    "hiring": HIRING,
    "pages_on": PAGES_ON,
    "control": CONTROLS,
    "target_mixing": TARGET_MIXINGS,
    "early_stopping": EARLY_STOPPING,
}


def settle_axes(asked: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """A value for every axis, checked against `dataset`; raises RequestError for what can't be or makes no sense."""
    axes = {**asked, "dataset": dataset.name}
    # A null that means "the usual" is the usual, so that the same cell has one name.
    usual = ("aggregation", "annotators", "gamma", "beta", "holdout", "mixing", "loss")
    axes |= {axis: DEFAULT_AXES[axis] for axis in usual if axes[axis] is None}
    _check_names(axes)
    for share in ("gamma", "beta"):  # a value that can't be is refused where it would not be used, too
        check_number(axes, share, float, 0, 1)
    _settle_labels(axes, dataset)
    _settle_asking(axes)
    _settle_mixed_images(axes, dataset)
    _settle_mixing(axes, dataset)
    _check_training(axes)
    return axes


def _check_names(axes: Mapping[str, Any]) -> None:
    for axis, allowed in CHOICES.items():
        if axes[axis] not in allowed:
            raise unknown_name(axis, axes[axis], allowed)
    for axis, allowed in OPTIONAL_CHOICES.items():
        if axes[axis] is not None and axes[axis] not in allowed:
            raise unknown_name(axis, axes[axis], allowed)


def _settle_labels(axes: dict[str, Any], dataset: Dataset) -> None:
    variety, asks_people = axes["variety"], axes["variety"] not in FREE
    # What is usual has no name, so that cells are called what they were before this axis came.
    axes["holdout"] = None if axes["holdout"] == "images" else axes["holdout"]
    available = left_to_train_on(dataset, axes["holdout"])
    axes["items"] = available if axes["items"] in ("all", None) else axes["items"]
    check_number(axes, "items", int, 1, available)
    if asks_people:
        check_annotators(axes["annotators"], most_answers(dataset, variety), "answers")
    semantic = VARIETIES[variety].similarity
    if axes["similarity"] is not None and not semantic:
        raise RequestError(f"similarity: {axes['similarity']} needs a semantic variety; it is {variety}")
    if semantic and axes["similarity"] is None:
        raise RequestError(f"variety: {variety} needs similarity: {' or '.join(SIMILARITIES)}")
    if semantic:
        check_similarity(dataset, axes["similarity"])
    clicks = variety == CLICK or axes["pages_on"] is not None
    if axes["aggregation"] in BY_PERSON and clicks and dataset.counts is not None:
        raise RequestError(
            f"aggregation: {axes['aggregation']} needs to know who clicked; "
            f"clicks of {dataset.name} are known as counts"
        )
    pools = asks_people and not _one_label(axes)
    if pools and axes["aggregation"] in BY_PERSON:
        check_crowd_kit(axes["aggregation"])
    if axes["rest"] == "simulated":
        check_simulated(dataset, variety, axes["aggregation"] if pools else None)


def _one_label(axes: Mapping[str, Any]) -> bool:
    """Whether people give each item a single label: then there is nothing to aggregate."""
    return axes["annotators"] == 1 and axes["pages_on"] is None


def _settle_asking(axes: dict[str, Any]) -> None:
    """Who is hired, and what of whom is asked where (`check_replicate` says what can't be)."""
    hiring, pages_on = axes["hiring"], axes["pages_on"]
    if axes["variety"] in FREE:
        return
    if hiring is not None and (axes["budget_hours"] is None or axes["annotators"] == 1):
        axes["hiring"] = "breadth"  # in whatever order the same people are hired: one cell
    if pages_on is None:
        if axes["clicks"] is not None:
            raise RequestError(f"clicks: {axes['clicks']} needs pages_on; for clicks alone: variety: click, annotators")
        return
    if axes["budget_hours"] is not None:
        raise RequestError(
            f"pages_on: {pages_on} says itself what is asked: say annotators and items, not budget_hours"
        )
    axes["clicks"] = DEFAULT_CLICKS if axes["clicks"] is None else axes["clicks"]


def clear_labels(axes: dict[str, Any]) -> None:
    """Set label axes that don't apply to None, once budgets are resolved."""
    variety, asks_people = axes["variety"], axes["variety"] not in FREE
    clears = {
        "annotators": not asks_people,
        "hiring": not asks_people,
        "pages_on": not asks_people,
        "clicks": not asks_people,
        "control": not asks_people,
        "aggregation": not asks_people or _one_label(axes),
        "gamma": not VARIETIES[variety].gamma,
        "beta": variety != "smoothed",
        # Without the rest, N' decides what any label trains on; with it, hard labels are hard labels.
        "items": variety in ("hard", "smoothed") and axes["rest"] == "hard",
    }
    axes |= {name: None for name, off in clears.items() if off}


def _settle_mixed_images(axes: dict[str, Any], dataset: Dataset) -> None:
    kind, decay = axes["hmix"], axes["confidence_decay"]
    if kind is None:
        for axis in ("hmix_images", "confidence_decay"):
            if axes[axis] is not None:
                raise RequestError(f"{axis}: {axes[axis]} needs mixed images: hmix: {', '.join(MIXED_TARGETS)}")
        return
    if dataset.mixed is None:
        raise RequestError(f"hmix: {kind} needs a data set with mixed images (hmix); {dataset.name} has none")
    if kind == "soft-labels" and axes["hmix_images"] is not None:
        raise RequestError("hmix_images: only the images that people labelled are used with hmix: soft-labels")
    if kind != "soft-labels" and axes["hmix_images"] is None:
        axes["hmix_images"] = "all"
    if decay is not None:
        if kind not in CONFIDENT:
            raise RequestError(f"confidence_decay: {decay} needs hmix: {' or '.join(CONFIDENT)}; it is {kind}")
        check_number(axes, "confidence_decay", float, 0, 1)


def _settle_mixing(axes: dict[str, Any], dataset: Dataset) -> None:
    mixing, loss = axes["mixing"], axes["loss"]
    weighted = loss == "entropy-weighted"
    check_mixing(
        TrainingPolicy(
            mixing=None if mixing == "none" else mixing,
            loss=loss,
            **{axis: axes[axis] for axis in ("alpha", "target_mixing", "entropy_floor")},
        )
    )
    if axes["target_mixing"] == "logistic":
        if dataset.mixed is None:
            raise RequestError(
                f"target_mixing: logistic is fitted to people's inferences (data set hmix); {dataset.name} has none"
            )
        if axes["variety"] != "hard" or axes["hmix"] is not None:
            raise RequestError("target_mixing: logistic needs one class an endpoint: variety: hard, without hmix")
    if mixing != "none":
        usual = MAXENT_ALPHA if mixing == "mix-maxent" else WEIGHTED_ALPHA if weighted else MIXUP_ALPHA
        axes["alpha"] = usual if axes["alpha"] is None else axes["alpha"]
        check_number(axes, "alpha", float, 1e-3, 1e4)
    if weighted:
        axes["entropy_floor"] = ENTROPY_FLOOR if axes["entropy_floor"] is None else axes["entropy_floor"]
        check_number(axes, "entropy_floor", float, 0, 1)
    # What is plain has no name, so that plain cells are called what they were before these axes came.
    axes["mixing"] = None if mixing == "none" else mixing
    axes["loss"] = loss if weighted else None
    axes["target_mixing"] = None if axes["target_mixing"] == "linear" else axes["target_mixing"]


def _check_training(axes: dict[str, Any]) -> None:
    if axes["learning_rate"] is None:
        axes["learning_rate"] = LEARNING_RATES.get(axes["model"], DEFAULT_LEARNING_RATE)
    for axis, kind, low, high in (
        ("epochs", int, 1, 10_000),
        ("batch", int, 2, 100_000),
        ("learning_rate", float, 1e-9, 1e3),
        ("weight_decay", float, 0, 1),
    ):
        check_number(axes, axis, kind, low, high)
    if axes["image_size"] is not None:
        check_number(axes, "image_size", int, 4, 10_000)


def check_number(axes: dict[str, Any], axis: str, kind: type, low: float, high: float) -> None:
    """Refuse a value of `axis` that is no number of `kind` in low..high; a whole number becomes a float where asked."""
    value = axes[axis]
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole or (kind is float and isinstance(value, float))) or not low <= value <= high:
        noun = "a whole number" if kind is int else "a number"
        raise RequestError(f"{axis} must be {noun} in {low:g}..{high:g}; it is {value!r}")
    axes[axis] = kind(value)
