import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softcore.errors import RequestError
from softcore.prices.price_list import PriceList
from softcore.prices.read import PRICES
from sweeps.frontier.frontier import frontier, frontiers, side_by_side, summarise, to_reprice
from sweeps.frontier.pricing import non_dominated

# Few distinct numbers, so that ties are common.
points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=25)


def beats(one, other):
    return one[0] <= other[0] and one[1] <= other[1] and one != other


def marked(pairs):
    return non_dominated(np.array([c for c, _ in pairs], float), np.array([v for _, v in pairs], float))


@given(points)
def test_no_frontier_cell_is_beaten_and_every_other_is_beaten_by_one(pairs):
    on = marked(pairs)
    best = [pair for pair, is_on in zip(pairs, on, strict=True) if is_on]
    for pair, is_on in zip(pairs, on, strict=True):
        assert is_on == (not any(beats(other, pair) for other in pairs))
        assert is_on or any(beats(other, pair) for other in best)


@given(points, st.data())
def test_a_cell_that_is_beaten_changes_nothing(pairs, data):
    cost, value = data.draw(st.sampled_from(pairs))
    added = (cost + data.draw(st.integers(0, 3)), value + data.draw(st.integers(1, 3)))
    assert marked([*pairs, added]).tolist() == [*marked(pairs).tolist(), False]


@given(points, st.randoms(use_true_random=False))
def test_order_does_not_matter(pairs, random):
    order = list(range(len(pairs)))
    random.shuffle(order)
    assert marked([pairs[i] for i in order]).tolist() == [bool(marked(pairs)[i]) for i in order]


def test_ties_are_kept_together():
    # (1, 5) twice: both on. (2, 5) costs more for the same: off. (3, 4) twice: both on.
    assert marked([(1, 5), (1, 5), (2, 5), (3, 4), (3, 4)]).tolist() == [True, True, False, True, True]


def test_no_cell_gives_no_frontier():
    assert non_dominated(np.array([]), np.array([])).tolist() == []


def test_a_cell_is_summarised_with_its_mean_and_interval(make_trials):
    cell = make_trials({"variety": "hard"}, cell="a", values={"ce/10h": [1.0, 2.0, 3.0]})
    row = summarise(cell).iloc[0]
    # As in the test of mean_interval: 2 +- 2.484138, and a cross-entropy is 0 or more.
    assert (row["cell"], row["recipe"], row["n"], row["n_failed"]) == ("a", "hard labels", 3, 0)
    assert row["ce/10h"] == 2
    assert row["ce/10h low"] == 0
    assert row["ce/10h high"] == pytest.approx(4.484138, abs=1e-6)
    assert (row["model"], row["train_seconds"], row["answers/click"]) == ("cnn", 41, 0)


def test_one_replicate_has_a_mean_and_no_interval(make):
    row = summarise(make(n=1)).iloc[0]
    assert row["ce/10h"] == pytest.approx(1.792)
    assert math.isnan(row["ce/10h low"])
    assert math.isnan(row["ce/10h high"])


def test_cost_is_made_from_answers_and_not_from_stored_money(results):
    row = frontier(results, "ce/10h", wage=10, fee=0.5).set_index("recipe").loc["T2 Clamp, separate, M=6, N'=900"]
    # 6 x 900 pages x 32 s = 172,800 s = 48 h; 6 x 32 = 192 s an item; 48 h x $10 x 1.5 = $720.
    assert row["label_seconds_total"] == 172_800
    assert row["label_seconds_per_item"] == pytest.approx(192)
    assert row["label_usd"] == pytest.approx(720)


def test_free_recipes_stand_at_cost_zero_and_first(results):
    table = frontier(results, "ce/10h")
    assert table["label_seconds_total"].is_monotonic_increasing
    assert table.loc[table["free"], "variety"].tolist() == ["smoothed", "hard"]
    assert (table.loc[table["free"], ["label_seconds_total", "label_seconds_per_item", "label_usd"]] == 0).all(
        axis=None
    )


def test_the_frontier_of_the_made_up_sweep_is_the_one_seen_by_eye(results):
    tables = frontiers(results, "ce/10h").tables
    names = {metric: table.loc[table["on_frontier"], "recipe"].tolist() for metric, table in tables.items()}
    assert names == {
        "ce/10h": [
            "label smoothing 0.05",
            "T1 Uniform, separate, M=1, N'=900",
            "T2 Clamp, separate, M=2, N'=900",
            "T1 Uniform, separate, M=6, N'=900",
        ],
        "scaled-ce/10h": ["label smoothing 0.05", "clicks, separate, M=6, N'=900", "clicks, separate, M=50, N'=900"],
    }


