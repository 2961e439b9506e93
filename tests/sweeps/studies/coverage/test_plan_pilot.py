"""Plans from a pilot: beyond what it measured, marked, wider, never by a model to which all is alike there."""

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.planning.advise import advice, advise
from sweeps.planning.bootstrap import draws_generator
from sweeps.planning.checks import choose_model
from sweeps.planning.forecast import Forecast, make_forecast
from sweeps.planning.rank import Limits
from sweeps.planning.rows import make_rows
from sweeps.studies.pilots.pilot_coverage import GAINS, METRIC, SHAPES, one_pilot, pilot_results, truth


def pilot(seed: int, gains: str) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pilot_results(truth(SHAPES[0], gains, rng), rng)


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    return pilot(0, GAINS[0])


@pytest.fixture(scope="module")
def forecast(results: pd.DataFrame) -> Forecast:
    return make_forecast(results, metric=METRIC, images=900, extrapolate=True, most_people=6)


def test_a_cheaper_question_is_planned_from_one_person_and_few_images_on(forecast: Forecast):
    part = forecast.table[forecast.table["variety"] == "t1-clamp"]
    assert set(part["annotators"]) == {1, 2, 3, 4, 5, 6}
    assert (part["items"].min(), part["items"].max()) == (50, 900)
    measured = (part["annotators"] == 3) & (part["items"] == 200)
    assert (part["beyond"] == ~measured).all()


def test_intervals_widen_beyond_the_pilot(forecast: Forecast):
    table, low, high = forecast.table, *np.quantile(forecast.runs, [0.1, 0.9], axis=0)
    full = ((table["variety"] == "t2-clamp") & (table["annotators"] == 3)).to_numpy()
    width = pd.Series((high - low)[full], index=table["items"][full])
    assert width[900] > 1.2 * width[200]


def test_plans_beyond_the_pilot_are_marked_and_say_what_was_measured(forecast: Forecast):
    found = advice(forecast, Limits(budget_usd=400))
    assert any(plan.beyond and "(beyond what was measured)" in plan.words for plan in found.plans)
    (note,) = [line for line in found.notes if "marked (beyond)" in line]
    assert "t2-clamp: M 1 to 3, N' 50 to 200" in note
    assert "t1-uniform: M 3, N' 200" in note


def test_without_extrapolating_a_pilot_plans_what_it_measured(results: pd.DataFrame):
    found = advise(results, metric=METRIC, budget_usd=400)
    assert not any(plan.beyond for plan in found.plans)
    with pytest.raises(RequestError, match="to plan all the same, less surely: --extrapolate"):
        advise(results, metric=METRIC, budget_usd=400, annotators=6)


def test_peoples_noise_is_told_from_that_of_seeds(forecast: Forecast):
    assert "pages: other whole people (from 3 an item; from two panels a seed at M = 1" in forecast.rows.variance.covers


def test_the_nearest_cells_never_plan_beyond_what_was_measured():
    for seed in range(12):
        learnt = make_rows(pilot(seed, GAINS[1]), METRIC)
        if choose_model(learnt, draws_generator(0)).chosen.name == "nearest cells":
            break
    else:
        pytest.fail("no made-up pilot whose nearest cells have the lowest score")
    found = choose_model(learnt, draws_generator(0), beyond=True)
    assert found.chosen.name == found.checks[0].model != "nearest cells"
    assert "nearest cells has the lowest interval score" in found.why
    assert f"so that {found.chosen.name}, the next best, plans" in found.why


@pytest.mark.simulation
def test_intervals_from_a_pilot_hold_about_as_often_as_they_say():
    found = pd.concat([one_pilot(number) for number in range(24)])
    by_pilot = found.groupby("pilot")[["80%", "95%"]].mean()
    assert 0.7 < by_pilot["80%"].mean() < 0.97
    assert by_pilot["95%"].mean() > 0.88
