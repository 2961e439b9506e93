"""What commands print: tables for people, JSON for programs."""

import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweeps.frontier.frontier import Frontiers, side_by_side
from sweeps.planning.verdict import frontier_verdicts
from sweeps.results.names import (
    INTERVAL,
    best_means,
    dollars,
    hours_between,
    lacking_words,
    metric_title,
    recipes,
    test_set_title,
    value,
)
from sweeps.results.run_cost import LEFT_OUT, Assumptions, run_cost_rows
from sweeps.results.table import cell_id, plain_values, records
from sweeps.running.store import Store
from sweeps.show.markup import markdown_table, markdown_text
from sweeps.spec.cells import trials_of

if TYPE_CHECKING:
    from rich.table import Table

    from sweeps.sweep import Sweep

EMPTY = "–"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry: its row (in a group of rows), its column (in a group of columns), what it says and its numbers."""

    group: str
    row: str
    column_group: str
    column: str
    text: str
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """A title, entries in the order of rows and of columns, and notes that say what the table leaves out or assumes."""

    title: str
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()

    def columns(self) -> list[tuple[str, str]]:
        """(group, heading) of each column, in order."""
        return list(dict.fromkeys((e.column_group, e.column) for e in self.entries))

    def rows(self) -> list[tuple[str, str, list[str]]]:
        """(group, label, texts) of each row, a text a column; a dash where a row has no entry in a column."""
        texts = {(e.group, e.row, e.column_group, e.column): e.text for e in self.entries}
        labels = dict.fromkeys((e.group, e.row) for e in self.entries)
        columns = self.columns()
        return [(group, row, [texts.get((group, row, *place), EMPTY) for place in columns]) for group, row in labels]

    def headings(self) -> list[str]:
        """Headings in one line, with the group of columns in front where there is one."""
        return [f"{group} {heading}".strip() for group, heading in self.columns()]

    def frame(self) -> pd.DataFrame:
        """One row an entry: where it stands, its text and numbers."""
        return pd.DataFrame([asdict(entry) for entry in self.entries])


def rich_table(table: ReportTable) -> "Table":
    """`table` for a terminal: groups of rows set apart by lines, notes below."""
    from rich.table import Table
    from rich.text import Text

    # Text, not markup: a class or sweep called "[bold]" must show as it is.
    view = Table(title=Text(table.title, "bold"), title_justify="left", caption=Text("\n".join(table.notes)))
    view.caption_justify = "left"
    grouped = any(group for group, _, _ in table.rows())
    for heading in ["", ""] if grouped else [""]:
        view.add_column(heading, overflow="fold")
    for heading in table.headings():
        view.add_column(Text(heading), justify="right", overflow="fold")  # a checksum is never cut
    previous = None
    for group, label, texts in table.rows():
        if previous not in (None, group):
            view.add_section()
        front = [group if group != previous else "", label] if grouped else [label]
        view.add_row(*(Text(text) for text in (*front, *texts)))
        previous = group
    return view


def table_as_text(table: ReportTable, width: int | None = None) -> str:
    """`table` as plain text, at most `width` characters wide; by default as wide as it needs."""
    from rich.console import Console

    console = Console(width=width or 400, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(rich_table(table))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def table_as_markdown(table: ReportTable) -> str:
    """`table` as Markdown, with its title as a heading and its notes as a list."""
    headings = ["", "Labels", *table.headings()]
    rows = [[group, label, *texts] for group, label, texts in table.rows()]
    lines = [f"### {markdown_text(table.title)}", "", *markdown_table(headings, rows, range(2, len(headings)))]
    return "\n".join([*lines, "", *(f"- {markdown_text(note)}" for note in table.notes)]).rstrip() + "\n"


def table_as_csv(table: ReportTable) -> str:
    """The entries of `table` as CSV, one a line, numbers in full."""
    return table.frame().to_csv(index=False)


def table_as_json(table: ReportTable) -> str:
    """`table` as JSON: title, notes, entries with numbers in full and null where there are none."""
    entries = [asdict(entry) for entry in table.entries]
    return json.dumps({"title": table.title, "notes": table.notes, "entries": entries}, indent=1, ensure_ascii=False)


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
        print(json.dumps(shown.source, indent=1) if isinstance(shown, PlainTable) else table_as_json(shown))
        return
    from rich.console import Console

    terminal = sys.stdout.isatty()
    # In a file or a pipe nothing is gained by squeezing columns to 80.
    Console(width=None if terminal else 200).print(rich_table(shown))


def print_json(content: Any) -> None:
    """Print plain values as JSON, null for what is not a finite number."""
    print(json.dumps(plain_values(content), indent=1, ensure_ascii=False, allow_nan=False))


def frontier_table(sweep: "Sweep", found: Frontiers | None = None) -> ReportTable:
    """A sweep's frontiers, `ce` and `scaled-ce` side by side: those `found`, else of its own metric."""
    title = f"Frontier of {sweep.id}" + (" (simulated annotators)" if sweep.simulated else "")
    return frontiers_table(sweep.frontiers() if found is None else found, title)


