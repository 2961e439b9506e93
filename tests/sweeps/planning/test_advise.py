import json
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from softcore.prices.price_list import PriceList
from softcore.prices.read import price_list
from sweeps.planning.advise import advice, advise
from sweeps.planning.candidates import candidate_costs, candidates, of_variety, ranges
from sweeps.planning.forecast import Forecast, gains_on, make_forecast
from sweeps.planning.rank import Limits, candidate_name
from sweeps.planning.rows import Rows, make_rows
from sweeps.results.names import dollars
from sweeps.studies.coverage.planted_plans import METRIC

THESIS = price_list("thesis")
RAW = (  # what every verdict on raw cross-entropy ends with
    "; it is about probabilities used as they come (ce/10h); to calibrate them first on a few hundred labelled images, "
    "judge by scaled-ce/10h"
)


def priced_at(**seconds: float) -> PriceList:
    points = {question: (price, price) for question, price in seconds.items()}
    return replace(THESIS, seconds=MappingProxyType(dict(THESIS.seconds) | points))


def test_the_best_question_of_a_planted_sweep_is_found_with_what_it_takes(forecast: Forecast):
    advised = advice(forecast, Limits(budget_usd=400, days=3))
    plan = advised.plan
    assert advised.verdict == "buy"
    assert plan is not None
    assert (plan.variety, plan.annotators, plan.images, plan.policy) == ("t2-clamp", 3, 900, "plain")
    # 2,700 pages of 32 s are 24 h, at $12 and a fee of 33.3% $383.90; 108 people with 25 images each.
    assert plan.answers == {"t2-clamp": 2700}
    assert plan.hours == pytest.approx((24, 24))
    assert plan.usd == pytest.approx((383.904, 383.904))
    assert plan.people == 108
    # Twenty people at once who work four hours a day: 24 / 80 of a day.
    assert plan.days == pytest.approx(0.3)
    assert plan.best > 0.9
    assert plan.beats_free > 0.9
    assert plan.question.startswith("the two most likely classes")
    assert plan.axes["items"] == 900
    # The truth is 1.8 - [0.27 * 3^-0.8 + 0.5 (1 - 3^-0.8)] = 1.396 on these seeds or others.
    low, high = plan.interval_95
    assert low < 1.396 < high
    assert plan.interval_95[0] < plan.interval_80[0] < plan.predicted < plan.interval_80[1] < plan.interval_95[1]


@pytest.mark.slow
def test_nothing_is_bought_where_smoothing_is_as_good(null: pd.DataFrame):
    advised = advise(null, metric=METRIC, budget_usd=400)
    assert advised.verdict == "don't buy"
    assert advised.plan is None
    assert advised.plans[0].beats_free < 0.9
    assert advised.why.startswith("train with what costs nothing; no purchase within these limits is worth its money. ")
    assert advised.least == "no measured plan is sure to be worth buying, whatever the budget"
    assert advised.stop is None


def test_nothing_is_bought_where_a_gain_is_sure_and_does_not_matter(forecast: Forecast):
    expected = forecast.expected
    # A free recipe that is 0.02 worse than the best purchase, in every draw.
    rival = np.repeat((forecast.values[:, [int(expected.argmin())]] + 0.02), forecast.free_values.shape[1], axis=1)
    close = replace(forecast, free_values=rival, hired=forecast.values, readings={})
    advised = advice(close, Limits(budget_usd=1000))
    assert advised.verdict == "don't buy"
    assert advised.plans[0].beats_free == 1
    assert advised.plans[0].gain == pytest.approx(0.02, abs=0.001)
    assert advised.plans[0].gains_enough == 0


