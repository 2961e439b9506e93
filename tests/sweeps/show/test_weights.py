"""Units of metrics, and what tests of the page take for the right winner under weights, by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.frontier.frontier import summarise
from sweeps.show.plan_page_data import metric_units
from tests.sweeps.show.several_metrics import several_metrics, weight_swaps, weighted

points = st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=12)
TWO = ("ce/10h", "accuracy/10h")


def test_weights_are_shares_and_units_say_what_counts_the_same():
    # 0.03 of one and 0.01 of the other count the same, the second twice: (1 + 2 x 3) / 3.
    score = weighted(np.array([[0.03, 0.03]]), np.array([1.0, 2.0]), np.array([0.03, 0.01]))
    assert score.tolist() == pytest.approx([7 / 3])


def test_where_a_weight_changes_the_winner():
    # With weight w on the first: a scores w, b 1 - w, c 0.4 always: b? No: a wins below 0.4, c to 0.6, b above.
    losses = np.array([[1.0, 0.0], [0.0, 1.0], [0.4, 0.4]])
    first, second = weight_swaps(("a", "b", "c"), losses, {"one": 1.0, "two": 1.0}, np.ones(2))
    assert first.winner == ("a", "c", "b")
    assert first.edges == pytest.approx((0, 0.4, 0.6, 1))
    assert (first.weight, first.low, first.high) == pytest.approx((0.5, 0.4, 0.6))
    assert second.winner == ("b", "c", "a")


@given(points, st.tuples(*[st.integers(1, 5)] * 3))
def test_the_winner_between_two_edges_is_the_one_with_the_least_sum(losses, weights):
    losses = np.array(losses, dtype=float)
    names = tuple(map(str, range(len(losses))))
    for place, found in enumerate(weight_swaps(names, losses, dict(zip("xyz", weights, strict=True)), np.ones(3))):
        for (low, high), winner in zip(itertools.pairwise(found.edges), found.winner, strict=True):
            others = np.delete(np.array(weights, dtype=float), place)
            middle = np.insert(others / others.sum() * (1 - (low + high) / 2), place, (low + high) / 2)
            score = losses @ middle
            assert score[int(winner)] == pytest.approx(score.min())


@pytest.fixture(scope="module")
def four(make_trials):
    """A free cell, one cheap and good on one metric, one dear and good on the other, and one that others beat."""
    rows = [
        ({"variety": "hard"}, "free", 2.0, 0.50),
        ({"variety": "click", "annotators": 1, "items": 100}, "ce", 1.0, 0.55),
        ({"variety": "t2-clamp", "annotators": 1, "items": 100}, "acc", 1.4, 0.75),
        ({"variety": "t2-clamp", "annotators": 2, "items": 100}, "beaten", 1.5, 0.60),
    ]
    return pd.concat(
        [
            make_trials(axes, cell=cell, values={"ce/10h": [ce, ce], "accuracy/10h": [right, right]})
            for axes, cell, ce, right in rows
        ],
        ignore_index=True,
    )


def test_a_unit_is_the_gap_that_matters_or_a_tenth_of_the_range(four):
    # Accuracies run from 0.50 to 0.75.
    assert metric_units(summarise(four), TWO) == pytest.approx([0.03, 0.025])
    alike = summarise(four).assign(**{"accuracy/10h": 0.5})
    assert metric_units(alike, ["accuracy/10h"]) == [1.0]


def test_weights_choose_and_say_which_weights_would_choose_otherwise(four):
    # Units 0.03 and 0.025: `ce` is ahead by 0.4 / 0.03 = 13.3 on one, `acc` by 0.2 / 0.025 = 8 on the other. They
    # change places where 13.3 w = 8 (1 - w): w = 0.375.
    found = several_metrics(four, TWO, weights=dict.fromkeys(TWO, 1.0))
    assert found.winner == "ce"
    assert found.swaps[0].winner == ("acc", "ce")
    assert found.swaps[0].edges == pytest.approx((0, 0.375, 1))
    right = {"accuracy/10h": 1.0}
    assert several_metrics(four, TWO, weights=right).winner == "acc"
    # 100 pages of 32 s are beyond it.
    assert several_metrics(four, TWO, weights=right, budget=1000).winner == "ce"
