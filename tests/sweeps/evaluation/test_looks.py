"""Looks at a test set: counted once each, kept for good, whoever looks."""

import json
from multiprocessing import get_context

import pytest

from sweeps.evaluation.looks import LOOKS, count_look, looks


def test_each_new_question_is_a_look_and_the_same_one_is_not(tmp_path):
    assert count_look(tmp_path, "grid", "10h", ["a"], [0.5]).words == "look 1 at 10h in study grid"
    assert count_look(tmp_path, "grid", "10h", ["b"], [0.5]).number == 2
    again = count_look(tmp_path, "grid", "10h", ["a"], [0.5])
    assert (again.number, again.before) == (1, True)
    assert "asked before" in again.words
    assert len((tmp_path / LOOKS).read_text().splitlines()) == 2


def test_the_same_question_with_another_answer_is_another_look(tmp_path):
    count_look(tmp_path, "grid", "10h", ["a"], [0.5])
    assert count_look(tmp_path, "grid", "10h", ["a"], [0.6]).number == 2
    assert count_look(tmp_path, "grid", "10h", ["a"], [0.5 + 1e-12]).number == 1  # rounding is no answer


def test_studies_and_test_sets_are_counted_apart(tmp_path):
    count_look(tmp_path, "grid", "10h", ["a"], [0.5])
    assert count_look(tmp_path, "grid", "10s", ["a"], [0.5]).number == 1
    assert count_look(tmp_path, "other", "10h", ["a"], [0.5]).number == 1


def test_half_a_line_of_a_killed_process_costs_nothing_else(tmp_path):
    count_look(tmp_path, "grid", "10h", ["a"], [0.5])
    with (tmp_path / LOOKS).open("a") as file:
        file.write('{"study": "gr')
    assert count_look(tmp_path, "grid", "10h", ["b"], [0.5]).number == 2
    assert count_look(tmp_path, "grid", "10h", ["c"], [0.5]).number == 3
    assert len(looks(tmp_path)["grid", "10h"]) == 3


def _look(where):
    folder, number = where
    count_look(folder, "grid", "10h", [number], [0.5])


def test_processes_that_look_at_once_lose_no_look(tmp_path):
    with get_context("fork").Pool(4) as pool:
        pool.map(_look, [(tmp_path, number) for number in range(40)])
    assert len(looks(tmp_path)["grid", "10h"]) == 40
    for line in (tmp_path / LOOKS).read_text().splitlines():
        assert json.loads(line)["test_set"] == "10h"


def test_a_look_that_can_not_be_written_down_says_so(tmp_path):
    look = count_look(tmp_path / "not" / "there", "grid", "10h", ["a"], [0.5])
    assert not look.counted
    assert "NOT COUNTED" in look.words


@pytest.mark.parametrize("answer", [[float("nan")], {"a": None}, [1]])
def test_answers_of_any_plain_kind_are_taken(tmp_path, answer):
    count_look(tmp_path, "grid", "10h", ["a"], answer)
    assert count_look(tmp_path, "grid", "10h", ["a"], answer).before
