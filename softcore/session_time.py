"""What whole sessions took: from the start of the page in the browser to its end, and on what."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from softcore.files import csv_rows
from softcore.readers import AGAIN, FIRST, read_number, require_columns
from softcore.records import BadRow, refuse

_NEEDED = ("subject", "task", "trial_index", "time_elapsed", "rt")
PARTS = ("before", "first_answers", "repeats", "between", "after")


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
