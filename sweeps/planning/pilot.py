"""The spec of a pilot: the cells that the answers of a few people about a few images contain, for any data set."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from softcore.data.dataset import Dataset
from softcore.data.records import NO_CLASS
from softcore.datasets import DATASETS
from softcore.errors import RequestError
from softcore.labels.people import image_batches, left_to_train_on
from sweeps.planning.candidates import span

SEEDS = 3  # a variance over seeds needs more than one
# A page's questions, the fullest first: the whole page, and what is left of it with parts left out.
QUESTIONS = ("t2-clamp", "t2-uniform", "t1-clamp", "t1-uniform", "first-choice")
_PARTS = {"t2-clamp": (2, True), "t2-uniform": (2, False), "t1-clamp": (1, True), "t1-uniform": (1, False)}


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """What a pilot's answers allow: `questions` (the fullest first), M and N'.

    M goes up to `annotators`, N' takes three values (`items`, rising). `batches` says how the answers come where it is
    in batches of images that the same people answered: then whole people are hired. It is empty where people have to
    be drawn for each image apart.
    """

    questions: tuple[str, ...]
    annotators: int
    items: tuple[int, int, int]
    batches: str


def pilot_of(dataset: Dataset) -> Pilot:
    """What the answers of `dataset` allow; M is what half of the images have at least.

    Raises RequestError where there are no pages, fewer than two people an image, or too few images for two sizes.
    """
    pages = dataset.records[(dataset.records["question"] == "page") & ~dataset.records["is_repeat"]]
    if pages.empty:
        raise RequestError(
            f"{dataset.name} has clicks only; a pilot asks the page, of which cheaper questions are parts"
        )
    annotators = int(pages.groupby("item").size().median())
    if annotators < 2:
        raise RequestError(
            f"{dataset.name} has {annotators} answer an image; a pilot needs those of 2 people, better of 3: one alone "
            "does not show what a second is worth, nor how much people differ"
        )
    try:
        sizes = [len(batch.items) for batch in image_batches(dataset)]
    except RequestError:
        sizes = []  # people answered in no batches
    whole = len(sizes) >= (3 if dataset.held_out else 2)
    left = left_to_train_on(dataset, "batches" if whole else None)
    items = _sizes(left, sizes if whole else [1])
    if items[0] == items[2]:
        raise RequestError(
            f"{dataset.name} leaves {left} annotated images to train on: too few for a pilot of two sizes"
        )
    images = span(min(sizes), max(sizes)) if whole else ""
    words = f"{len(sizes)} batches of {images} images that the same people answered" if whole else ""
    return Pilot(
        questions=_questions(pages), annotators=annotators, items=(items[0], items[1], items[2]), batches=words
    )


def pilot_spec(dataset: Dataset, name: str, folder: Path) -> str:
    """YAML of the pilot's sweep on `dataset`, loaded by `name` (its own or a file's); it will stand in `folder`."""
    pilot = pilot_of(dataset)
    drawn = pilot.batches or "people drawn for each image apart, as there are no batches that the same people answered"
    head = {
        "name": f"pilot-{dataset.name}"[:64],
        "study": "pilot",
        "dataset": name if name in DATASETS else os.path.relpath(Path(name).absolute(), folder.absolute()),
        "scale": "half",
        "seeds": SEEDS,
        "common": {"holdout": "batches" if pilot.batches else "images"},
    }
    unused = dataset.odd_rows.get("not-in-training", 0)
    lost = [f"# {unused} answers are not used: they are about validation or test images."] * bool(unused)
    lines = [
        f"# What a pilot's answers contain: {drawn}.",
        *lost,
        yaml.safe_dump(head, sort_keys=False).strip(),
        "blocks:",
    ]
    for why, blocks in _blocks(pilot):
        lines.append(f"  # {why}")
        for block in blocks:
            axes = [f"{axis}: {_inline(value)}" for axis, value in block.items()]
            lines += ["  - " + axes[0], *("    " + axis for axis in axes[1:])]
    return "\n".join(lines) + "\n"


def _blocks(pilot: Pilot) -> list[tuple[str, list[dict[str, Any]]]]:
    """The blocks of the spec, each with why it is there."""
    full, *parts = pilot.questions
    quarter, half, most = pilot.items
    several = sorted({2, pilot.annotators // 2, pilot.annotators} - {1})
    middle = [question for question in parts if question != "first-choice"]

    def asked(variety: Any, annotators: Any, items: Any, **more: Any) -> dict[str, Any]:
        hired = {"hiring": "breadth"} if pilot.batches else {}
        return {"variety": variety, **hired, "annotators": annotators, "items": items, **more}

    return [
        ("Free: what has to be beaten.", [{"variety": "hard"}, {"variety": "smoothed", "beta": 0.1}]),
        (
            "The whole page of one person, from two panels that share nobody: how much people differ.",
            [asked(full, 1, [half, most], panels=2)],
        ),
        ("More people.", [asked(full, several, most)]),
        ("Fewer images.", [asked(full, pilot.annotators, quarter)]),
        (
            "The same answers with parts left out: what cheaper questions would have given.",
            [
                *([asked(middle, pilot.annotators, most)] if middle else []),
                asked("first-choice", [1, pilot.annotators], most),
            ],
        ),
    ]


def _inline(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _sizes(left: int, batches: list[int]) -> tuple[int, int, int]:
    """About a quarter, half and all of the images `left`, in whole batches where they come in some."""
    step = max(batches)
    count = left // step if min(batches) == step else -(-left // step)
    quarter, half, most = (min(max(1, round(share * count)) * step, left) for share in (0.25, 0.5, 1))
    return quarter, half, most


def _questions(pages: pd.DataFrame) -> tuple[str, ...]:
    """The questions whose parts were asked for: without a second class, or ticks, they would be another one again."""
    second, ticks = bool((pages["top2"] != NO_CLASS).any()), bool(pages["impossible"].map(len).any())
    return tuple(
        question
        for question in QUESTIONS
        if question not in _PARTS or (_PARTS[question][0] <= 1 + second and _PARTS[question][1] <= ticks)
    )
