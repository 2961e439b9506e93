import numpy as np
import pandas as pd
import pytest

from softcore.prices.read import price_list
from sweeps.planning.candidates import candidate_costs, candidates, ranges
from sweeps.planning.forecast import Forecast
from sweeps.planning.rank import best_of_each_kind, best_within, people_needed
from sweeps.planning.rows import Rows, make_rows
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, World, bought_cells, planted_table

MIXED = {"variety": "t2-clamp", "aggregation": "separate", "annotators": 1, "pages_on": "disagree-25", "clicks": 3.0}


@pytest.fixture(scope="module")
def mixed() -> Rows:
    """Clicks and pages, and three clicks with a page on a quarter of the images; the mean of three pages too."""
    pooled = {"variety": "t2-clamp", "aggregation": "mean", "annotators": 3, "items": 900}
    cells = [*bought_cells(["click", "t2-clamp"]), *({**MIXED, "items": n} for n in (250, 900)), pooled, *FREE_CELLS]
    made = planted_table(World(), cells, np.random.default_rng(0))
    both = made["pages_on"].notna()
    made = made.astype({"answers/click": float, "answers/t2-clamp": float})
    made.loc[both, "answers/click"] = 3.0 * made.loc[both, "items"]
    made.loc[both, "answers/t2-clamp"] = 0.25 * made.loc[both, "items"]
    return make_rows(made, METRIC)


def test_candidates_stay_where_the_model_was_checked(mixed: Rows):
    found = candidates(mixed, ranges(mixed))
    for which in ranges(mixed):
        same = found[(found["variety"] == which.variety) & (found["aggregation"] == which.aggregation)]
        assert same["annotators"].between(*which.annotators).all()
        assert same["items"].between(*which.items).all()
    assert not found["beyond"].any()
    assert not found.duplicated(["variety", "aggregation", "policy", "annotators", "items"]).any()


def test_fewer_images_cap_the_items(mixed: Rows):
    found = candidates(mixed, ranges(mixed), images=400)
    assert found["items"].max() == 400
    assert "mean" not in set(found["aggregation"])  # measured on 900 images only


def test_mixed_questions_buy_what_their_cells_bought(mixed: Rows):
    found = candidates(mixed, ranges(mixed)).query("variety == 't2-clamp (disagree-25, 3 clicks)'")
    assert set(found["annotators"]) == {1}
    np.testing.assert_allclose(found["answers/click"], 3 * found["items"])
    np.testing.assert_allclose(found["answers/t2-clamp"], 0.25 * found["items"])
    cost = candidate_costs(found, mixed, price_list("thesis"), wage=12, fee=0)
    # Three clicks of 2.5 s and a quarter of a page of 32 s are 15.5 s an image.
    np.testing.assert_allclose(cost.high, 15.5 * found["items"])


def test_beyond_is_planned_only_as_far_as_asked(mixed: Rows):
    pages = [r for r in ranges(mixed) if r.variety == "t2-clamp" and r.aggregation == "separate"]
    found = candidates(mixed, pages, images=2000, extrapolate=True, most_people=6)
    assert (found["annotators"].max(), found["items"].max()) == (6, 2000)
    inside = found["annotators"].between(1, 3) & found["items"].between(250, 900)
    assert (found["beyond"] == ~inside).all()


def test_the_best_within_a_budget_is_that_of_trying_all(forecast: Forecast):
    cost = candidate_costs(forecast.table, forecast.rows, price_list("thesis"), wage=12, fee=0.333)
    feasible = (forecast.table["items"] < 800).to_numpy()
    budgets = np.array([1.0, 3.0, 20.0, 77.7, 150.0, 1e6])
    for budget, found in zip(budgets, best_within(forecast, cost, feasible, budgets), strict=True):
        places = np.flatnonzero(feasible & (cost.usd_high <= budget))
        expected = places[forecast.expected[places].argmin()] if len(places) else -1
        assert found == expected


def test_of_each_kind_the_best_number_of_images_is_kept(forecast: Forecast):
    kinds = best_of_each_kind(forecast, np.ones(len(forecast.table), dtype=bool))
    table = forecast.table.iloc[kinds]
    assert not table.duplicated(["variety", "policy", "aggregation", "annotators"]).any()
    assert (np.diff(forecast.expected[kinds]) >= 0).all()
    first = table.iloc[0]
    same = (forecast.table[["variety", "annotators"]] == first[["variety", "annotators"]]).all(axis=1)
    assert forecast.expected[kinds[0]] == forecast.expected[same].min()


def test_a_person_has_a_sessions_images_and_an_image_has_m_people(forecast: Forecast):
    needed = pd.Series(people_needed(forecast), index=forecast.table.index)
    table = forecast.table
    pages = table[(table["variety"] == "t2-clamp") & (table["annotators"] == 3) & (table["items"] == 900)].index[0]
    clicks = table[(table["variety"] == "click") & (table["annotators"] == 24) & (table["items"] == 250)].index[0]
    assert needed[pages] == 108  # 36 batches of 25 images, three people each
    assert needed[clicks] == 30  # 6,000 clicks, 200 each
