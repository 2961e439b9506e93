"""The error for a request that can't be served, and one bad row of a file."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

NEAR = 0.75  # how alike a name must be to be offered in place of another: one letter of six may be wrong


class RequestError(ValueError):
    """What was asked for can't be done as asked.

    The message says the place (file, row, field), the value and what is allowed, in one line; a file with several bad
    rows has a line for each (`softcore.data.records.refuse`). The command line prints it and exits with 2. Nothing has
    been written when it is raised, but what `softcore.data.fetch` has fetched so far.
    """


def short(value: object, most: int = 60) -> str:
    """`value` as text in one line of at most `most` characters, its end cut: a file may hold anything."""
    text = " ".join(str(value)[: 2 * most].split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def unknown_name(kind: str, name: object, names: Iterable[object]) -> RequestError:
    """An error for an unknown `name` of a `kind` that lists the known `names` in order."""
    return RequestError(f"unknown {kind} '{short(name)}'; known: {', '.join(sorted(str(n) for n in names))}")


def misspelt_name(kind: str, name: str, names: Iterable[str]) -> RequestError:
    """`unknown_name` that offers the nearest of `names` where one is near."""
    near = get_close_matches(name, sorted(names), n=1, cutoff=NEAR)
    offered = f"; did you mean '{near[0]}'?" if near else ""
    return RequestError(f"{unknown_name(kind, name, names)}{offered}")


@dataclass(frozen=True)
class BadRow:
    """One value that breaks the format: `row` as an editor numbers lines (the header is 1), `allowed` in words."""

    row: int
    field: str
    value: object
    allowed: str

    def __str__(self) -> str:
        shown = "nothing" if self.value is None or self.value == "" else f"'{short(self.value)}'"
        return f"row {self.row}, {self.field}: {shown}; allowed: {self.allowed}"