def test_where_nothing_is_bought_the_plan_likeliest_to_be_worth_it_is_named(forecast: Forecast):
    draws, n = len(forecast.values), len(forecast.table)
    free = np.tile([1.5, 1.6], (draws, 1))[:, : forecast.free_values.shape[1]]
    values = np.full((draws, n), 1.9)  # 0.4 worse in every draw
    usd = candidate_costs(forecast.table, forecast.rows, THESIS, THESIS.wage, THESIS.fee).usd_high
    order = np.argsort(usd, kind="stable")
    cheap, dear, too_dear = order[n // 4], order[n // 2], order[-1]
    often = np.arange(draws) < 0.25 * draws
    values[:, cheap] = values[:, dear] = np.where(often, 1.46, 1.6)
    values[:, too_dear] = np.where(np.arange(draws) < 0.5 * draws, 1.46, 1.6)
    unsure = replace(forecast, values=values, hired=values, free_values=free, readings={})
    advised = advice(unsure, Limits(budget_usd=float(usd[dear])))
    assert advised.verdict == "not known yet"
    money, name = dollars(float(usd[cheap])), candidate_name(forecast, int(cheap))
    assert advised.why.startswith(
        "train with what costs nothing until more is known. The likeliest to be worth its money"
    )
    assert f" is {money} for '" in advised.why
    assert f" ({name}). It " in advised.why
    assert advised.why.endswith(
        "is worth paying for, and the chance of that is 25%; buy from 90% on, don't from 10% down" + RAW
    )


def test_prices_move_the_winner_and_no_prediction(forecast: Forecast):
    limits = Limits(budget_usd=400)
    usual = advice(forecast, limits, top=50)
    free_clicks = advice(forecast, limits, prices=priced_at(**{"click": 0.01, "t2-clamp": 3000}), top=50)
    free_pages = advice(forecast, Limits(budget_usd=5), prices=priced_at(**{"t2-clamp": 0.01}), top=50)
    assert free_clicks.plans[0].variety == "click"
    assert free_pages.plans[0].variety == "t2-clamp"
    assert free_pages.plans[0].annotators == 3
    same = {plan.recipe: plan.predicted for plan in usual.plans}
    shared = [plan for plan in (*free_clicks.plans, *free_pages.plans) if plan.recipe in same]
    assert len(shared) > 5
    assert all(plan.predicted == same[plan.recipe] for plan in shared)


def test_more_money_is_never_predicted_to_be_worse(forecast: Forecast):
    best = [advice(forecast, Limits(budget_usd=usd)).plans[0].predicted for usd in (5, 20, 80, 200, 400)]
    assert best == sorted(best, reverse=True)


def test_an_interval_of_prices_must_fit_at_its_high_end(forecast: Forecast):
    advised = advice(forecast, Limits(budget_usd=100), prices="page", top=50)
    assert all(plan.usd[1] <= 100.01 for plan in advised.plans)
    parts = next(plan for plan in advised.plans if plan.variety == "t1-uniform")
    # Two parts of five at the least, the whole page at the most.
    assert parts.usd[0] == pytest.approx(0.4 * parts.usd[1])


def test_days_and_hours_limit_as_money_does(forecast: Forecast):
    hours = advice(forecast, Limits(budget_hours=10), top=50)
    assert max(plan.hours[1] for plan in hours.plans) <= 10
    slow = advice(forecast, Limits(budget_usd=1000, days=1, people_at_once=1, hours_per_day=2), top=50)
    assert max(plan.hours[1] for plan in slow.plans) <= 2
    # More money buys nothing that takes longer.
    assert slow.next_step.gain == pytest.approx(0, abs=0.02)


def test_with_any_money_the_plan_to_buy_is_where_to_stop(forecast: Forecast):
    assert advice(forecast, Limits(budget_usd=50)).stop is None  # the dearest is the best: who knows what is beyond it
    clicks = (forecast.table["variety"] == "click").to_numpy()
    forecast = replace(forecast, readings={"without pages": clicks.astype(float)})
    stop = advice(forecast, Limits(budget_usd=50)).stop
    assert stop is not None
    rich = advice(forecast, Limits(budget_usd=5000))
    assert rich.plan is not None
    assert stop.usd == pytest.approx(rich.plan.usd[1])
    assert stop.words.startswith(f"with more money still buy {rich.plan.recipe} for {rich.plan.money}: no dearer ")
    best = forecast.expected[forecast.worth_buying].min()
    assert rich.plan.predicted - best < forecast.matters
    usual = advice(forecast, Limits(budget_usd=stop.usd + 1)).plan
    assert usual is not None
    assert usual.recipe == rich.plan.recipe


def test_where_to_stop_names_no_plan_that_would_not_be_bought(forecast: Forecast):
    clicks = (forecast.table["variety"] == "click").to_numpy()
    risky = replace(
        forecast, readings={"without training 0 of each recipe": clicks.astype(float)}
    )  # pages are worth it by that seed alone
    assert not risky.worth_buying[~clicks].any()
    best = risky.expected.argmin()
    assert not clicks[best]
    stop = advice(risky, Limits(budget_usd=400)).stop
    assert stop is not None
    assert stop.words.startswith("with more money still buy clicks")


def test_the_least_that_is_worth_buying_is_the_best_of_those_that_cost_the_same(forecast: Forecast):
    advised = advice(forecast, Limits(budget_usd=400))
    usd = candidate_costs(forecast.table, forecast.rows, THESIS, advised.prices["wage"], advised.prices["fee"]).usd_high
    worth, expected = np.flatnonzero(forecast.worth_buying), forecast.expected
    pair = next((a, b) for a in worth for b in worth if a < b and usd[a] == usd[b] and expected[b] < expected[a])
    only = np.isin(np.arange(len(usd)), pair)
    two = replace(forecast, readings={"these alone": only.astype(float)})
    least = advice(two, Limits(budget_usd=400)).least
    assert least.startswith(f"the cheapest plan that is worth buying: {candidate_name(forecast, pair[1])} for $")


def test_a_budget_too_small_to_be_worth_it_is_told_of_the_least_that_is(forecast: Forecast):
    advised = advice(forecast, Limits(budget_usd=5))
    assert advised.verdict == "don't buy"
    assert advised.least.startswith("the cheapest plan that is worth buying: clicks")
    assert advised.least.endswith(" for $78")


def test_pages_cost_the_time_that_was_recorded_with_them(clear: pd.DataFrame, clear_rows: Rows):
    pages = clear[[c for c in clear if c.startswith("answers/") and c != "answers/click"]].sum(axis="columns")
    timed = make_rows(clear.assign(recorded_seconds=np.where(pages > 0, 50.0 * pages, np.nan)), METRIC)
    assert timed.page_seconds == pytest.approx(50)
    table = candidates(timed, of_variety(ranges(timed), ["t2-clamp", "t1-clamp"]))
    cost = candidate_costs(table, timed, price_list("page"), wage=12, fee=0)
    answers = (table["annotators"] * table["items"]).to_numpy()
    whole = (table["variety"] == "t2-clamp").to_numpy()
    # A whole page takes its 50 s; three of its five parts from 30 s to the whole page.
    np.testing.assert_allclose(cost.low[whole], 50 * answers[whole])
    np.testing.assert_allclose(cost.low[~whole], 30 * answers[~whole])
    np.testing.assert_allclose(cost.high, 50 * answers)
    np.testing.assert_allclose(cost.usd_high, 50 * answers / 300)  # $12 an hour are a dollar in 300 s
    # Without recorded times the list's mean of 44.38 s holds on CIFAR-10S.
    untimed = candidate_costs(table, clear_rows, price_list("page"), wage=12, fee=0)
    np.testing.assert_allclose(untimed.high, 44.38 * answers)


def test_the_cheapest_plan_that_is_as_good_as_the_best_is_bought(forecast: Forecast):
    found = advice(forecast, Limits(budget_usd=125), top=50)
    assert found.plan is not None
    bought = {candidate_name(forecast, int(place)) for place in np.flatnonzero(forecast.worth_buying)}
    worth = [plan for plan in found.plans if plan.recipe in bought]
    best = min(plan.predicted for plan in worth)
    assert 0 < found.plan.predicted - best < 0.03
    assert found.plan.usd[1] == min(plan.usd[1] for plan in worth if plan.predicted - best < 0.03)
    assert found.dearer.startswith(f"dearer plans probably add too little: {found.plans[0].recipe} for $")
    assert advice(forecast, Limits(budget_usd=5)).dearer == ""


def test_the_verdict_says_where_a_price_of_clicks_turns_it(forecast: Forecast):
    clicks = replace(forecast, readings={"only": (forecast.table["variety"] == "click").to_numpy().astype(float)})
    said = advice(clicks, Limits(budget_usd=200)).click
    assert said.startswith("if a click takes 4.67 s, as was measured on 15,000 tasks, and not 2.5 s: ")
    turns = float(said.split("turns at about ")[1].split(" s")[0])
    for seconds, verdict in ((turns * 0.9, "buy"), (turns * 1.1, "not known yet")):
        assert advice(clicks, Limits(budget_usd=200), prices=priced_at(click=seconds)).verdict == verdict
    assert "4.67 s: " in advice(clicks, Limits(budget_usd=200), prices="measured").click
    cheap = advice(replace(forecast, readings={}), Limits(budget_usd=99999)).click
    assert cheap.endswith("from 0.5 s to 24 s a click the verdict stays, though not always the plan")


def test_a_budget_that_buys_nothing_is_an_answer(forecast: Forecast):
    for limits in ({"budget_usd": 0}, {"budget_usd": 0.5}, {"budget_hours": 0.1}, {"days": 1e-4}):
        advised = advice(forecast, Limits(**limits))
        assert (advised.verdict, advised.plans, advised.plan) == ("don't buy", (), None)
        assert advised.why.startswith(
            "these limits buy nothing, as no measured plan is that cheap or that quick; train with"
        )
        assert (
            "The cheapest plan is $2.78 for 'one click: the most likely class', asked of 1 person on each of 250"
            in advised.why
        )
        json.dumps(advised.as_dict())
        assert advised.lines[0].startswith("don't buy: ")


def test_a_verdict_near_its_threshold_says_so(forecast: Forecast):
    near = replace(forecast, readings={})
    near.__dict__["gains_enough"] = np.full(len(forecast.table), 0.92)
    assert advice(near, Limits(budget_usd=400)).why.endswith("is 92% (near the line)" + RAW)
    sure = replace(forecast, readings={})
    sure.__dict__["gains_enough"] = np.full(len(forecast.table), 0.999)
    assert advice(sure, Limits(budget_usd=400)).why.endswith("is over 99%" + RAW)
    coin = replace(forecast, readings={})
    coin.__dict__["gains_enough"] = np.full(len(forecast.table), 0.5)
    coin.__dict__["gain"] = np.full(len(forecast.table), 0.0302)
    assert advice(coin, Limits(budget_usd=400)).why.endswith(
        "(near the line: 0.030 of the 0.03 that matter, a coin's throw)" + RAW
    )


def test_what_lost_and_what_is_next_are_said_with_numbers(forecast: Forecast):
    advised = advice(forecast, Limits(budget_usd=100))
    assert "worse than the first on average (80%:" in advised.second
    assert "better with a chance of" in advised.second
    assert advised.next_step.words.startswith("the next $100 would buy ")
    assert advised.next_step.probability > 0.5
    assert advised.lines[0].startswith("buy: ")
    assert any("not over other test images" in line for line in advised.lines)
    assert any(line.startswith("Assumes that a click takes 2.5 s") for line in advised.lines)


def test_advice_is_plain_json(forecast: Forecast):
    plain = json.loads(json.dumps(advice(forecast, Limits(budget_usd=60)).as_dict()))
    assert plain["plans"][0]["variety"] == "click"
    assert plain["model"] == "curve"
    assert plain["checks"][0]["model"] == "curve"


@pytest.mark.parametrize(
    ("limits", "options", "message"),
    [
        ({"budget_usd": 100}, {"wage": 5}, r"a wage of \$5 an hour is below the floor of price list 'thesis': \$8"),
        ({"budget_usd": 100}, {"prices": "session"}, "nobody measured a session of clicks"),
        ({}, {}, "a plan needs a budget: budget_usd, budget_hours or days"),
        ({"budget_usd": -1}, {}, "budget_usd must be a finite number of 0 or more, not -1"),
        ({"days": 0}, {}, "days must be a finite number above 0, not 0"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(forecast: Forecast, limits, options, message):
    with pytest.raises(RequestError, match=message) as refused:
        advice(forecast, Limits(**limits), **options)
    assert "\n" not in str(refused.value)


def test_beyond_what_was_checked_nothing_is_planned_unless_asked(clear: pd.DataFrame):
    with pytest.raises(RequestError, match="M = 12 for t2-clamp is beyond the measured 1 to 3"):
        make_forecast(clear, metric=METRIC, questions=["t2-clamp"], annotators=12)
    far = make_forecast(clear, metric=METRIC, questions=["t2-clamp"], extrapolate=True, images=3000, most_people=6)
    advised = advice(far, Limits(budget_usd=5000), top=30)
    assert advised.plans[0].beyond
    assert any("go beyond where the model was checked (t2-clamp: M 1 to 3, N' 250 to 900)" in n for n in advised.notes)
    inside = [plan for plan in advised.plans if not plan.beyond]
    wide, narrow = (
        (p.interval_80[1] - p.interval_80[0]) for p in (advised.plans[0], inside[0] if inside else advised.plans[-1])
    )
    assert wide > narrow


def test_a_verdict_that_other_readings_of_the_results_dispute_is_not_known_yet(forecast: Forecast):
    every = np.ones(len(forecast.table))
    firm = advice(
        replace(forecast, readings={"without training 0 of each recipe": every, "without group of people 1": every}),
        Limits(budget_usd=400),
    )
    assert firm.verdict == "buy"
    assert firm.firmness.startswith("how firm that is: 2 other readings of the same results (without one training")
    disputed = advice(
        replace(
            forecast, readings={"without training 0 of each recipe": every, "without group of people 1": 0.42 * every}
        ),
        Limits(budget_usd=400),
    )
    assert disputed.verdict == "not known yet"
    assert disputed.plan is None
    assert "What looks worth its money, but not by every reading of the results, is $" in disputed.why
    assert disputed.firmness == (
        "how firm that is: of 2 other readings of the same results 1 say the same; not so without training 0 of each "
        "recipe (buy, 1.00)"
    )
    # Told by all of three seeds and disputed without a part: twice as many would show.
    assert disputed.settle.startswith(
        "what would settle it: about 6 trainings of each kind of labels, each with other people's answers, not 3"
    )


def test_dont_buy_needs_every_plan_to_be_unlikely_to_gain_what_matters(forecast: Forecast):
    no, perhaps = np.full(len(forecast.table), 0.05), np.full(len(forecast.table), 0.11)
    for chance, verdict in ((no, "don't buy"), (perhaps, "not known yet")):
        said = replace(forecast, readings={"without training 0 of each recipe": chance})
        said.__dict__["gains_enough"] = chance
        assert advice(said, Limits(budget_usd=400)).verdict == verdict
        said.readings["without training 1 of each recipe"] = np.full(len(forecast.table), 0.95)
        said.__dict__.pop("worth_buying", None)
        assert advice(said, Limits(budget_usd=400)).verdict == "not known yet"


@pytest.mark.slow
def test_readings_are_what_a_plan_from_the_other_trials_says(clear: pd.DataFrame, forecast: Forecast):
    assert list(forecast.readings) == [
        *(f"without training {seed} of each recipe" for seed in range(3)),
        *(f"without group of people {panel}" for panel in range(2)),
        "if labels start at hard labels",
        "with nothing assumed of how much trainings differ",
    ]
    without = make_forecast(clear[clear["seed"] != 1].reset_index(drop=True), metric=METRIC)
    told = np.abs(without.gains_enough - forecast.readings["without training 1 of each recipe"])
    assert told.mean() < 0.03  # of 400 draws of a quick search
    assert np.abs(without.gains_enough - forecast.gains_enough).mean() > 2 * told.mean()


def test_gains_are_drawn_towards_none_by_as_much_as_they_may_be_luck():
    rng = np.random.default_rng(0)
    free, sure = np.zeros(4000), -0.1 + 0.001 * rng.standard_normal((4000, 50))
    np.testing.assert_allclose(gains_on(free, sure).mean(axis=0), 0.1, atol=0.001)
    # Gains that scatter by 0.01 and are known to 0.01: half of each is kept, and less is known of none of them.
    middle = 0.01 * rng.standard_normal(50)
    doubtful = gains_on(free, 0.01 * rng.standard_normal((4000, 50)) - middle)
    kept = (middle**2).mean() / ((middle**2).mean() + 0.01**2)
    np.testing.assert_allclose(doubtful.mean(axis=0), kept * middle, atol=0.002)
    np.testing.assert_allclose(doubtful.std(axis=0), 0.01 * np.sqrt(kept), rtol=0.1)
