"""The report on the grid as Markdown, and as one HTML page that needs no network."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template

from sweeps.grid_report.section import Picture, Report, Section, Table
from sweeps.markup import html_with_code, markdown_table, markdown_text, markdown_with_code, template


def to_markdown(made: Report) -> str:
    """The report as Markdown; its pictures are files beside it, `grid-<name>.png`."""
    return "\n".join(_markdown(made)) + "\n"


def to_html(made: Report) -> str:
    """The page, pictures and all; every name is escaped and nothing is loaded from elsewhere."""
    return Template((files("sweeps.grid_report") / "page.html").read_text("utf-8")).substitute(
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
