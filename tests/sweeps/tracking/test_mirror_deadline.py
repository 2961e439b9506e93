"""A tracking server that accepts and never answers holds no sweep up."""

import signal
import threading
import time
from types import SimpleNamespace

import pytest

from sweeps.tracking import mirror as mirroring
from sweeps.tracking.mirror import Mirror


@pytest.fixture
def hanging(monkeypatch):
    """A mirror whose server hangs as soon as it is opened, until the test has ended."""
    ended = threading.Event()

    def hang(*given):
        ended.wait(60)
        raise ConnectionError("nobody answered")

    monkeypatch.setattr(mirroring, "Runs", hang)
    store = SimpleNamespace(resolved=lambda: {"cells": []})
    mirror = Mirror(SimpleNamespace(id="q-12345678", store=store, trials=list), "http://ada:s3cret@mlflow")
    yield mirror
    ended.set()


@pytest.mark.parametrize(("complete", "limit"), [(True, "WITHIN_S"), (False, "INTERRUPTED_WITHIN_S")])
def test_the_end_of_a_sweep_waits_for_a_stated_time_and_names_the_way_out(
    hanging, monkeypatch, caplog, complete, limit
):
    assert mirroring.WITHIN_S <= 30
    assert mirroring.INTERRUPTED_WITHIN_S < 10
    monkeypatch.setattr(mirroring, limit, 0.2)
    begun = time.monotonic()
    with hanging:
        hanging.finish(complete)
    assert time.monotonic() - begun < 3
    (warning,) = caplog.messages
    assert "`sweeps mirror q-12345678` brings the rest" in warning
    assert "s3cret" not in warning


def test_an_error_in_the_sweep_does_not_wait_twice(hanging, monkeypatch):
    monkeypatch.setattr(mirroring, "INTERRUPTED_WITHIN_S", 0.2)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), hanging:
        raise KeyboardInterrupt
    assert time.monotonic() - begun < 3


def test_ctrl_c_ends_the_wait_at_once(hanging):
    begun = time.monotonic()
    threading.Timer(0.3, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt), hanging:
        hanging.finish(complete=True)
    assert time.monotonic() - begun < 5


def test_what_waits_in_the_queue_is_not_tried_one_by_one_once_the_sweep_has_ended(monkeypatch):
    tried = []
    monkeypatch.setattr(
        mirroring, "Runs", lambda *given: time.sleep(0.3) or SimpleNamespace(end_open=tried.append, database="sqlite")
    )
    monkeypatch.setattr(Mirror, "_trial", lambda self, entry: tried.append(entry))
    store = SimpleNamespace(resolved=lambda: {"cells": []}, finished=dict, last_events=dict)
    mirror = Mirror(SimpleNamespace(id="q", store=store, trials=list), "http://mlflow")
    with mirror:
        for number in range(5):
            mirror.waiting.put({"cell": "c", "trial": number})
        mirror.finish(complete=True)
    assert tried == ["FINISHED"]
