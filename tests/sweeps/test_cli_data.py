"""`sweeps data`: tables for people, JSON alone for programs, refusals for the rest."""

import json

import pytest
from typer.testing import CliRunner

from softcore.errors import RequestError
from sweeps.cli_data import app


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_list_names_every_data_set_and_what_is_missing(tmp_path):
    rows = json.loads(run("list", "--data-root", tmp_path, "--json").stdout)
    assert {row["name"]: row["files"] for row in rows} == {
        "cifar10s": "6 of 6 missing: sweeps data fetch cifar10s",
        "digits": "embedded",
    }
    assert "embedded" in run("list", "--data-root", tmp_path).stdout


def test_describe_prints_the_card_and_as_json_nothing_else():
    assert "simulated" in run("describe", "digits").stdout
    card = json.loads(run("describe", "digits", "--json").stdout)
    assert card["people"] == 62


def test_verify_exits_with_1_where_a_file_is_missing(tmp_path):
    result = run("verify", "cifar10s", "--data-root", tmp_path, "--json")
    assert result.exit_code == 1
    assert {row["state"] for row in json.loads(result.stdout)} == {"missing"}
    assert run("verify", "digits").exit_code == 0


def test_own_data_is_nothing_to_fetch():
    with pytest.raises(RequestError, match="is your own data"):
        CliRunner().invoke(app, ["fetch", "pets.yaml"], catch_exceptions=False)


def test_fetch_says_what_failed_in_one_line_and_shows_no_table(tmp_path):
    address = (tmp_path / "nothing").as_uri()
    with pytest.raises(RequestError, match="can't be fetched"):
        CliRunner().invoke(
            app,
            ["fetch", "cifar10s", "--mirror", address, "--data-root", str(tmp_path)],
            catch_exceptions=False,
        )
