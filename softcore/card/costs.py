"""The card's section on costs: what the answers of a data set cost under each price list, and what pages take."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softcore.card.page_time import FEWEST, TERMS, PanelHours, fit_page_time, held_out_errors, panel_hours, timed_pages
from softcore.data.cifar10s import ANSWERS
from softcore.data.clicks_archive import ARCHIVE, click_times
from softcore.data.dataset import Dataset, fingerprint
from softcore.data.readers import AGAIN, FIRST, read_number, require_columns
from softcore.data.records import refuse
from softcore.datasets import data_root
from softcore.errors import BadRow
from softcore.files import csv_rows
from softcore.prices.read import label_seconds, price_list, usd
from softcore.varieties import CLICK

_NEEDED = ("subject", "task", "trial_index", "time_elapsed", "rt")
PARTS = ("before", "first_answers", "repeats", "between", "after")
FULL = {"page": "t2-clamp", "click": "click"}  # the question of a record -> what all of its answer costs
PANEL = 10  # sessions of the new panel that the card foresees


def read_sessions(path: Path, first: str = FIRST, again: str = AGAIN) -> pd.DataFrame:
    """The raw pages of a study (jsPsych's CSV) -> one row a session, sorted by annotator, in seconds.

    Columns: `annotator`, `labels` (first answers), `seconds` (the whole session: its last `time_elapsed`), and what it
    went to: `before` the first page that asks (onboarding and practice), `first_answers` and `repeats` (their own
    page times), `between` those pages, `after` the last of them (questions about the study, where the file has them).
    The five add up to `seconds`. `first` and `again` name the tasks of first answers and of repeats. A page that is
    stored twice counts once; a session without an answer has no row. Raises RequestError for a file that breaks the
    format.
    """
    bad: list[BadRow] = []
    rows = {}
    for line, row in csv_rows(path, bad):
        require_columns(path, row, _NEEDED)
        elapsed, index = (_number(line, row, field, bad) for field in ("time_elapsed", "trial_index"))
        asks = row["task"] in (first, again)
        seconds = _number(line, row, "rt", bad) / 1000 if asks else 0.0
        rows[row["subject"], index, elapsed] = (row["subject"], index, elapsed / 1000, row["task"], seconds)
    if bad:
        refuse(str(path), bad)
    pages = pd.DataFrame(rows.values(), columns=["annotator", "index", "end", "task", "seconds"])
    return _sessions(pages.sort_values(["annotator", "index", "end"], kind="stable"), first, (first, again))


def _sessions(pages: pd.DataFrame, first: str, asking: Sequence[str]) -> pd.DataFrame:
    asked = pages[pages["task"].isin(asking)]
    people = asked.groupby("annotator")
    ends = people["end"].max()
    starts = people.first().eval("end - seconds")
    own, total = asked["task"] == first, pages.groupby("annotator")["end"].max().reindex(ends.index)
    found = pd.DataFrame(
        {
            "labels": own.groupby(asked["annotator"]).sum(),
            "seconds": total,
            "before": starts,
            "first_answers": asked["seconds"].where(own, 0).groupby(asked["annotator"]).sum(),
            "repeats": asked["seconds"].where(~own, 0).groupby(asked["annotator"]).sum(),
        }
    )
    found["between"] = ends - starts - found["first_answers"] - found["repeats"]
    found["after"] = total - ends
    return found[found["labels"] > 0].rename_axis("annotator").reset_index()


def _number(line: int, row: dict[str, str], field: str, bad: list[BadRow]) -> float:
    value = read_number(row[field], float("inf"))
    if value is None:
        bad.append(BadRow(line, field, row[field], "a number of 0 or more"))
        return 0.0
    return value


def describe_costs(dataset: Dataset, root: Path | None = None) -> dict[str, Any]:
    """Seconds a label, hours in all and dollars of the first answers under `thesis`, `page` and `session` prices.

    Dollars are at $12 an hour and a fee of 33.3%. `page` adds the recorded seconds up, `session` whole sessions, which
    only the raw file of CIFAR-10S has: it is looked for below the data root (`root` as in `softcore.datasets.load`) and
    read if it is the file that the data set was read from. `click` is the price of a click and whether it was measured;
    `page_time` a model of page time with its errors on people held out. What can't be computed is
    `{"absent": reason}`.
    """
    where = data_root(root)
    return {
        "wage": price_list("thesis").wage,
        "fee": price_list("thesis").fee,
        "thesis": _thesis(dataset),
        "page": _page(dataset),
        "session": _session(dataset, where),
        "click": _click(dataset, where),
        "page_time": describe_page_time(dataset),
    }


def _paid(seconds: float, labels: int) -> dict[str, Any]:
    prices = price_list("thesis")
    return {
        "labels": labels,
        "seconds_a_label": seconds / labels,
        "hours": seconds / 3600,
        "usd": usd(seconds, prices.wage, prices.fee),
    }


def _thesis(dataset: Dataset) -> dict[str, Any]:
    first = dataset.records[~dataset.records["is_repeat"]]
    answers = {FULL[str(question)]: int(count) for question, count in first["question"].value_counts().items()}
    return _paid(label_seconds(answers), len(first))


def _page(dataset: Dataset) -> dict[str, Any]:
    first = dataset.records[~dataset.records["is_repeat"]]
    seconds = first["seconds"].dropna()
    if seconds.empty:
        return {"absent": "no answer has a time"}
    return _paid(float(seconds.sum()), len(seconds)) | {"median_seconds": float(seconds.median())}


def _session(dataset: Dataset, root: Path) -> dict[str, Any]:
    if ANSWERS not in dataset.fingerprints:
        return {"absent": "whole sessions are known of CIFAR-10S only"}
    path = root / ANSWERS
    if not path.is_file() or fingerprint(path.read_bytes()) != dataset.fingerprints[ANSWERS]:
        return {"absent": f"{ANSWERS} as the data set was read from is not below the data root {root}"}
    sessions = read_sessions(path)
    parts = {part: float(sessions[part].sum() / 3600) for part in PARTS}
    paid = _paid(float(sessions["seconds"].sum()), int(sessions["labels"].sum()))
    return paid | {"sessions": len(sessions), "hours_of": parts}


def _click(dataset: Dataset, root: Path) -> dict[str, Any]:
    """The price of a click: as measured by the archive below the data root, else as assumed."""
    prices = price_list("page")
    times = click_times(root) if dataset.name in prices.measured_on else None
    if times is None:
        assumed = {"seconds": prices.interval(CLICK)[0], "measured": False}
        return assumed | {"note": f"{prices.click_basis} {ARCHIVE} below the data root would measure it."}
    return {
        "seconds": times.mean,
        "measured": True,
        "median_seconds": times.median,
        "session_seconds": times.session_seconds,
        "clicks": times.clicks,
        "timed": times.timed,
        "people": times.annotators,
    }


def describe_page_time(dataset: Dataset) -> dict[str, Any]:
    """The model of page time: its coefficients, the hours of a new panel of ten, errors on people held out."""
    pages = timed_pages(dataset)
    people = pages["annotator"].nunique()
    if people < FEWEST:
        return {"absent": f"{people} people have page times; a model of them needs {FEWEST} or more"}
    model = fit_page_time(pages)
    length = int(pages.groupby("annotator").size().median())
    hours = panel_hours(model, [np.full(length, pages["difficulty"].mean())] * PANEL)
    estimates = zip(TERMS, model.coefficients, model.standard_errors, strict=True)
    card: dict[str, Any] = {
        "log_seconds": {term: {"estimate": float(b), "standard_error": float(se)} for term, b, se in estimates},
        "person_sd": model.person_sd,
        "page_sd": model.page_sd,
        "new_panel": _shown(hours),
    }
    if people < FEWEST + PANEL:
        return card | {"held_out": {"absent": f"{people} people are too few to hold panels of {PANEL} out"}}
    return card | {"held_out": held_out_errors(pages, folds=min(8, people // PANEL), panel=PANEL)}


def _shown(hours: PanelHours) -> dict[str, Any]:
    interval = {"hours": hours.mean, "low": hours.low, "high": hours.high, "level": hours.level, "over": "people"}
    return {"sessions": hours.sessions, "pages": hours.pages, **interval}
