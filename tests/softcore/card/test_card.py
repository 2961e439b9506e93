"""The card's figures: worked by hand on four answers, the published ones on the real data."""

import json
from dataclasses import replace

import numpy as np
import pytest

from softcore.card.card import describe
from softcore.card.measures import consistency, entropy, seconds
from softcore.data.records import Answer, records_table


def answer(**said):
    return Answer(**{"annotator": "ann", "item": 0, "top1": 0, "p1": 1.0, "impossible": (2,), "seconds": 30.0, **said})


def test_a_repeat_is_compared_with_its_own_first_answer_and_people_with_each_other():
    records, _ = records_table(
        [
            answer(annotator="ann"),
            answer(annotator="ann", position=2, is_repeat=True),
            answer(annotator="bob"),
            answer(annotator="bob", item=1),
        ]
    )
    # Rows by item, annotator, position: ann, ann again, bob, bob on item 1.
    labels = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]])
    found = consistency(records, labels)
    # |0.8-0.6| + |0.2-0.4| = 0.4, half is 0.2; both have the first class in front.
    assert found["one_person_twice"] == {
        "pairs": 1,
        "total_variation": pytest.approx(0.2),
        "same_most_likely_class": 1.0,
    }
    # ann's first against bob's: |0.8-0.1| = 0.7. Nobody else answered item 1.
    assert found["two_people"] == {"pairs": 1, "total_variation": pytest.approx(0.7), "same_most_likely_class": 0.0}


def test_what_can_not_be_computed_is_absent_with_its_reason():
    records, _ = records_table([answer(seconds=float("nan"))])
    found = consistency(records, np.ones((1, 3)) / 3)
    assert found == {
        "one_person_twice": {"absent": "nobody was asked twice"},
        "two_people": {"absent": "no image has answers of two people"},
    }
    assert seconds(records) == {"absent": "no answer has a time"}


def test_seconds_are_of_first_answers_and_repeats_stand_apart():
    records, _ = records_table(
        [
            answer(seconds=10.0),
            answer(item=1, seconds=20.0, position=2),
            answer(item=2, seconds=60.0, position=3),
            answer(seconds=6.0, position=4, is_repeat=True),
        ]
    )
    # (10 + 20 + 60) / 3 = 30; 90 s are 0.025 h.
    assert seconds(records) == {
        "over": "first answers",
        "timed": 3,
        "mean": pytest.approx(30),
        "median": 20.0,
        "total_hours": pytest.approx(0.025),
        "mean_of_repeats": 6.0,
    }


def test_entropy_is_in_nats_and_0_log_0_is_0():
    # Three against one: -(3/4 ln 3/4 + 1/4 ln 1/4) = 0.5623.
    assert entropy(np.array([[1, 0], [1, 1], [3, 1]])) == pytest.approx([0, np.log(2), 0.5623], abs=1e-4)


def test_the_card_of_simulated_people_says_so_and_is_json(digits):
    card = json.loads(json.dumps(describe(digits), allow_nan=False))
    assert card["simulated"] is True
    assert (card["people"], card["answers"], card["items"]["annotated"]) == (62, 1550, 250)
    assert card["answers_an_item"] == {"min": 6, "max": 7, "distribution": {"6": 200, "7": 50}}
    assert card["clicks"]["items"] == 1797


def test_a_data_set_without_clicks_has_a_card_that_says_so(digits):
    card = describe(replace(digits, counts=None))
    assert card["clicks"] == card["entropy"]["of_clicks"] == {"absent": "no clicks are known"}


def test_the_real_card_gives_the_published_figures(cifar10s):
    card = describe(cifar10s)
    assert (card["people"], card["answers"], card["repeats"], card["items"]["annotated"]) == (248, 6200, 496, 1000)
    assert card["page_seconds"]["mean"] == pytest.approx(44.4, abs=0.05)
    assert card["page_seconds"]["median"] == pytest.approx(32.4, abs=0.05)
    assert card["page_seconds"]["total_hours"] == pytest.approx(76.4, abs=0.05)
    once, others = card["repeat_consistency"]["one_person_twice"], card["repeat_consistency"]["two_people"]
    # 0.124 with the session that is stored twice counted twice: (60.35 + 0.36 + 0.90) / 498; over the 496 it is 0.1217.
    assert once["total_variation"] == pytest.approx(0.1217, abs=0.0005)
    assert others["total_variation"] == pytest.approx(0.292, abs=0.0005)
    assert once["same_most_likely_class"] == pytest.approx(0.92, abs=0.005)
    assert others["same_most_likely_class"] == pytest.approx(0.765, abs=0.0005)
