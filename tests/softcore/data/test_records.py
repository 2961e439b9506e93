"""Odd answers are settled by the stated rules, and bad rows are refused together."""

import math

import numpy as np
import pytest

from softcore.data.records import COLUMNS, NO_CLASS, ODD_RULES, Answer, records_table, refuse, settle_answer
from softcore.errors import BadRow, RequestError


def answer(**said):
    return Answer(**{"annotator": "ann", "item": 0, "top1": 3, "impossible": (8,), **said})


def test_an_ordinary_answer_is_left_as_it_is():
    said = answer(p1=0.7, top2=5, p2=0.2)
    assert settle_answer(said) == (said, ())


def test_a_pair_over_100_is_kept_as_stated_and_counted():
    # 0.8 + 0.3 = 1.1: normalising is the labels' business, so both stay.
    settled, rules = settle_answer(answer(p1=0.8, top2=5, p2=0.3))
    assert (settled.p1, settled.p2) == (0.8, 0.3)
    assert rules == ("sum-over-100", "sum-over-100-two-classes")


def test_a_pair_of_exactly_100_is_not_odd():
    # In binary 0.9 + 0.1 and 0.7 + 0.3 may end a hair beside 1.
    assert settle_answer(answer(p1=0.9, top2=5, p2=0.1))[1] == ()
    assert settle_answer(answer(p1=0.7, top2=5, p2=0.3))[1] == ()


def test_of_a_class_named_twice_the_second_probability_replaces_the_first():
    settled, rules = settle_answer(answer(p1=0.75, top2=3, p2=0.25))
    assert (settled.top1, settled.p1, settled.top2) == (3, 0.25, NO_CLASS)
    assert math.isnan(settled.p2)
    assert rules == ("class-twice",)


def test_a_class_named_twice_whose_second_probability_is_0_has_100():
    # The 0 replaces the first probability, and a first probability of 0 means 100.
    assert settle_answer(answer(p1=1.0, top2=3, p2=0.0))[0].p1 == 1.0


def test_a_chosen_class_is_never_impossible():
    settled, rules = settle_answer(answer(p1=0.6, top2=5, p2=0.3, impossible=(3, 5, 8)))
    assert settled.impossible == (8,)
    assert rules == ("chosen-ticked",)


def test_a_second_class_without_a_readable_probability_is_unused_but_was_chosen():
    settled, rules = settle_answer(answer(top2=5, impossible=(5, 8)))
    assert settled.top2 == NO_CLASS
    assert settled.impossible == (8,)
    assert rules == ("chosen-ticked", "second-unreadable")


def test_a_first_probability_of_0_means_100():
    settled, rules = settle_answer(answer(p1=0.0))
    assert settled.p1 == 1.0
    assert rules == ("first-zero",)


def test_a_second_probability_without_a_class_is_dropped():
    settled, rules = settle_answer(answer(p1=0.6, p2=0.4))
    assert math.isnan(settled.p2)
    assert rules == ("second-without-class",)
    assert settle_answer(answer(p1=0.6, p2=0.0))[1] == ()  # a 0 there is what "no alternative" means


def test_an_answer_that_ticks_nothing_is_counted_and_a_click_is_not():
    assert settle_answer(answer(impossible=()))[1] == ("nothing-ticked",)
    assert settle_answer(answer(impossible=(), question="click"))[1] == ()


def test_rules_are_counted_over_first_answers_only():
    odd = answer(p1=0.0)
    _, counts = records_table([odd, answer(p1=0.0, position=2, is_repeat=True)])
    assert counts == {rule: int(rule == "first-zero") for rule in ODD_RULES}


def test_the_table_is_sorted_by_item_annotator_and_position_with_the_stated_types():
    frame, _ = records_table(
        [
            answer(item=2, annotator="b"),
            answer(item=2, annotator="a", position=9, is_repeat=True),
            answer(item=2, annotator="a", position=4),
            answer(item=1, annotator="c"),
        ]
    )
    assert list(frame.columns) == list(COLUMNS)
    assert list(zip(frame["item"], frame["annotator"], frame["position"], strict=True)) == [
        (1, "c", 1),
        (2, "a", 4),
        (2, "a", 9),
        (2, "b", 1),
    ]
    assert frame["item"].dtype == np.int64
    assert frame["is_repeat"].dtype == bool
    assert frame["impossible"][0] == (8,)


def test_no_answer_at_all_gives_an_empty_table_of_the_same_types():
    empty, counts = records_table([])
    assert len(empty) == 0
    assert list(empty.dtypes) == list(records_table([answer()])[0].dtypes)
    assert not any(counts.values())


def test_one_bad_row_is_one_line_that_names_file_row_field_value_and_what_is_allowed():
    with pytest.raises(RequestError) as refused:
        refuse("raw.csv", [BadRow(214, "p1", "940", "a number from 0 to 100")])
    assert str(refused.value) == "raw.csv: row 214, p1: '940'; allowed: a number from 0 to 100"


def test_bad_rows_are_reported_together_the_first_20_and_a_count():
    with pytest.raises(RequestError) as refused:
        refuse("raw.csv", [BadRow(row, "p1", "x", "a number") for row in range(50, 20, -1)])
    lines = str(refused.value).splitlines()
    assert lines[0] == "raw.csv: 30 bad values in 30 rows"
    assert [line.split("row ")[1].split(",")[0] for line in lines[1:21]] == [str(row) for row in range(21, 41)]
    assert lines[21:] == ["  and 10 more"]
