"""Jobs by name, and dashboards that are not there; a real cluster is in test_two_nodes.py."""

import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cluster import dashboard, jobs
from cluster.connection import _STOP_SIGNAL
from cluster.errors import ClusterError, one_line
from cluster.jobs import Job, next_submission_id, number, submissions


def job(name: str, state: str = "SUCCEEDED") -> Job:
    return Job(submission_id=name, state=state, message="", started=None, ended=None, exit_code=None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("q-12345678", 1),
        ("q-12345678-2", 2),
        ("q-12345678-10", 10),
        ("q-12345678-1", 0),  # never given out
        ("q-12345678-02", 0),
        ("q-12345678-x", 0),
        ("q-123456789", 0),
        ("xq-12345678", 0),
        ("q-1234567", 0),
    ],
)
def test_a_submission_is_the_sweeps_id_or_that_with_a_number(name, expected):
    assert number(name, "q-12345678") == expected


def test_a_name_is_taken_as_it_is_written_and_not_as_a_pattern():
    assert number("q.1-12345678", "q.1-12345678") == 1
    assert number("qx1-12345678-2", "q.1-12345678") == 0


def test_the_tenth_submission_comes_after_the_ninth():
    taken = [job("q-2"), job("q-10"), job("other"), job("q"), job("q-9")]
    assert [found.submission_id for found in submissions(taken, "q")] == ["q", "q-2", "q-9", "q-10"]


def test_a_sweep_submitted_again_gets_the_next_free_name():
    assert next_submission_id("q", []) == "q"
    assert next_submission_id("q", ["other-2"]) == "q"
    assert next_submission_id("q", ["q"]) == "q-2"
    assert next_submission_id("q", ["q", "q-2", "q-9"]) == "q-10"


@pytest.mark.parametrize(
    ("state", "ended"), [("PENDING", False), ("RUNNING", False), ("STOPPED", True), ("FAILED", True)]
)
def test_a_job_has_ended_when_it_will_do_nothing_more(state, ended):
    assert job("q", state).has_ended is ended


def test_a_stop_is_a_sigint_with_a_minute_to_save():
    assert jobs.STOP_GENTLY == {"RAY_JOB_STOP_SIGNAL": "SIGINT", "RAY_JOB_STOP_WAIT_TIME_S": "60"}


def test_the_names_of_the_stop_variables_are_those_that_ray_reads():
    import inspect

    from ray.dashboard.modules.job import job_supervisor

    source = inspect.getsource(job_supervisor)
    for name in jobs.STOP_GENTLY:
        assert f'"{name}"' in source
    assert _STOP_SIGNAL in jobs.STOP_GENTLY  # by which a driver knows that it is to hear SIGINT


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://head:8265", "http://head:8265"),
        ("http://head:8265/", "http://head:8265"),
        ("head:8265", "http://head:8265"),
        ("https://ray.example.org", "https://ray.example.org"),
    ],
)
def test_an_address_is_the_dashboards(given, expected):
    assert dashboard.checked_address(given) == expected


@pytest.mark.parametrize("address", ["ray://head:10001", "file:///x", "http://", ""])
def test_an_address_that_can_not_be_a_dashboards_is_refused(address):
    with pytest.raises(ClusterError, match="not a Ray dashboard's; allowed"):
        dashboard.checked_address(address)


def test_a_dashboard_that_is_not_there_is_refused_at_once():
    began = time.monotonic()
    with pytest.raises(ClusterError, match=r"no Ray dashboard answers at http://127\.0\.0\.1:1"):
        jobs.status("q", "127.0.0.1:1")
    assert time.monotonic() - began < 10


def test_a_dashboard_that_says_nothing_is_given_up_in_time(monkeypatch):
    assert dashboard._ANSWER_WITHIN_S < 10
    monkeypatch.setattr(dashboard, "_ANSWER_WITHIN_S", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(ClusterError, match="did not answer within"):
            jobs.status("q", f"http://127.0.0.1:{silent.getsockname()[1]}")


class Refusing(BaseHTTPRequestHandler):
    """A server that is no Ray dashboard."""

    def do_GET(self):
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"no")

    def log_message(self, *args):
        pass


@pytest.fixture
def refusing():
    """The address of a server that answers every request with a status, and a way to set which."""
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def with_status(status: int) -> str:
        server.status = status
        return f"http://127.0.0.1:{server.server_port}"

    yield with_status
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "message"), [(404, "refused"), (401, "refuses our token"), (500, "stopped answering: 500")]
)
def test_whatever_a_server_answers_the_error_is_one_line(refusing, status, message):
    with pytest.raises(ClusterError, match=message) as caught:
        jobs.status("q", refusing(status))
    assert "\n" not in str(caught.value)


def test_the_address_given_wins_over_rays_variables(refusing, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:1")
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:1")
    address = refusing(401)
    with pytest.raises(ClusterError, match=f"{address} refuses our token"):
        jobs.status("q", address)
    assert os.environ["RAY_ADDRESS"] == "http://127.0.0.1:1"


def test_an_error_of_many_lines_becomes_the_one_that_says_most():
    assert one_line(ValueError("what\nmore")) == "what"
    assert one_line(ValueError("\n  what \n")) == "what"
    assert (
        one_line(RuntimeError("500: Traceback (most recent call last):\n  File x\nValueError: taken\n."))
        == "ValueError: taken"
    )
    assert one_line(TimeoutError()) == "TimeoutError"
