"""A report as Markdown."""

from collections.abc import Iterator, Mapping, Sequence

from sweeps.show.markup import markdown_table, markdown_text
from sweeps.studies.thesis.document import Document, Section


def to_markdown(report: Document) -> str:
    """The report as Markdown; names from data show as they are, whatever signs they hold."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Document) -> Iterator[str]:
    yield f"# {report.title}"
    yield ""
    if report.simulated:
        yield f"**{markdown_text(report.simulated)}**"
        yield ""
    for sentence in report.summary:
        yield markdown_text(sentence)
        yield ""
    yield from _mappings(report.counts)
    yield "## Where the results come from"
    yield ""
    yield from _mappings(report.sources)
    yield f"Made by `{report.command.replace('`', '')}`."
    yield ""
    for note in report.notes:
        yield markdown_text(note)
        yield ""
    for section in report.sections:
        yield from _section(section)
    yield "## How to read this"
    yield ""
    for word, meaning in report.read:
        yield f"- **{markdown_text(word)}.** {markdown_text(meaning)}"


def _section(section: Section) -> Iterator[str]:
    yield f"## {markdown_text(section.title)}"
    yield ""
    for note in section.notes:
        yield markdown_text(note)
        yield ""
    if section.rows:
        yield from markdown_table(section.headings, section.rows)
        yield ""


def _mappings(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    if rows:
        yield from markdown_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
        yield ""
