"""The walk of docs/pilot.md with a stranger's own files: from a few people's answers to a plan, with no code."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow


def sweeps(*arguments: object, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "sweeps", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)


@pytest.fixture
def own(make_pilot: Callable[..., Path]) -> Path:
    """360 images in 3 classes, many half one class and half another, 200 of them answered."""
    return make_pilot(("cat", "dog", "fox"), each=120, in_batch=25, torn=0.6)


def test_a_pilot_of_a_strangers_own_images_becomes_a_plan_with_no_code(own: Path):
    card = sweeps("data", "describe", "pets.yaml", "--json", folder=own)
    assert card.returncode == 0, card.stderr
    described = json.loads(card.stdout)
    assert (described["people"], described["answers"]) == (24, 600)
    assert described["items"]["held_out_by_each_seed"] == 0

    assert sweeps("data", "pilot", "pets.yaml", "--to", "pilot.yaml", folder=own).returncode == 0
    spec = yaml.safe_load((own / "pilot.yaml").read_text())
    assert (spec["name"], spec["dataset"], spec["scale"]) == ("pilot-pets", "pets.yaml", "half")

    ran = sweeps("run", "pilot.yaml", "--scale", "tiny", "--set", "seeds=2", folder=own)
    assert ran.returncode == 0, ran.stderr
    results = json.loads(sweeps("results", "pilot-pets", "--format", "json", folder=own).stdout)
    assert len(results) == 28
    assert {row["status"] for row in results} == {"done"}

    beyond = ("--extrapolate", "--images", 900, "--most-people", 6)
    metric = ("--metric", "ce/reference")
    planned = sweeps(
        "plan", "pilot-pets", *metric, "--budget-usd", 400, *beyond, "--cost", "page", "--json", folder=own
    )
    assert planned.returncode == 0, planned.stderr
    advice = json.loads(planned.stdout)
    assert advice["verdict"] in ("buy", "don't buy", "not known yet")
    for plan in advice["plans"]:
        (low95, high95), (low80, high80) = plan["interval_95"], plan["interval_80"]
        assert low95 <= low80 <= high80 <= high95
        assert plan["images"] <= 900
        assert plan["annotators"] <= 6
        assert plan["beyond"] or plan["images"] <= 200
    shown = sweeps("plan", "pilot-pets", *metric, "--budget-usd", 400, *beyond, folder=own)
    assert shown.returncode == 0, shown.stderr
    # So few images leave no temperature: what plans usually go by is refused with the reason.
    unscaled = sweeps("plan", "pilot-pets", "--budget-usd", 400, *beyond, folder=own)
    assert unscaled.returncode == 2
    assert "needs 100 validation images" in unscaled.stderr
    refused = sweeps("plan", "pilot-pets", *metric, "--budget-usd", 400, "--annotators", 6, folder=own)
    assert refused.returncode == 2
    assert "--extrapolate" in refused.stderr
