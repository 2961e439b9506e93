"""At which prices winners change places: worked by hand, and against frontiers at many prices."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from softcore.errors import RequestError
from softcore.prices.read import PRICES
from sweeps.frontier.pricing import Purchases, reprice
from sweeps.frontier.swaps import swaps


def bought(clicks, pages, cells="abcd", recorded=None):
    return Purchases(
        cells=tuple(cells[: len(clicks)]),
        questions=("click", "t2-clamp"),
        answers=np.column_stack([clicks, pages]).astype(float),
        recorded=np.full(len(clicks), np.nan) if recorded is None else np.asarray(recorded, float),
        dataset=("cifar10s",) * len(clicks),
    )


def test_neighbouring_winners_swap_where_they_cost_the_same():
    # a: 100 clicks, value 3. b: 10 pages of 32 s = 320 s, value 2. c: 50 clicks and 10 pages, value 1.
    # A click of 3.2 s makes 100 clicks as dear as ten pages: above it b beats a; 3.2 / 2.5 = 1.28 times the list's.
    # c costs more than b unless clicks are free; a is cheaper than c up to 50 clicks = 10 pages, 6.4 s: later than 3.2.
    found = swaps(bought([100, 0, 50], [0, 10, 10]), np.array([3.0, 2.0, 1.0]), PRICES["thesis"], "click")
    assert found.to_dict("records") == [
        {"factor": pytest.approx(1.28), "seconds": pytest.approx(3.2), "cell": "a", "beaten_by": "b", "when": "dearer"}
    ]


def test_a_cell_may_leave_on_both_sides():
    # b: 10 clicks and 1 page, value 2; a: 30 clicks, value 1; c: 3 pages, value 1.5; a page is 32 s.
    # b against a: 10x + 32 < 30x from x = 1.6 on; below it a is better and cheaper.
    # b against c: 10x + 32 < 96 up to x = 6.4; above it c is better and cheaper.
    # a against c: 30x >= 96 from x = 3.2 on, but a is better: it stays. c: beaten by a up to 3.2.
    found = swaps(bought([30, 10, 0], [0, 1, 3]), np.array([1.0, 2.0, 1.5]), PRICES["thesis"], "click")
    assert found[["seconds", "cell", "beaten_by", "when"]].values.tolist() == [
        [pytest.approx(1.6), "b", "a", "cheaper"],
        [pytest.approx(3.2), "c", "a", "cheaper"],
        [pytest.approx(6.4), "b", "c", "dearer"],
    ]


def test_the_price_of_a_page_moves_as_that_of_a_click_does():
    # As in the first case from the other side: pages swap with clicks at 250 / 10 = 25 s.
    found = swaps(bought([100, 0], [0, 10]), np.array([3.0, 2.0]), PRICES["thesis"], "t2-clamp")
    assert found[["seconds", "cell", "beaten_by", "when"]].values.tolist() == [[25.0, "a", "b", "cheaper"]]


def test_recorded_pages_move_by_a_factor_and_have_no_price_of_their_own():
    # 500 s recorded over ten pages: half of it costs as much as 100 clicks.
    cells = bought([100, 0], [0, 10], recorded=[np.nan, 500])
    found = swaps(cells, np.array([3.0, 2.0]), PRICES["page"], "t2-clamp")
    assert found["factor"].tolist() == [0.5]
    assert found["seconds"].isna().all()


def test_questions_can_move_together():
    # Both prices in step: ten pages stay dearer than 100 clicks.
    assert swaps(bought([100, 0], [0, 10]), np.array([3.0, 2.0]), PRICES["thesis"], ["click", "t2-clamp"]).empty


def test_an_unknown_question_is_refused_with_those_that_were_bought():
    cells = bought([100, 0], [0, 10])
    with pytest.raises(RequestError, match="unknown question of these results 't1-clamp'; known: click, t2-clamp"):
        swaps(cells, np.array([3.0, 2.0]), PRICES["thesis"], "t1-clamp")


@pytest.mark.parametrize("seed", range(4))
def test_between_swaps_the_frontier_stays_and_at_each_it_changes(seed):
    rng = np.random.default_rng(seed)
    clicks, pages = rng.integers(0, 50, 20), rng.integers(0, 6, 20) * rng.integers(0, 2, 20)
    value = 3 - 0.01 * clicks - 0.2 * pages + rng.normal(0, 0.1, 20)
    cells = bought(clicks, pages, "abcdefghijklmnopqrst")
    found = swaps(cells, value, PRICES["thesis"], "click")
    cuts = np.unique(found["seconds"])
    assert len(cuts) >= 3

    def winners(seconds):
        prices = replace(PRICES["thesis"], seconds={**PRICES["thesis"].seconds, "click": (seconds, seconds)})
        return {cell for cell, on in zip(cells.cells, reprice(cells, value, [prices])[0][1], strict=True) if on}

    edges = pairwise([0, *cuts, 2 * cuts[-1]])
    seen = [winners(low + share * (high - low)) for low, high in edges for share in (0.1, 0.9)]
    assert all(seen[i] == seen[i + 1] for i in range(0, len(seen), 2))
    for i, cut in enumerate(cuts):
        here = found[found["seconds"] == cut]
        before, after = seen[2 * i], seen[2 * i + 2]
        assert before - after == set(here.loc[here["when"] == "dearer", "cell"])
        assert after - before == set(here.loc[here["when"] == "cheaper", "cell"])


def test_cells_without_a_value_take_no_part():
    found = swaps(bought([100, 0, 1], [0, 10, 0]), np.array([3.0, 2.0, np.nan]), PRICES["thesis"], "click")
    assert found["cell"].tolist() == ["a"]


def test_a_price_of_zero_in_the_list_can_not_be_multiplied():
    free = replace(PRICES["thesis"], seconds={**PRICES["thesis"].seconds, "click": (0.0, 0.0)})
    with pytest.raises(RequestError, match="price list 'thesis' has no price of click to multiply"):
        swaps(bought([100, 0], [0, 10]), np.array([3.0, 2.0]), free, "click")
