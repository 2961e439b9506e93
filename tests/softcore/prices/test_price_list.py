"""What a price list holds and refuses."""

import json
import math

import pytest

from softcore.errors import RequestError
from softcore.prices.price_list import PriceList, with_click_overhead, with_click_seconds
from softcore.prices.read import PRICES

PAGE, SESSION = PRICES["page"], PRICES["session"]
PARTS = {
    "first-choice": 1,
    "t1-uniform": 2,
    "t1-clamp": 3,
    "t2-uniform": 4,
    "t2-clamp": 5,
    "select-two": 2,
    "t1-semantic": 2,
}


@pytest.mark.parametrize(("variety", "parts"), PARTS.items())
def test_parts_of_a_page_cost_between_their_share_and_the_whole_page(variety, parts):
    assert PAGE.recorded[variety] == (parts / 5, 1)
    assert PAGE.interval(variety) == pytest.approx((parts / 5 * 44.38, 44.38))
    # A session keeps its other 64.76 - 46.96 = 17.8 s whatever is asked.
    assert SESSION.interval(variety) == pytest.approx((64.76 - (1 - parts / 5) * 46.96, 64.76), abs=0.01)


def test_every_list_prices_what_the_thesis_prices():
    assert {*PAGE.seconds} == {*SESSION.seconds} == {*PRICES["thesis"].seconds}


def test_session_prices_no_click_before_its_overhead_is_said():
    with pytest.raises(RequestError, match=r"price list 'session' prices whole sessions.*--click-overhead"):
        SESSION.interval("click")
    # 2.5 s of its own and 1.25 s of overhead.
    assert with_click_overhead(SESSION, 1.25).interval("click") == (3.75, 3.75)
    assert "1.25 s of overhead" in with_click_overhead(SESSION, 1.25).assumes
    assert with_click_overhead(SESSION, 0).interval("click") == (2.5, 2.5)


@pytest.mark.parametrize("bad", [-1, math.nan, math.inf])
def test_a_click_takes_a_sensible_number_of_seconds(bad):
    with pytest.raises(RequestError, match="0 or more"):
        with_click_overhead(PAGE, bad)
    with pytest.raises(RequestError, match="0 or more"):
        with_click_seconds(PAGE, bad, "")


def test_a_measured_click_takes_the_place_of_the_assumed_one_in_seconds_and_in_words():
    measured = with_click_seconds(PAGE, 2.1, "A click takes 2.1 s as measured.")
    assert measured.interval("click") == (2.1, 2.1)
    assert "assumed to take 2.5 s" in PAGE.assumes
    assert "assumed to take 2.5 s" not in measured.assumes
    assert measured.assumes.endswith("A click takes 2.1 s as measured.")
    assert measured.interval("t2-clamp") == PAGE.interval("t2-clamp")


def test_a_wage_below_the_floor_is_refused_in_one_line():
    for prices in PRICES.values():
        prices.check_wage(8)
        with pytest.raises(
            RequestError, match=rf"\$7.99 an hour is below the floor of price list '{prices.name}': \$8"
        ):
            prices.check_wage(7.99)
    for bad in (-1, math.nan, math.inf):
        with pytest.raises(RequestError, match="wage"):
            PRICES["thesis"].check_wage(bad)
    PriceList(name="no floor", seconds={}, basis="").check_wage(0)


def test_a_list_is_logged_whole():
    logged = json.loads(json.dumps(SESSION.as_dict(), allow_nan=False))
    assert logged["seconds"]["t1-clamp"] == [45.97, 64.76]
    assert logged["assumes"] == SESSION.assumes
    assert (logged["name"], logged["click_overhead"], logged["wage_floor"]) == ("session", None, 8)
