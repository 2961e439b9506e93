"""The published files of people's answers -> records and counts. Files of the owners, formats of the owners."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from softcore.data.records import NO_CLASS, Answer, records_table, refuse
from softcore.errors import BadRow, RequestError
from softcore.files import NUMBER, csv_rows, read_array

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FIRST, AGAIN = "spec_conf", "rerun_spec_conf"
PAGE_COLUMNS = ("trial_index", "time_elapsed", "subject", "rt", "response", "task")
PERCENT = "a number from 0 to 100"


def read_cifar10s(path: Path) -> tuple[pd.DataFrame, dict[str, int]]:
    """CIFAR-10S as collected (`raw_human_data.csv`) -> what `read_pages` makes of it, items in the test order.

    Source: Collins, Bhatt & Weller 2022; github.com/cambridge-mlg/cifar-10s.
    """

    def item_of(text: str) -> int | None:
        item = read_number(text, 9_999)
        return int(item) if item is not None and item.is_integer() else None

    return read_pages(path, "img_id", item_of, "an image of the CIFAR-10 test set, 0 to 9999")


def read_pages(
    path: Path, image: str, item_of: Callable[[str], int | None], allowed: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Soft-label pages as collected -> (records, first answers that each rule for odd answers met).

    Column `image` says what a page showed; `item_of` makes an item of it, None for one that is not `allowed` (in
    words). Rows that are no answer (consent, instructions) are passed over; a session that is stored twice counts once;
    the pages that ask again are marked `is_repeat`. Seconds are the page's, position numbers a person's pages from 1.
    Raises RequestError with all rows that break the format (first 20 and a count).
    """
    bad: list[BadRow] = []
    pages: dict[tuple[str, ...], tuple[Answer, tuple[str, ...]]] = {}
    for line, row in csv_rows(path, bad):
        require_columns(path, row, (*PAGE_COLUMNS, image))
        if row["task"] not in (FIRST, AGAIN):
            continue
        # Equal to the millisecond in the same session: the page was stored twice, not seen twice.
        key = tuple(row[c] for c in ("subject", "task", "trial_index", "time_elapsed", image, "response"))
        if key in pages:
            continue
        item = item_of(row[image])
        if item is None:
            bad.append(BadRow(line, image, row[image], allowed))
        if (page := _page(line, row, NO_CLASS if item is None else item, bad)) and item is not None:
            pages[key] = page
    if bad:
        refuse(str(path), bad)
    in_order = sorted(pages.values(), key=lambda page: (page[0].annotator, page[0].position))
    seen: Counter[str] = Counter()
    answers = []
    for answer, _ in in_order:
        seen[answer.annotator] += 1
        answers.append(replace(answer, position=seen[answer.annotator]))
    return records_table(answers, [typed for _, typed in in_order])


def require_columns(path: Path, row: dict[str, str], columns: Sequence[str]) -> None:
    """Raise RequestError if `row` of the file `path` lacks one of `columns`: the first one in the alphabet."""
    missing = sorted(set(columns) - row.keys())
    if missing:
        raise RequestError(f"{path}: no column '{missing[0]}'; needed: {', '.join(columns)}")


def _page(line: int, row: dict[str, str], item: int, bad: list[BadRow]) -> tuple[Answer, tuple[str, ...]] | None:
    """The answer on one stored page about `item` and the rules of typing it met; None if a value breaks the format.

    Each such value is added to `bad`. The position is still the page's number in the whole session.
    """
    before = len(bad)

    def number(field: str, text: str, high: float, allowed: str) -> float:
        value = read_number(text, high)
        if value is None:
            bad.append(BadRow(line, field, text, allowed))
            return 0.0
        return value

    def page_number() -> int:
        allowed = "a page number, 0 or more"
        value = number("trial_index", row["trial_index"], 1e6, allowed)
        if not value.is_integer():
            bad.append(BadRow(line, "trial_index", row["trial_index"], allowed))
        return int(value)

    def class_of(field: str, text: object, prefix: str) -> int:
        name = str(text).removeprefix(prefix).lower()
        if name not in CIFAR_CLASSES:
            bad.append(BadRow(line, field, text, f"{prefix} and one of {', '.join(CIFAR_CLASSES)}"))
            return NO_CLASS
        return CIFAR_CLASSES.index(name)

    response = json_object(row["response"])
    if not {"classSelect", "prob", "classSelect2", "prob2"} <= response.keys():
        bad.append(BadRow(line, "response", row["response"][:60], "JSON with classSelect, prob, classSelect2, prob2"))
        return None
    if not row["subject"]:
        bad.append(BadRow(line, "subject", "", "the person's id"))
    first, typed = _first_probability(str(response["prob"]))
    second, second_class = str(response["prob2"]), response["classSelect2"]
    ticks = [key for key in response if key.startswith("improbClassSelect")]
    answer = Answer(
        annotator=row["subject"],
        item=item,
        top1=class_of("classSelect", response["classSelect"], "mostProb"),
        p1=number("prob", first, 100, PERCENT) / 100,
        top2=NO_CLASS if second_class == "secondProbNo" else class_of("classSelect2", second_class, "secondProb"),
        p2=number("prob2", second, 100, PERCENT) / 100 if NUMBER.fullmatch(second.strip()) else float("nan"),
        impossible=tuple(class_of("response", key, "improbClassSelect") for key in ticks),
        seconds=number("rt", row["rt"], float("inf"), "milliseconds, 0 or more") / 1000,
        position=page_number(),
        is_repeat=row["task"] == AGAIN,
    )
    return (answer, typed) if len(bad) == before else None


def read_number(text: str, high: float) -> float | None:
    """The number that `text` is if it lies in 0..`high` and is finite, else None."""
    value = float(text) if NUMBER.fullmatch(text.strip()) else float("nan")
    return value if 0 <= value <= high and math.isfinite(value) else None


def json_object(text: str) -> dict:
    """The JSON object in `text`; an empty one where it holds none."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}


def _first_probability(text: str) -> tuple[str, tuple[str, ...]]:
    """A first probability with a 'p' for its 0 ('8p') put right, as its owners do, and the rule this met."""
    text = text.strip()
    if re.fullmatch(r"\d+p", text):
        return text.replace("p", "0"), ("p-for-zero",)
    return text, ()


def read_counts(path: Path, n_items: int = 10_000, n_classes: int = 10) -> np.ndarray:
    """CIFAR-10H: clicks a class for every test image, int64 [n_items, n_classes], every row with at least one click.

    Raises RequestError for a file that is missing, has another shape or type, or has a negative count.
    Source: Peterson et al. 2019; github.com/jcpeterson/cifar-10h.
    """
    counts = read_array(path)
    if counts.shape != (n_items, n_classes) or counts.dtype.kind not in "iu":
        raise RequestError(
            f"{path}: {counts.dtype} {list(counts.shape)}; whole numbers [{n_items}, {n_classes}] are expected"
        )
    if (counts < 0).any() or (counts.sum(axis=1) == 0).any():
        row = int(np.flatnonzero((counts < 0).any(axis=1) | (counts.sum(axis=1) == 0))[0])
        raise RequestError(f"{path}: image {row} has clicks {counts[row].tolist()}; 0 or more, not all 0, are allowed")
    return counts.astype(np.int64)
