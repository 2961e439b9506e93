import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.frontier.banded import bands_from_draws, cell_draws, frontier_bands
from sweeps.frontier.regimes import DONT_BUY
from sweeps.results.names import BETTER, MORE
from sweeps.studies.coverage.planted import SECONDS, Noise, by_answers, grid, problem

METRIC = "ce/10h"
RECORDED = Path(__file__).parents[3] / "docs" / "results" / "chapter-3-98e1f367.csv"


@pytest.fixture(scope="module")
def planted():
    """What is paid is all that counts: at the thesis's prices no question is better than another."""
    made = grid()
    truth = by_answers(made, SECONDS, slope=0.1, free=[2.0, 2.02, 2.04])
    return problem(made, truth, replace(Noise(), images=0.0), np.random.default_rng(2))


@pytest.fixture(scope="module")
def results(planted):
    return planted.results()


@pytest.fixture(scope="module")
def drawn(results):
    return cell_draws(results, METRIC)


@pytest.fixture(scope="module")
def recorded():
    return pd.read_csv(RECORDED)


def at_prices(drawn, **seconds):
    cells = drawn.found.cells
    total = sum(cells[f"answers/{name.replace('_', '-')}"] * price for name, price in seconds.items())
    return dict(zip(cells["cell"], total, strict=True))


def regime_at(drawn, costs, budget=30_000.0):
    (found,) = bands_from_draws(drawn, costs, budgets=np.array([budget])).regimes
    return found


def test_all_of_it_is_ready_for_json(drawn):
    found = json.loads(json.dumps(bands_from_draws(drawn).as_dict(), allow_nan=False))
    assert found["metric"] == METRIC
    assert len(found["cells"]) == 27
    assert len(found["bands"]) == len(found["regimes"]) == 31  # 30 budgets, and nothing
    assert all(row["simultaneous_low"] <= row["low"] <= row["best"] <= row["high"] for row in found["bands"])
    assert {step["tie"] for step in found["steps"]} <= {True, False}
    assert {ratio["other"] for ratio in found["break_even"]} == {"t1-uniform", "t2-clamp"}


def test_each_cell_says_what_it_costs_how_likely_it_is_on_the_frontier_and_what_its_interval_covers(drawn):
    table = bands_from_draws(drawn).table()
    assert table["cost"].is_monotonic_increasing
    assert table["on_frontier"].between(0, 1).all()
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()
    covers = table.set_index("cell")["covers"]
    assert covers[["c00", "c12", "c23", "c24"]].tolist() == [
        "seeds and other whole people",
        "seeds and other clicks, drawn by image and not by person",
        "seeds and other whole people (extrapolated as 1/M to M = 6)",
        "seeds (nobody was asked)",
    ]


def test_costs_are_those_of_the_price_list(planted, drawn):
    table = bands_from_draws(drawn, "thesis").table().set_index("cell")
    cells = planted.grid.cells.set_index("cell")
    assert table["cost"][list(cells.index)].to_numpy() == pytest.approx(cells["seconds"].to_numpy())


def test_a_price_that_makes_clicks_free_moves_the_winner_to_clicks(drawn):
    fair = regime_at(drawn, at_prices(drawn, click=2.5, t1_uniform=12.8, t2_clamp=32.0))
    free_clicks = regime_at(drawn, at_prices(drawn, click=0.0, t1_uniform=12.8, t2_clamp=32.0))
    free_pages = regime_at(drawn, at_prices(drawn, click=2.5, t1_uniform=0.0, t2_clamp=0.0))
    assert fair.verdict == "tied"
    assert free_clicks.verdict == MORE
    assert free_pages.verdict == BETTER


def test_break_even_prices_are_those_that_were_planted(drawn):
    # A page of 32 s is worth 12.8 clicks, so that a click breaks even at 2.5 s.
    found = [
        ratio for ratio in bands_from_draws(drawn).break_even if ratio.other == "t2-clamp" and ratio.answers == 900
    ]
    assert found[0].ratio * 32.0 == pytest.approx(2.5, rel=0.5)
    assert found[0].low <= 1 / 12.8 <= found[0].high


def test_nothing_is_bought_where_the_free_recipe_is_as_good(results):
    free = results.assign(**{METRIC: results[METRIC].where(results["variety"] != "hard", 1.2)})
    assert {regime.verdict for regime in frontier_bands(free, METRIC, draws=200).regimes} == {DONT_BUY}


def test_new_prices_need_no_new_draws_and_give_what_they_give_from_scratch(results, drawn):
    one, other = bands_from_draws(drawn, "thesis").as_dict(), frontier_bands(results, METRIC, "thesis").as_dict()
    assert one == other


