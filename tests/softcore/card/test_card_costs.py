"""The card's section on costs: worked by hand on a few answers, the published figures on the real data."""

import json
from dataclasses import replace

import pytest

from softcore.card.card import describe
from softcore.card.costs import describe_costs, describe_page_time
from softcore.data.records import Answer, records_table
from softcore.prices.read import PRICES


def with_answers(dataset, answers):
    records, _ = records_table([Answer(top1=0, **answer) for answer in answers])
    return replace(dataset, records=records)


def test_labels_are_priced_by_question_and_by_what_was_recorded(digits, tmp_path):
    item = int(digits.annotated_items[0])
    answers = [
        {"annotator": "ann", "item": item, "seconds": 50.0},
        {"annotator": "ann", "item": item, "seconds": 7.0, "is_repeat": True},
        {"annotator": "bob", "item": item},
        {"annotator": "bob", "item": item + 1, "question": "click", "seconds": 4.0},
    ]
    costs = describe_costs(with_answers(digits, answers), tmp_path)
    # Two pages of 32 s and a click of 2.5 s: 66.5 s; $12 x 1.333 an hour = $15.996.
    assert costs["thesis"]["seconds_a_label"] == pytest.approx(66.5 / 3)
    assert costs["thesis"]["usd"] == pytest.approx(66.5 / 3600 * 15.996)
    # 50 + 4 s of the two first answers that have a time; the repeat is no label.
    assert (costs["page"]["labels"], costs["page"]["hours"]) == (2, pytest.approx(54 / 3600))
    assert costs["session"] == {"absent": "whole sessions are known of CIFAR-10S only"}
    assert costs["page_time"] == {"absent": "1 people have page times; a model of them needs 20 or more"}
    assert costs["click"]["measured"] is False
    untimed = with_answers(digits, [{"annotator": "bob", "item": item}])
    assert describe_costs(untimed, tmp_path)["page"] == {"absent": "no answer has a time"}


def test_sessions_are_of_the_file_that_was_read_or_absent(cifar10s, tmp_path):
    absent = describe_costs(replace(cifar10s, records=cifar10s.records.head(50)), tmp_path)["session"]
    assert "is not below the data root" in absent["absent"]


def test_the_real_costs_are_the_published_ones(cifar10s, real_root):
    card = json.loads(json.dumps(describe(cifar10s, real_root), allow_nan=False))
    costs = card["costs"]
    # 6,200 x 32 s = 55.1 h; 76.4 h on pages; 111.5 h in all. Dollars: hours x 12 x 1.333.
    expected = {"thesis": (32.0, 55.11, 881.56), "page": (44.38, 76.43, 1222.63), "session": (64.76, 111.53, 1783.98)}
    for name, (each, hours, usd) in expected.items():
        found = costs[name]
        assert found["labels"] == 6200
        assert found["seconds_a_label"] == pytest.approx(each, abs=0.005)
        assert found["hours"] == pytest.approx(hours, abs=0.005)
        assert found["usd"] == pytest.approx(usd, abs=0.01)
    assert sum(costs["session"]["hours_of"].values()) == pytest.approx(costs["session"]["hours"])
    assert (costs["wage"], costs["fee"], costs["click"]["seconds"]) == (12, 0.333, 2.5)
    assert costs["page_time"]["log_seconds"]["second class named"]["estimate"] == pytest.approx(0.247, abs=0.001)
    # Naming a second class goes with 28% more time; facts: +8.3 s of a 32 s page in a linear model.
    assert costs["page_time"]["held_out"]["beats_flat_mean"] is False
    panel = costs["page_time"]["new_panel"]
    assert panel["low"] < panel["hours"] < panel["high"]
    assert panel["hours"] == pytest.approx(250 * 44.38 / 3600, rel=0.02)


def test_the_shipped_means_are_those_of_the_data(cifar10s, real_root):
    costs = describe_costs(cifar10s, real_root)
    for name in ("thesis", "page", "session"):
        assert PRICES[name].interval("t2-clamp") == pytest.approx((costs[name]["seconds_a_label"],) * 2, abs=0.005)


def test_panels_are_held_out_as_far_as_people_go(digits):
    people = digits.records["annotator"].unique()
    # Panels of ten, and twenty people at least to learn from.
    for n, folds in ((19, None), (29, None), (30, 3), (62, 6)):
        few = digits.records[digits.records["annotator"].isin(people[:n])]
        found = describe_page_time(replace(digits, records=few)).get("held_out", {"absent": "no model"})
        assert found.get("folds") == folds
        assert ("absent" in found) == (folds is None)
