"""Ray that dies under a process is noticed and said."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cluster import watch
from cluster.connection import Connection
from cluster.watch import watched

PROGRAM = """
import time
from functools import partial
from types import SimpleNamespace
from cluster.connection import connect
from sweeps.running.runner import _end_without_ray
from cluster.watch import watched
with connect(cpus=1) as connection, watched(connection, partial(_end_without_ray, SimpleNamespace(id="q-1"))):
    from ray._private.worker import _global_node as node
    pids = {kind: found[0].process.pid for kind, found in node.all_processes.items()}
    print(*(f"{kind}={pid}" for kind, pid in pids.items()), flush=True)
    time.sleep(60)
"""


def joined(address):
    return Connection(address=address, private=False, nodes=(), ray_version="0")


def test_a_head_that_takes_no_connection_is_said_once(monkeypatch):
    monkeypatch.setattr(watch, "POLL_HEAD_S", 0.02)
    monkeypatch.setattr(watch, "SILENT_S", 0.2)
    said, came = [], threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        with watched(joined(address), lambda what: (said.append(what), came.set())):
            assert not came.wait(0.5)
            head.close()
            assert came.wait(5)
    assert said == [f"the head at {address} is gone"]


def test_nothing_is_said_once_the_block_has_ended(monkeypatch):
    monkeypatch.setattr(watch, "POLL_HEAD_S", 0.02)
    monkeypatch.setattr(watch, "SILENT_S", 0.1)
    said = []
    with watched(joined("127.0.0.1:1"), said.append):
        pass
    assert not threading.Event().wait(0.4)
    assert said == []


def runs(pid: str) -> bool:
    """Whether the process is there and no zombie that its parent left."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["raylet", "gcs_server"])
def test_a_killed_process_of_rays_is_a_line_and_exit_code_3(kind):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        pids = dict(pair.split("=") for pair in process.stdout.readline().split())
        os.kill(int(pids[kind]), signal.SIGKILL)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 3
    assert f"Ray died (its process {kind} ended with -9)" in said
    assert "`sweeps resume q-1` goes on" in said
    for pid in pids.values():
        assert not runs(pid)
