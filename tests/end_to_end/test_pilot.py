"""The walk of docs/pilot.md with a stranger's own files: from a few people's answers to a plan, with no code."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

pytestmark = pytest.mark.slow
CLASSES, EACH, BATCHES, IN_BATCH, PEOPLE = ("cat", "dog", "fox"), 120, 8, 25, 3


def sweeps(*arguments: object, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "sweeps", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """360 images of 8x8 pixels, many half one class and half another; 24 made-up people see through noise."""
    rng = np.random.default_rng(0)
    images = []
    for number, name in enumerate(CLASSES):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(EACH):
            mix = 0.6 * rng.random() * (rng.random() < 0.6)
            belief = (1 - mix) * np.eye(3)[number] + mix * np.eye(3)[rng.integers(3)]
            pixels = 60 + rng.normal(0, 45, (8, 8, 3)) + 60 * belief
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "images" / name / f"{index:02}.png")
            images.append((f"{name}/{index:02}.png", belief))
    shown = np.concatenate([rng.permutation(EACH)[:67] + EACH * number for number in range(3)])
    shown = rng.permutation(shown)[: BATCHES * IN_BATCH].reshape(BATCHES, IN_BATCH)
    rows = [
        page(rng, f"b{batch}-p{person}", *images[item], noise)
        for batch in range(BATCHES)
        for person, noise in enumerate(rng.uniform(0.05, 0.2, PEOPLE))
        for item in rng.permutation(shown[batch])
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "answers.csv", index=False)
    declared = "name: pets\nimages: images/\nanswers: answers.csv\nprobabilities: percent\nheld_out: 0\n"
    (tmp_path / "pets.yaml").write_text(declared)
    return tmp_path


def page(rng, person: str, item: str, belief: np.ndarray, noise: float) -> dict:
    view = np.clip(belief + rng.normal(0, noise, 3), 0.001, None)
    first, second, last = np.argsort(-view)
    share = view / view.sum()
    return {
        "annotator": person,
        "item": item,
        "top1": CLASSES[first],
        "p1": round(100 * share[first]),
        "top2": CLASSES[second] if share[second] > 0.1 else "",
        "p2": round(100 * share[second]) if share[second] > 0.1 else "",
        "impossible": CLASSES[last] if share[last] < 0.05 else "",
        "seconds": round(float(np.exp(rng.normal(3.4, 0.5))), 1),
    }


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
