"""What the report on the grid is made of: sections of sentences, tables and pictures, whatever their subject."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from softcore.errors import RequestError
from sweeps.show.markup import html_with_code, markdown_table, markdown_text, markdown_with_code, template
from sweeps.sources import Source

GRID, VARIANCE, SEALED = "grid", "grid-variance", "grid-sealed"
PRESETS = (GRID, VARIANCE, SEALED)
PILOT = re.compile(r"pilot-(\d+)")  # a replayed pilot, by the seed whose panel A it asked

Sources = Mapping[str, Source]  # by the preset that made them, or the pilot's name; those alone that were recorded


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of texts below their headings, with a caption; `numbers` are the places of columns that stand right."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Every row has a text for each heading."""
        assert all(len(row) == len(self.headings) for row in self.rows), self.caption


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A PNG's bytes; it is written as `grid-<name>.png`, and `words` say what it shows to who can't see it."""

    name: str
    words: str
    png: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the report: what it found in sentences, then tables and pictures.

    `summary` are sentences for the top of the report, `data` holds the numbers behind the words for `--json` (anything
    that `sweeps.results.table.plain` takes). Texts are plain: who writes them out escapes them.
    """

    title: str
    lines: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    summary: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


Maker = Callable[[Sources], Section]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A place in the report: `make` is called where all presets in `needs` were recorded.

    `make` may raise RequestError for a recording that is too small for it (a sweep that still runs): its one line then
    stands in the section's place.
    """

    title: str
    needs: tuple[str, ...]
    make: Maker

    def section(self, sources: Sources) -> Section:
        """The section, or words on why there is none yet and which command changes that."""
        if lacking := [name for name in self.needs if name not in sources]:
            lines = [f"{name}: not recorded yet. `sweeps run {name} --scale half` records it." for name in lacking]
            return Section(title=self.title, lines=tuple(lines), data={"not_recorded": lacking})
        try:
            return self.make(sources)
        except RequestError as error:
            resumes = " and ".join(f"`sweeps run {name} --scale half`" for name in self.needs)
            line = f"Not enough is recorded yet: {error}. {resumes} goes on where it stopped."
            return Section(title=self.title, lines=(line,), data={"not_enough": str(error)})


@dataclass(frozen=True, kw_only=True)
class Report:
    """The report before it has a format: where it comes from, what makes it again, notes, and its sections in order."""

    title: str
    simulated: str
    sources: tuple[Mapping[str, str], ...]
    command: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def summary(self) -> tuple[str, ...]:
        """What the sections say of themselves, in their order."""
        return tuple(sentence for section in self.sections for sentence in section.summary)

    def as_dict(self) -> dict[str, Any]:
        """Everything that the report rests on, for JSON (`sweeps.results.table`)."""
        return {
            "title": self.title,
            "simulated_annotators": bool(self.simulated),
            "sources": list(self.sources),
            "notes": list(self.notes),
            "sections": [
                {
                    "title": section.title,
                    "summary": list(section.summary),
                    "lines": list(section.lines),
                    "tables": [
                        {"caption": t.caption, "rows": [dict(zip(t.headings, row, strict=True)) for row in t.rows]}
                        for t in section.tables
                    ],
                    "data": dict(section.data),
                }
                for section in self.sections
            ],
        }


def any_simulated(sources: Sources) -> bool:
    """Whether a program gave the answers of any of the sources: pictures and pages must carry the mark."""
    return any(source.simulated for source in sources.values())


def to_markdown(made: Report) -> str:
    """The report as Markdown; its pictures are files beside it, `grid-<name>.png`."""
    return "\n".join(_markdown(made)) + "\n"


def to_html(made: Report) -> str:
    """The page, pictures and all; every name is escaped and nothing is loaded from elsewhere."""
    return Template((files("sweeps.studies.grid") / "page.html").read_text("utf-8")).substitute(
        title=escape(made.title),
        look=template("report.css"),
        simulated=f'<p class="simulated">{escape(made.simulated)}</p>' if made.simulated else "",
        summary="\n".join(f"<p>{html_with_code(sentence)}</p>" for sentence in made.summary),
        sources=_html_table(_as_table(made.sources)),
        command=escape(made.command),
        notes="\n".join(f'<p class="quiet">{html_with_code(note)}</p>' for note in made.notes),
        sections="\n".join("\n".join(_html_section(section)) for section in made.sections),
    )


def _markdown(made: Report) -> Iterator[str]:
    yield f"# {markdown_text(made.title)}"
    yield ""
    if made.simulated:
        yield f"**{markdown_text(made.simulated)}**"
        yield ""
    for sentence in made.summary:
        yield f"- {markdown_with_code(sentence)}"
    yield ""
    for section in made.sections:
        yield f"## {markdown_text(section.title)}"
        yield ""
        for line in section.lines:
            yield markdown_with_code(line)
            yield ""
        for picture in section.pictures:
            yield f"![{markdown_text(picture.words)}](grid-{picture.name}.png)"
            yield ""
        for table in section.tables:
            yield from _markdown_table(table)
    yield "## Where the results come from"
    yield ""
    yield from _markdown_table(_as_table(made.sources))
    yield f"Made by `{made.command.replace('`', '')}`."
    for note in made.notes:
        yield ""
        yield markdown_with_code(note)


def _markdown_table(table: Table) -> Iterator[str]:
    if table.caption:
        yield f"**{markdown_text(table.caption)}**"
        yield ""
    if table.rows:
        yield from markdown_table(table.headings, table.rows, table.numbers)
        yield ""


def _html_section(section: Section) -> Iterator[str]:
    yield f"<h2>{escape(section.title)}</h2>"
    yield from (f"<p>{html_with_code(line)}</p>" for line in section.lines)
    yield from map(_html_picture, section.pictures)
    yield from map(_html_table, section.tables)


def _html_picture(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode()
    return f'<img alt="{escape(picture.words)}" src="data:image/png;base64,{data}">'


def _html_table(table: Table) -> str:
    if not table.rows:
        return ""
    kinds = [' class="number"' if place in table.numbers else "" for place in range(len(table.headings))]
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    return (
        f'<div class="wide">\n<table>{caption}\n<thead>{_html_row("th", table.headings, kinds)}</thead>\n<tbody>\n'
        + "\n".join(_html_row("td", row, kinds) for row in table.rows)
        + "\n</tbody>\n</table>\n</div>"
    )


def _html_row(tag: str, texts: Sequence[str], kinds: Sequence[str]) -> str:
    cells = (f"<{tag}{kind}>{escape(text)}</{tag}>" for text, kind in zip(texts, kinds, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _as_table(rows: Sequence[Mapping[str, str]]) -> Table:
    headings = tuple(rows[0]) if rows else ()
    return Table(headings=headings, rows=tuple(tuple(row.values()) for row in rows))
