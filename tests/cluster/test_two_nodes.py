"""Jobs on a real cluster: a head with its dashboard and a second node, both on this machine."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cluster import jobs
from cluster.errors import ClusterError
from tests.rehearsal import rehearsal

pytestmark = pytest.mark.slow

# Runs two one-CPU tasks at a time, which only two nodes can hold; then waits to be stopped, and takes longer to save
# than the 3 s that Ray's own stop would leave it.
DRIVER = """
import sys, time
from pathlib import Path
from cluster.connection import connect
from cluster.preflight import shared_folder_check
from cluster.resources import check_fits, concurrency, trial_resources
from where import node

import ray

with connect("auto") as connection:
    check_fits(trial_resources())
    print("at once", concurrency(trial_resources()))
    print("shared", shared_folder_check(Path(sys.argv[1])).ok)
    used = set(ray.get([ray.remote(node).remote() for _ in range(4)]))
    print("all nodes used", used == set(connection.hosts), len(used), flush=True)
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        time.sleep(5)
        Path(sys.argv[1], "saved").touch()
        sys.exit(130)
"""
WHERE = """
import time
from cluster.resources import this_node

def node():
    time.sleep(1)
    return this_node()
"""


@pytest.fixture(scope="module")
def two_nodes():
    with rehearsal() as place:
        yield place


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What a job takes along: the toy driver and a copy of the package under test."""
    import shutil

    folder = tmp_path / "files"
    shutil.copytree(Path(jobs.__file__).parent, folder / "cluster", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "driver.py").write_text(DRIVER)
    (folder / "where.py").write_text(WHERE)
    return folder


def log_until(text: str, name: str, address: str) -> str:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        log = "".join(jobs.logs(name, address))
        if text in log or jobs.status(name, address).has_ended:
            return log
        time.sleep(1)
    raise AssertionError(f"'{text}' is not in the log: {log}")


def test_a_job_uses_both_nodes_may_save_when_stopped_and_can_be_submitted_again(two_nodes, files, tmp_path):
    address = two_nodes.dashboard
    submitted = jobs.submit(
        f"exec python driver.py {tmp_path}",
        submission_id="toy",
        working_dir=files,
        address=address,
        metadata={"sweep": "toy"},
    )
    assert submitted.submission_id == "toy"
    assert submitted.metadata["sweep"] == "toy"

    log = log_until("all nodes used", "toy", address)
    assert "at once 2" in log
    assert "shared True" in log
    assert "all nodes used True 2" in log
    assert jobs.status("toy", address).state == "RUNNING"

    with pytest.raises(ClusterError, match="toy is running at"):
        jobs.submit("true", submission_id="toy", working_dir=files, address=address)

    began = time.monotonic()
    stopped = jobs.stop("toy", address)
    took = time.monotonic() - began
    assert stopped.state == "STOPPED"
    # Told by a file, as the last lines of a log may come late; it waited until the driver had saved.
    told = f"stopped after {took:.1f} s, {stopped.message}: {''.join(jobs.logs('toy', address))}"
    assert (tmp_path / "saved").exists(), told
    assert took > 5
    assert jobs.stop("toy", address).state == "STOPPED"  # once more does no harm

    again = jobs.submit("echo first; sleep 2; echo last", submission_id="toy", working_dir=files, address=address)
    assert again.submission_id == "toy-2"
    followed = "".join(jobs.logs("toy", address, follow=True))
    assert "first\n" in followed
    assert followed.endswith("last\n")
    ended = jobs.wait("toy", address, timeout=30)
    assert (ended.submission_id, ended.state, ended.exit_code) == ("toy-2", "SUCCEEDED", 0)


def test_a_failed_job_tells_its_exit_code(two_nodes, files):
    jobs.submit("exit 3", submission_id="bad", working_dir=files, address=two_nodes.dashboard)
    ended = jobs.wait("bad", two_nodes.dashboard, timeout=60)
    assert (ended.state, ended.exit_code) == ("FAILED", 3)


def test_an_unknown_job_is_refused_with_the_known_ones(two_nodes):
    with pytest.raises(ClusterError, match=r"no job 'nothing' at .*; known: "):
        jobs.status("nothing", two_nodes.dashboard)


@pytest.mark.parametrize("credentials", [{"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_TOKEN": "wrong" * 12}])
def test_who_has_not_the_token_is_refused_by_the_dashboard_and_by_the_head(two_nodes, credentials):
    code = """
import sys
from cluster import jobs
from cluster.connection import connect
from cluster.errors import ClusterError
dashboard, head = sys.argv[1:]
try:
    jobs.status("toy", dashboard)
except ClusterError as error:
    print(error)
try:
    with connect(head):
        pass
except ClusterError as error:
    print(error)
"""
    asked = subprocess.run(
        [sys.executable, "-c", code, two_nodes.dashboard, two_nodes.address],
        env={**os.environ, **credentials},
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = asked.stdout.splitlines()
    assert len(lines) == 2, asked
    assert "refuses our token" in lines[0]
    assert "refuses our token" in lines[1]


def test_a_log_is_followed_while_it_is_written(two_nodes, files):
    jobs.submit(
        "for i in 1 2 3 4; do echo n=$i; sleep 1; done",
        submission_id="slow",
        working_dir=files,
        address=two_nodes.dashboard,
    )
    arrived: list[float] = []

    def read() -> None:
        for piece in jobs.logs("slow", two_nodes.dashboard, follow=True):
            arrived.extend([time.monotonic()] * sum(f"n={i}" in piece for i in range(1, 5)))

    reader = threading.Thread(target=read)  # as a notebook or a server would, beside something else
    reader.start()
    reader.join(60)
    assert not reader.is_alive()
    assert len(arrived) == 4
    assert arrived[-1] - arrived[0] > 1
