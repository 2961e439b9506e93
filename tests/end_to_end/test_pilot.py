"""The walk of docs/pilot.md with a stranger's own files: from a few people's answers to a plan, with no code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow


@pytest.fixture
def own(make_pilot: Callable[..., Path]) -> Path:
    """360 images in 3 classes, many half one class and half another, 200 of them answered."""
    return make_pilot(("cat", "dog", "fox"), each=120, in_batch=25, torn=0.6)


def test_a_pilot_of_a_strangers_own_images_becomes_a_plan_with_no_code(own: Path, sweeps):
    code, card, said = sweeps("data", "describe", "pets.yaml", "--json")
    assert code == 0, said
    described = json.loads(card)
    assert (described["people"], described["answers"]) == (24, 600)
    assert described["items"]["held_out_by_each_seed"] == 0

    code, _, said = sweeps("data", "pilot", "pets.yaml", "--to", "pilot.yaml")
    assert code == 0, said
    spec = yaml.safe_load((own / "pilot.yaml").read_text())
    assert (spec["name"], spec["dataset"], spec["scale"]) == ("pilot-pets", "pets.yaml", "half")

    code, _, said = sweeps("run", "pilot.yaml", "--scale", "tiny", "--set", "seeds=2", "--cpus", 1)
    assert code == 0, said
    results = json.loads(sweeps("results", "pilot-pets", "--format", "json")[1])
    assert len(results) == 28
    assert {row["status"] for row in results} == {"done"}

    plan = ("plan", "pilot-pets", "--budget-usd", 400)
    metric, beyond = ("--metric", "ce/reference"), ("--extrapolate", "--images", 900, "--most-people", 6)
    code, planned, said = sweeps(*plan, *metric, *beyond, "--cost", "page", "--json")
    assert code == 0, said
    advice = json.loads(planned)
    assert advice["verdict"] in ("buy", "don't buy", "not known yet")
    for each in advice["plans"]:
        (low95, high95), (low80, high80) = each["interval_95"], each["interval_80"]
        assert low95 <= low80 <= high80 <= high95
        assert each["images"] <= 900
        assert each["annotators"] <= 6
        assert each["beyond"] or each["images"] <= 200
    code, _, said = sweeps(*plan, *metric, *beyond)
    assert code == 0, said
    # So few images leave no temperature: what plans usually go by is refused with the reason.
    code, _, said = sweeps(*plan, *beyond)
    assert code == 2
    assert "needs 100 validation images" in said
    code, _, said = sweeps(*plan, *metric, "--annotators", 6)
    assert code == 2
    assert "--extrapolate" in said
