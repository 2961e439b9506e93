"""Whole people: the batches of images that the same people answered, and who of them is hired, and held out.

CIFAR-10S has 40 disjoint batches of 25 images, each answered by 6 or 7 people. Who is hired brings the images of their
batch and their own speed, so that a panel varies as a panel of people does: people drawn for each image apart
(`panels.py`) average out who is careful and who is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from softcore.data.dataset import Dataset
from softcore.errors import RequestError, unknown_name
from softcore.labels.panels import by_count, from_its_end, in_panel, split_annotated
from softcore.policy import Annotators
from softcore.seeding import generator

HOLDOUTS = ("images", "batches")
HIRING = ("breadth", "depth")
LEAST_SHARE = 0.5  # of a batch's images that each of its people answered: who left early still belongs to it


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageBatch:
    """Images (ascending) that the same people answered, and those people."""

    items: Int[np.ndarray, " items"]
    people: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """What a seed trains on of the annotated items, in its nested order, and what it holds out (ascending).

    With whole batches held out also the batches left, in the same nested order, their people in the order of hiring.
    """

    order: Int[np.ndarray, " kept"]
    held_out: Int[np.ndarray, " out"]
    batches: tuple[ImageBatch, ...] = ()


@lru_cache(maxsize=2)  # a sweep asks for every cell; a data set is told apart by which object it is
def image_batches(dataset: Dataset) -> tuple[ImageBatch, ...]:
    """The batches in which people answered, by their first image: people and images that answers connect.

    Found from first answers of any question. Raises RequestError where they are no batches: somebody answered less
    than half of the images that they are connected to.
    """
    from scipy.sparse import coo_array  # slow to import, and who only reads results needs none of it
    from scipy.sparse.csgraph import connected_components

    first = dataset.records[~dataset.records["is_repeat"]]
    person, people = pd.factorize(first["annotator"], sort=True)
    image, images = pd.factorize(first["item"], sort=True)
    answered = coo_array((np.ones(len(first)), (person, len(people) + image)), shape=(len(people) + len(images),) * 2)
    _, component = connected_components(answered, directed=False)
    of_person, of_image = component[: len(people)], component[len(people) :]
    size = np.bincount(of_image)[of_person]
    few = np.flatnonzero(np.bincount(person) < LEAST_SHARE * size)
    if len(few):
        raise RequestError(
            f"people of {dataset.name} did not answer in batches: '{people[few[0]]}' answered "
            f"{np.bincount(person)[few[0]]} of the {size[few[0]]} images that people's answers connect; "
            "whole people need batches of images that the same people answered"
        )
    return tuple(
        ImageBatch(
            items=np.asarray(images[of_image == number], dtype=np.int64),
            people=tuple(str(name) for name in people[of_person == number]),
        )
        for number in pd.unique(of_image)
    )


def split(dataset: Dataset, holdout: str | None, seed: int) -> Split:
    """What `seed` holds out and trains on: by image (`holdout` None or "images"), or by whole batches of people.

    By batches, as many of the seed's order as have at most `dataset.held_out` images are kept out, at least one; nobody
    who answered them has answered anything else. Raises RequestError for an unknown `holdout`, or where there are no
    batches, or a single one.
    """
    if holdout in (None, "images"):
        order, held_out = split_annotated(dataset.annotated_items, dataset.held_out, seed)
        return Split(order=order, held_out=held_out)
    if holdout != "batches":
        raise unknown_name("holdout", holdout, HOLDOUTS)
    batches = _two_or_more(dataset)
    drawn = [batches[i] for i in generator("items", seed, 1).permutation(len(batches))]
    ends = np.cumsum([len(batch.items) for batch in drawn])
    # At least one batch, where anything is held out at all: user's own batches may be larger than what they ask for.
    kept_out = max(int(np.searchsorted(ends, dataset.held_out, side="right")), min(dataset.held_out, 1))
    left = _in_order_of_hiring(batches, drawn[kept_out:], seed)
    keys = generator("items", seed, 2).random(len(dataset.labels))  # an image's place in its batch is its own
    none = np.zeros(0, dtype=np.int64)
    return Split(
        order=np.concatenate([none, *(batch.items[np.argsort(keys[batch.items])] for batch in left)]),
        held_out=np.sort(np.concatenate([none, *(batch.items for batch in drawn[:kept_out])])),
        batches=left,
    )


def left_to_train_on(dataset: Dataset, holdout: str | None) -> int:
    """How many annotated items any seed leaves to train on."""
    if holdout != "batches":
        return len(dataset.annotated_items) - dataset.held_out
    largest = max(len(batch.items) for batch in _two_or_more(dataset))
    return len(dataset.annotated_items) - (max(dataset.held_out, largest) if dataset.held_out else 0)


def first_batches(batches: Sequence[ImageBatch], items: int) -> tuple[ImageBatch, ...]:
    """As many whole batches, in their order, as have at most `items` images."""
    return tuple(batches[: int(np.searchsorted(np.cumsum([len(b.items) for b in batches]), items, side="right"))])


def hire(
    records: pd.DataFrame,
    batches: Sequence[ImageBatch],
    *,
    annotators: Annotators,
    panel: int,
    hiring: str = "breadth",
    hours: float | None = None,
) -> pd.DataFrame:
    """First answers of whole people about `batches` (of a `Split`), rows sorted by item, in the order of hiring.

    Of each batch the panel's M = `annotators` people are hired: every batch once before any twice (`hiring` "breadth")
    or a batch until it has M ("depth"). With `hours`, hiring ends with the first page at which their recorded time
    reaches it, so it is exceeded by less than that page; the last person's later pages are not used. Fewer hours, or a
    smaller M breadth first, give the beginning of more. `records` are those of the question asked; a batch with fewer
    people gives all it has, a repeat is never counted.
    """
    first = records[~records["is_repeat"]]
    asked = set(first["annotator"])
    places: dict[str, tuple[int, int]] = {}
    for number, batch in enumerate(batches):
        queue = [person for person in batch.people if person in asked]
        rank, size = np.arange(len(queue)), np.full(len(queue), len(queue))
        if annotators != "all":
            hired = in_panel(rank, size, panel, int(annotators))
            queue = [queue[i] for i in np.argsort(from_its_end(rank, size, panel)) if hired[i]]
        places |= {person: (turn, number) for turn, person in enumerate(queue)}
    by = (0, 1) if hiring == "breadth" else (1, 0)
    order = sorted(places, key=lambda person: tuple(places[person][i] for i in by))
    turn = first["annotator"].map({person: turn for turn, person in enumerate(order)})
    pages = first.assign(_turn=turn).dropna(subset="_turn").sort_values(["_turn", "position"], kind="stable")
    if hours is not None:
        pages = pages.iloc[: _reached(pages["seconds"].to_numpy(float), hours * 3600)]
    return pages.drop(columns="_turn").sort_values("item", kind="stable")


def check_hiring(
    dataset: Dataset,
    asked: pd.DataFrame,
    *,
    hiring: str,
    variety: str,
    holdout: str | None,
    items: int | None,
    hours: float | None = None,
) -> None:
    """Refuse hired people that make no sense: clicks known as counts, a hold-out by image, parts of batches.

    `asked` are the records of the question. `hours` is a budget of their recorded time: less than one answer takes, or
    more than all took, is refused, as are answers without a time.
    """
    if hiring not in HIRING:
        raise unknown_name("hiring", hiring, HIRING)
    if by_count(dataset, variety):
        raise RequestError(
            f"hiring: {hiring} hires people, and clicks of {dataset.name} are known as counts: their draws are by "
            "click; leave hiring out for them"
        )
    if holdout != "batches":
        raise RequestError(f"hiring: {hiring} needs holdout: batches; else the people hired answer held-out images too")
    sizes = sorted({len(batch.items) for batch in image_batches(dataset)})
    if items is not None and len(sizes) == 1 and items % sizes[0]:
        raise RequestError(
            f"items: {items} with hiring: {hiring} must be whole batches, a multiple of {sizes[0]} images"
        )
    if items is not None and items < sizes[-1]:
        raise RequestError(f"items: {items} with hiring: {hiring} is less than a batch of {sizes[-1]} images")
    if hours is not None:
        _check_hours(dataset.name, asked.loc[~asked["is_repeat"], "seconds"].to_numpy(float), hours)


def _check_hours(name: str, seconds: Float[np.ndarray, " answers"], hours: float) -> None:
    if untimed := int(np.isnan(seconds).sum()):
        raise RequestError(
            f"budget_hours with hiring spends recorded time, and {untimed} of {len(seconds)} answers of {name} have "
            "none; say annotators and items instead"
        )
    if hours * 3600 < seconds.mean():
        raise RequestError(
            f"budget_hours {hours:g} buys no page: one takes {seconds.mean() / 3600:.3g} hours on average"
        )
    if hours * 3600 > seconds.sum():
        raise RequestError(
            f"budget_hours {hours:g} is more than all people of {name} took, {seconds.sum() / 3600:.1f} hours"
        )


def _two_or_more(dataset: Dataset) -> tuple[ImageBatch, ...]:
    batches = image_batches(dataset)
    if len(batches) < 2:
        raise RequestError(f"holdout: batches needs two batches of people and images or more; {dataset.name} has one")
    return batches


def _in_order_of_hiring(
    everybody: Sequence[ImageBatch], batches: Sequence[ImageBatch], seed: int
) -> tuple[ImageBatch, ...]:
    """`batches` with their people in this seed's order, which does not depend on the other batches asked."""
    people = [person for batch in everybody for person in batch.people]
    keys = dict(zip(people, generator("panel", seed, 0, 1).random(len(people)), strict=True))
    return tuple(replace(batch, people=tuple(sorted(batch.people, key=keys.__getitem__))) for batch in batches)


def _reached(seconds: Float[np.ndarray, " pages"], budget: float) -> int:
    """How many pages it takes until their time reaches `budget`; all of them where it never does."""
    return int(np.searchsorted(np.cumsum(seconds), budget, side="left")) + 1
