"""A table for people and for programs: entries with a place, shown as text, Markdown, CSV or JSON."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from rich.table import Table

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
        view.add_column(heading)
    for heading in table.headings():
        view.add_column(Text(heading), justify="right")
    previous = None
    for group, label, texts in table.rows():
        if previous not in (None, group):
            view.add_section()
        front = [group if group != previous else "", label] if grouped else [label]
        view.add_row(*(Text(text) for text in (*front, *texts)))
        previous = group
    return view


def to_text(table: ReportTable, width: int | None = None) -> str:
    """`table` as plain text, at most `width` characters wide; by default as wide as it needs."""
    from rich.console import Console

    console = Console(width=width or 400, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(rich_table(table))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def to_markdown(table: ReportTable) -> str:
    """`table` as Markdown, with its title as a heading and its notes as a list."""

    def line(texts: list[str]) -> str:
        return "| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in texts) + " |"

    headings = ["", "Labels", *table.headings()]
    lines = [f"### {table.title}", "", line(headings), line([":--"] * 2 + ["--:"] * (len(headings) - 2))]
    lines += [line([group, label, *texts]) for group, label, texts in table.rows()]
    return "\n".join([*lines, "", *(f"- {note}" for note in table.notes)]).rstrip() + "\n"


def to_csv(table: ReportTable) -> str:
    """The entries of `table` as CSV, one a line, numbers in full."""
    return table.frame().to_csv(index=False)


def to_json(table: ReportTable) -> str:
    """`table` as JSON: title, notes, entries with numbers in full and null where there are none."""
    entries = [asdict(entry) for entry in table.entries]
    return json.dumps({"title": table.title, "notes": table.notes, "entries": entries}, indent=1, ensure_ascii=False)
