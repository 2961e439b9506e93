"""A stranger's own images and answers: described, swept and shown on a frontier, with no code."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

CLASSES = ("cat", "dog", "fox")
EACH = 20


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """60 colour images of 20x24 pixels in 3 classes; 4 people answer 30 of them, in names and percentages."""
    rng = np.random.default_rng(0)
    answers = []
    for number, name in enumerate(CLASSES):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(EACH):
            pixels = rng.integers(0, 120, (20, 24, 3)) + np.eye(3, dtype=int)[number] * 100
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "images" / name / f"{index:02}.png")
            if index < EACH // 2:
                other = CLASSES[(number + 1) % 3]
                answers += [
                    {
                        "annotator": f"person {person}",
                        "item": f"{name}/{index:02}.png",
                        "top1": name,
                        "p1": 60 + 10 * person,
                        "top2": other,
                        "p2": 5,
                        "impossible": CLASSES[(number + 2) % 3] if person % 2 else "",
                        "seconds": 20 + person,
                    }
                    for person in range(4)
                ]
    pd.DataFrame(answers).to_csv(tmp_path / "answers.csv", index=False)
    (tmp_path / "pets.yaml").write_text("name: pets\nimages: images\nanswers: answers.csv\nprobabilities: percent\n")
    (tmp_path / "first.yaml").write_text(
        "name: first\ndataset: pets.yaml\nscale: tiny\nseeds: 2\nblocks:\n"
        "  - variety: [hard, smoothed]\n  - variety: [click, t2-clamp]\n    annotators: [1, all]\n"
    )
    return tmp_path


@pytest.mark.slow
def test_own_images_are_described_swept_and_shown_on_a_frontier_with_no_code(own: Path, sweeps):
    code, card, said = sweeps("data", "describe", "pets.yaml", "--json")
    assert code == 0, said
    described = json.loads(card)
    assert described["people"] == 4
    assert described["answers"] == 120
    assert described["images"] == {"n": 60, "height": 20, "width": 24, "channels": 3}

    # One worker: importing torch is most of the time here.
    code, printed, said = sweeps("run", "first.yaml", "--out", "out", "--cpus", "1")
    assert code == 0, said
    assert "frontier.html" in printed

    (sweep,) = (path for path in (own / "out").iterdir() if path.name.startswith("first-"))
    code, _, said = sweeps("frontier", "first", "--out", "out", "--json")
    assert code == 0, said
    table = json.loads((sweep / "frontier.json").read_text())["frontiers"]
    assert set(table) == {"ce/reference"}  # of 60 images too few are for validation: no temperature, no scaled-ce
    assert len(table["ce/reference"]) == 6
    # T2 Clamp of everybody: 4 people x 32 s on the annotated items that are left to train on.
    full = next(row for row in table["ce/reference"] if row["recipe"].startswith("T2 Clamp, separate"))
    assert full["label_seconds_per_item"] == 4 * 32
    for ending in ("csv", "json", "png", "html"):
        assert (sweep / f"frontier.{ending}").stat().st_size > 0


def test_answers_that_can_not_be_are_refused_by_row_before_anything_is_made(own: Path, sweeps):
    bad = pd.read_csv(own / "answers.csv")
    bad.loc[2, "p1"] = 940
    bad.loc[5, "top1"] = "wolf"
    bad.to_csv(own / "answers.csv", index=False)
    code, _, said = sweeps("run", "first.yaml", "--out", "elsewhere")
    assert code == 2
    assert "940" in said
    assert "wolf" in said
    assert "row 4" in said
    assert not (own / "elsewhere").exists()
