"""What the table of varieties owes: a price in each list, words, a look of its own, and axes that reach their rule."""

import numpy as np
import pandas as pd
import pytest

from softcore.completion import SPENT
from softcore.errors import RequestError
from softcore.labels.ask import asked_varieties
from softcore.labels.build import FROM_NOBODY
from softcore.labels.elicited import elicited_varieties, soft_labels
from softcore.prices.price_list import with_click_overhead
from softcore.prices.read import PRICES
from softcore.varieties import CLICK, FREE, PAGE_PARTS, VARIETIES, Variety, question_of
from sweeps.show.drawing import colour, marks
from sweeps.spec.axes import DEFAULT_AXES, clear_labels

UNKNOWN = "no-such-variety"


@pytest.mark.parametrize("variety", VARIETIES)
@pytest.mark.parametrize("name", PRICES)
def test_a_variety_has_a_price_in_each_shipped_list(variety, name):
    prices = with_click_overhead(PRICES[name], 0)
    low, high = prices.interval(variety)
    assert (low == high == 0) if variety in FREE else 0 < low <= high
    if variety not in FREE:
        assert (low, high) == prices.interval(question_of(variety))


def test_more_parts_of_a_page_cost_more():
    by_parts = {row.parts: name for name, row in VARIETIES.items() if row.parts}
    assert sorted(by_parts) == [*range(1, PAGE_PARTS + 1)]
    for prices in PRICES.values():
        lows = [prices.interval(by_parts[parts])[0] for parts in sorted(by_parts)]
        assert lows == sorted(set(lows))


@pytest.mark.parametrize("variety", [name for name, row in VARIETIES.items() if row.question])
def test_a_variety_that_shares_a_question_asks_the_same(variety):
    row, other = VARIETIES[variety], VARIETIES[question_of(variety)]
    assert (row.parts, row.asks, row.quick, row.free) == (other.parts, other.asks, other.quick, other.free)
    assert not other.question


def test_each_has_a_title_words_a_colour_and_a_mark_unlike_every_others():
    rows = VARIETIES.values()
    assert all(row.title and row.asks for row in rows)
    assert len({row.title for row in rows}) == len(rows)
    # That of varieties which are not known is another one still.
    assert len({colour(UNKNOWN), *(row.colour for row in rows)}) == len(rows) + 1
    for kind in range(3):
        assert len({marks(UNKNOWN)[kind], *(row.mark[kind] for row in rows)}) == len(rows) + 1
    assert {name: (colour(name), marks(name)) for name in VARIETIES} == {
        name: (row.colour, row.mark) for name, row in VARIETIES.items()
    }


def test_each_is_made_from_peoples_answers_or_from_nobodys():
    assert set(FREE) == set(FROM_NOBODY)
    assert {*FREE, *asked_varieties()} == set(VARIETIES)
    assert [name for name in asked_varieties() if not VARIETIES[name].parts] == [CLICK]


@pytest.mark.parametrize("variety", VARIETIES)
def test_gamma_is_an_axis_of_exactly_those_whose_labels_it_changes(variety):
    # All mass is spent and two classes stay possible: the one case in which gamma counts.
    spent = pd.DataFrame({"top1": [0], "p1": [0.8], "top2": [1], "p2": [0.2], "impossible": [(4,)]})
    spent.loc[1] = [0, 1.0, -1, np.nan, ()]
    assert np.all(spent["p1"] + spent["p2"].fillna(0) >= 1 - SPENT)
    axes = {**DEFAULT_AXES, "variety": variety, "gamma": 0.3}
    clear_labels(axes)
    changed = False
    if variety in elicited_varieties():
        one, other = (soft_labels(spent, variety, 5, gamma, np.full((5, 5), 0.5)) for gamma in (0.1, 0.3))
        changed = not np.array_equal(one, other)
    assert (axes["gamma"] == 0.3) == VARIETIES[variety].gamma == changed


@pytest.mark.parametrize("variety", elicited_varieties())
def test_a_similarity_is_asked_of_exactly_those_whose_labels_it_changes(variety):
    open_mass = pd.DataFrame({"top1": [0], "p1": [0.5], "top2": [1], "p2": [0.2], "impossible": [()]})
    even, uneven = np.full((5, 5), 0.5), np.tile([0.1, 0.2, 0.3, 0.4, 0.9], (5, 1))
    one, other = (soft_labels(open_mass, variety, 5, 0.1, alike) for alike in (even, uneven))
    assert np.array_equal(one, other) != VARIETIES[variety].similarity


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"parts": 0, "quick": True}, "must ask 1..5 parts of a page; it asks 0"),
        ({"parts": 6, "quick": True}, "must ask 1..5 parts of a page; it asks 6"),
        ({"parts": 1, "free": True}, "must ask no part of a page; it asks 1"),
        ({"parts": 2}, "needs one of complete, quick and free"),
    ],
)
def test_a_row_without_a_price_or_without_labels_is_refused(said, message):
    with pytest.raises(RequestError, match=message):
        Variety(name="odd", title="Odd", asks="something", colour="#000000", mark=("x", "x", "x"), **said)
