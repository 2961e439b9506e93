"""Whatever chooses between trials sees validation images only: spoilt test columns change no choice."""

import ast
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

import sweeps.drive
from softcore.datasets import load
from softcore.evaluate import validation_loss
from softcore.training.models import make_model
from sweeps.results.table import for_choosing, metric_columns
from sweeps.spec.cells import cells
from sweeps.spec.spec import resolve
from sweeps.spec.tune import METRIC, VALUES, choose, tuning_spec

ROOT = Path(__file__).parents[2]
SPEC = {"name": "x", "dataset": "digits", "seeds": 2, "blocks": [{"variety": "t2-clamp"}]}
# Functions called choose_... that choose no trial.
CHOOSE_NO_TRIAL = {
    "softcore/data/cifar10s.py:choose_validation": "which images are validation images",
    "sweeps/planning/checks.py:choose_model": "which model predicts best what was measured of left-out cells",
}
CHOOSE_TRIALS = {"sweeps/spec/tune.py:choose"}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def tuning(digits):
    """The parts of a spec that are tuned, and results of all their trials with made-up test columns."""
    _, parts = tuning_spec(resolve(SPEC, scale="tiny"), "gamma", digits)
    rng = np.random.default_rng(5)
    rows = [
        {"cell": cell.id, "status": "done", "gamma": cell.axes["gamma"], METRIC: rng.random()}
        | {f"{metric}/{test}": rng.random() for metric in ("ce", "accuracy") for test in ("crowd", "pages")}
        for cell in cells(parts[1], digits)
    ]
    return pd.DataFrame(rows), parts


def by_validation(results, parts, dataset):
    """The product's chooser."""
    return choose(results, "gamma", parts, dataset)[0].value


def by_test(results, parts, dataset):
    """A chooser that reads a test column."""
    return float(results.loc[results["ce/crowd"].idxmin(), "gamma"])


def by_test_if_it_is_there(results, parts, dataset):
    """One that hides it."""
    column = "ce/crowd" if "ce/crowd" in results else METRIC
    return float(results.loc[results[column].idxmin(), "gamma"])


def spoilt(results):
    """The same results with test columns gone, missing, and turned round so that each value is once the best."""
    tests = [name for name in metric_columns(results) if not name.endswith("/validation")]
    yield results.drop(columns=tests)
    yield results.assign(**dict.fromkeys(tests, np.nan))
    for best in range(len(results)):
        order = np.roll(np.arange(len(results), dtype=float), best)
        yield results.assign(**dict.fromkeys(tests, order))


def reads_tests(chooser, results, parts, dataset):
    """Whether spoilt test columns change what `chooser` chooses, or stop it."""
    first = chooser(results, parts, dataset)
    try:
        return any(chooser(table, parts, dataset) != first for table in spoilt(results))
    except KeyError:
        return True


def test_tuning_chooses_the_same_whatever_stands_in_test_columns(tuning, digits):
    results, parts = tuning
    assert not reads_tests(by_validation, results, parts, digits)
    assert by_validation(results, parts, digits) == results.loc[results[METRIC].idxmin(), "gamma"]


@pytest.mark.parametrize("planted", [by_test, by_test_if_it_is_there])
def test_a_planted_chooser_that_reads_a_test_column_is_found(tuning, digits, planted):
    assert reads_tests(planted, *tuning, digits)


def test_a_run_hands_its_chooser_no_test_column(tuning, monkeypatch, tmp_path):
    results, _ = tuning
    seen = {}

    class Stop(Exception):
        """Nothing is to be run after the choice."""

    def chooser(table, axis, parts, dataset):
        seen["columns"] = list(table.columns)
        raise Stop

    run = sweeps.drive.run
    monkeypatch.setattr(sweeps.drive, "run", lambda *_, **__: SimpleNamespace(results=lambda: results))
    monkeypatch.setattr(sweeps.drive, "choose", chooser)
    with pytest.raises(Stop):
        run(SPEC, out=tmp_path, tune="gamma")
    assert METRIC in seen["columns"]
    assert not [name for name in seen["columns"] if name.endswith(("/crowd", "/pages"))]


def test_what_a_choice_may_read_keeps_axes_costs_and_validation(tuning):
    results, _ = tuning
    table = results.assign(label_usd=1.0, **{"answers/click": 3})
    assert list(for_choosing(table).columns) == ["cell", "status", "gamma", METRIC, "label_usd", "answers/click"]


def test_early_stopping_sees_no_test_image_nor_label(digits):
    # Test images, their labels and their people's labels are spoilt: the loss that epochs are chosen by stays.
    tests = np.concatenate([test.items for test in digits.fixed_tests.values()])
    images, labels, counts = digits.images.copy(), digits.labels.copy(), digits.counts.copy()
    images[tests], labels[tests], counts[tests] = 255, 0, 0
    other = replace(digits, images=images, labels=labels, counts=counts, fixed_tests={})
    torch.manual_seed(0)
    model = make_model("cnn", torch.from_numpy(digits.images[:8].transpose(0, 3, 1, 2)).float(), 10, 0)
    assert validation_loss(model, other.images, other) == validation_loss(model, digits.images, digits)
    worse = replace(digits, labels=np.roll(digits.labels, 1))
    assert validation_loss(model, worse.images, worse) != validation_loss(model, digits.images, digits)


def test_every_function_that_chooses_is_known_here():
    found = set()
    for path in (ROOT / name for name in ("softcore", "sweeps", "cluster")):
        for file in path.rglob("*.py"):
            if "studies" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name.split("_")[0] in ("choose", "select", "tune"):
                    found.add(f"{file.relative_to(ROOT).as_posix()}:{node.name}")
    assert found == CHOOSE_TRIALS | set(CHOOSE_NO_TRIAL)


def test_values_that_are_tried_are_several():
    assert len(VALUES["gamma"]) > 2  # else a turned-round column could not change the choice
