import json

import numpy as np
import pytest

from softcore.errors import RequestError
from sweeps.planning.checks import check, choose_model, interval_score
from sweeps.planning.rows import Rows


def test_the_interval_score_is_the_width_and_a_fine_for_missing():
    low, high, seen = np.array([1.0, 1.0, 1.0]), np.array([3.0, 3.0, 3.0]), np.array([2.0, 0.5, 3.1])
    # At 80% a miss costs 2 / 0.2 = 10 times how far: 2, 2 + 10 * 0.5 = 7, 2 + 10 * 0.1 = 3.
    np.testing.assert_allclose(interval_score(low, high, seen, 0.8), [2, 7, 3])
    with pytest.raises(RequestError, match="level must lie between 0 and 1, not 1"):
        interval_score(low, high, seen, 1)


def test_a_check_counts_what_its_intervals_held_with_the_exact_interval():
    # Ten cells predicted as 0..100 evenly: the 80% interval is 10 to 90, the 95% one 2.5 to 97.5.
    draws = np.tile(np.arange(101.0)[:, None], 10)
    found = check("made up", draws, np.array([50.0] * 8 + [95.0, 99.0]))
    assert found.coverage[0.8].mean == 0.8
    # Clopper & Pearson for 8 of 10, as in tables: 0.444 to 0.975.
    assert (found.coverage[0.8].low, found.coverage[0.8].high) == pytest.approx((0.4439, 0.9748), abs=1e-4)
    assert found.coverage[0.95].mean == 0.9
    # 80%: width 80, missed by 5 and by 9 at 10 each; 95%: width 95, missed by 1.5 at 40.
    assert found.scores == pytest.approx({0.8: 80 + 10 * 14 / 10, 0.95: 95 + 40 * 1.5 / 10})
    # Medians are 50: errors of 0, 45 and 49.
    assert found.error == pytest.approx(np.sqrt((45**2 + 49**2) / 10))
    assert json.loads(json.dumps(found.as_dict()))["coverage"]["0.8"]["n"] == 10


def test_the_curve_is_chosen_where_values_follow_one_and_not_where_another_does_better(clear_rows: Rows):
    choice = choose_model(clear_rows, np.random.default_rng(0))
    assert choice.chosen.name == "curve"
    assert choice.checks[0].model == "curve"
    assert choice.checks[0].score < min(c.score for c in choice.checks[1:])
    assert "lowest interval score" in choice.why
    assert "not the default" not in choice.why


def test_free_recipes_are_left_out_in_turn_and_scored_apart(clear_rows: Rows):
    choice = choose_model(clear_rows, np.random.default_rng(0))
    free = choice.shown[-1]
    assert (free.model, free.n) == ("curve, free recipes", 2)
    assert {check.n for check in choice.checks} == {len(clear_rows.bought)}
    # Of two, each is predicted from the other: hard labels are 1.8 and smoothed ones 1.6.
    assert 0.1 < free.error < 0.3


def test_a_check_says_in_words_whether_its_intervals_held_what_they_should():
    draws = np.tile(np.arange(101.0)[:, None], 40)
    as_should = check("made up", draws[:, :10], np.array([50.0] * 8 + [95.0, 99.0])).words
    assert as_should == (
        "made up: 10 measured cells, each predicted from the others, came out 21.0381 off; 8 lay in 80% intervals "
        "(about 8 expected), 9 lay in 95% intervals (about 9.5 expected); interval score 97.5000"
    )
    none = check("made up, free recipes", draws[:, :3], np.full(3, 99.0), "a note").words
    assert "0 lay in 80% intervals (too few, about 2.4 expected)" in none
    assert none.endswith("; a note")
    assert "40 lay in 80% intervals (more than need be, " in check("made up", draws, np.full(40, 50.0)).words
