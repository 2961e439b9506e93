"""A results table from a CSV file that anybody may have written: checked here, and trusted after that."""

import csv
from pathlib import Path

import pandas as pd

from softcore.errors import RequestError, short, unknown_name
from softcore.scoring.metrics import METRICS, metric_range
from softcore.scoring.weighted import WEIGHTED
from softcore.varieties import FREE, VARIETIES
from sweeps.results.table import REAL, WHOLE, answer_columns, metric_columns
from sweeps.spec.cells import COLUMNS

REQUIRED = ("trial", "cell", "seed", "panel", "status", "variety", "aggregation", "annotators", "items")
REPLICATE = ("seed", "panel")  # a trial may lack a metric; which replicate it is it must say
NAMED = ("trial", "cell", "status", "variety")  # words that no trial lacks
WORDS = frozenset({*COLUMNS, *NAMED} - {*WHOLE, *REAL, "hmix_images"})
MOST_BYTES = 500_000_000  # 400,000 trials; a table takes some five times its file in memory
MOST = 1e15  # of any number: far more than anybody buys or measures, and its square is still a number


def read_results(path: Path) -> pd.DataFrame:
    """The table in a .csv file as `sweeps results` writes it, its numbers numbers and its words words.

    Raises RequestError in one line for a file that can't be read, is no CSV, lacks a column of `REQUIRED` or has one
    twice, and for a value that no trial can have: with its row (as an editor numbers lines), its column and what is
    allowed.
    """
    _check_shape(path)
    try:
        # An axis may hold the word "none", which is not a missing value.
        table = pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False, encoding="utf-8-sig")
    except (OSError, ValueError, OverflowError, csv.Error) as error:  # pandas' parser errors are ValueErrors
        raise RequestError(f"{path} can't be read as a results table: {short(error, 120)}") from None
    for name in table:
        if name in WORDS and table[name].notna().any():
            table[name] = table[name].astype("str")
            _check_words(path, table[name])
        elif name in NAMED and len(table):
            _refuse(path, table[name], 0, "a name")
    for name in ("seed", "panel", "repeat", *WHOLE, *REAL, *metric_columns(table), *answer_columns(table)):
        if name in table:
            table[name] = _numbers(path, table[name])
    _check_purchases(path, table)
    return table


def _check_shape(path: Path) -> None:
    """Refuse what is no table: pandas would rename a column that is there twice, and shift or cut rows."""
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise RequestError(f"{path}: {size:,} bytes; at most {MOST_BYTES:,} are read as a results table")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            names = next(rows, [])
            if lacking := [name for name in REQUIRED if name not in names]:
                raise RequestError(f"{path} is not a results table: it has no column '{lacking[0]}'")
            if twice := [name for name in names if names.count(name) > 1]:
                raise RequestError(f"{path}: column '{short(twice[0])}' is there twice; allowed: once")
            for cells in rows:
                if cells and len(cells) != len(names):
                    found = f"{len(cells)} cells; allowed: {len(names)}, as the header has"
                    raise RequestError(f"{path}: row {rows.line_num}: {found}")
    except OSError as error:
        raise RequestError(f"{path} can't be read as a results table: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{path} can't be read as a results table: {short(error, 120)}") from None


def _check_words(path: Path, column: pd.Series) -> None:
    if column.name in NAMED and column.isna().any():
        _refuse(path, column, int(column.isna().to_numpy().argmax()), "a name")
    if column.name == "variety":
        known = column.isin([*VARIETIES, *FREE])
        if not known.all():
            line = int((~known).to_numpy().argmax())
            where = f"variety ({path}, row {line + 2})"
            raise unknown_name(where, column.iloc[line], [*VARIETIES, *FREE])


def _numbers(path: Path, column: pd.Series) -> pd.Series:
    name = str(column.name)
    if name == "annotators" and (column == "all").any():
        _numbers(path, column[column != "all"])
        return column
    given = column.astype("str") if pd.api.types.is_bool_dtype(column) else column  # True is no number here
    numbers = pd.to_numeric(given, errors="coerce")
    odd = numbers.isna() if name in REPLICATE else column.notna() & numbers.isna()
    least, most = _range(name)
    outside = (numbers < least - 1e-6) | (numbers > most + 1e-6)  # by more than rounding
    broken = numbers.notna() & (numbers % 1 != 0) & _is_whole(name)
    if (wrong := (odd | outside | broken).to_numpy(dtype=bool)).any():
        line = int(wrong.argmax())
        kind = "a whole number" if _is_whole(name) else "a number"
        _refuse(path, column, line, kind if odd.iloc[line] else _between(kind, name))
    return numbers


def _is_whole(name: str) -> bool:
    return name in (*WHOLE, *REPLICATE)


def _range(name: str) -> tuple[float, float]:
    metric = name.partition("/")[0]
    if metric in METRICS and metric != WEIGHTED and "/" in name:
        return max(metric_range(name)[0], -MOST), MOST
    return (-MOST if "/" in name and not name.startswith("answers/") else 0.0), MOST


def _between(kind: str, name: str) -> str:
    least, _ = _range(name)
    return f"{kind}, {least:g} or more, below 1e15" if least > -MOST else f"{kind} below 1e15"


def _refuse(path: Path, column: pd.Series, line: int, allowed: str) -> None:
    found = "nothing" if pd.isna(column.iloc[line]) else f"'{short(column.iloc[line])}'"
    raise RequestError(f"{path}: row {column.index[line] + 2}, {column.name}: {found}; allowed: {allowed}")


def _check_purchases(path: Path, table: pd.DataFrame) -> None:
    """Refuse what nobody can have bought: more items than answers."""
    columns = answer_columns(table)
    if "items" not in table or not columns:
        return
    items, answers = table["items"], table[columns].sum(axis="columns")
    asked = (answers > 0) & ~table["variety"].isin(FREE)  # hard labels may stand beside bought mixed images
    odd = ((items < 1) | (asked & (items > answers))).to_numpy()
    if odd.any():
        line = int(odd.argmax())
        most = f"1 to {answers.iloc[line]:g}, as many as answers" if asked.iloc[line] else "1 or more"
        raise RequestError(f"{path}: row {line + 2}, items: {items.iloc[line]:g}; allowed: {most}")
