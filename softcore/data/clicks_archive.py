"""CIFAR-10H by annotator: its archive -> clicks with the person who made each and the seconds they took.

The archive is optional: without it clicks are known as counts, and their price is an assumption.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from softcore.data.cifar10s import CLICKS
from softcore.data.readers import CIFAR_CLASSES, read_counts
from softcore.data.records import COLUMNS, NO_CLASS
from softcore.errors import RequestError, short
from softcore.prices.price_list import PriceList, with_click_seconds

ARCHIVE = "cifar10h/cifar10h-raw.zip"
# The image's index has the second name in the published file and the first in its owners' description of it.
ITEM_COLUMNS = ("cifar10_test_set_idx", "cifar10_test_test_idx")
NEEDED = ("annotator_id", "trial_index", "is_attn_check", "chosen_label", "reaction_time", "time_elapsed")
N_ITEMS = 10_000
SAME_IMAGES = 0.9  # share of images on which the archive and the counts must have the same most clicked class


@dataclass(frozen=True, kw_only=True)
class ClickTimes:
    """How long clicks took: seconds each (mean, median) over `timed` of `clicks`, and whole sessions a click.

    `session_seconds` are all sessions from start to last click, attention checks included, over the clicks.
    """

    clicks: int
    timed: int
    annotators: int
    mean: float
    median: float
    session_seconds: float


def read_clicks(path: Path) -> tuple[pd.DataFrame, ClickTimes]:
    """The archive `cifar10h-raw.zip` -> clicks as records (question `click`), and how long they took.

    Attention checks are left out. Seconds are the reaction time; one that is not above 0 (a fault of the recording) is
    NaN. Position numbers a person's clicks from 1; a second click of one person on one image is a repeat. Rows come
    sorted by item, annotator, position. Raises RequestError for a file that can't be read, lacks a column, or has a
    value out of its range.
    Source: Peterson et al. 2019; github.com/jcpeterson/cifar-10h.
    """
    raw = _read(path)
    where = next(column for column in ITEM_COLUMNS if column in raw)
    checks = raw["is_attn_check"] == 1
    clicks = raw[~checks].sort_values(["annotator_id", "trial_index"], kind="stable", ignore_index=True)
    if clicks.empty:
        raise RequestError(f"{path}: no click beside attention checks")
    _check_range(path, clicks, where, N_ITEMS - 1)
    _check_range(path, clicks, "chosen_label", len(CIFAR_CLASSES) - 1)
    seconds = clicks["reaction_time"].to_numpy(dtype=float) / 1000
    people = clicks.groupby("annotator_id")
    records = pd.DataFrame(
        {
            "annotator": clicks["annotator_id"].astype(str),
            "item": clicks[where],
            "top1": clicks["chosen_label"],
            "p1": 1.0,
            "top2": NO_CLASS,
            "p2": np.nan,
            "impossible": [()] * len(clicks),
            "seconds": np.where(seconds > 0, seconds, np.nan),
            "position": people.cumcount() + 1,
            "is_repeat": clicks.duplicated(["annotator_id", where]),
            "question": "click",
        }
    ).astype(COLUMNS)[list(COLUMNS)]
    times = _times(path, records, float(raw.groupby("annotator_id")["time_elapsed"].max().sum() / 1000))
    return records.sort_values(["item", "annotator", "position"], kind="stable", ignore_index=True), times


def click_times(root: Path) -> ClickTimes | None:
    """How long the clicks of the archive below the data root took; None where it is not there.

    Raises RequestError where its clicks disagree with the counts beside it. The two need not be equal: the archive has
    somewhat more people than were counted.
    """
    if not (root / ARCHIVE).is_file():
        return None
    records, times = read_clicks(root / ARCHIVE)
    if (root / CLICKS).is_file():
        archived, counted = click_counts(records), read_counts(root / CLICKS, N_ITEMS, len(CIFAR_CLASSES))
        clicked = archived.any(axis=1)
        agree = (archived.argmax(axis=1) == counted.argmax(axis=1))[clicked].mean()
        if agree < SAME_IMAGES:
            raise RequestError(
                f"{root / ARCHIVE}: on {1 - agree:.0%} of its images the most clicked class is not that of {CLICKS}; "
                "one of the two files is not CIFAR-10H"
            )
    return times


def measured_clicks(prices: PriceList, root: Path) -> PriceList:
    """`prices` with a click at the mean of the archive below `root`, or as they are where there is no archive.

    An overhead of a click that the list has stays on top.
    """
    times = click_times(root)
    if times is None:
        return prices
    basis = (
        f"A click takes {times.mean:.3g} s, the mean of {times.timed:,} clicks of CIFAR-10H without its attention "
        f"checks (median {times.median:.3g} s), measured on other people and another platform than the pages."
    )
    return with_click_seconds(prices, times.mean, basis)


def click_counts(records: pd.DataFrame) -> np.ndarray:
    """Clicks a class for every test image, int64 [10000, 10]: what CIFAR-10H is without annotators."""
    table = np.zeros((N_ITEMS, len(CIFAR_CLASSES)), dtype=np.int64)
    np.add.at(table, (records["item"].to_numpy(), records["top1"].to_numpy()), 1)
    return table


def _read(path: Path) -> pd.DataFrame:
    """Numbers of the needed columns of the one CSV file in the archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if name.endswith(".csv") and not name.startswith("__MACOSX")]
            if len(inside) != 1:
                raise RequestError(f"{path}: {len(inside)} CSV files inside; one is expected")
            with archive.open(inside[0]) as file:
                raw = pd.read_csv(file, usecols=lambda name: name in (*NEEDED, *ITEM_COLUMNS))
    except RequestError:
        raise
    except Exception as error:  # zip, zlib and pandas each have their own way to say that a file is cut or no table
        raise RequestError(f"{path}: not a readable archive of a CSV file ({short(error, 120)})") from error
    missing = [name for name in NEEDED if name not in raw]
    if not any(column in raw for column in ITEM_COLUMNS):
        missing.append(" or ".join(ITEM_COLUMNS))
    if missing:
        raise RequestError(f"{path}: no column '{missing[0]}'; needed: {', '.join(NEEDED)}, {ITEM_COLUMNS[0]}")
    for name in raw:
        numbers = pd.to_numeric(raw[name], errors="coerce")
        if numbers.isna().any():
            row = int(numbers.isna().to_numpy().argmax())
            raise RequestError(f"{path}: row {row + 2}, {name}: '{raw[name].iloc[row]}'; a number is expected")
        raw[name] = numbers
    return raw


def _check_range(path: Path, clicks: pd.DataFrame, column: str, most: int) -> None:
    values = clicks[column].to_numpy(dtype=float)
    bad = (values < 0) | (values > most) | (values % 1 != 0)
    if bad.any():
        raise RequestError(f"{path}: {column} {values[bad][0]:g}; a whole number from 0 to {most} is expected")


def _times(path: Path, records: pd.DataFrame, session_seconds: float) -> ClickTimes:
    seconds = records["seconds"].dropna()
    if seconds.empty:
        raise RequestError(f"{path}: no click has a reaction time above 0")
    return ClickTimes(
        clicks=len(records),
        timed=len(seconds),
        annotators=int(records["annotator"].nunique()),
        mean=float(seconds.mean()),
        median=float(seconds.median()),
        session_seconds=session_seconds / len(records),
    )
