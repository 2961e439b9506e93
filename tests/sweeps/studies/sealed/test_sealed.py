"""What the report says of sealed cells follows from its numbers, whatever they are."""

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeps.studies.sealed.judge import Judgement
from sweeps.studies.sealed.readings import Identity, Reading
from sweeps.studies.sealed.sealed import choice, coverage_words, predicted_picture, sealed_summary

Judged = Callable[..., Judgement]


def reading(*judgements: Judgement) -> Reading:
    return Reading(
        date=datetime.date(2026, 3, 1),
        identity=Identity(sealed="a" * 64, training="b" * 64, planner=3, predictions="c" * 64),
        judgements=judgements,
    )


def test_a_default_that_wins_held_and_one_that_loses_did_not(judged: Judged):
    won = judged("ce/10h")
    assert won.held
    assert won.passed
    assert "it has the lowest interval score, too (curve 0." in choice(won)
    lost = judged("ce/10h", errors=(0.03, 0.01, 0.02))
    assert not lost.held
    assert not lost.passed
    assert "the regression has a lower one" in choice(lost)
    assert "the choice did not hold, the curve loses to a baseline. A model that loses is no default." in choice(lost)
    known = judged("scaled-ce/10s", errors=(0.03, 0.01, 0.02))
    assert choice(known).endswith("is no default: since then the regression makes the plans for scaled-ce/10s.")
    other = judged("ce/10h", errors=(0.01, 0.03, 0.02), default="regression")
    assert other.passed
    assert "the curve has a lower one" in choice(other)
    assert "a baseline loses to the curve" in choice(other)


def test_twenty_four_cells_that_hold_can_not_tell_85_from_95_percent(judged: Judged):
    one = judged("ce/10h", missed=2)
    words = coverage_words(one)
    # Exact for 22 of 24: 73.0% to 99.0%, which holds 85% and 95%.
    assert "its 95% intervals held 22 of 24 cells (92%, exact 73% to 99%)." in words
    assert words.endswith("24 cells can't tell 85% from 95%: the exact interval holds both.")


def test_intervals_that_hold_too_seldom_are_said_to(judged: Judged):
    words = coverage_words(judged("ce/10h", missed=14))
    assert "95% intervals held 10 of 24 cells (42%, exact 22% to 63%, less often than they say)" in words
    assert "can't tell" not in words
    many = coverage_words(judged("ce/10h", cells=400))
    assert "95% intervals held 400 of 400 cells (100%, exact 99% to 100%, more often than they say)" in many


def test_the_summary_counts_the_metrics_on_which_the_choice_held(judged: Judged):
    kept = (judged("ce/10h"), judged("ce/10s", errors=(0.03, 0.01, 0.02), missed=12))
    assert sealed_summary(1, kept) == (
        "Plans on 24 sealed cells (readings so far: 1): the model chosen before has the lowest interval score on 1 of "
        "2 metrics (on ce/10s the regression has it), and its 95% intervals held 50% to 100% of the cells."
    )


def test_a_reading_comes_back_from_its_plain_values_as_it_was(judged: Judged):
    one = reading(judged("ce/10h", missed=3))
    again = Reading.from_dict(one.as_dict())
    assert again.as_dict() == one.as_dict()
    assert choice(again.judgements[0]) == choice(one.judgements[0])
    assert coverage_words(again.judgements[0]) == coverage_words(one.judgements[0])
    assert again.judgements[0].cells["curve"].to_numpy() == pytest.approx(one.judgements[0].cells["curve"], rel=1e-5)


def test_the_picture_says_which_model_it_shows_and_is_a_png(judged: Judged, tmp_path: Path):
    shown = predicted_picture([judged("ce/10h"), judged("scaled-ce/10s", default="regression")], simulated=True)
    assert shown.words.endswith("for ce/10h (curve); scaled-ce/10s (regression)")
    assert shown.png.startswith(b"\x89PNG")
