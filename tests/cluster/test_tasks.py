"""Many short tasks on a cluster: each once, failures and deaths told, the rest unharmed."""

import os

import pytest

from cluster.connection import connect
from cluster.tasks import run_tasks

pytestmark = pytest.mark.slow


@pytest.fixture
def square_or_fail():
    """A function that travels by value, as workers don't find this file."""

    def square_or_fail(task, shared):
        if task == "die":
            os._exit(1)
        if task == "fail":
            raise ValueError(f"no {task} of {shared}")
        return task * task + shared

    return square_or_fail


@pytest.fixture(scope="module")
def one_core():
    with connect(None, 1):
        yield {"cpu": 1}


def test_every_task_ends_once_with_its_result(one_core, square_or_fail):
    ended = sorted(run_tasks(square_or_fail, range(7), 10, resources=one_core))
    assert ended == [(k, k * k + 10, "") for k in range(7)]


def test_a_task_that_fails_or_dies_spoils_no_other(one_core, square_or_fail):
    found = run_tasks(square_or_fail, [2, "fail", "die", 3], 1, resources=one_core)
    ended = {place: (result, reason) for place, result, reason in found}
    assert ended[0] == (5, "")
    assert ended[3] == (10, "")
    assert ended[1] == (None, "no fail of 1")
    assert ended[2][0] is None
    assert "died more than 3 times" in ended[2][1]


def test_no_task_is_no_work(one_core, square_or_fail):
    assert list(run_tasks(square_or_fail, [], None, resources=one_core)) == []
