"""A user's own answers: CSV or Parquet with the columns of `softcore.data.records`, checked row by row."""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from softcore.data.records import COLUMNS, NO_CLASS, QUESTIONS, Answer, records_table, refuse
from softcore.errors import BadRow, RequestError
from softcore.files import NUMBER, csv_rows

Probabilities = Literal["percent", "fraction"]
REQUIRED = ("annotator", "item", "top1")
PAGE_ONLY = ("p1", "top2", "p2", "impossible")
TRUE, FALSE = ("true", "1", "yes", "1.0"), ("false", "0", "no", "0.0", "")
LISTED = 12  # classes named in an error before it says how many more there are


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What the answers may refer to: `classes`, the number of images, the files' names (or none), the unit of p."""

    classes: Sequence[str]
    n_items: int
    names: Sequence[str]
    probabilities: Probabilities | None


def read_own_answers(path: Path, words: Vocabulary) -> tuple[pd.DataFrame, dict[str, int]]:
    """The answers in the CSV or Parquet file `path` -> (records, first answers that each rule for odd answers met).

    Needed columns: annotator, item, top1. Absent: p1 is 1, no second class, nothing ticked, no seconds, position by
    row, a person's later answers about an image are repeats, question `click` if nothing but top1 was asked, else
    `page`. Columns of other names are ignored unless they look like a mistyped one. Raises RequestError for all rows
    that break the format together (first 20 and a count); rows of a CSV are numbered as lines, of Parquet from 1.
    """
    bad: list[BadRow] = []
    rows = list(_csv(path, bad) if path.suffix.lower() == ".csv" else _parquet(path))
    if not rows and not bad:
        raise RequestError(f"{path}: no answers; at least one row is needed")
    columns = set(rows[0][1]) if rows else set(REQUIRED)
    _check_columns(path, columns, words)
    parser = _Parser(words, columns, bad)
    parsed = [(line, parser.answer(line, row)) for line, row in rows]
    if not bad:
        parsed = _mark_repeats(parsed, "is_repeat" in columns, bad)
    if bad:
        refuse(str(path), bad)
    answers = [answer for _, answer in parsed]
    if words.probabilities == "percent" and "p1" in columns and max(a.p1 for a in answers) <= 0.01:
        raise RequestError(
            f"{path}: every p1 is 1 or less, but key 'probabilities' says percent; allowed then: 0 to 100"
        )
    records, rules = records_table(answers)
    if "impossible" not in columns:
        rules["nothing-ticked"] = 0  # nobody was asked to
    return records, rules


def _csv(path: Path, bad: list[BadRow]) -> Iterable[tuple[int, dict[str, str]]]:
    return ((line, {k: v.strip() for k, v in row.items()}) for line, row in csv_rows(path, bad))


def _parquet(path: Path) -> Iterable[tuple[int, dict[str, str]]]:
    if path.suffix.lower() not in (".parquet", ".pq"):
        raise RequestError(f"answers {path}: '{path.suffix}' is not known; .csv and .parquet are allowed")
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise RequestError(f"answers {path}: not a readable Parquet file ({error})") from error
    for number, row in enumerate(frame.to_dict("records"), start=1):
        yield number, {str(column): _text(value) for column, value in row.items()}


