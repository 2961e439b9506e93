"""Plain texts as Markdown and as HTML: names from data show as they are, whatever characters they contain."""

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

_ESCAPED = {ord(sign): f"\\{sign}" for sign in "\\`*_|"}


def template(name: str) -> str:
    """The text of a file of `templates/`."""
    return (files("sweeps.show") / "templates" / name).read_text("utf-8")


def markdown_text(text: str) -> str:
    """`text` such that Markdown and the HTML within it leave it as it is, on one line."""
    plain = escape(" ".join(str(text).split()), quote=False).translate(_ESCAPED)
    plain = plain.replace("]:", "]\\:")
    return plain.replace("](", "]\\(").replace("][", "]\\[")  # brackets of intervals stay readable, links stay text


def markdown_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()
) -> Iterator[str]:
    """The lines of a table; the columns whose places are in `numbers` stand right."""
    rule = ["--:" if place in numbers else ":--" for place in range(len(headings))]
    yield "| " + " | ".join(map(markdown_text, headings)) + " |"
    yield "| " + " | ".join(rule) + " |"
    for row in rows:
        yield "| " + " | ".join(map(markdown_text, row)) + " |"


def markdown_with_code(text: str) -> str:
    """As `markdown_text`, but what stands between two backticks stays code, unless it holds a tag.

    In code nothing can be escaped, and not every renderer takes code as CommonMark does.
    """
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:  # one is left over: no code
        return markdown_text(text)
    return "".join(
        f"`{part}`" if place % 2 and part and "<" not in part else _keeping_ends(part)
        for place, part in enumerate(parts)
    )


def html_with_code(text: str) -> str:
    """`text` escaped, what stands between two backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return "".join(f"<code>{escape(part)}</code>" if place % 2 else escape(part) for place, part in enumerate(parts))


def _keeping_ends(part: str) -> str:
    """`markdown_text` with the spaces that divide it from the code beside it."""
    left, right = part[: len(part) - len(part.lstrip())], part[len(part.rstrip()) :]
    return left + markdown_text(part) + (right if part.strip() else "")
