"""A trial keeps its learning curve beside what it always kept, and nothing of that changes."""

import json

import numpy as np
import pytest

from softcore.datasets import load
from softcore.scoring.metrics import accuracy, cross_entropy
from sweeps.running.curve import COLUMNS, CURVE, read_curve, write_curve
from sweeps.running.store import Store
from sweeps.running.trial import Material, run_trial
from sweeps.spec.cells import trials
from sweeps.spec.spec import resolve


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def run(digits, tmp_path_factory):
    """Runs a trial of three epochs whose curve has a point every so many; gives its folder."""

    def run(every, **axes):
        block = {"variety": "hard", "items": 100, "rest": "none", "epochs": 3, **axes}
        (asked,) = trials(resolve({"name": "x", "dataset": "digits", "blocks": [block]}), digits)
        folder = tmp_path_factory.mktemp("sweep") / "trials"
        run_trial(asked, Material(dataset=digits, curve_every=every), folder)
        return folder / asked.id

    return run


@pytest.fixture(scope="module")
def every_epoch(run):
    return run(1)


def digests(folder):
    return json.loads((folder / "trial.json").read_text())["sha256"]


def test_a_curve_has_a_row_an_epoch(every_epoch, digits):
    rows = read_curve(every_epoch / CURVE)
    assert [list(row) for row in rows] == [list(COLUMNS)] * 3
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert {row["validation_images"] for row in rows} == {len(digits.validation_items)}
    assert rows[-1]["training_loss"] < rows[0]["training_loss"]
    assert rows[-1]["learning_rate"] < rows[0]["learning_rate"]  # one cycle ends at next to nothing


def test_a_curve_ends_in_the_scores_of_the_trial(every_epoch, digits):
    # All of digits' validation images are on the curve; but for weights rounded to what is stored they are the same.
    last = read_curve(every_epoch / CURVE)[-1]
    result = json.loads((every_epoch / "trial.json").read_text())["result"]
    with np.load(every_epoch / "predictions.npz") as stored:
        found = stored["validation/clean"]
    hard = np.eye(10)[digits.labels[digits.validation_items]]
    assert last["ce"] == pytest.approx(result["ce/validation"], rel=0.01)
    assert last["accuracy"] == pytest.approx(accuracy(found, hard), abs=0.01)
    assert last["scaled-ce"] == pytest.approx(cross_entropy(found / result["temperature"], hard), rel=0.01)


def test_every_other_epoch_and_the_last_or_none_with_the_same_bytes_of_all_else(run, every_epoch):
    every_other, none = run(2), run(0)
    rows = read_curve(every_epoch / CURVE)
    assert read_curve(every_other / CURVE) == rows[1:]
    assert not (none / CURVE).exists()
    assert digests(every_other) == digests(none) == digests(every_epoch)
    store = Store(none.parent.parent)
    assert store.curve(none.name) == []
    assert Store(every_epoch.parent.parent).curve(every_epoch.name) == rows


def test_with_early_stopping_a_curve_shows_every_epoch_and_not_the_kept_one_again(run):
    poor = {"schedule": "step", "learning_rate": 1.0}
    rows, stopped = run(1, **poor), run(1, **poor, early_stopping="validation-loss")
    assert json.loads((stopped / "trial.json").read_text())["kept_epoch"] == 1
    assert read_curve(stopped / CURVE) == read_curve(rows / CURVE)


def test_what_is_absent_is_an_empty_cell(tmp_path):
    write_curve(tmp_path / CURVE, [[1, 0.5, 0.1, 50, 0.25, float("nan"), 1.0]])
    assert (tmp_path / CURVE).read_text() == f"{','.join(COLUMNS)}\n1,0.5,0.1,50,0.25,,1.0\n"
    assert "scaled-ce" not in read_curve(tmp_path / CURVE)[0]
