"""`sweeps frontier` under price lists: named ones, a user's own, clicks as measured, refusals in one line."""

import json
import zipfile
from collections import Counter

import pandas as pd
import pytest
from typer.testing import CliRunner

from softcore.data.clicks_archive import ARCHIVE
from softcore.errors import RequestError
from softcore.prices.read import PRICES
from sweeps.commands.app import app
from sweeps.commands.options import prices_for
from sweeps.frontier import banded
from sweeps.frontier import frontier as frontier_module
from sweeps.frontier.frontier import summarise
from sweeps.running import store as stores
from sweeps.spec.cells import COLUMNS, Cell
from sweeps.sweep import open_sweep

ROWS = """annotator_id,trial_index,is_attn_check,chosen_label,cifar10_test_set_idx,reaction_time,time_elapsed
1,0,0,3,0,3000,4000
1,1,0,3,1,5000,10000
"""


@pytest.fixture
def sweep(make, tmp_path):
    """The folder of a finished made-up sweep, and the data root that its manifest names."""
    table = make()
    cells = table.drop_duplicates("cell")
    columns = [{a: None if pd.isna(row.get(a)) else row.get(a) for a in COLUMNS} for _, row in cells.iterrows()]
    ids = [Cell({axis: value for axis, value in cell.items() if axis != "budget_hours"}).id for cell in columns]
    content = {"name": "made", "study": "s", "dataset": "cifar10s", "metric": "ce/10h", "seeds": [0, 1, 2]}
    content |= {"panels": [0], "cells": columns, "budgets": []}
    root = tmp_path / "data"
    root.mkdir()
    manifest = {"simulated": False, "hardware": "2 cores", "dataset": "cifar10s", "data_root": str(root)}
    made = stores.create(tmp_path / "out", "made-01234567", {"name": "made", "scale": "half"}, content, manifest)
    for cell, name in zip(ids, cells["cell"], strict=True):
        for _, row in table[table["cell"] == name].iterrows():
            result = {str(k): v for k, v in row.items() if "/" in str(k) and not str(k).startswith("answers/")}
            answers = {
                k.removeprefix("answers/"): int(row[k]) for k in row.index if k.startswith("answers/") and row[k]
            }
            result |= {"train_seconds": 1.0, "eval_seconds": 1.0, "answers": answers, "label_usd": 0.0}
            result |= {"label_seconds_per_item": 0.0, "label_seconds_total": 0.0}
            made.log(f"{cell}-s{row['seed']}-p0", 15, "done", result=result)
    return tmp_path / "out" / "made-01234567"


@pytest.fixture
def frontier(sweep):
    """Runs `sweeps frontier` on it; what frontier.json then says, or what the command printed with `--swaps`."""

    def run(*arguments):
        asked = ["frontier", "made", "--out", str(sweep.parent), "--json", *map(str, arguments)]
        done = CliRunner().invoke(app, asked, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout if "--swaps" in arguments else (sweep / "frontier.json").read_text())

    return run


def seconds(content, variety):
    return {r["label_seconds_total"] for r in content["frontiers"]["ce/10h"] if r["variety"] == variety and r["cell"]}


def test_the_price_list_that_was_asked_for_is_the_one_that_is_logged(frontier):
    content = frontier("--cost", "page")
    assert content["prices"]["name"] == "page"
    # 900 items by 2 and by 6 people, at the mean page.
    assert sorted(seconds(content, "t2-clamp")) == pytest.approx([1800 * 44.38, 5400 * 44.38])
    assert "A click is assumed to take 2.5 s" in content["prices"]["assumes"]


def test_a_command_reads_the_log_and_summarises_once(frontier, monkeypatch):
    calls = Counter()

    def counted(function):
        def call(*args, **kwargs):
            calls[function.__name__] += 1
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(stores.Store, "events", counted(stores.Store.events))
    for module in (frontier_module, banded):
        monkeypatch.setattr(module, "summarise", counted(summarise))
    assert len(frontier()["frontiers"]) == 2
    assert calls == {"events": 1, "summarise": 1}


