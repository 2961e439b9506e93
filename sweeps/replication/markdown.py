"""A report as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from sweeps.replication.document import Document
from sweeps.replication.lines import Section

_ESCAPED = {ord(sign): f"\\{sign}" for sign in "\\`*_|"}


def to_markdown(report: Document) -> str:
    """The report as Markdown; names from data show as they are, whatever signs they hold."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Document) -> Iterator[str]:
    yield f"# {report.title}"
    yield ""
    if report.simulated:
        yield f"**{_plain(report.simulated)}**"
        yield ""
    for sentence in report.summary:
        yield _plain(sentence)
        yield ""
    yield from _mappings(report.counts)
    yield "## Where the results come from"
    yield ""
    yield from _mappings(report.sources)
    yield f"Made by `{report.command.replace('`', '')}`."
    yield ""
    for note in report.notes:
        yield _plain(note)
        yield ""
    for section in report.sections:
        yield from _section(section)
    yield "## How to read this"
    yield ""
    for word, meaning in report.read:
        yield f"- **{_plain(word)}.** {_plain(meaning)}"


def _section(section: Section) -> Iterator[str]:
    yield f"## {_plain(section.title)}"
    yield ""
    for note in section.notes:
        yield _plain(note)
        yield ""
    if section.rows:
        yield from _table(section.headings, section.rows)
        yield ""


def _mappings(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    if rows:
        yield from _table(tuple(rows[0]), [tuple(row.values()) for row in rows])
        yield ""


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for texts in (headings, [":--"] * len(headings), *rows):
        yield "| " + " | ".join(text if text == ":--" else _plain(text) for text in texts) + " |"


def _plain(text: str) -> str:
    """`text` such that Markdown and the HTML within it leave it as it is, on one line."""
    plain = escape(" ".join(str(text).split()), quote=False).translate(_ESCAPED)
    return plain.replace("](", "]\\(").replace("][", "]\\[")  # brackets of intervals stay readable, links stay text
