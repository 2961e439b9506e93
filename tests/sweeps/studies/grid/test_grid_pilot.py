"""The report's section on pilots: predictions of panel B, decisions valued there, words that follow from both."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from softcore.statistics import mean_interval, share_interval
from sweeps.results.table import plain_values
from sweeps.sources import Source
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, QUESTIONS, World, bought_cells, planted_table
from sweeps.studies.grid.recorded import GRID, by_preset
from sweeps.studies.pilots import pilot
from sweeps.studies.pilots.pilot import METRICS, PART, pilot_section, pilots_of
from sweeps.studies.pilots.pilot_predictions import _by, _verdict
from sweeps.studies.pilots.pilot_scores import replay_pilot
from sweeps.studies.pilots.pilot_sealed import _lines as lines_of
from sweeps.studies.pilots.pilot_sealed import predict_sealed
from sweeps.studies.sealed.regret import NOTHING, PLANNER

PAGES = ("t1-clamp", "t2-clamp")
GOOD = World(
    first=dict.fromkeys(QUESTIONS, 0.3) | {"t2-clamp": 0.45, "click": 0.1},
    everybody=dict.fromkeys(QUESTIONS, 0.4) | {"t2-clamp": 0.6, "click": 0.2},
)
USELESS = World(smoothed=1.7, first=dict.fromkeys(QUESTIONS, -0.2), everybody=dict.fromkeys(QUESTIONS, -0.2))


def both(results):
    """Both metrics of the section, which a made-up table has one of."""
    return results.assign(**dict.fromkeys(METRICS, results[METRIC]))


def pilot_results(world, seed):
    page = {"aggregation": "separate"}
    one = [{"variety": "t2-clamp", "annotators": 1, "items": n, **page} for n in (100, 200)]
    more = [{"variety": "t2-clamp", "annotators": m, "items": n, **page} for m, n in ((2, 200), (3, 200), (3, 50))]
    part = [{"variety": "t1-clamp", "annotators": m, "items": 200, **page} for m in (1, 3)]
    rng = np.random.default_rng([5, seed])
    return both(planted_table(world, [*one, *more, *part, *FREE_CELLS], rng)).assign(dataset=f"pilot-{seed}")


def source(name, results):
    return Source(name=name, results=results, about={})


def recorded(world, pilots=(0, 1)):
    grid = planted_table(
        world, [*bought_cells((*PAGES, "click"), clicks=(1, 6)), *FREE_CELLS], np.random.default_rng(3)
    )
    made = {f"pilot-{seed}": source(f"pilot-{seed}-0123abcd", pilot_results(world, seed)) for seed in pilots}
    return {GRID: source("grid-00000000", both(grid)), **made}


@pytest.fixture(scope="module")
def good():
    return recorded(GOOD)


@pytest.fixture
def one_metric(monkeypatch):
    """A section on one metric, which is half the work."""
    monkeypatch.setattr(pilot, "METRICS", (METRIC,))


@pytest.fixture(scope="module")
def section(good):
    return pilot_section(good)


def test_every_page_cell_of_panel_b_is_predicted_with_people_who_are_in_no_pilot(section):
    scores = section.data["ce/10h"]["scores"]
    planner = scores["all"][0]
    assert planner["model"] == PLANNER
    assert planner["n"] == 2 * len(PAGES) * 3 * 2
    assert scores["N' = 250"][0]["n"] == scores["N' = 900"][0]["n"] == planner["n"] / 2
    assert [one["model"] for one in scores["all"]] == [PLANNER, "curve", "regression", "nearest cells"]
    assert "inside what the pilot measured" not in scores
    assert "Of 24 cells 0 lie inside what the pilots measured" in section.lines[0]
    assert planner["coverage"]["0.95"]["mean"] > 0.7


def test_predictions_are_of_the_seeds_own_panel_b(good):
    grid, asked = good[GRID].results, good["pilot-1"].results
    found = replay_pilot(asked, grid, seed=1, metric=METRIC)
    there = grid[(grid["seed"] == 1) & (grid["panel"] == 1)].set_index("cell")[METRIC]
    np.testing.assert_array_equal(found.seen, there[found.cells["cell"]])
    moved = grid.assign(**{METRIC: grid[METRIC] + 5 * (grid["panel"] == 0) * grid["hiring"].notna()})
    again = replay_pilot(asked, moved, seed=1, metric=METRIC)
    np.testing.assert_array_equal(again.seen, found.seen)  # the people of panel A, whom the pilot asked, take no part


def test_a_planner_that_knows_what_is_good_loses_less_than_buying_nothing(section):
    regret = section.data["ce/10h"]["regret"]
    assert regret[PLANNER] < regret[NOTHING]
    picks = pd.DataFrame(section.data["ce/10h"]["picks"])
    assert picks.groupby(["seed", "strategy"])["budget"].nunique().eq(12).all()
    assert (picks["usd"] <= picks["budget"] + 0.01).all()
    assert (picks["regret"] >= 0).all()
    assert any("those rules are left out" in line and "six people, T2 Clamp" in line for line in section.lines)
    assert any("their planners can't buy any" in line for line in section.lines)
    assert any("decisions at 12 budgets of each pilot" in line for line in section.summary)


def test_where_nothing_is_worth_buying_the_planner_buys_nothing(one_metric):
    found = pilot_section(recorded(USELESS, pilots=(0,)))
    regret = found.data[METRIC]["regret"]
    assert regret[PLANNER] == regret[NOTHING] == 0
    assert any("buys in 0 of 12 decisions" in line for line in found.lines)
    assert any("1 pilot of panel A" in line for line in found.lines)


def test_words_follow_from_the_numbers():
    assert "too narrow" in _verdict(0.8, share_interval(30, 60))
    assert "wider than they need be" in _verdict(0.8, share_interval(60, 60))
    assert "as often as they say" in _verdict(0.8, share_interval(48, 60))
    # 0.02 -+ 4.303 * 0.01 / sqrt(3) holds 0; 0.02 -+ 4.303 * 0.001 / sqrt(3) does not; one pilot has no interval.
    loose = "curve by 0.0200 [-0.0048, 0.0448] (95% over 3 pilots, not told apart)"
    assert _by("curve", mean_interval([0.01, 0.02, 0.03])) == loose
    assert _by("curve", mean_interval([0.019, 0.02, 0.021])).endswith("[0.0175, 0.0225] (95% over 3 pilots)")
    assert _by("curve", mean_interval([0.02])) == "curve by 0.0200 (one pilot tells no interval)"


def test_a_baseline_that_scores_lower_than_the_planner_is_named(good, one_metric):
    grid = good[GRID].results
    asks = (grid["panel"] == 1) & grid["hiring"].notna()
    flat = grid.assign(**{METRIC: np.where(asks, good["pilot-0"].results[METRIC].tail(24).mean(), grid[METRIC])})
    line = next(line for line in pilot_section({**good, GRID: source("grid", flat)}).lines if "Planned by" in line)
    lower, _, higher = line.partition("lower were ")[2].partition("higher were ")
    assert "nearest cells by " in lower
    assert "curve by " not in line  # it planned
    assert "nearest cells by " not in higher


def test_baselines_that_score_higher_are_named_with_their_distance(section):
    line = next(line for line in section.lines if "Planned by: curve in 2 of 2" in line)
    scores = {one["model"]: one["score"] for one in section.data["ce/10h"]["scores"]["all"]}
    assert f"regression by {scores['regression'] - scores[PLANNER]:.4f} [" in line.partition("higher were ")[2]


def test_sealed_cells_are_foretold_where_the_pilot_asked_other_people(good):
    sealed = both(
        planted_table(
            GOOD,
            bought_cells((*PAGES, "click"), people=(1, 3, 5), items=(225, 850)),
            np.random.default_rng(8),
            (560, 751),
        )
    )
    found = predict_sealed(good["pilot-0"].results, sealed, seed=751, metric=METRIC)
    assert sorted(set(found.cells["annotators"])) == [1, 3]  # of five people two would be the pilot's own
    assert sorted(set(found.cells["variety"])) == sorted(PAGES)  # a pilot of pages knows nothing of clicks
    there = sealed[(sealed["seed"] == 751) & (sealed["panel"] == 0)].set_index("cell")[METRIC]
    np.testing.assert_array_equal(found.seen, there[found.cells["cell"]])
    assert found.draws["curve"].shape[1] == len(found.seen) == len(PAGES) * 2 * 2
    held, chosen, headings, *rows = lines_of(sealed, {751: good["pilot-0"].results}, METRIC)
    assert held.startswith(f"{METRIC}, {len(found.seen)} runs with other people")
    assert chosen
    assert "|" in headings
    assert len(rows) >= len(found.draws)


def test_predictions_that_are_off_are_said_to_be(good, one_metric):
    grid = good[GRID].results
    off = {m: grid[m] + 3 * ((grid["panel"] == 1) & grid["hiring"].notna()) for m in METRICS}
    found = pilot_section({GRID: source("grid", grid.assign(**off)), "pilot-0": good["pilot-0"]})
    assert found.data["ce/10h"]["scores"]["all"][0]["coverage"]["0.95"]["mean"] == 0
    assert any("too few, they are too narrow" in line for line in found.summary)


def test_the_numbers_fit_json_and_the_tables_their_headings(section):
    assert json.loads(json.dumps(plain_values(section.data)))
    assert len(section.tables) == 3 * len(METRICS)
    assert len(section.summary) == 2 * len(METRICS)


def test_pilots_are_found_by_name_among_the_recordings_with_a_hash_or_none():
    names = ("pilot-2-01234567", "pilot-0", "pilot-pets-01234567", "grid-01234567")
    found, notes = by_preset([source(name, pd.DataFrame()) for name in names])
    assert list(pilots_of(found)) == [0, 2]
    assert [note.split()[0] for note in notes] == ["pilot-pets-01234567"]


def test_what_is_not_recorded_is_said_with_the_command_that_records_it(good):
    said = PART.section({GRID: good[GRID]})
    assert "python -m sweeps.studies.pilots.pilot_replay" in said.lines[0]
    grid = good[GRID].results
    half = good | {GRID: replace(good[GRID], results=grid[grid["panel"] == 0])}
    with pytest.raises(RequestError, match="no finished trial of whole people on panel B of seed 0 yet"):
        pilot_section(half)
    assert "Not enough is recorded yet" in PART.section(half).lines[0]
