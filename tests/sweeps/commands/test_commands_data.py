"""`sweeps data`: tables for people, JSON alone for programs, refusals for the rest."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from softcore.data import fetch
from softcore.data.hmix import INFERENCE_COLUMNS, MixedImages
from softcore.data.records import Answer, records_table
from softcore.datasets import DATASETS, load
from softcore.errors import RequestError
from sweeps.commands.data import app


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_list_names_every_data_set_and_what_is_missing(tmp_path):
    rows = json.loads(run("list", "--data-root", tmp_path, "--json").stdout)
    assert {row["name"]: row["files"] for row in rows} == {
        "cifar10s": "6 of 6 missing: sweeps data fetch cifar10s",
        "hmix": "8 of 8 missing: sweeps data fetch hmix",
        "digits": "embedded",
    }
    assert "embedded" in run("list", "--data-root", tmp_path).stdout


def test_describe_prints_the_card_and_as_json_nothing_else():
    assert "simulated" in run("describe", "digits").stdout
    card = json.loads(run("describe", "digits", "--json").stdout)
    assert card["people"] == 62


def test_describe_prints_mixed_images_in_tables_of_their_own(monkeypatch):
    rows = [(i, person, 0.4 + 0.2 * i, 0.5, 8.0, 1 + i, False) for i in (0, 1) for person in ("ann", "bob")]
    answers = [
        Answer(annotator=person, item=item, top1=item + k, p1=0.8 - 0.1 * item)
        for item in (0, 1)
        for k, person in enumerate(("ann", "bob"))
    ]
    records, odd = records_table(answers)
    mixed = MixedImages(
        names=("mixed_0.25_Ant_0_Bee_1.png", "mixed_0.5_Ant_0_Bee_1.png"),
        endpoints=np.array([[0, 1], [0, 1]]),
        coefficients=np.array([0.25, 0.5]),
        inferences=pd.DataFrame(rows, columns=list(INFERENCE_COLUMNS)).astype(INFERENCE_COLUMNS),
        records=records,
        odd_rows={"stored-twice": 3, "both-at-50": 0, **odd},
    )
    with_mixed = replace(load("digits"), mixed=mixed)
    monkeypatch.setitem(DATASETS, "digits", lambda root: with_mixed)
    shown = " ".join(run("describe", "digits").stdout.replace("│", " ").split())
    assert "stored-twice 3 a page of inferences stored twice" in shown
    assert "0.25 1 2 0.400 0.400 0.400" in shown  # images, answers, quartiles and median
    assert "95% over people (2) and images (2)" in shown
    card = json.loads(run("describe", "digits", "--json").stdout)["mixed"]
    assert card["soft_labels"]["mass_off_the_endpoints"]["n"] == 4


def test_verify_exits_with_1_where_a_file_is_missing(tmp_path):
    result = run("verify", "cifar10s", "--data-root", tmp_path, "--json")
    assert result.exit_code == 1
    assert {row["state"] for row in json.loads(result.stdout)} == {"missing"}
    assert run("verify", "digits").exit_code == 0


def test_fetch_says_on_what_terms_the_files_are_published(tmp_path, monkeypatch):
    found = [fetch.FileState(file="a.npy", state="there", detail="left as it is", licence="CC BY 4.0; cite A 2020")]
    monkeypatch.setattr(fetch, "fetch", lambda *_, **__: found)
    (row,) = json.loads(run("fetch", "cifar10s", "--data-root", tmp_path, "--json").stdout)
    assert row["licence"] == "CC BY 4.0; cite A 2020"
    assert "CC BY 4.0; cite A 2020" in run("fetch", "cifar10s", "--data-root", tmp_path).stdout


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
