"""The planner's version goes up when its predictions change, and only then."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from softcore.errors import RequestError
from sweeps.planning import candidates, nearest, rows, surfaces
from sweeps.studies.sealed import version
from sweeps.studies.sealed.version import (
    PLANNER_VERSION,
    TOLERANCE,
    Predictions,
    changes,
    check_version,
    read_record,
    write_record,
)

THEN = {
    "scores": {"curve": [0.1], "regression": [0.2]},
    "cells": {"curve: click": [1.5, 1.4, 1.6, 1.3, 1.7]},
    "plans": {"clicks, M=6": [1.4, 1.35, 1.45, 1.3, 1.5]},
}


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of the record, for the test to change."""
    path = tmp_path / "predictions.json"
    path.write_bytes(version.RECORD.read_bytes())
    monkeypatch.setattr(version, "RECORD", path)
    return path


@pytest.fixture(scope="module")
def predicted() -> Predictions:
    """What the planner predicts, which takes seconds."""
    return version.predictions()


def test_the_planner_predicts_what_is_recorded_for_its_version(predicted: Predictions, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(version, "predictions", lambda: predicted)
    check_version()


@pytest.mark.parametrize(
    ("module", "constant", "value", "changed"),
    [
        pytest.param(surfaces, "ALIKE", 0.6, "curve: ", marks=pytest.mark.slow),
        (rows, "SEED_SCALE", 1.2, "curve"),
        pytest.param(nearest, "NEIGHBOURS", 2, "nearest cells", marks=pytest.mark.slow),
        pytest.param(candidates, "STEPS", 7, "plans are ", marks=pytest.mark.slow),
    ],
)
def test_a_change_of_any_model_or_of_what_is_ranked_asks_for_another_version(
    module: ModuleType, constant: str, value: float, changed: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, constant, value)
    with pytest.raises(RequestError, match=rf"raise PLANNER_VERSION in sweeps\.studies\.sealed\.version.*: {changed}"):
        check_version()


def test_all_three_models_the_choice_and_ranked_plans_are_recorded():
    _, then = read_record()
    models = ["curve", "nearest cells", "regression"]
    assert sorted(then["scores"]) == sorted({name.partition(":")[0] for name in then["cells"]}) == models
    assert len(then["plans"]) == 5


def test_numbers_may_be_off_by_a_part_of_their_intervals_width():
    def with_low(low: float) -> dict[str, dict[str, list[float]]]:
        return {**THEN, "cells": {"curve: click": [1.5, low, 1.6, 1.3, 1.7]}}

    assert changes(with_low(1.4 + 0.9 * TOLERANCE * 0.2), THEN) == []
    assert len(changes(with_low(1.4 - 1.1 * TOLERANCE * 0.2), THEN)) == 1
    assert changes({**THEN, "scores": {"curve": [0.1], "regression": [0.2 * (1 + 0.9 * TOLERANCE)]}}, THEN) == []
    assert len(changes({**THEN, "scores": {"curve": [0.1], "regression": [0.2 * (1 + 1.1 * TOLERANCE)]}}, THEN)) == 1


def test_another_order_is_another_choice():
    assert changes({**THEN, "scores": {"regression": [0.2], "curve": [0.1]}}, THEN) == [
        "scores are regression; curve and were curve; regression"
    ]


def test_a_raised_version_is_recorded_once_and_an_old_one_never_again(
    predicted: Predictions, copied: Path, monkeypatch: pytest.MonkeyPatch
):
    before = copied.read_bytes()
    monkeypatch.setattr(version, "predictions", lambda: predicted)
    write_record()
    assert copied.read_bytes() == before
    monkeypatch.setattr(version, "predictions", lambda: THEN)
    with pytest.raises(RequestError, match="raise PLANNER_VERSION"):
        write_record()
    assert copied.read_bytes() == before
    monkeypatch.setattr(version, "PLANNER_VERSION", PLANNER_VERSION + 1)
    with pytest.raises(RequestError, match=rf"version {PLANNER_VERSION + 1} predicts is not recorded: run `python -m "):
        check_version()
    write_record()
    assert json.loads(copied.read_text()) == {"version": PLANNER_VERSION + 1, **THEN}
    check_version()


def test_the_digest_is_that_of_the_numbers_and_not_of_the_files_layout(copied: Path):
    digest = version.predictions_digest()
    content = json.loads(copied.read_text())
    copied.write_text(json.dumps(content, indent=4))
    assert version.predictions_digest() == digest
    content["scores"]["curve"] = [9.0]
    copied.write_text(json.dumps(content))
    assert version.predictions_digest() != digest
