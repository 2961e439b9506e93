"""The recorded pilots, replayed from their tables: a model that loses on panel B makes no plans from a pilot."""

import re
from pathlib import Path

import pytest

import sweeps
from sweeps.sources import from_file
from sweeps.studies.pilots.pilot import METRICS, pilot_section
from sweeps.studies.pilots.pilot_predictions import by_part
from sweeps.studies.pilots.pilot_sealed import predict_sealed
from sweeps.studies.sealed.regret import PLANNER

RECORDED = Path(sweeps.__file__).parents[1] / "docs" / "results" / "grid"
NAMES = re.compile(r"(grid|pilot-\d+)-[0-9a-f]{8}")


@pytest.mark.slow
def test_nothing_scores_lower_on_sealed_cells_than_what_plans_from_pilots_of_their_seeds():
    (sealed,) = (from_file(file).results for file in RECORDED.glob("grid-sealed-*.csv"))
    pilots = {int(f.stem.split("-")[2]): from_file(f).results for f in (RECORDED.parent / "pilots").glob("*.csv")}
    assert sorted(pilots) == sorted(set(sealed["seed"]))
    for metric in METRICS:
        planner, *models = by_part([predict_sealed(each, sealed, seed, metric) for seed, each in pilots.items()])["all"]
        assert planner.n == 52
        assert planner.score == min(one.score for one in models), metric


@pytest.mark.slow
def test_nothing_scores_lower_on_panel_b_than_what_plans_from_a_pilot():
    files = {match[1]: file for file in RECORDED.glob("*.csv") if (match := NAMES.fullmatch(file.stem))}
    assert sorted(files) == ["grid", "pilot-0", "pilot-1", "pilot-2"]
    found = pilot_section({name: from_file(file) for name, file in files.items()}).data
    for metric in METRICS:
        scores = {one["model"]: one["score"] for one in found[metric]["scores"]["all"]}
        assert scores[PLANNER] == min(scores.values()), metric
