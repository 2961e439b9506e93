"""A model that lost on the sealed cells makes no plans, and whoever judges models does not know of it."""

import ast
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import sweeps
from sweeps.planning import advise, defaults, surfaces
from sweeps.planning.checks import ModelChoice, choose_model
from sweeps.planning.defaults import LOST, default_model
from sweeps.planning.rows import Rows
from sweeps.studies.sealed import judge
from sweeps.studies.sealed.readings import NAME, load_readings
from sweeps.studies.sealed.version import PLANNER_VERSION
from sweeps.uncertainty import variance

RECORDED = Path(sweeps.__file__).parents[1] / "docs" / "results" / "grid" / NAME


def test_what_lost_is_what_the_reading_of_this_version_says():
    (reading,) = [one for one in load_readings(RECORDED) if one.identity.planner == PLANNER_VERSION]
    lost = {one.metric: (one.default, one.best.model) for one in reading.judgements if not one.held}
    assert lost == dict(LOST)
    assert len(reading.judgements) == 4


@pytest.fixture(scope="module")
def chosen(clear_rows: Rows) -> ModelChoice:
    """What leaving cells out chooses."""
    return choose_model(clear_rows, np.random.default_rng(0))


def test_the_model_that_lost_makes_no_plans_for_that_metric(clear_rows: Rows, chosen: ModelChoice):
    assert chosen.chosen.name == "curve"
    lost = default_model(replace(clear_rows, metric="scaled-ce/10s"), np.random.default_rng(0))
    assert lost.chosen.name == lost.checks[0].model == "regression"
    assert {check.model for check in lost.checks} == {check.model for check in chosen.checks}
    assert "curve has the lowest interval score" in lost.why
    assert "lost on the sealed cells to the regression, which makes the plans for scaled-ce/10s" in lost.why


def test_other_metrics_keep_the_choice_of_leaving_cells_out(clear_rows: Rows, chosen: ModelChoice):
    kept = default_model(clear_rows, np.random.default_rng(0))
    assert kept.chosen.name == "curve"
    assert kept.why == chosen.why


def test_a_model_that_is_not_the_loser_stays_for_every_metric(clear_rows: Rows, monkeypatch):
    monkeypatch.setattr(defaults, "LOST", {"ce/10s": ("nearest cells", "regression")})
    assert default_model(replace(clear_rows, metric="ce/10s"), np.random.default_rng(0)).chosen.name == "curve"


def imported_by(module: str) -> set[str]:
    """The modules of this project that a module imports, directly or not, wherever in it the import stands."""
    found: set[str] = set()
    left = [module]
    while left:
        name = left.pop()
        if name in found or name.partition(".")[0] not in ("softcore", "sweeps"):
            continue
        try:
            spec = find_spec(name)
        except ModuleNotFoundError:  # `name` is something in a module, not a module
            continue
        if spec is None or spec.origin is None:
            continue
        found.add(name)
        for node in ast.walk(ast.parse(Path(spec.origin).read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                left += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                left += [alias.name for alias in node.names]
    return found


def test_readings_are_made_by_modules_that_know_no_verdict():
    assert defaults.__name__ in imported_by(advise.__name__)
    assert {surfaces.__name__, variance.__name__} <= imported_by(judge.__name__)
    assert defaults.__name__ not in imported_by(judge.__name__)
