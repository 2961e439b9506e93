"""A report as one HTML page that needs no network."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template

from sweeps.show.markup import template
from sweeps.studies.thesis.document import HEADINGS, SHIFT_HEADINGS, Document, Section
from sweeps.studies.thesis.findings import AGREES, DISAGREES, OPEN

# Columns of numbers, by heading: they stand to the right.
_NUMBERS = {*HEADINGS[3:9], HEADINGS[11], *SHIFT_HEADINGS[2:5]}
_SHADED = (AGREES, DISAGREES, OPEN)  # a cell that says one of these is coloured


def to_html(report: Document) -> str:
    """The page; every name is escaped and nothing is loaded from elsewhere."""
    return Template((files("sweeps.studies.thesis") / "page.html").read_text("utf-8")).substitute(
        title=escape(report.title),
        look=template("report.css"),
        simulated=f'<p class="simulated">{escape(report.simulated)}</p>' if report.simulated else "",
        summary="\n".join(f"<p>{escape(sentence)}</p>" for sentence in report.summary),
        counts=_mappings(report.counts),
        sources=_mappings(report.sources),
        command=escape(report.command),
        notes="\n".join(f'<p class="quiet">{escape(note)}</p>' for note in report.notes),
        sections="\n".join(_section(section) for section in report.sections),
        read="\n".join(f"  <dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in report.read),
    )


def _section(section: Section) -> str:
    notes = "\n".join(f'<p class="quiet">{escape(note)}</p>' for note in section.notes)
    return f"<h2>{escape(section.title)}</h2>\n{notes}\n" + (_table(section) if section.rows else "")


def _table(section: Section) -> str:
    headings = "".join(f"<th{_kind(heading)}>{escape(heading)}</th>" for heading in section.headings)
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in _rows(section))
    return _wide(headings, body)


def _rows(section: Section) -> Iterator[list[str]]:
    for number, row in enumerate(section.rows):
        front = row[: section.spanned]
        span = f' rowspan="{_span(section, number)}"'
        cells = [f"<td{span}>{escape(text)}</td>" for text in front] if any(front) else []
        for place, text in enumerate(row[section.spanned :], start=section.spanned):
            word = text.partition(":")[0]
            kind = f' class="{word}"' if word in _SHADED else _kind(section.headings[place])
            cells.append(f"<td{kind}>{escape(text)}</td>")
        yield cells


def _span(section: Section, number: int) -> int:
    """How many rows the first texts of a row stand for: its own and those below it where they are empty."""
    below = [any(row[: section.spanned]) for row in section.rows[number + 1 :]]
    return 1 + next((count for count, new in enumerate(below) if new), len(below))


def _kind(heading: str) -> str:
    return ' class="number"' if heading in _NUMBERS else ""


def _mappings(rows: Sequence[Mapping[str, str]]) -> str:
    if not rows:
        return ""
    headings = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "\n".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row.values())}</tr>" for row in rows)
    return _wide(headings, body)


def _wide(headings: str, body: str) -> str:
    return (
        f'<div class="wide">\n<table>\n<thead><tr>{headings}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>'
    )
