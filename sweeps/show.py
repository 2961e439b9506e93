"""What commands print: tables for people, JSON for programs."""

import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweeps.cells import trials_of
from sweeps.report_table import EMPTY, Entry, ReportTable, rich_table, to_json
from sweeps.running.store import Store

if TYPE_CHECKING:
    from sweeps.sweep import Sweep


def table(rows: Sequence[Mapping[str, Any]], title: str) -> ReportTable:
    """A plain table from one mapping a row; the first entry of each is its label, which others may share."""
    return PlainTable(title=title, source=tuple(dict(row) for row in rows))


@dataclass(frozen=True, kw_only=True)
class PlainTable(ReportTable):
    """A table that is JSON as the rows it was made of."""

    source: tuple[dict[str, Any], ...]
    entries: tuple[Entry, ...] = ()

    def columns(self) -> list[tuple[str, str]]:
        """("", heading) of each column, in order; the label's has none, unless it is all there is."""
        return list(dict.fromkeys(("", name) for row in self.source for name in list(row)[len(row) > 1 :]))

    def rows(self) -> list[tuple[str, str, list[str]]]:
        """("", label, texts) of each row."""
        headings = [name for _, name in self.columns()]
        return [
            ("", str(next(iter(row.values()))), [_shown(row.get(name)) for name in headings]) for row in self.source
        ]


def _shown(value: Any) -> str:
    return EMPTY if value is None else ("yes" if value else "no") if isinstance(value, bool) else str(value)


def print_table(shown: ReportTable, as_json: bool = False) -> None:
    """Print to standard output: JSON and nothing else, or a table as wide as the terminal."""
    if as_json:
        print(json.dumps(shown.source, indent=1) if isinstance(shown, PlainTable) else to_json(shown))
        return
    from rich.console import Console

    terminal = sys.stdout.isatty()
    # In a file or a pipe nothing is gained by squeezing columns to 80.
    Console(width=None if terminal else 200).print(rich_table(shown))


def print_json(content: Any) -> None:
    """Print plain values as JSON, null for what is not a finite number."""
    from sweeps.results.table import plain

    print(json.dumps(plain(content), indent=1, ensure_ascii=False, allow_nan=False))


def frontier_table(sweep: "Sweep", metric: str | None = None, *, cost="thesis", wage=None, fee=None) -> ReportTable:
    """A sweep's frontier, `ce` and `scaled-ce` side by side."""
    from sweeps.frontier.frontier import frontiers
    from sweeps.studies.thesis.tables import frontiers_table

    title = f"Frontier of {sweep.id}" + (" (simulated annotators)" if sweep.simulated else "")
    return frontiers_table(frontiers(sweep.results(), metric or sweep.metric, cost, wage, fee), title)


def sweeps_table(stores: Sequence[Store]) -> ReportTable:
    """The sweeps of an output folder and how far each is."""
    return table([_state(store) for store in stores], title="Sweeps")


def _state(store: Store) -> dict[str, Any]:
    content = store.resolved()
    return {
        "sweep": store.id,
        "study": content["study"],
        "dataset": content["dataset"],
        "cells": len(content["cells"]),
        "trials": len(trials_of(content)),
        "done": len(store.finished()),
        "failed": len(store.failed()),
        "created": store.manifest()["created"],
    }


def show_sweep(sweep: "Sweep", as_json: bool) -> None:
    """A sweep's state, its cells with what they cost, and what each annotation-time budget buys."""
    from sweeps.results.names import recipes
    from sweeps.results.table import cell_id

    content, done = sweep.store.resolved(), sweep.store.finished()
    cells = pd.DataFrame(content["cells"])
    ids = [cell_id(cell) for cell in content["cells"]]
    counts = pd.Series([name.split("-")[0] for name in done], dtype=str).value_counts()
    rows = [
        {"cell": name, "labels": recipe, "trials done": int(counts.get(name, 0))}
        for name, recipe in zip(ids, recipes(cells), strict=True)
    ]
    state = _state(sweep.store)
    if as_json:
        print(
            json.dumps(
                {**state, "cells": rows, "budgets": content["budgets"], "manifest": sweep.store.manifest()}, indent=1
            )
        )
        return
    print(", ".join(f"{key} {value}" for key, value in state.items()))
    print_table(table(rows, title="Cells"))
    if content["budgets"]:
        print_table(table(content["budgets"], title="Annotation-time budgets (hours of people's time)"))


def encode(results: pd.DataFrame, format_: str) -> bytes:
    """The results table as bytes of CSV, JSON (a list of rows) or Parquet."""
    if format_ == "csv":
        return results.to_csv(index=False).encode()
    if format_ == "json":
        # Not pandas' own JSON, which cuts numbers after 15 decimals: here they are those of the CSV.
        rows = results.astype(object).where(results.notna(), None).to_dict("records")
        return (json.dumps(rows, indent=1, default=lambda value: value.item()) + "\n").encode()
    buffer = io.BytesIO()
    # Axes such as `annotators` hold numbers and words ("all"): Parquet wants one kind, so they are text there.
    mixed = {str(name): results[name].astype("string") for name in results if results[name].dtype == object}
    results.assign(**mixed).to_parquet(buffer, index=False)
    return buffer.getvalue()
