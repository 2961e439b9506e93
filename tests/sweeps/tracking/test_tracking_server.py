"""The address of a tracking server: its password is nowhere kept, and what asks whether it is there."""

import json
import logging
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from softcore.errors import RequestError
from sweeps.commands.app import ui_command
from sweeps.running.provenance import manifest
from sweeps.tracking.later import mirror_scores
from sweeps.tracking.mirror import Mirror
from sweeps.tracking.server import check_server, tracking_address

WITH_PASSWORD = "http://ada:s3cret@127.0.0.1:1"
CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PGPASSWORD")


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)


def test_a_password_reaches_no_manifest():
    spec, dataset = SimpleNamespace(dataset="digits"), SimpleNamespace(simulated=True, fingerprints={})
    written = json.dumps(manifest(spec, dataset, Path(), WITH_PASSWORD))
    assert "s3cret" not in written
    assert json.loads(written)["tracking_uri"] == "http://ada:***@127.0.0.1:1"


def test_a_password_reaches_no_line_and_no_warning(caplog):
    broken = SimpleNamespace(id="q", store=SimpleNamespace(resolved=dict))
    with pytest.raises(RequestError) as refused:
        check_server(WITH_PASSWORD)
    mirror = Mirror(broken, "postgresql://ada:s3cret@db/runs")
    mirror.thread.start()
    with caplog.at_level(logging.WARNING):
        mirror.finish(complete=False)
    assert "misses part" in caplog.text
    said = [str(refused.value), caplog.text, mirror_scores(broken, WITH_PASSWORD, "x", {})]
    for line in [*said, ui_command(Path(), WITH_PASSWORD)]:
        assert "s3cret" not in line
        assert "***" in line


@pytest.mark.parametrize(
    ("kept", "variables", "expected"),
    [
        (None, {}, None),
        ("http://mlflow:5000", {}, "http://mlflow:5000"),
        ("http://ada:***@mlflow:5000", CREDENTIALS[:2], "http://mlflow:5000"),
        ("postgresql://ada:***@db/runs", ["PGPASSWORD"], "postgresql://ada@db/runs"),
    ],
)
def test_what_resume_finds_is_enough_with_the_users_own_variables(kept, variables, expected, monkeypatch):
    for name in variables:
        monkeypatch.setenv(name, "s3cret")
    assert tracking_address(None, kept) == expected
    assert tracking_address(WITH_PASSWORD, kept) == WITH_PASSWORD


@pytest.mark.parametrize("kept", ["http://ada:***@mlflow", "postgresql://ada:***@db/runs", "mysql://db/x?password=***"])
def test_a_password_that_was_not_kept_is_asked_for(kept):
    with pytest.raises(RequestError, match=r"was not kept: give --tracking-uri with it again, or set"):
        tracking_address(None, kept)


class Answering(BaseHTTPRequestHandler):
    """A server that answers all alike, and keeps what it was sent."""

    def do_GET(self):
        self.server.sent.append((self.path, self.headers.get("Authorization")))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.text)

    def log_message(self, *given):
        pass


@pytest.fixture
def server():
    """Its `status` and `text` may be set; `sent` are the paths and credentials that came."""
    with HTTPServer(("127.0.0.1", 0), Answering) as found:
        found.status, found.text, found.sent = 200, b"", []
        found.address = f"http://127.0.0.1:{found.server_address[1]}/prefix"
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [200, 204, 401, 403, 404, 500])
def test_any_answer_means_that_somebody_is_there(server, status, caplog):
    server.status = status
    check_server(server.address)
    assert server.sent[0][0] == "/prefix/health"
    assert ("set MLFLOW_TRACKING_USERNAME" in caplog.text) is (status in (401, 403))


def test_a_server_that_was_not_told_its_name_is_refused(server):
    server.status, server.text = 403, b"Invalid Host header - possible DNS rebinding attack detected"
    with pytest.raises(RequestError, match="--allowed-hosts naming this host"):
        check_server(server.address)


def test_it_is_asked_with_the_credentials_that_mlflows_client_sends(server, monkeypatch, tmp_path):
    (tmp_path / ".mlflow").mkdir()
    expected = []
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    check_server(server.address)
    expected.append("Bearer t0ken")
    (tmp_path / ".mlflow" / "credentials").write_text(
        "[mlflow]\nmlflow_tracking_username = ada\nmlflow_tracking_password = from-file\n"
    )
    check_server(server.address)
    expected.append(f"Basic {b64encode(b'ada:from-file').decode()}")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "given")
    check_server(server.address)
    expected.append(f"Basic {b64encode(b'ada:given').decode()}")
    assert [credentials for _, credentials in server.sent] == expected


def test_a_certificate_that_is_not_trusted_is_refused_with_the_way_out(monkeypatch):
    import requests

    def refuse(*given, **more):
        assert more["verify"] == "/etc/own.pem"
        raise requests.exceptions.SSLError("certificate verify failed")

    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/etc/own.pem")
    monkeypatch.setattr(requests, "get", refuse)
    with pytest.raises(RequestError, match="certificate verify failed; MLFLOW_TRACKING_SERVER_CERT_PATH names yours"):
        check_server("https://mlflow.example")
