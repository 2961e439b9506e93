"""The study of purchases on made-up sweeps: what it counts, and that it counts what was planted."""

import numpy as np
import pytest

from sweeps.studies.coverage.purchases import KINDS, Outcome, kind_line, outcome_of, world_of


def outcome(*gains: float, predicted: float = np.nan) -> Outcome:
    gained = gains[-1] if gains else np.nan
    return Outcome(gains=gains, predicted=predicted, gained=gained, best=0.05, held=0.8, matters=0.03)


def test_a_line_counts_every_budgets_purchases():
    # A purchase of a small budget that gains nothing is a false buy, whatever the largest budget buys.
    found = [outcome(-0.01, 0.04, predicted=0.05), outcome(0.02, predicted=0.02), outcome(), outcome()]
    line = kind_line("some kind", found, refused=1)
    assert "bought in 2 of 4, missed 2 of 4" in line
    assert "false buys 1 of 4 (25.0%" in line
    assert "gained less than matters 2 of 2 (100.0%" in line
    assert "predicted too good by +0.0050" in line
    assert "not planned 1" in line


def test_where_nothing_differs_all_is_worth_the_same():
    world = world_of(KINDS["nothing differs"], np.random.default_rng(0))
    bought = [
        {"variety": "click", "annotators": 3, "items": 250},
        {"variety": "t2-clamp", "annotators": 1, "items": 900},
    ]
    free = [{"variety": "hard"}, {"variety": "hard", "mixing": "mixup"}, {"variety": "smoothed"}]
    assert {world.value(axes) for axes in (*bought, *free)} == {1.8}


@pytest.mark.simulation
@pytest.mark.parametrize("kind", ["nothing differs", "nothing differs, scaled"])
def test_nothing_is_bought_where_nothing_differs(kind):
    assert [outcome_of(kind, number).gains for number in range(5)] == [()] * 5
