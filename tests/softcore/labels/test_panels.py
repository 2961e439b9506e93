"""Who answers what: nested draws, never a repeat, and no item's draw that hangs on another's."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softcore.errors import RequestError
from softcore.labels.panels import (
    check_annotators,
    check_panel,
    draw_clicks,
    draw_records,
    in_panel,
    split_annotated,
)

REPLICATES = given(st.integers(0, 50), st.integers(0, 5))
FEW = settings(max_examples=15)
COUNTS = np.array([[3, 0, 2], [0, 1, 0], [4, 4, 4], [0, 0, 0]])


def pages(items=20, people=6):
    """Everybody answers every item once, and item 0 again; odd items miss the last person."""
    rows = [(f"p{person}", item, False) for item in range(items) for person in range(people - item % 2)]
    rows += [(f"p{person}", 0, True) for person in range(people)]
    return pd.DataFrame(rows, columns=["annotator", "item", "is_repeat"]).sort_values(["item", "annotator"])


PAGES = pages()


def pairs(drawn):
    return set(zip(drawn["annotator"], drawn["item"], strict=True))


@REPLICATES
@FEW
def test_fewer_annotators_are_some_of_the_more(seed, panel):
    draws = [pairs(draw_records(PAGES, m, seed, panel)) for m in (1, 3, "all")]
    assert all(fewer <= more for fewer, more in pairwise(draws))


@REPLICATES
@FEW
def test_a_repeat_is_never_an_extra_annotator(seed, panel):
    for m in (1, "all"):
        drawn = draw_records(PAGES, m, seed, panel)
        assert not drawn["is_repeat"].any()
        assert not drawn.duplicated(["annotator", "item"]).any()


def test_every_item_gets_m_answers_or_all_that_it_has():
    sizes = draw_records(PAGES, 6, 0, 0).groupby("item").size()
    assert sizes.tolist() == [6, 5] * 10
    assert set(draw_records(PAGES, 3, 0, 0).groupby("item").size()) == {3}


def test_answers_come_by_item_in_the_order_of_the_draw():
    one, three = draw_records(PAGES, 1, 4, 0), draw_records(PAGES, 3, 4, 0)
    assert three["item"].is_monotonic_increasing
    assert np.array_equal(three.groupby("item")["annotator"].first(), one["annotator"])


def test_another_panel_or_seed_hires_other_people():
    one = pairs(draw_records(PAGES, 2, 0, 0))
    assert one != pairs(draw_records(PAGES, 2, 0, 1))
    assert one != pairs(draw_records(PAGES, 2, 1, 0))
    assert one == pairs(draw_records(PAGES, 2, 0, 0))


def test_everybody_is_hired_about_as_often():
    # One of six people for each of 200 items: 33 each; five standard deviations are 5 x sqrt(200 x 5/36) = 26.
    table = pages(items=400)
    hired = draw_records(table[table["item"] % 2 == 0], 1, 0, 0)["annotator"]
    assert hired.value_counts().between(33 - 26, 33 + 26).all()
    assert hired.nunique() == 6


@given(st.integers(0, 50), st.integers(0, 5), st.sampled_from([1, 2, 5, 8, 100]))
def test_clicks_are_drawn_without_replacement(seed, panel, m):
    rows, classes = draw_clicks(COUNTS, m, seed, panel)
    drawn = np.zeros_like(COUNTS)
    np.add.at(drawn, (rows, classes), 1)
    assert (drawn <= COUNTS).all()
    assert drawn.sum(axis=1).tolist() == np.minimum(COUNTS.sum(axis=1), m).tolist()


def test_all_clicks_are_the_counts_themselves():
    rows, classes = draw_clicks(COUNTS, "all", 3, 0)
    drawn = np.zeros_like(COUNTS)
    np.add.at(drawn, (rows, classes), 1)
    assert np.array_equal(drawn, COUNTS)


@REPLICATES
@FEW
def test_fewer_clicks_are_the_first_of_the_more(seed, panel):
    few_rows, few = draw_clicks(COUNTS, 2, seed, panel)
    rows, many = draw_clicks(COUNTS, "all", seed, panel)
    for item in range(len(COUNTS)):
        mine = few[few_rows == item]
        assert np.array_equal(mine, many[rows == item][: len(mine)])


def test_the_first_click_is_each_class_as_often_as_it_was_clicked():
    # Item 0 was clicked 3 to 2: of 300 first clicks 180 are class 0; five standard deviations are 5 x sqrt(72) = 42.
    first = [draw_clicks(COUNTS, 1, 0, panel)[1][0] for panel in range(300)]
    assert abs(first.count(0) - 180) <= 42


def test_items_are_nested_and_apart_from_the_held_out():
    annotated = np.arange(100, 160)
    order, out = split_annotated(annotated, 10, seed=2)
    assert len(order) == 50
    assert np.array_equal(np.sort(np.concatenate([order, out])), annotated)
    again, out_again = split_annotated(annotated[::-1], 10, seed=2)
    assert np.array_equal(order, again)
    assert np.array_equal(out, out_again)


def test_every_seed_holds_out_other_items():
    annotated = np.arange(1000)
    drawn = [set(split_annotated(annotated, 100, seed)[1]) for seed in range(5)]
    assert all(len(out) == 100 for out in drawn)
    # Two draws of 100 in 1,000 share 10 on average, hardly ever 25.
    assert max(len(drawn[i] & drawn[j]) for i in range(5) for j in range(i)) < 25


def test_nothing_held_out_leaves_every_item():
    order, out = split_annotated(np.arange(5), 0, seed=0)
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert len(out) == 0


@pytest.mark.parametrize("m", [0, -1, 8, 2.0, True, "some", None])
def test_an_m_that_no_item_has_is_refused(m):
    with pytest.raises(RequestError, match=r"annotators must be 'all' or 1\.\.7, the most answers of any item; it is"):
        check_annotators(m, 7, "answers")


def test_an_m_that_some_item_has_is_taken():
    check_annotators(7, 7, "answers")
    check_annotators("all", 7, "answers")


def places(size, panel, m):
    return np.flatnonzero(in_panel(np.arange(size), np.full(size, size), panel, m)).tolist()


def test_panels_take_their_places_from_both_ends_in_turn():
    assert [places(7, panel, 1) for panel in range(7)] == [[0], [6], [1], [5], [2], [4], [3]]
    assert [places(7, panel, 3) for panel in range(3)] == [[0, 1, 2], [4, 5, 6], [3]]
    assert [places(6, 0, 6), places(6, 1, 6)] == [[0, 1, 2, 3, 4, 5], []]
    assert [places(3, 0, 2), places(3, 1, 2)] == [[0, 1], [2]]  # too few for both: the later one has less


@given(st.integers(1, 60), st.integers(1, 30))
def test_panels_share_no_place(size, m):
    taken = [place for panel in range(8) for place in places(size, panel, m)]
    assert len(taken) == len(set(taken)) <= size


@given(st.integers(1, 60), st.integers(1, 20), st.sampled_from([0, 1]))
def test_a_panels_m_is_part_of_its_m_and_one_as_long_as_both_fit(size, m, panel):
    if 2 * (m + 1) <= size:
        assert set(places(size, panel, m)) < set(places(size, panel, m + 1))


@given(st.integers(0, 50), st.sampled_from([1, 2, 3]))
def test_panels_apart_share_no_click(seed, m):
    drawn = np.zeros_like(COUNTS)
    for panel in range(4):
        np.add.at(drawn, draw_clicks(COUNTS, m, seed, panel, apart=True), 1)
    assert (drawn <= COUNTS).all()
    assert drawn.sum(axis=1).tolist() == np.minimum(COUNTS.sum(axis=1), 4 * m).tolist()


def test_the_first_panel_apart_draws_what_it_always_draws():
    for m in (1, 3, "all"):
        one, other = draw_clicks(COUNTS, m, 5, 0, apart=True), draw_clicks(COUNTS, m, 5, 0)
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@REPLICATES
@FEW
def test_fewer_clicks_of_panel_b_are_the_first_of_the_more(seed, panel):
    counts = np.array([[6, 6, 6], [20, 0, 1]])
    few, many = (draw_clicks(counts, m, seed, 1, apart=True) for m in (2, 5))
    for item in range(2):
        assert np.array_equal(few[1][few[0] == item], many[1][many[0] == item][:2])


@pytest.mark.parametrize(("panel", "m"), [(1, 4), (1, "all"), (2, 2), (5, 2), (6, 1)])
def test_a_panel_that_would_share_with_another_is_refused(panel, m):
    with pytest.raises(RequestError, match=f"panel {panel} with annotators {m} would share people with another panel"):
        check_panel(panel, m, 7, "people")


@pytest.mark.parametrize(("panel", "m"), [(0, 7), (0, "all"), (1, 3), (2, 1), (5, 1)])
def test_a_panel_that_shares_with_none_is_taken(panel, m):
    check_panel(panel, m, 7, "people")
