"""Tuning: tried on the validation images with the first seed, decided for each block apart."""

import pandas as pd
import pytest

from softcore.datasets import load
from softcore.errors import RequestError
from sweeps.spec.cells import cells
from sweeps.spec.spec import resolve
from sweeps.spec.tune import METRIC, VALUES, apply_choices, choice_records, choose, curve, tuning_spec


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def spec():
    blocks = [{"variety": "hard"}, {"variety": "t2-clamp"}, {"variety": "t1-clamp", "annotators": [1, 2]}]
    return resolve({"name": "x", "dataset": "digits", "seeds": 3, "blocks": blocks}, scale="tiny")


def results_of(part, dataset, values):
    """Finished trials of a part; `values` gives METRIC by value of gamma."""
    rows = [
        {"cell": cell.id, "status": "done", "gamma": cell.axes["gamma"], METRIC: values[cell.axes["gamma"]]}
        for cell in cells(part, dataset)
    ]
    return pd.DataFrame(rows)


def test_only_blocks_that_the_axis_applies_to_are_tried_with_the_first_seed(spec, digits):
    trying, parts = tuning_spec(spec, "gamma", digits)
    assert sorted(parts) == [2, 3]
    assert trying.seeds == [0]
    assert trying.name == "x-tune-gamma"
    assert [block["gamma"] for block in trying.blocks] == [list(VALUES["gamma"])] * 2
    assert len(cells(trying, digits)) == 7 + 14
    assert {cell.axes["epochs"] for cell in cells(trying, digits)} == {2}  # the scale stays what it was


def test_each_block_takes_the_value_that_is_best_on_the_validation_images(spec, digits):
    _, parts = tuning_spec(spec, "gamma", digits)
    falling = {value: 1 - value for value in VALUES["gamma"]}
    rising = {value: 1 + value for value in VALUES["gamma"]}
    both = [results_of(parts[2], digits, falling), results_of(parts[3], digits, rising)]
    choices = choose(pd.concat(both), "gamma", parts, digits)
    assert [(choice.block, choice.value) for choice in choices] == [(2, 0.4), (3, 0.0)]
    assert choices[1].curve[0] == {"gamma": 0.0, METRIC: 1.0, "trials": 2}
    final = apply_choices(spec, choices)
    assert [block.get("gamma") for block in final.blocks] == [None, [0.4], [0.0]]
    assert final.seeds == [0, 1, 2]
    rows = curve(choice_records(choices, "x-tune-gamma-12345678"))
    assert [row["gamma"] for row in rows if row["chosen"]] == ["0.4", "0"]
    assert len(rows) == 14


def test_a_trial_that_is_missing_stops_the_choice(spec, digits):
    _, parts = tuning_spec(spec, "gamma", digits)
    part = {2: parts[2]}
    results = results_of(parts[2], digits, dict.fromkeys(VALUES["gamma"], 1.0)).iloc[1:]
    with pytest.raises(RequestError, match="1 trials that tune gamma have not finished"):
        choose(results, "gamma", part, digits)


@pytest.mark.parametrize(
    ("axis", "words"),
    [("beta", "applies to no cell"), ("entropy_floor", "applies to no cell"), ("model", "unknown axis to tune")],
)
def test_an_axis_that_can_not_be_tuned_is_refused(spec, digits, axis, words):
    with pytest.raises(RequestError, match=words):
        tuning_spec(spec, axis, digits)


def test_mix_maxent_has_values_of_its_own(digits):
    blocks = [{"variety": "hard", "mixing": "mix-maxent"}, {"variety": "hard", "mixing": "mixup"}]
    trying, _ = tuning_spec(resolve({"name": "x", "dataset": "digits", "blocks": blocks}), "alpha", digits)
    assert [block["alpha"] for block in trying.blocks] == [[5, 10, 20, 50], [0.1, 0.2, 0.4, 1, 5, 10]]
