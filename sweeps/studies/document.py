"""What a study's report is made of, and the report as Markdown and as one HTML page.

A document has sections of sentences, tables and pictures, whatever their subject. Its texts are plain text in which
only what stands between backticks is code: both writers at the end escape the rest.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from sweeps.show.markup import html_with_code, markdown_table, markdown_text, markdown_with_code, template


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of texts below their headings, with a caption; `numbers` are the places of columns that stand right.

    Where the first `spanned` texts of a row are empty, those of the row above go on. A text that is one of `marked`, or
    one of them with a colon and more behind it, is coloured on the page.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    numbers: tuple[int, ...] = ()
    spanned: int = 0
    marked: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Every row has a text for each heading."""
        assert all(len(row) == len(self.headings) for row in self.rows), self.caption

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, str]]) -> "Table":
        """A table from one mapping a row, all with the same headings."""
        return cls(headings=tuple(rows[0]) if rows else (), rows=tuple(tuple(row.values()) for row in rows))


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A PNG's bytes; it is written as `<report>-<name>.png`; `words` describe it to readers who can't see it."""

    name: str
    words: str
    png: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the report: sentences, then pictures, tables and `terms`, which are words with their meaning.

    `summary` are sentences for the top of the report, `data` holds the numbers behind the words for `--json` (anything
    that `sweeps.results.table.plain_values` takes).
    """

    title: str
    lines: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    summary: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A report before it has a format.

    On top stand `summary` and the table `overview`. `sources` say where the results come from, `command` what makes the
    report again; they and `notes` stand behind the sections, or before them where `sources_first`. `name` is what its
    files are called.
    """

    name: str
    title: str
    simulated: str
    summary: tuple[str, ...]
    overview: Table | None = None
    sources: tuple[Mapping[str, str], ...]
    command: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    sources_first: bool = False


def to_markdown(document: Document) -> str:
    """The report as Markdown; its pictures are files beside it, `<report>-<picture>.png`."""
    return "\n".join(_markdown(document)).rstrip("\n") + "\n"


def _markdown(document: Document) -> Iterator[str]:
    yield from (f"# {markdown_text(document.title)}", "")
    if document.simulated:
        yield from (f"**{markdown_text(document.simulated)}**", "")
    yield from (f"- {markdown_with_code(sentence)}" for sentence in document.summary)
    yield ""
    if document.overview:
        yield from _markdown_table(document.overview)
    sources = list(_markdown_sources(document))
    sections = [line for section in document.sections for line in _markdown_section(section, document.name)]
    yield from sources + sections if document.sources_first else sections + sources


def _markdown_sources(document: Document) -> Iterator[str]:
    yield from ("## Where the results come from", "")
    yield from _markdown_table(Table.of(document.sources))
    yield from (markdown_with_code(f"Made by `{document.command.replace('`', '')}`."), "")
    for note in document.notes:
        yield from (markdown_with_code(note), "")


def _markdown_section(section: Section, report: str) -> Iterator[str]:
    yield from (f"## {markdown_text(section.title)}", "")
    for line in section.lines:
        yield from (markdown_with_code(line), "")
    for picture in section.pictures:
        yield from (f"![{markdown_text(picture.words)}]({report}-{picture.name}.png)", "")
    for table in section.tables:
        yield from _markdown_table(table)
    if section.terms:
        yield from (f"- **{markdown_text(term)}.** {markdown_with_code(meaning)}" for term, meaning in section.terms)
        yield ""


def _markdown_table(table: Table) -> Iterator[str]:
    if table.caption:
        yield from (f"**{markdown_text(table.caption)}**", "")
    if table.rows:
        yield from markdown_table(table.headings, table.rows, table.numbers)
        yield ""


def to_html(document: Document) -> str:
    """The page, pictures and all; every name is escaped and nothing is loaded from elsewhere."""
    sections, sources = "\n".join(map(_html_section, document.sections)), _html_sources(document)
    return Template((files("sweeps.studies") / "page.html").read_text("utf-8")).substitute(
        title=escape(document.title),
        look=template("report.css"),
        simulated=f'<p class="simulated">{escape(document.simulated)}</p>' if document.simulated else "",
        summary="\n".join(f"<p>{html_with_code(sentence)}</p>" for sentence in document.summary),
        overview=_html_table(document.overview) if document.overview else "",
        body="\n\n".join([sources, sections] if document.sources_first else [sections, sources]),
    )


def _html_sources(document: Document) -> str:
    made_by = f'<p class="quiet">Made by <code>{escape(document.command)}</code>.</p>'
    notes = (f'<p class="quiet">{html_with_code(note)}</p>' for note in document.notes)
    table = _html_table(Table.of(document.sources))
    return "\n".join(["<h2>Where the results come from</h2>", table, made_by, *notes])


def _html_section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>", *(f"<p>{html_with_code(line)}</p>" for line in section.lines)]
    parts += [*map(_html_picture, section.pictures), *map(_html_table, section.tables)]
    terms = (f"  <dt>{escape(term)}</dt><dd>{html_with_code(meaning)}</dd>" for term, meaning in section.terms)
    return "\n".join([*parts, *(["<dl>", *terms, "</dl>"] if section.terms else [])])


def _html_picture(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode()
    return f'<img alt="{escape(picture.words)}" src="data:image/png;base64,{data}">'


def _html_table(table: Table) -> str:
    if not table.rows:
        return ""
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    headings = "".join(f"<th{_kind(table, place)}>{escape(text)}</th>" for place, text in enumerate(table.headings))
    body = "\n".join(f"<tr>{_html_row(table, number)}</tr>" for number in range(len(table.rows)))
    return (
        f'<div class="wide">\n<table>{caption}\n<thead><tr>{headings}</tr></thead>\n<tbody>\n{body}\n'
        "</tbody>\n</table>\n</div>"
    )


def _html_row(table: Table, number: int) -> str:
    row = table.rows[number]
    front = row[: table.spanned]
    span = f' rowspan="{_span(table, number)}"'
    cells = [f"<td{span}>{escape(text)}</td>" for text in front] if any(front) else []
    for place, text in enumerate(row[table.spanned :], start=table.spanned):
        word = text.partition(":")[0]
        kind = f' class="{word}"' if word in table.marked else _kind(table, place)
        cells.append(f"<td{kind}>{escape(text)}</td>")
    return "".join(cells)


def _span(table: Table, number: int) -> int:
    """How many rows the first texts of a row stand for: its own and those below it where they are empty."""
    starts = [any(row[: table.spanned]) for row in table.rows[number + 1 :]]
    return 1 + next((count for count, start in enumerate(starts) if start), len(starts))


def _kind(table: Table, place: int) -> str:
    return ' class="number"' if place in table.numbers else ""