def _text(value: object) -> str:
    """A Parquet cell as it would stand in a CSV; null is "", a list a|b|c."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return "|".join(_text(part) for part in value)
    return "" if pd.isna(value) else str(value).strip()  # type: ignore[call-overload]


def _check_columns(path: Path, columns: set[str], words: Vocabulary) -> None:
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        raise RequestError(
            f"{path}: no column '{missing[0]}'; needed: {', '.join(REQUIRED)}; optional: "
            f"{', '.join(c for c in COLUMNS if c not in REQUIRED)}; the file has: {', '.join(sorted(columns))}"
        )
    for column in sorted(columns - COLUMNS.keys()):
        close = difflib.get_close_matches(column.lower(), COLUMNS.keys() - columns, n=1, cutoff=0.75)
        if close:
            raise RequestError(f"{path}: column '{column}' is not known; did you mean '{close[0]}'?")
    if words.probabilities is None and columns & {"p1", "p2"}:
        raise RequestError(
            f"key 'probabilities' is missing, and {path} has column p1 or p2; allowed: percent, fraction"
        )


class _Parser:
    """Turns rows of text into answers; what breaks the format goes to `bad` and gives a stand-in value."""

    def __init__(self, words: Vocabulary, columns: set[str], bad: list[BadRow]):
        self._class_index = {str(i): i for i in range(len(words.classes))} | {
            name: i for i, name in enumerate(words.classes)
        }
        self._item_index = _items(words)
        self._classes = _listed(words.classes) + f", or 0 to {len(words.classes) - 1}"
        files = f", or the name of an image file such as {words.names[0]}" if words.names else ""
        self._items = f"0 to {words.n_items - 1}{files}"
        self._whole = 100.0 if words.probabilities == "percent" else 1.0
        self._question = "page" if columns & set(PAGE_ONLY) else "click"
        self._has_p1 = "p1" in columns
        self._bad = bad

    def answer(self, line: int, row: Mapping[str, str]) -> Answer:
        def wrong(field: str, allowed: str) -> None:
            self._bad.append(BadRow(line, field, row.get(field, ""), allowed))

        def number(field: str, high: float, allowed: str) -> float:
            text = row.get(field, "")
            value = float(text) if NUMBER.fullmatch(text) else float("nan")
            if text and not (0 <= value <= high and math.isfinite(value)):  # 1e400 is read as infinite
                wrong(field, allowed)
                return float("nan")
            return value

        def look_up(field: str, text: str, table: Mapping[str, int], allowed: str) -> int:
            index = table.get(text, table.get(text.removesuffix(".0")))  # a column with gaps turns 3 into 3.0
            if index is None:
                wrong(field, allowed)
            return 0 if index is None else index

        question = row.get("question", "") or self._question
        if question not in QUESTIONS:
            wrong("question", " or ".join(QUESTIONS))
        if not row["annotator"]:
            wrong("annotator", "the person's id")
        share = f"a number from 0 to {self._whole:g}"
        p1 = number("p1", self._whole, share)
        if self._has_p1 and not row["p1"] and question == "page":
            wrong("p1", share)
        top2, ticks = row.get("top2", ""), [t.strip() for t in row.get("impossible", "").split("|")]
        repeat = row.get("is_repeat", "").lower()
        if repeat not in TRUE + FALSE:
            wrong("is_repeat", "true or false")
        position = number("position", 1e9, "a whole number, 0 or more")
        if position % 1 > 0:
            wrong("position", "a whole number, 0 or more")
        return Answer(
            annotator=row["annotator"],
            item=look_up("item", row["item"], self._item_index, self._items),
            top1=look_up("top1", row["top1"], self._class_index, self._classes),
            p1=1.0 if np.isnan(p1) else p1 / self._whole,
            top2=NO_CLASS if top2 in ("", "-1", "-1.0") else look_up("top2", top2, self._class_index, self._classes),
            p2=number("p2", self._whole, share) / self._whole,
            impossible=tuple(look_up("impossible", t, self._class_index, self._classes) for t in ticks if t),
            seconds=number("seconds", float("inf"), "seconds, 0 or more, or nothing"),
            position=-1 if np.isnan(position) else int(position),
            is_repeat=repeat in TRUE,
            question=question,
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _items(words: Vocabulary) -> dict[str, int]:
    """Ways to name an item -> its index: the index, the path below the folder, the bare name where one file has it."""
    paths = {name: i for i, name in enumerate(words.names)}
    return (
        _unique([name.rsplit("/", 1)[-1] for name in words.names]) | paths | {str(i): i for i in range(words.n_items)}
    )


def _unique(names: Sequence[str]) -> dict[str, int]:
    first: dict[str, int] = {}
    twice = set()
    for i, name in enumerate(names):
        if name in first:
            twice.add(name)
        first.setdefault(name, i)
    return {name: i for name, i in first.items() if name not in twice}


def _mark_repeats(parsed: list[tuple[int, Answer]], stated: bool, bad: list[BadRow]) -> list[tuple[int, Answer]]:
    """Number a person's answers where the file does not, and mark what a person answered before as a repeat.

    Where the file has `is_repeat`, two first answers of one person about one image are refused instead.
    """

    def order(i: int) -> tuple[str, int, int]:
        return parsed[i][1].annotator, parsed[i][1].position, i

    seen: dict[tuple[str, int], int] = {}
    count: dict[str, int] = {}
    result = list(parsed)
    for i in sorted(range(len(parsed)), key=order):
        line, answer = parsed[i]
        count[answer.annotator] = count.get(answer.annotator, 0) + 1
        key = (answer.annotator, answer.item)
        if key in seen and stated and not answer.is_repeat:
            allowed = f"true, as {answer.annotator} answered this image in row {seen[key]}"
            bad.append(BadRow(line, "is_repeat", "false", allowed))
        position = count[answer.annotator] if answer.position < 0 else answer.position
        repeat = answer.is_repeat or key in seen
        if not answer.is_repeat:
            seen.setdefault(key, line)
        result[i] = (line, replace(answer, position=position, is_repeat=repeat))
    return result