def test_a_frontier_within_a_question_has_its_cells_and_the_free_ones(drawn):
    found = bands_from_draws(drawn, question="click")
    assert set(found.table()["variety"]) == {"click", "hard"}
    assert found.assumes == found.break_even == ()
    with pytest.raises(RequestError, match="unknown question of these results 'survey'"):
        bands_from_draws(drawn, question="survey")


def test_a_combined_frontier_says_what_it_assumes(drawn):
    assert "assumes that a click costs 2.5 s" in bands_from_draws(drawn).assumes
    assert bands_from_draws(drawn, at_prices(drawn, click=1)).assumes == (
        "assumes the costs given, of click, t1-uniform, t2-clamp",
    )


def test_prices_that_are_intervals_give_a_probability_its_range(drawn):
    found = bands_from_draws(drawn, "page")
    table = found.table()
    assert (table["on_frontier_least"] <= table["on_frontier"]).all()
    assert (table["on_frontier"] <= table["on_frontier_most"]).all()
    assert (table["cost_low"] < table["cost_high"]).any()
    assert any("the middle of" in words for words in found.assumes)


def test_results_without_a_second_panel_have_intervals_over_seeds_only_and_say_so(recorded):
    found = frontier_bands(recorded, METRIC, draws=300)
    assert set(found.table()["covers"]) == {"seeds only", "seeds (nobody was asked)"}
    assert any("over seeds only" in note for note in found.notes)
    assert any("seeds rests on few replicates (2 degrees of freedom)" in note for note in found.notes)
    # Raw, smoothing at no cost beats all that was bought (docs/results/README.md).
    assert {regime.verdict for regime in found.regimes} == {DONT_BUY}
    assert found.table().set_index("recipe")["on_frontier"]["label smoothing 0.05"] > 0.99
    json.dumps(found.as_dict(), allow_nan=False)


def test_of_a_metric_where_more_is_better_more_is_shown(recorded):
    found = frontier_bands(recorded, "accuracy/10h", draws=300)
    table = found.table().set_index("cell")
    means = recorded.groupby("cell")["accuracy/10h"].mean()
    assert table["mean"].to_numpy() == pytest.approx(means[table.index].to_numpy())
    assert (table["low"] < table["high"]).all()
    assert all(row["low"] <= row["best"] <= row["high"] for row in found.as_dict()["bands"])
    assert found.regimes == ()
    assert any("which gap in accuracy/10h matters" in note for note in found.notes)
    assert frontier_bands(recorded, "accuracy/10h", draws=100, matters=0.01).regimes


def test_a_cell_without_a_value_is_named_with_the_reason(results):
    broken = results.copy()
    broken.loc[broken["cell"] == "c03", METRIC] = np.nan
    broken.loc[broken["cell"] == "c05", "status"] = "failed"
    found = frontier_bands(broken, METRIC, draws=100)
    assert found.excluded == {
        "c03": "no finite ce/10h in any finished trial",
        "c05": "no finished trial",
    }
    assert not {"c03", "c05"} & set(found.table()["cell"])


def test_a_trial_that_failed_or_lacks_the_metric_is_left_out_and_widens_what_it_may_have_spoilt(results):
    whole = frontier_bands(results, METRIC, draws=200)
    for broken, words in (({"status": "failed"}, "1 failed"), ({METRIC: np.nan}, f"1 finished without {METRIC}")):
        one = results.copy()
        row = one.index[one["cell"] == "c03"][0]
        for column, worth in broken.items():
            one.loc[row, column] = worth
        found = frontier_bands(one, METRIC, draws=200)
        assert found.notes[0].startswith(f"of {len(results)} trials {words}: ")
        there, before = (each.table().set_index("cell").loc["c03"] for each in (found, whole))
        assert there["trials"] == before["trials"] - 1
        assert there["high"] - there["value"] > before["high"] - before["value"]


def test_a_cell_that_bought_labels_of_which_no_answers_are_known_is_not_taken_for_free(results):
    lost = results.copy()
    lost.loc[lost["cell"] == "c12", "answers/click"] = 0
    found = frontier_bands(lost, METRIC, draws=100)
    assert found.excluded == {"c12": "no known cost"}
    assert found.table().set_index("cell")["on_frontier"].isna().sum() == 1


def test_what_can_not_be_done_is_refused_in_a_line(results, drawn):
    with pytest.raises(RequestError, match="two seeds or more; there is 1"):
        frontier_bands(results[results["seed"] == 0], METRIC)
    with pytest.raises(RequestError, match="27 cells have no cost, 'c00' among them"):
        bands_from_draws(drawn, {})
    with pytest.raises(RequestError, match="level must lie between 0 and 1"):
        bands_from_draws(drawn, level=90)
    with pytest.raises(RequestError, match="no cell has a value and a cost"):
        bands_from_draws(drawn, dict.fromkeys(drawn.draws.cells, np.nan))
    with pytest.raises(RequestError, match="a budget of -1 buys nothing"):
        bands_from_draws(drawn, budgets=np.array([-1.0]))
