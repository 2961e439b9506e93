"""Tables of cells on a test set that came later."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sweeps.frontier.frontier import summarise
from sweeps.results.names import INTERVAL, value
from sweeps.results.table import metric_columns, records
from sweeps.show.tables import Entry, ReportTable

if TYPE_CHECKING:
    from sweeps.sweep import Sweep


def test_set_table(sweep: "Sweep", test_set: str) -> ReportTable:
    """Every cell's metrics on a test set, a row a cell in the order of the spec."""
    summary = summarise(sweep.results())
    metrics = [name for name in metric_columns(summary) if name.partition("/")[2] == test_set]
    entries = []
    for row in records(summary):
        place: dict[str, Any] = {"group": "", "row": row["recipe"], "column_group": ""}
        for metric in metrics:
            mean, low, high = (_number(row[name]) for name in (metric, f"{metric} low", f"{metric} high"))
            said: dict[str, Any] = {"text": value(mean, low, high), "mean": mean, "low": low, "high": high}
            entries.append(Entry(**place, column=metric.partition("/")[0], **said, n=row["n"]))
        entries.append(Entry(**place, column="n", text=str(row["n"]), mean=row["n"]))
    mark = " (simulated annotators)" if sweep.simulated else ""
    title = f"{sweep.id} on {test_set}{mark}"
    return ReportTable(title=title, entries=tuple(entries), notes=(f"[ ] is a {INTERVAL}.",))


test_set_table.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest's


def cell_rows(shown: ReportTable) -> list[dict[str, Any]]:
    """The table's cells for programs: `labels`, `n`, and of each metric mean, low and high (null: not there)."""
    rows: dict[str, dict[str, Any]] = {}
    for entry in shown.entries:
        row = rows.setdefault(entry.row, {"labels": entry.row})
        row[entry.column] = (
            entry.mean if entry.column == "n" else {"mean": entry.mean, "low": entry.low, "high": entry.high}
        )
    return list(rows.values())


def _number(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
