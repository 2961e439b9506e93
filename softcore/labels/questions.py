"""Mixed questions: one click of a few people on every image, the whole page only on a share of the images.

The share is drawn at random or taken where clicks disagree. The clicks that decide where (routing clicks) never become
labels: an image picked because its clicks disagree would have labels that disagree, however clear it is. They are
drawn apart from the clicks that do, and paid for like them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from softcore.data.dataset import Dataset
from softcore.errors import RequestError, unknown_name
from softcore.labels.elicited import elicited_varieties
from softcore.labels.panels import draw_clicks, draw_records
from softcore.seeding import generator

DEFAULT_CLICKS = 3
ROUTING_CLICKS = 3  # two can't say more than yes or no; each costs as much as one that becomes a label


@dataclass(frozen=True, kw_only=True)
class Share:
    """On what share of the labelled items the page is asked, and whether where clicks disagree (else at random)."""

    share: float
    disagreeing: bool


PAGES_ON: Mapping[str, Share] = {
    "random-25": Share(share=0.25, disagreeing=False),
    "random-50": Share(share=0.5, disagreeing=False),
    "disagree-25": Share(share=0.25, disagreeing=True),
    "disagree-50": Share(share=0.5, disagreeing=True),
}


def routing_clicks(pages_on: str) -> int:
    """How many clicks an item decide whether its page is asked: none where it is decided at random."""
    return ROUTING_CLICKS if PAGES_ON[pages_on].disagreeing else 0


@dataclass(frozen=True, kw_only=True)
class Clicks:
    """Clicks by item: what was clicked in which item, and by whom ("" where they are known as counts)."""

    items: Int[np.ndarray, " clicks"]
    choices: Int[np.ndarray, " clicks"]
    annotators: np.ndarray


def ask_clicks(
    dataset: Dataset,
    items: Int[np.ndarray, " items"],
    *,
    labels: int,
    routing: int,
    seed: int,
    panel: int,
    apart: bool = False,
) -> tuple[Clicks, Clicks]:
    """`labels` clicks an item that become labels, and `routing` others that decide where the page is asked.

    Both are drawn without replacement from the same clicks, so none is in both; the first are those of M = `labels`
    for a sweep that asks for clicks alone. An item with too few clicks has fewer routing clicks. `apart`: panels of a
    seed share none of either, where clicks are known as counts.
    """
    m = labels + routing
    if dataset.counts is not None:
        asked = dataset.annotated_items
        rows, choices = draw_clicks(dataset.counts[asked], m, seed, panel, apart=apart)
        of, people = asked[rows], np.full(len(rows), "", dtype=str)
    else:
        clicked = dataset.records[dataset.records["question"] == "click"]
        drawn = draw_records(clicked, m, seed, panel)
        of, choices = drawn["item"].to_numpy(np.int64), drawn["top1"].to_numpy(np.int64)
        people = drawn["annotator"].to_numpy().astype(str)
    place = np.arange(len(of)) - np.searchsorted(of, of)
    wanted = np.isin(of, items)

    def of_places(chosen: np.ndarray) -> Clicks:
        kept = wanted & chosen
        return Clicks(items=of[kept], choices=choices[kept], annotators=people[kept])

    return of_places(place < labels), of_places(place >= labels)


def page_items(
    pages_on: str, items: Int[np.ndarray, " items"], routing: Clicks, seed: int, panel: int
) -> Int[np.ndarray, " paged"]:
    """The share of `items` (ascending) on which the page is asked, ascending; a half image is rounded up.

    At random, or where the most of the `routing` clicks disagree with the most clicked class; images that disagree
    alike are taken at random, so that the smaller share is part of the larger. `items` without a routing click agree.
    """
    share = PAGES_ON[pages_on]
    top = int(items.max()) + 1 if len(items) else 0
    keys = generator("panel", seed, panel, 2).random(top)[items]  # drawn for all, so an image's key is its own
    worst = -disagreement(items, routing) if share.disagreeing else np.zeros(len(items))
    count = int(np.floor(share.share * len(items) + 0.5))
    return np.sort(items[np.lexsort((keys, worst))[:count]])


def disagreement(items: Int[np.ndarray, " items"], clicks: Clicks) -> Float[np.ndarray, " items"]:
    """The share of an item's clicks that are not on its most clicked class: 0 where all agree or there are none."""
    classes = int(clicks.choices.max()) + 1 if len(clicks.choices) else 1
    counts = np.zeros((len(items), classes))
    np.add.at(counts, (np.searchsorted(items, clicks.items), clicks.choices), 1)
    total = counts.sum(axis=1)
    return np.where(total > 0, 1 - counts.max(axis=1) / np.maximum(total, 1), 0.0)


def check_pages_on(dataset: Dataset, *, pages_on: str, variety: str, rest: str, clicks: object) -> None:
    """Refuse mixed questions that make no sense: no page to ask, no clicks to route on, a rest that is simulated."""
    if pages_on not in PAGES_ON:
        raise unknown_name("pages_on", pages_on, PAGES_ON)
    if variety not in elicited_varieties():
        raise RequestError(
            f"pages_on: {pages_on} asks for pages on some items; variety {variety} asks for none; "
            f"allowed: {', '.join(elicited_varieties())}"
        )
    if rest == "simulated":
        raise RequestError(f"pages_on: {pages_on} leaves items without a page on purpose; rest must be hard or none")
    routing, most = routing_clicks(pages_on), most_clicks(dataset)
    if most <= routing:
        raise RequestError(
            f"pages_on: {pages_on} needs more than {routing} clicks an item that were asked apart from pages; "
            f"{dataset.name} has {most or 'none'}"
        )
    if isinstance(clicks, bool) or not isinstance(clicks, int) or not 1 <= clicks <= most - routing:
        raise RequestError(
            f"clicks must be a whole number in 1..{most - routing}, which with {routing} that decide where pages are "
            f"asked is the most of any item; it is {clicks!r}"
        )


def most_clicks(dataset: Dataset) -> int:
    """The most clicks that any annotated item has, known as counts or by person; 0 where there are only pages."""
    if dataset.counts is not None:
        return int(dataset.counts[dataset.annotated_items].sum(axis=1).max())
    clicked = dataset.records[(dataset.records["question"] == "click") & ~dataset.records["is_repeat"]]
    return int(clicked.groupby("item").size().max()) if len(clicked) else 0