def frontiers_table(found: Frontiers, title: str = "Frontier") -> ReportTable:
    """The frontiers of one sweep side by side, one row a cell, those on a frontier first and marked with a star."""
    entries, tables = [], found.tables
    for row in records(side_by_side(tables)):
        place: dict[str, Any] = {"group": "", "row": row["recipe"], "column_group": ""}
        cost = "free" if row["free"] else hours_between(row["label_seconds_low"], row["label_seconds_high"])
        entries.append(Entry(**place, column="people's time", text=cost, mean=_number(row["label_seconds_total"])))
        entries.append(Entry(**place, column="money", text=dollars(row["label_usd"]), mean=_number(row["label_usd"])))
        for metric in tables:
            mean, low, high = (_number(row[f"{name} {metric}"]) for name in ("value", "low", "high"))
            text = ("★ " if row[f"on_frontier {metric}"] else "") + value(mean, low, high)
            entries.append(Entry(**place, column=metric, text=text, mean=mean, low=low, high=high, n=row["n"]))
        entries.append(Entry(**place, column="n", text=str(row["n"]), mean=row["n"]))
    notes = [f"★ on the frontier. [ ] is a {INTERVAL}."]
    for metric, cells in tables.items():
        name = f"{metric_title(metric)}, {test_set_title(metric.split('/')[1])}"
        notes.append(f"{name}: {frontier_verdicts(found)[metric].words}. {best_means(cells)}")
        notes += [f"On {metric} {words}." for words in lacking_words(cells)]
        left_out = cells[cells["excluded"] != ""]
        notes += [f"Not compared on {metric}: {row['recipe']}: {row['excluded']}." for row in records(left_out)]
    return ReportTable(title=title, entries=tuple(entries), notes=tuple(notes))


def _number(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None


def sweeps_table(stores: Sequence[Store]) -> ReportTable:
    """The sweeps of an output folder and how far each is."""
    return table([_state(store) for store in stores], title="Sweeps")


def _state(store: Store) -> dict[str, Any]:
    content, (done, failed) = store.resolved(), store.outcomes()
    return {
        "sweep": store.id,
        "study": content["study"],
        "dataset": content["dataset"],
        "cells": len(content["cells"]),
        "trials": len(trials_of(content)),
        "done": len(done),
        "failed": len(failed),
        "created": store.manifest()["created"],
    }


def show_sweep(sweep: "Sweep", as_json: bool, assumptions: Assumptions | None = None) -> None:
    """A sweep's state, its cells, what each annotation-time budget buys, and what its trials cost to run."""
    content, done = sweep.store.resolved(), sweep.store.finished()
    cells = pd.DataFrame(content["cells"])
    ids = [cell_id(cell) for cell in content["cells"]]
    counts = pd.Series([name.split("-")[0] for name in done], dtype=str).value_counts()
    rows = [
        {"cell": name, "labels": recipe, "trials done": int(counts.get(name, 0))}
        for name, recipe in zip(ids, recipes(cells), strict=True)
    ]
    state, cost = _state(sweep.store), sweep.run_cost(assumptions)
    if as_json:
        shown = {**state, "cells": rows, "budgets": content["budgets"], "run_cost": asdict(cost)}
        print(json.dumps({**shown, "manifest": sweep.store.manifest()}, indent=1))
        return
    print(", ".join(f"{key} {value}" for key, value in state.items()))
    print_table(table(rows, title="Cells"))
    if content["budgets"]:
        print_table(table(content["budgets"], title="Annotation-time budgets (hours of people's time)"))
    if cost.trials:
        print_table(table(run_cost_rows(cost), title="What its trials cost to run"))
        print("\n".join([*cost.assumptions.words(), LEFT_OUT]))


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