@pytest.mark.parametrize("asked", ["ce/10s", "scaled-ce/10s"])
def test_cross_entropy_always_comes_raw_and_scaled(results, asked):
    assert list(frontiers(results, asked).tables) == ["ce/10s", "scaled-ce/10s"]
    assert list(frontiers(results, "fgsm/10s").tables) == ["fgsm/10s"]


def test_more_accuracy_is_better(make_trials):
    cheap = make_trials({"variety": "hard"}, cell="a", values={"accuracy/10h": [0.6, 0.6]})
    dear = make_trials(
        {"variety": "click", "annotators": 1, "items": 10}, cell="b", values={"accuracy/10h": [0.7, 0.7]}
    )
    worse = make_trials(
        {"variety": "click", "annotators": 2, "items": 10}, cell="c", values={"accuracy/10h": [0.5, 0.5]}
    )
    table = frontier(pd.concat([cheap, dear, worse]), "accuracy/10h").set_index("cell")
    assert table["on_frontier"].to_dict() == {"a": True, "b": True, "c": False}


def test_equal_costs_by_different_prices_tie(make_trials):
    # 3 people x 12.8 s = 2 people x 19.2 s = 38.4 s an item, and the same value.
    one = make_trials({"variety": "t1-uniform", "annotators": 3, "items": 7}, cell="a", values={"ce/10h": [1.0, 2.0]})
    two = make_trials({"variety": "t1-clamp", "annotators": 2, "items": 7}, cell="b", values={"ce/10h": [1.0, 2.0]})
    assert frontier(pd.concat([one, two]), "ce/10h")["on_frontier"].tolist() == [True, True]


def test_a_cell_without_a_value_is_named_with_its_reason(results, make_trials):
    bought = {"variety": "click", "annotators": 2, "items": 900}
    nan = make_trials(bought, cell="nan", values={"ce/10h": [0.1, math.nan, 0.1]})
    none = make_trials(bought, cell="none", values={"ce/10h": [math.nan]})
    infinite = make_trials(bought, cell="inf", values={"ce/10h": [0.1, math.inf]})
    failed = make_trials(bought, cell="bad", values={"ce/10h": [0.1, 0.1]}, status="failed")
    unpriced = make_trials(bought, cell="gap", values={"ce/10h": [0.1]}).assign(**{"answers/click": 0})
    table = frontier(pd.concat([results, nan, none, infinite, failed, unpriced]), "ce/10h").set_index("cell")
    assert table.loc[["none", "bad", "gap"], "excluded"].tolist() == [
        "no finished trial has a finite ce/10h",
        "no finished trial (2 failed)",
        "bought labels, but no answers on record to price",
    ]
    assert not table.loc[["none", "bad", "gap"], "on_frontier"].any()
    # A trial without a value is left out and counted, never its cell.
    kept = table.loc[["nan", "inf"], ["value", "n", "n_lacking", "excluded"]]
    assert kept.to_numpy().tolist() == [[0.1, 2, 1, ""], [0.1, 1, 1, ""]]
    assert table.loc[["bad", "gap"], "label_seconds_total"].isna().all()


def test_failed_trials_are_counted_and_left_out_of_means(make_trials):
    good = make_trials({"variety": "hard"}, cell="a", values={"ce/10h": [1.0, 3.0]})
    bad = make_trials({"variety": "hard"}, cell="a", values={"ce/10h": [9.0]}, status="failed")
    row = frontier(pd.concat([good, bad], ignore_index=True), "ce/10h").iloc[0]
    assert (row["value"], row["n"], row["n_failed"]) == (2, 2, 1)


def test_whole_number_columns_with_gaps_are_read(results):
    typed = results.astype(
        {column: "Int64" for column in results if column.startswith("answers/")} | {"items": "Int64"}
    )
    typed.loc[typed["cell"] == "c05", ["status", "answers/t1-uniform"]] = ["failed", pd.NA]
    left = results[results["cell"] != "c05"].reset_index(drop=True)
    there = frontier(typed, "ce/10h")
    pd.testing.assert_frame_equal(
        there[there["cell"] != "c05"].reset_index(drop=True), frontier(left, "ce/10h"), check_dtype=False
    )


def test_side_by_side_puts_cells_of_any_frontier_first(results):
    merged = side_by_side(frontiers(results, "ce/10h").tables)
    best = (merged["on_frontier ce/10h"] | merged["on_frontier scaled-ce/10h"]).tolist()
    assert best == [True] * 6 + [False] * 5
    assert merged["cell"].nunique() == len(merged) == 11
    assert merged.iloc[0]["value ce/10h"] == pytest.approx(1.52)


