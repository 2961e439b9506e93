"""The address of a tracking server: its password is nowhere kept, and what asks whether it is there."""

import json
import logging
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
