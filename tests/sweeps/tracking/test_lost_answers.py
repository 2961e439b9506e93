"""A proxy that loses a real MLflow server's answers after it has acted leaves no double and nothing RUNNING."""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress

import pytest

from sweeps.tracking.again import mirror_again
from sweeps.tracking.runs import KEY, Runs
from tests.sweeps.tracking.test_mirror_again import check_equal, digits, runs_of, sweep  # noqa: F401

pytestmark = pytest.mark.slow


class LosingProxy:
    """Passes connections on to a port of this machine; loses the answer to every `each`-th call that makes a run."""

    def __init__(self, port, each):
        self.port, self.each, self.asked, self.lost = port, each, 0, 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            ours, _ = self.listening.accept()
            threading.Thread(target=self.pass_on, args=(ours,), daemon=True).start()

    def pass_on(self, ours):
        with suppress(OSError), ours, socket.create_connection(("127.0.0.1", self.port)) as theirs:
            asked = b""
            while b"\r\n\r\n" not in asked:
                asked += ours.recv(65536)
            head, _, body = asked.partition(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
            length = next(
                (int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")), 0
            )
            while len(body) < length:
                body += ours.recv(65536)
            theirs.sendall(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
            answer = b""
            while part := theirs.recv(65536):
                answer += part
            if b"/runs/create" in lines[0]:
                self.asked += 1
                if self.asked % self.each == 0:
                    self.lost += 1
                    return
            ours.sendall(answer)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The port of an MLflow server of our own."""
    folder = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    where = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")]
    command = [sys.executable, "-m", "mlflow", "server", *where, "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
            break
        time.sleep(0.5)
    yield port
    os.killpg(process.pid, 15)
    process.wait(30)


@pytest.mark.parametrize("each", [1, 2, 3])
def test_lost_answers_leave_one_run_a_key_and_none_running(sweep, server, each):  # noqa: F811
    proxy = LosingProxy(server, each)
    told = mirror_again(sweep, proxy.address)
    assert proxy.lost >= 7 // each - 1 > 0
    assert told.removed == ()  # not made and then removed, but never made twice
    check_equal(sweep, f"http://127.0.0.1:{server}")


def test_doubles_of_an_earlier_mirror_are_removed_over_http(sweep, server):  # noqa: F811
    uri = f"http://127.0.0.1:{server}"
    mirror_again(sweep, uri)
    runs = Runs(sweep, uri)
    key = f"trial/{sweep.trials()[0].id}"
    double = runs.client.create_run(runs.experiment, tags={KEY: key, "sweeps.sweep": sweep.id}).info.run_id
    assert mirror_again(sweep, uri).removed == (key,)
    assert runs.client.get_run(double).info.lifecycle_stage == "deleted"
    assert key in runs_of(sweep, uri)
