"""Several metrics as one loss, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softcore.errors import RequestError
from softcore.scoring.metrics import lower_is_better, metric_range
from softcore.scoring.weighted import WeightedMetric, metrics_of, read_weights

NAME = "weighted/0.75 scaled-ce on 10h per 0.01 and 0.25 accuracy on 10h per 0.02"


def test_a_loss_is_each_distance_from_the_best_value_in_its_unit_by_weight():
    # 0.75 x 1.1 / 0.01 + 0.25 x (1 - 0.6) / 0.02 = 82.5 + 5; where a value is missing there is no loss.
    values = {"scaled-ce/10h": np.array([1.1, 1.1]), "accuracy/10h": np.array([0.6, np.nan])}
    assert WeightedMetric.of(NAME).loss(values).tolist() == pytest.approx([87.5, np.nan], nan_ok=True)


def test_what_is_better_by_a_unit_in_each_is_better_by_one():
    found = WeightedMetric.with_units(
        {"ce/10h": 1, "rmsce/10h": 1, "accuracy/10s": 5}, {"ce/10h": 0.03, "rmsce/10h": 0.005, "accuracy/10s": 0.017}
    )
    worse = {"ce/10h": np.array([1.03]), "rmsce/10h": np.array([0.105]), "accuracy/10s": np.array([0.4])}
    better = {"ce/10h": np.array([1.0]), "rmsce/10h": np.array([0.1]), "accuracy/10s": np.array([0.417])}
    assert found.loss(worse) - found.loss(better) == pytest.approx([1.0])


@settings(max_examples=30)
@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=3), st.lists(st.floats(1e-4, 10), min_size=3, max_size=3))
def test_a_name_says_all_that_is_computed_with(weights, units):
    metrics = ("ce/10h", "accuracy/10h-c", "rmsce/10s")[: len(weights)]
    found = WeightedMetric.with_units(dict(zip(metrics, weights, strict=True)), dict(zip(metrics, units, strict=False)))
    again = WeightedMetric.of(found.name)
    assert again == found
    assert sum(found.shares.values()) == pytest.approx(1)


def test_its_name_is_that_of_a_metric_whose_least_value_is_the_best():
    assert lower_is_better(NAME)
    assert metric_range(NAME) == (0, np.inf)
    assert metrics_of(NAME) == ["scaled-ce/10h", "accuracy/10h"]
    assert metrics_of("ce/10h") == ["ce/10h"]
    assert WeightedMetric.of(NAME).words == "scaled-ce/10h=0.75,accuracy/10h=0.25"


def test_a_weight_that_is_next_to_nothing_is_refused():
    with pytest.raises(RequestError, match=r"rmsce/10h has less than 0.1% of all weight: leave it out"):
        WeightedMetric.with_units({"ce/10h": 1.0, "rmsce/10h": 1e-4}, {"ce/10h": 0.03, "rmsce/10h": 0.01})


def test_weights_are_read_and_those_of_nothing_left_out():
    assert read_weights("ce/10h=2, accuracy/10h=1,rmsce/10h=0") == {"ce/10h": 2, "accuracy/10h": 1}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ce/10h=0.7,accuracy/10h", "'accuracy/10h' gives no weight of 0 or more; weights are written"),
        ("ce/10h=-1,accuracy/10h=2", "'ce/10h=-1' gives no weight of 0 or more"),
        ("ce/10h=nan", "gives no weight"),
        ("ce/10h=1,ce/10h=2", "ce/10h has two weights"),
        ("ce/10h=0", "all weights in 'ce/10h=0' are 0"),
        ("cee/10h=1", "unknown metric 'cee'"),
    ],
)
def test_other_words_are_refused(words, message):
    with pytest.raises(RequestError, match=message):
        read_weights(words)


@pytest.mark.parametrize(
    "name", ["weighted/", "weighted/0.7 ce on 10h", "weighted/x ce on 10h per 1", "weighted/1 ce at 10h per 1"]
)
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(RequestError, match="is no weighted metric"):
        WeightedMetric.of(name)
