import math

import pytest

from softcore.errors import RequestError
from softcore.prices.read import PRICES, label_seconds, price, price_list, usd
from softcore.varieties import FREE


@pytest.mark.parametrize(
    ("variety", "seconds"),
    [
        *(("click", 2.5), ("t1-uniform", 12.8), ("t1-clamp", 19.2), ("t2-uniform", 25.6), ("t2-clamp", 32.0)),
        ("first-choice", 6.4),  # one part of a page, not a click of other people
        # Semantic labels ask what uniform ones ask; two classes and no probability are two parts of five: 2 x 6.4 s.
        *(("t1-semantic", 12.8), ("t2-semantic", 25.6), ("select-two", 12.8), ("t2-clamp-released", 32.0)),
    ],
)
def test_a_record_costs_what_the_thesis_says(variety, seconds):
    assert price(variety) == seconds
    assert PRICES["thesis"].interval(variety) == (seconds, seconds)


@pytest.mark.parametrize("variety", FREE)
def test_baselines_ask_nobody_and_cost_nothing(variety):
    assert [price(variety, prices) for prices in PRICES.values()] == [0] * len(PRICES)
    assert label_seconds({variety: 7000}) == 0


def test_six_people_on_900_items_cost_48_hours_and_768_dollars():
    # 6 x 900 = 5,400 pages x 32 s = 172,800 s = 48 h; 48 h x $12 = $576, and a third on top: $576 x 1.333 = $767.81.
    seconds = label_seconds({"t2-clamp": 5400})
    assert seconds == 172_800
    assert usd(seconds) == pytest.approx(767.808)


def test_answers_of_several_questions_add_up():
    # 10 clicks x 2.5 s + 2 pages x 32 s = 25 + 64 = 89 s.
    assert label_seconds({"click": 10, "t2-clamp": 2, "hard": 5}) == pytest.approx(89)
    assert label_seconds({}) == 0


def test_an_interval_counts_at_its_middle():
    # Two parts of five of a 44.38 s page: 17.752 to 44.38, middle 31.066; ten of them 310.66 s.
    assert PRICES["page"].interval("t1-uniform") == (17.752, 44.38)
    assert price("t1-uniform", PRICES["page"]) == pytest.approx(31.066)
    assert label_seconds({"t1-uniform": 10}, PRICES["page"]) == pytest.approx(310.66)


def test_wage_and_fee_set_the_money():
    # 1.5 h x $8 x (1 + 0.25) = $15.
    assert usd(5400, wage=8, fee=0.25) == pytest.approx(15)
    assert usd(0) == 0


@pytest.mark.parametrize("bad", [-1, math.nan, math.inf])
def test_nonsense_is_refused_with_its_place_and_value(bad):
    for attempt in (
        lambda: label_seconds({"click": bad}),
        lambda: usd(bad),
        lambda: usd(1, wage=bad),
        lambda: usd(1, fee=bad),
    ):
        with pytest.raises(RequestError, match=f"0 or more, not {bad}"):
            attempt()


def test_an_unknown_price_list_is_refused_with_the_known_ones():
    assert price_list("thesis") is PRICES["thesis"]
    assert list(PRICES) == ["thesis", "page", "measured", "session"]
    with pytest.raises(
        RequestError, match=r"unknown price list 'pages'; known: measured, page, session, thesis, or .*\.yaml"
    ):
        price_list("pages")


def test_an_unknown_variety_is_refused_with_the_known_ones():
    with pytest.raises(RequestError, match=r"'t3-clamp'; known: click, first-choice, hard, .*t2-uniform, uniform"):
        label_seconds({"t3-clamp": 1})


def test_a_price_list_says_what_it_assumes():
    for prices in PRICES.values():
        assert prices.assumes.endswith(".")
        assert "click" in prices.assumes