def test_a_list_of_ones_own_sets_prices_wage_and_fee(frontier, tmp_path):
    own = tmp_path / "my-prices.yaml"
    own.write_text("name: mine\nlike: thesis\nseconds: {click: 4}\nwage: 20\nfee: 0\nwage_floor: 18\n")
    content = frontier("--cost", own)
    assert (content["prices"]["name"], content["prices"]["wage"], content["prices"]["fee"]) == ("mine", 20, 0)
    assert seconds(content, "click") == {3600, 21_600, 180_000}
    # An hour of clicks costs the wage.
    row = next(r for r in content["frontiers"]["ce/10h"] if r["label_seconds_total"] == 3600)
    assert row["label_usd"] == pytest.approx(20)
    with pytest.raises(RequestError, match=r"a wage of \$17.5 an hour is below the floor of price list 'mine': \$18"):
        frontier("--cost", own, "--wage", 17.5)


def test_session_prices_with_clicks_need_an_overhead(frontier):
    with pytest.raises(RequestError, match="nobody measured a session of clicks") as refused:
        frontier("--cost", "session")
    assert "\n" not in str(refused.value)
    rows = frontier("--cost", "session", "--click-overhead", 0.5, "--swaps", "click")
    # 50 clicks against T1 Uniform of one person, (36.58 + 64.76) / 2 = 50.67 s: 1.0134 s a click, overhead and all.
    assert rows[0]["seconds"] == pytest.approx(1.013)


def test_clicks_are_priced_as_measured_where_the_archive_is_and_the_list_takes_them_so(frontier, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    for root in (tmp_path / "data", elsewhere):
        (root / ARCHIVE).parent.mkdir(parents=True)
    with zipfile.ZipFile(elsewhere / ARCHIVE, "w") as archive:
        archive.writestr("cifar10h-raw.csv", ROWS)
    there, on = tmp_path / "data", ["cifar10s", "cifar10s"]
    assert prices_for("page", on, there) is PRICES["page"]
    # (3 + 5) / 2 = 4 s a click, whatever is added to it.
    measured = prices_for("page", on, elsewhere)
    assert measured.interval("click") == (4, 4)
    assert "A click takes 4 s, the mean of 2 clicks" in measured.assumes
    assert prices_for("session", on, elsewhere, click_overhead=1).interval("click") == (5, 5)
    # The thesis's list is the thesis's, whatever was measured, and a price of one's own is one's own.
    assert prices_for("thesis", on, elsewhere) is PRICES["thesis"]
    own = tmp_path / "own.yaml"
    own.write_text("name: own\nlike: page\nseconds: {click: 7}\n")
    assert prices_for(str(own), on, elsewhere).interval("click") == (7, 7)
    # The manifest's own data root needs no option.
    (elsewhere / ARCHIVE).rename(there / ARCHIVE)
    assert seconds(frontier("--cost", "page"), "click") == {900 * 4, 5400 * 4, 45_000 * 4}


def test_clicks_of_other_data_are_not_those_of_cifar10h(sweep, frontier, tmp_path):
    open_sweep(str(sweep)).store.update_manifest(dataset="digits")
    (tmp_path / "data" / ARCHIVE).parent.mkdir(parents=True)
    (tmp_path / "data" / ARCHIVE).write_bytes(b"not read")
    assert prices_for("page", ["cifar10s", "digits"], tmp_path / "data") is PRICES["page"]
    assert seconds(frontier("--cost", "page"), "click") == {900 * 2.5, 5400 * 2.5, 45_000 * 2.5}


def test_swaps_are_printed_in_place_of_the_frontier(frontier, sweep):
    rows = frontier("--swaps", "click")
    # 50 clicks (1.471) against T1 Uniform of one person (1.489) on the same items: 12.8 / 50 = 0.256 s a click; and
    # against T2 Clamp of two (1.45): 64 / 50 = 1.28 s.
    assert [(row["seconds"], row["as it gets"]) for row in rows] == [(0.256, "cheaper"), (1.28, "dearer")]
    assert rows[0]["leaves the frontier"] == "T1 Uniform, separate, M=1, N'=900"
    assert rows[0]["because of"] == "clicks, separate, M=50, N'=900"
    assert not (sweep / "frontier.json").exists()
    with pytest.raises(RequestError, match="unknown question of these results 'clicks'; known: click"):
        frontier("--swaps", "clicks")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (("--wage", 7.99), "below the floor of price list 'thesis'"),
        (("--wage", 0), "below the floor of price list 'thesis'"),
        (("--fee", "nan"), "fee"),
        (("--cost", "pages"), "pages"),
        (("--metric", "ce/10x"), "unknown metric 'ce/10x'"),
    ],
)
def test_a_request_that_is_wrong_is_refused_before_anything_is_written(frontier, sweep, asked, reason):
    with pytest.raises(RequestError, match=reason):
        frontier(*asked)
    assert list(sweep.glob("frontier.*")) == []
