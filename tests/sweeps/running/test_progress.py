"""The line of progress: in place on a terminal, now and then in a log file."""

import io

import pytest

from sweeps.running.progress import EVERY, Progress, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_log_file_gets_a_whole_line_now_and_then(clock):
    log = io.StringIO()
    progress = Progress(4, stream=log, clock=clock)
    for name in "abc":
        progress.trial_started()
        clock.now += 1
        progress.trial_ended(name, True)
    assert log.getvalue().splitlines() == ["0/4 done, 1 running, time left unknown yet"]
    clock.now += EVERY
    progress.trial_started()
    progress.end()
    lines = log.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[-1].startswith("3/4 done, 0 running")
    assert "\r" not in log.getvalue()
    assert "\x1b" not in log.getvalue()


def test_a_terminal_gets_one_line_that_is_rewritten(clock):
    terminal = Terminal()
    progress = Progress(2, stream=terminal, clock=clock)
    progress.trial_started()
    progress.trial_ended("a", True)
    assert "\n" not in terminal.getvalue()
    progress.end()
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().endswith("1/2 done, 0 running, about 0 s left\n")


def test_the_time_left_is_that_of_the_rest_at_the_pace_seen(clock):
    # Two of five trials in 60 s: three more take 90.
    progress = Progress(5, stream=io.StringIO(), clock=clock)
    clock.now += 60
    for name in "ab":
        progress.trial_started()
        progress.trial_ended(name, True)
    assert progress.left() == pytest.approx(90)


def test_epochs_of_running_trials_count_towards_the_pace(clock):
    # A half and a half of a trial in 30 s are one: three more take 90.
    progress = Progress(4, stream=io.StringIO(), clock=clock)
    clock.now += 30
    progress.trial_advanced("a", 0.5)
    progress.trial_advanced("b", 0.5)
    assert progress.left() == pytest.approx(90)


def test_trials_of_an_earlier_run_are_done_but_say_nothing_of_the_pace(clock):
    # Ten were done before; one of the other ten took 20 s: nine more take 180.
    progress = Progress(20, done=10, stream=io.StringIO(), clock=clock)
    assert progress.left() is None
    clock.now += 20
    progress.trial_ended("a", True)
    assert progress.line() == "11/20 done, 0 running, about 3 min left"


def test_a_failed_trial_is_counted_apart(clock):
    progress = Progress(3, stream=io.StringIO(), clock=clock)
    progress.trial_started()
    clock.now += 5
    progress.trial_ended("a", False)
    assert progress.line() == "0/3 done, 1 failed, 0 running, about 10 s left"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (7500, "2 h 05 min")]
)
def test_durations_are_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_stream_that_has_gone_away_stops_nothing(clock):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    progress = Progress(1, stream=Gone(), clock=clock)
    progress.trial_started()
    progress.trial_ended("a", True)
    progress.end()
    assert progress.done == 1
