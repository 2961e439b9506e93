"""The thesis's printed numbers by table and row, and the trials of a results table that each row stands for."""

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
    """A row of a table: the thesis's label and our name, the trials it stands for, its numbers by metric/test set."""

    table: str
    key: str
    label: str
    name: str
    where: Where
    printed: Mapping[str, PrintedNumber]


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """A table (or, without numbers, a figure): over how many seeds and which models, as far as the thesis says."""

    key: str
    title: str
    seeds: int | None
    models: tuple[str, ...]
    note: str
    rows: Mapping[str, Row]


@cache
def tables() -> Mapping[str, Table]:
    """Every table of `published.yaml` by its key ("3.1", "B.2", "figure 3.6"), in the order of that file."""
    content = _content()
    return {key: _table(key, table, content["otherwise"]) for key, table in content["tables"].items()}


def row(table: str, key: str) -> Row:
    """A row by the key of its table and its own."""
    return tables()[table].rows[key]


def preferred() -> Mapping[str, Any]:
    """Axes and the thesis's value of each, to choose by where a row's trials differ in them."""
    return dict(_content()["prefer"])


@cache
def _content() -> dict[str, Any]:
    return dict(yaml.safe_load((files("sweeps.studies.thesis") / "published.yaml").read_text("utf-8")))


def _table(key: str, table: Mapping[str, Any], otherwise: Mapping[str, Any]) -> Table:
    shared = {**otherwise, **table["where"]}
    return Table(
        key=key,
        title=table["title"],
        seeds=table["seeds"],
        models=tuple(table["models"]),
        note=table.get("note", ""),
        rows={name: _row(key, name, content, shared) for name, content in table["rows"].items()},
    )


def _row(table: str, key: str, content: Mapping[str, Any], shared: Mapping[str, Any]) -> Row:
    where = {**shared, **content["where"]}
    tests = {name: numbers for name, numbers in content.items() if name not in ("label", "name", "where")}
    texts = {f"{metric}/{test}": text for test, numbers in tests.items() for metric, text in numbers.items()}
    return Row(
        table=table,
        key=key,
        label=content["label"],
        name=content["name"],
        where={axis: tuple(value) if isinstance(value, list) else (value,) for axis, value in where.items()},
        printed={check: PrintedNumber.of(text) for check, text in texts.items()},
    )