def test_unknown_names_are_refused_with_the_known_ones(results):
    with pytest.raises(RequestError, match=r"unknown metric 'ce/10x'; known: .*ce/10h"):
        frontier(results, "ce/10x")
    with pytest.raises(RequestError, match="unknown price list 'sessions'; known: measured, page, session, thesis"):
        frontier(results, "ce/10h", cost="sessions")
    with pytest.raises(RequestError, match="wage"):
        frontier(results, "ce/10h", wage=-1)
    with pytest.raises(RequestError, match="column 'cell'"):
        summarise(results.drop(columns="cell"))


def test_a_frontier_by_recorded_time_is_what_was_recorded_and_part_of_a_page_an_interval(results):
    timed = results.assign(recorded_seconds=np.where(results["answers/click"] > 0, np.nan, 1000.0))
    timed.loc[timed["cell"] == "c10", "recorded_seconds"] = [240_000, 250_000, 260_000]
    table = frontier(timed, "ce/10h", cost="page").set_index("cell")
    # The mean of the three trials; clicks are 2.5 s whatever was recorded: 900 x 6 x 2.5 s.
    assert table.loc["c10", ["label_seconds_low", "label_seconds_high"]].tolist() == [250_000, 250_000]
    assert table.loc["c10", "label_usd"] == pytest.approx(250_000 / 3600 * 12 * 1.333)
    assert table.loc["c03", "label_seconds_total"] == 13_500
    # Two of five parts of 1,000 s: 400 to 1,000 s, shown at the middle.
    assert table.loc["c05", ["label_seconds_low", "label_seconds_total", "label_seconds_high"]].tolist() == [
        400,
        700,
        1000,
    ]
    assert table.loc["c05", "recipe"] == "T1 Uniform, separate, M=1, N'=900"  # the column is no axis
    # One trial without a time: what is recorded of the others would not fit, so the mean page counts.
    timed.loc[timed["cell"].eq("c10") & timed["seed"].eq(1), "recorded_seconds"] = np.nan
    assert frontier(timed, "ce/10h", cost="page").set_index("cell").loc["c10", "label_seconds_total"] == pytest.approx(
        5400 * 44.38
    )


def test_wage_and_fee_are_the_price_lists_unless_they_are_said(results):
    own = PriceList(name="own", seconds=PRICES["thesis"].seconds, basis="Own.", wage=20, fee=0, wage_floor=15)
    row = frontier(results, "ce/10h", own).set_index("cell").loc["c10"]
    assert row["label_usd"] == pytest.approx(48 * 20)  # 48 h
    assert frontier(results, "ce/10h", own, wage=30, fee=1).set_index("cell").loc["c10", "label_usd"] == 48 * 60
    with pytest.raises(RequestError, match=r"a wage of \$12 an hour is below the floor of price list 'own': \$15"):
        frontier(results, "ce/10h", own, wage=12)


def test_session_prices_with_clicks_and_no_overhead_are_refused(results):
    with pytest.raises(RequestError, match="price list 'session' prices whole sessions"):
        frontier(results, "ce/10h", "session")
    pages = results[results["variety"] != "click"]
    assert frontier(pages, "ce/10h", "session").set_index("cell").loc["c10", "label_seconds_total"] == pytest.approx(
        5400 * 64.76
    )


def test_a_scaled_metric_that_is_not_there_says_what_it_needs(results):
    lacking = results.drop(columns=[column for column in results if column.startswith("scaled-ce/")])
    with pytest.raises(RequestError, match="scaled-ce is absent where fewer than 100 validation images"):
        frontier(lacking, "scaled-ce/10h")


def test_a_cell_that_never_met_the_bad_seeds_is_no_better_for_it(make_trials):
    """Even seeds are 0.5 worse for all cells. Clicks are 0.1 worse than hard labels and have odd seeds only."""
    rng, seeds = np.random.default_rng(0), np.arange(6)
    clicks = {"variety": "click", "aggregation": "separate", "annotators": 3, "items": 900}
    recipes = (({"variety": "hard"}, 1.0), ({"variety": "smoothed", "beta": 0.05}, 1.2), (clicks, 1.1))
    results = pd.concat(
        [
            make_trials(axes, cell=axes["variety"], values={"ce/10h": 0.5 * (seeds % 2 == 0) + level + noise})
            for (axes, level), noise in zip(recipes, rng.normal(0, 0.01, (3, 6)), strict=True)
        ],
        ignore_index=True,
    )
    results = results[(results["cell"] != "click") | (results["seed"] % 2 == 1)]
    table = frontier(results, "ce/10h").set_index("cell")
    assert results.groupby("cell")["ce/10h"].mean()["click"] < table["value"]["hard"]  # by raw means clicks win
    assert table["value"]["click"] - table["value"]["hard"] == pytest.approx(0.1, abs=0.02)
    assert table["on_frontier"].to_dict() == {"hard": True, "smoothed": False, "click": False}
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()
    _, value = to_reprice(results, "ce/10h")
    assert value.tolist() == table["value"][["hard", "smoothed", "click"]].tolist()
