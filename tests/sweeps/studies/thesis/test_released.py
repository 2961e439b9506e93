import pandas as pd
import pytest

from sweeps.studies.thesis.released import not_run, shifts
from sweeps.studies.thesis.row_trials import Trials

KEPT = {"aggregation": "separate", "annotators": "all", "items": 900}


def trials(*tables):
    return Trials(pd.concat(tables, ignore_index=True))


def test_the_released_redistribution_is_held_against_the_text_row_by_row(make):
    # Code less text: 0.10, 0.12, 0.14; mean 0.12, sd 0.02, half 4.303 * 0.02 / sqrt(3) = 0.0497.
    text = make("c1", variety="t2-clamp", **KEPT, gamma=0.1, ce__10h=[1.0, 1.0, 1.0], accuracy__10h=[0.5, 0.5, 0.5])
    code = make("c2", variety="t2-clamp-released", **KEPT, ce__10h=[1.1, 1.12, 1.14], accuracy__10h=[0.5, 0.5, 0.5])
    (found,) = shifts(trials(text, code))
    assert (found.option, found.table, found.name, found.ours.column) == (
        "t2-clamp-released",
        "3.2",
        "T2 Clamp, separate",
        "ce/10h",
    )
    assert (found.ours.b, found.ours.a, found.ours.difference.mean) == pytest.approx((1.0, 1.12, 0.12))
    assert found.ours.difference.half_width == pytest.approx(0.0497, abs=1e-4)
    assert not_run([found]) == ["rmsce-released"]


def test_the_released_calibration_error_is_held_against_the_usual_one_of_the_same_trials(make):
    usual, released = [0.30, 0.31, 0.32], [0.28, 0.30, 0.30]
    hard = make("c1", variety="hard", rmsce__10h=usual, rmsce_released__10h=released)
    other = make("c2", variety="click", **KEPT, rmsce__10h=usual)
    (found,) = shifts(trials(hard, other))
    assert (found.option, found.table, found.name, found.ours.column) == (
        "rmsce-released",
        "3.1",
        "hard labels",
        "rmsce/10h",
    )
    assert found.ours.difference.mean == pytest.approx(-0.05 / 3)
    assert found.ours.difference.n == 3


def test_without_results_both_options_are_not_run(make):
    found = shifts(trials(make("c1", variety="t2-clamp", **KEPT, ce__10h=[1, 1, 1])))
    assert found == []
    assert not_run(found) == ["t2-clamp-released", "rmsce-released"]
