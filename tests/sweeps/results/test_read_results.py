"""A results table from outside is read whole or refused in one line; what is read breaks nothing that uses it."""

import random
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from softcore.errors import RequestError
from softcore.prices.read import price_list
from sweeps.commands.plan import default_metric
from sweeps.frontier.banded import frontier_bands
from sweeps.frontier.frontier import frontiers
from sweeps.frontier.weights import with_metric
from sweeps.planning.advise import advice
from sweeps.planning.forecast import make_forecast
from sweeps.planning.rank import Limits
from sweeps.results.read import read_results
from sweeps.sources import from_names, merge

RECORDED = Path(__file__).parents[3] / "docs" / "results" / "chapter-3-9d546af1.csv"
VALUES = (
    *("", "nan", "inf", "-inf", "-1", "0", "2", "1.5", "1e308", "-1e308", "1e400", "1e-300", "9" * 23, "True", "[1]"),
    *("x", "all", "none", "hard", "click", "t2-clamp", "separate", "digits", "done", "failed", "é", "'", '"', "\x00"),
    *("=1+1", "a" * 5000, "2024-01-01"),
)


def mutated(text: str, draw: random.Random) -> bytes:
    """The table with one to four mistakes: cells, columns, rows, names, characters changed, lost or doubled."""
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        row, column = draw.randrange(len(rows)), draw.randrange(len(rows[0]) or 1)
        match draw.randrange(10):
            case 0 | 1 | 2:
                rows[row][column : column + 1] = [draw.choice(VALUES)]
            case 3:
                value = draw.choice(VALUES)
                rows = [rows[0], *([*cells[:column], value, *cells[column + 1 :]] for cells in rows[1:])]
            case 4:
                del rows[row]
            case 5:
                rows.insert(row, list(rows[draw.randrange(len(rows))]))
            case 6:
                rows[0][column : column + 1] = [draw.choice((*VALUES, *rows[0]))]
            case 7:
                del rows[row][column : column + 1]
            case 8:
                rows = rows[: row + 1]
            case 9:
                rows = [cells[:column] + cells[column + 1 :] for cells in rows]
        rows = rows or [[""]]
    changed = bytearray("\n".join(",".join(cells) for cells in rows).encode())
    if draw.random() < 0.2 and changed:
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def refusal(path: Path, use: Callable[[pd.DataFrame, str], object]) -> str:
    """Reads the table as the commands do and uses it; the refusal, or nothing."""
    try:
        results, _, _ = merge(from_names([str(path)]))
        use(*with_metric(results, default_metric(results)))
    except RequestError as error:
        return str(error)
    return ""


def draw_frontier(results: pd.DataFrame, metric: str) -> None:
    frontiers(results, metric, price_list("thesis"))


def draw_bands(results: pd.DataFrame, metric: str) -> None:
    frontier_bands(results, metric, price_list("thesis"))


def plan(results: pd.DataFrame, metric: str) -> None:
    advice(make_forecast(results, metric=metric), Limits(budget_usd=200.0), prices=price_list("thesis"))


def only_read(results: pd.DataFrame, metric: str) -> None:
    """Nothing: that it could be read is all."""


FUZZ = pytest.mark.fuzz


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("number", "use", "table"),
    [
        (40, only_read, "chapter-3-9d546af1.csv"),
        pytest.param(2000, only_read, "chapter-3-9d546af1.csv", marks=FUZZ),
        pytest.param(300, draw_frontier, "chapter-3-9d546af1.csv", marks=FUZZ),
        pytest.param(40, draw_bands, "chapter-3-9d546af1.csv", marks=FUZZ),
        pytest.param(40, plan, "grid/pilot-0-311677ba.csv", marks=FUZZ),
    ],
    ids=["some", "many", "frontier", "bands", "plan"],
)
def test_a_mutated_table_is_used_or_refused_in_one_line(tmp_path, number, use, table):
    draw, text = random.Random(number), (RECORDED.parent / table).read_text("utf-8")
    if number == 40 and use is only_read:  # quick: a few trials and columns
        few = pd.read_csv(RECORDED, keep_default_na=False, nrows=9)
        kept = [name for name in few if "/" not in name or name.startswith("answers/") or name.endswith("e/10h")]
        text = few[kept].to_csv(index=False)
    path = tmp_path / "t.csv"
    refused = []
    for _ in range(number):
        path.write_bytes(mutated(text, draw))
        refused += filter(None, [refusal(path, use)])
    assert [said for said in refused if "\n" in said or len(said) > 300 + len(str(path))] == []
    assert number / 4 < len(refused) < number  # the mistakes are neither all harmless nor all fatal


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("seed", "1.5", "row 3, seed: '1.5'; allowed: a whole number, 0 or more"),
        ("items", "x", "row 3, items: 'x'; allowed: a whole number"),
        ("ce/10h", "inf", "row 3, ce/10h: 'inf'; allowed: a number, 0 or more"),
        ("accuracy/10h", "-7", "row 3, accuracy/10h: '-7.0'; allowed: a number, 0 or more"),
        ("variety", "hrad", r"unknown variety \(.*row 3\) 'hrad'; known: "),
        ("trial", "", "row 3, trial: nothing; allowed: a name"),
        ("label_usd", "1e300", r"row 3, label_usd: '1e\+300'; allowed: a number, 0 or more"),
    ],
)
def test_a_value_that_no_trial_can_have_is_named_with_its_place(tmp_path, column, value, said):
    head, *rows = RECORDED.read_text("utf-8").splitlines()
    cells = rows[1].split(",")
    cells[head.split(",").index(column)] = value
    rows[1] = ",".join(cells)
    (tmp_path / "t.csv").write_text("\n".join([head, *rows]))
    with pytest.raises(RequestError, match=said):
        read_results(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no column 'trial'"),
        (b"\xff\xfe\x00", "can't be read as a results table"),
        (b"trial,cell,seed,panel,status,variety,aggregation,annotators,items,seed\n", "column 'seed' is there twice"),
        (
            b"trial,cell,seed,panel,status,variety,aggregation,annotators,items\na,b,0,0,done,hard,,,,7\n",
            "row 2: 10 cells; allowed: 9",
        ),
        (b"trial,cell,seed,panel,status,variety,aggregation,annotators,items\na,b,0\n", "row 2: 3 cells; allowed: 9"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, said):
    (tmp_path / "t.csv").write_bytes(text)
    with pytest.raises(RequestError, match=said):
        read_results(tmp_path / "t.csv")
