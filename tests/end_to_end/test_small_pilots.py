"""80 images and 400 easy ones through docs/pilot.md: every image is classified rightly, and nothing is worth buying."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from softcore.scoring.metrics import LEAST_VALIDATION

pytestmark = pytest.mark.slow
CLASSES = ("cat", "dog", "fox", "owl")
RAW = ("--metric", "ce/reference")


@pytest.mark.parametrize(("each", "in_batch", "validation"), [(20, 6, 12), (100, 25, 60)])
def test_a_pilot_too_small_for_a_temperature_gets_no_plan_by_it_and_no_impossible_number(
    make_pilot: Callable[..., Path], sweeps, each: int, in_batch: int, validation: int
):
    make_pilot(CLASSES, each=each, in_batch=in_batch, torn=0)
    assert sweeps("data", "pilot", "pets.yaml", "--to", "pilot.yaml")[0] == 0
    code, _, said = sweeps("run", "pilot.yaml", "--set", "seeds=2", "--cpus", 1)
    assert code == 0, said

    results = json.loads(sweeps("results", "pilot-pets", "--format", "json")[1])
    assert len(results) == 28
    assert {row["status"] for row in results} == {"done"}
    # All validation images are classified rightly: without a prior their temperature would run away.
    assert {row["accuracy/validation"] for row in results if row["variety"] == "hard"} == {1.0}
    assert not [name for name in results[0] if name.startswith("scaled-ce")]
    assert {row["temperature"] for row in results} == {None}
    assert json.loads(sweeps("data", "describe", "pets.yaml", "--json")[1])["items"]["validation"] == validation

    budget = ("--budget-usd", 400)
    for words in (("plan", "pilot-pets", *budget), ("plan", "pilot-pets", *budget, "--metric", "scaled-ce/reference")):
        code, printed, said = sweeps(*words)
        assert (code, printed) == (2, "")
        assert f"{LEAST_VALIDATION} validation images" in said

    code, printed, said = sweeps("plan", "pilot-pets", *budget, *RAW, "--json")
    assert code == 0 or (code == 2 and "not known yet" in said), said
    if code == 0:
        advice = json.loads(printed)
        assert advice["verdict"] in ("don't buy", "not known yet")
        for one in (advice["best_free"], *advice["plans"]):
            assert min(one["predicted"], *one["interval_80"], *one["interval_95"]) >= 0
        assert all(plan["gain"] <= advice["best_free"]["predicted"] for plan in advice["plans"])

    code, printed, said = sweeps("report", "bands", "pilot-pets", *RAW, "--json")
    assert code == 0, said
    bands = json.loads(printed)
    assert min(number for cell in bands["cells"] for number in (cell["value"], cell["low"], cell["high"])) >= 0
    assert min(number for band in bands["bands"] for number in (band["best"], band["simultaneous_low"])) >= 0

    code, printed, said = sweeps("frontier", "pilot-pets", "--json")
    assert code == 0, said
    seen = [entry for entry in json.loads(printed)["entries"] if entry["column"] == "ce/reference"]
    assert len(seen) == 12
    assert min(entry[end] for entry in seen for end in ("mean", "low", "high")) >= 0
