import numpy as np
import pytest

from softcore.errors import RequestError
from sweeps.frontier.break_even import assumption, break_even
from sweeps.studies.coverage.verdicts import CLICKS_A_PAGE, break_evens
from sweeps.uncertainty.shrinkage import Draws

# Cells a, b buy 100 and 400 pages, c, d 200 and 3200 clicks, e is free.
PAGES = np.array([100.0, 400, 0, 0, 0])
CLICKS = np.array([0.0, 0, 200, 3200, 0])


def draws(*rows):
    values = np.array(rows, dtype=float)
    return Draws(
        cells=tuple("abcde"),
        values=values,
        mean=values.mean(axis=0),
        bought=np.array([True] * 4 + [False]),
        covers="over seeds",
        shrunk=False,
    )


def found(made, pages):
    (ratio,) = break_even(made, CLICKS, PAGES, [pages])
    return ratio


def test_the_price_at_which_both_cost_the_same_by_hand():
    # 100 pages reach 2. Clicks fall from 3 at 200 to 1 at 3200 answers: 2 is half way, sqrt(200 x 3200) = 800 clicks.
    # 800 clicks cost what 100 pages do where a click costs an eighth of a page.
    ratio = found(draws([2, 1, 3, 1, 9]), 100)
    assert ratio.ratio == pytest.approx(1 / 8)
    assert (ratio.low, ratio.high) == pytest.approx((1 / 8, 1 / 8))
    assert ratio.worth == 1


def test_pages_are_followed_between_numbers_that_were_bought():
    # 200 pages lie half way between 100 and 400: 1.5, which takes 200 x 16^0.75 = 1600 clicks.
    assert found(draws([2, 1, 3, 1, 9]), 200).ratio == pytest.approx(200 / 1600)


def test_pages_that_no_number_of_clicks_reaches_bound_the_price_from_above_only():
    ratio = found(draws([0.5, 0.4, 3, 1, 9]), 100)
    assert ratio.ratio == 0
    assert ratio.least == pytest.approx(100 / 3200)
    assert "click breaks even at less than 1 s" in ratio.words(32.0)  # 32 x 100 / 3200


def test_pages_that_the_fewest_clicks_reach_bound_the_price_from_below_only():
    ratio = found(draws([4, 3.5, 3, 1, 9]), 100)
    assert np.isinf(ratio.ratio)
    assert "click breaks even at more than 16 s" in ratio.words(32.0)  # 32 x 100 / 200


def test_a_purchase_that_does_not_beat_what_is_free_is_worth_nothing():
    assert found(draws([2, 1, 3, 1, 1.5]), 100).worth == 0


def test_the_interval_is_that_of_the_draws():
    # 800 clicks in nine draws of ten, none reach it in one: low is 0 at any level above 0.8.
    made = draws(*[[2, 1, 3, 1, 9]] * 9, [0.5, 0.4, 3, 1, 9])
    (ratio,) = break_even(made, CLICKS, PAGES, [100], level=0.95)
    assert (ratio.low, ratio.ratio) == pytest.approx((0, 1 / 8))


def test_more_pages_than_were_bought_are_not_guessed_at():
    assert found(draws([2, 1, 3, 1, 9]), 4000).answers == 400


def test_what_can_not_be_told_is_refused():
    with pytest.raises(RequestError, match="50 answers to page were never bought; the fewest are 100"):
        found(draws([2, 1, 3, 1, 9]), 50)
    with pytest.raises(RequestError, match="two numbers of answers to click or more, not 1"):
        break_even(draws([2, 1, 3, 1, 9]), CLICKS * (CLICKS < 300), PAGES, [100])


def test_cells_that_asked_both_are_neither():
    both = CLICKS + np.array([500.0, 0, 0, 0, 0])
    with pytest.raises(RequestError, match="two numbers of answers to page or more, not 1"):
        break_even(draws([2, 1, 3, 1, 9]), both, PAGES, [400])


def test_a_combined_frontier_carries_its_assumption():
    assert assumption("click", 2.5) == "assumes that a click costs 2.5 s"


def test_a_planted_break_even_is_found():
    ratios, within = zip(*break_evens(range(12)), strict=True)
    assert np.median(ratios) == pytest.approx(1 / CLICKS_A_PAGE, rel=0.2)
    assert sum(within) >= 8  # of 12 eleven are expected; fewer than 8 happen once in 200


@pytest.mark.simulation
def test_the_interval_of_a_planted_break_even_covers():
    _, within = zip(*break_evens(range(100, 200)), strict=True)
    assert 0.8 <= np.mean(within) <= 0.98
