"""The thesis's results tables: which trials each row stands for, and the numbers that it prints."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

Where = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class PrintedNumber:
    """A number as the thesis prints it: its text, the mean and half of its interval."""

    text: str
    mean: float
    half: float

    @classmethod
    def of(cls, text: str) -> "PrintedNumber":
        """The number that "1.293 ± 0.08" says."""
        mean, _, half = text.partition("±")
        return cls(text=text, mean=float(mean), half=float(half))


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """A row of a table: the trials it stands for (`where`), its numbers by metric/test set, our `name`.

    In a report table it stands in the line `label`, and where several rows share that, in the columns of `group`.
    """

    table: str
    key: str
    label: str
    group: str
    name: str
    where: Where
    printed: Mapping[str, PrintedNumber]


@dataclass(frozen=True, kw_only=True, eq=False)
class PublishedTable:
    """A table (or, without numbers, a figure): over how many seeds, epochs and which models, as far as the thesis says.

    `told_apart_by` are the axes that tell its rows apart in a sweep of its preset; `columns` are the report table's
    headings by metric, without the test set ("corrupted ce" is `ce` on the test set's corrupted images), and `timed`
    says whether seconds of an answer stand in front. Figures have no columns.
    """

    key: str
    title: str
    report_title: str
    seeds: int | None
    epochs: int
    models: tuple[str, ...]
    note: str
    told_apart_by: tuple[str, ...]
    columns: Mapping[str, str]
    timed: bool
    rows: Mapping[str, Row]

    @property
    def preset(self) -> str:
        """The name of the preset with its cells: "table-B-2" of "B.2", "figure-3-6" of "figure 3.6"."""
        return table_words(self.key).replace(" ", "-").replace(".", "-")


@cache
def tables() -> Mapping[str, PublishedTable]:
    """Every table of `published.yaml` by its key ("3.1", "B.2", "figure 3.6"), in the order of that file."""
    content = _content()
    return {key: _table(key, table, content["otherwise"]) for key, table in content["tables"].items()}


def table_words(key: str) -> str:
    """ "table 3.1" of "3.1"; a figure's key as it is."""
    return key if key.startswith("figure") else f"table {key}"


def published_row(table: str, key: str) -> Row:
    """A row by the key of its table and its own."""
    return tables()[table].rows[key]


def preferences() -> Mapping[str, Any]:
    """The thesis's value of axes that its rows do not name, to choose by where a row's trials differ in them."""
    return dict(_content()["prefer"])


@cache
def _content() -> dict[str, Any]:
    return dict(yaml.safe_load((files("sweeps.studies.thesis") / "published.yaml").read_text("utf-8")))


def _table(key: str, table: Mapping[str, Any], otherwise: Mapping[str, Any]) -> PublishedTable:
    shared = {**otherwise, **table["where"]}
    return PublishedTable(
        key=key,
        title=table["title"],
        report_title=table.get("report_title", table["title"]),
        seeds=table["seeds"],
        epochs=table["epochs"],
        models=tuple(table["models"]),
        note=table.get("note", ""),
        told_apart_by=tuple(table.get("told_apart_by", ())),
        columns=table.get("columns", {}),
        timed=table.get("timed", False),
        rows={name: _row(key, name, content, shared) for name, content in table["rows"].items()},
    )


def _row(table: str, key: str, content: Mapping[str, Any], shared: Mapping[str, Any]) -> Row:
    where = {**shared, **content["where"]}
    tests = {name: numbers for name, numbers in content.items() if name not in ("label", "group", "name", "where")}
    texts = {f"{metric}/{test}": text for test, numbers in tests.items() for metric, text in numbers.items()}
    return Row(
        table=table,
        key=key,
        label=content["label"],
        group=content.get("group", ""),
        name=content["name"],
        where={axis: tuple(value) if isinstance(value, list) else (value,) for axis, value in where.items()},
        printed={check: PrintedNumber.of(text) for check, text in texts.items()},
    )
