"""A private Ray that nobody else reaches, and clusters that are not there."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

from cluster import connection
from cluster.connection import GIB, connect, default_object_store, ensure_token
from cluster.errors import ClusterError


@pytest.mark.slow
def test_a_second_private_ray_starts_after_the_first_has_ended_and_leaves_the_process_as_it_was():
    # In a process of its own: this one's Ray serves the other tests.
    code = """
import os, signal, ray
from cluster.connection import connect
handler, before = signal.getsignal(signal.SIGTERM), {k: v for k, v in os.environ.items() if k.startswith("RAY_")}
for cpus in (1, 2):
    with connect(cpus=cpus, object_store_memory=100 * 2**20) as connection:
        assert connection.cpus == cpus
        assert ray.get(ray.remote(lambda: 5).remote()) == 5
    assert not ray.is_initialized()
assert signal.getsignal(signal.SIGTERM) == handler
assert {k: v for k, v in os.environ.items() if k.startswith("RAY_")} == before
print("well")
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert ended.stdout.strip() == "well", ended.stderr
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "does not answer"),
        ("nowhere.invalid:6379", "does not answer"),
        ("http://127.0.0.1:8265", "is for `sweeps submit --address`"),
        ("ray://127.0.0.1:10001", "can't be joined"),
        ("nonsense", "Invalid address"),
        ("local", "names no cluster"),
    ],
)
def test_a_cluster_that_is_not_there_is_refused_at_once(address, message):
    began = time.monotonic()
    with pytest.raises(ClusterError, match=message) as caught, connect(address):
        pass
    assert time.monotonic() - began < 10
    assert "\n" not in str(caught.value)


def test_a_port_that_accepts_and_then_says_nothing_is_given_up_in_time(monkeypatch):
    assert connection._ANSWER_WITHIN_S < 8  # leaves two of the ten seconds for the rest
    monkeypatch.setattr(connection, "_ANSWER_WITHIN_S", 1)
    with socket.socket() as silent:
        silent.bind(("", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ClusterError, match="deadline_exceeded"), connect(address):
            pass


def test_cpus_of_a_cluster_are_not_ours_to_choose():
    with pytest.raises(ClusterError, match="has its own"), connect("127.0.0.1:1", cpus=2):
        pass


def test_a_private_ray_of_no_cpus_is_refused():
    with pytest.raises(ClusterError, match="CPUs: 0; must be at least 1"), connect(cpus=0):
        pass


def test_the_object_store_is_a_tenth_of_the_memory_within_half_a_gib_and_one_and_within_dev_shm():
    assert default_object_store(4 * GIB, 64 * GIB) == GIB // 2  # a tenth would be 0.4
    assert default_object_store(8 * GIB, 64 * GIB) == 8 * GIB // 10
    assert default_object_store(256 * GIB, 64 * GIB) == GIB
    assert default_object_store(16 * GIB, 64 * 2**20) == 64 * 2**20 * 8 // 10  # a container's 64 MB


def test_a_token_is_made_for_its_owner_only_and_never_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    ensure_token()
    path = tmp_path / ".ray" / "auth_token"
    token = path.read_text()
    assert len(token) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ensure_token()
    assert path.read_text() == token


def test_no_token_is_made_where_tokens_are_off_or_come_from_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    ensure_token()
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "elsewhere"))
    ensure_token()
    assert list(tmp_path.iterdir()) == []


def test_the_signals_of_this_process_are_its_own_while_nothing_is_connected():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ClusterError), connect("127.0.0.1:1"):
        pass
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(("stopped_by", "heard"), [("SIGINT", True), ("SIGTERM", False), (None, False)])
def test_a_job_hears_its_stop_though_its_cluster_was_started_in_a_scripts_background(stopped_by, heard):
    # Where the shell of a script put `ray start &` in the background, all its processes are born with SIGINT ignored.
    code = """
import os, signal
from cluster.connection import _signals_kept
assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
saved = False
with _signals_kept():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        saved = True
assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
print(saved)
"""
    kept = {name: value for name, value in os.environ.items() if name != "RAY_JOB_STOP_SIGNAL"}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=kept | ({"RAY_JOB_STOP_SIGNAL": stopped_by} if stopped_by else {}),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout.strip() == str(heard), ended.stderr
