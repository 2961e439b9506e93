"""Images that come after a sweep, as a user brings them: scored without training, in results, in MLflow, or refused."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from softcore.datasets import load

pytestmark = pytest.mark.slow
BLOCKS = [
    {"variety": "hard", "epochs": 1},
    {"variety": "click", "annotators": 2, "items": 60, "epochs": 1, "image_size": 4},
]


@pytest.fixture
def swept(sweeps, tmp_path: Path) -> str:
    """A sweep of four trials on the digits; its id."""
    spec = {"name": "before", "study": "later", "dataset": "digits", "seeds": 2, "blocks": BLOCKS}
    (tmp_path / "before.yaml").write_text(yaml.safe_dump(spec))
    code, out, _ = sweeps("run", "before.yaml", "--out", "out", "--cpus", 1, "--json")
    assert code == 0
    return str(json.loads(out)["sweep"])


def photos(folder: Path, images: np.ndarray) -> list[str]:
    """Images as .png files in no folder of a class; their names."""
    folder.mkdir()
    names = [f"{k:02}.png" for k in range(len(images))]
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image.squeeze()).save(folder / name)
    return names


def write_csv(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_images_with_peoples_answers_become_columns_of_results_and_runs(sweeps, swept, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)
    names = photos(tmp_path / "mine", images)
    rows: list[dict[str, object]] = [
        {"annotator": f"p{j}", "item": name, "top1": (k + j) % 3} for k, name in enumerate(names) for j in range(2)
    ]
    write_csv(tmp_path / "answers.csv", rows)
    trained = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / swept / "trials").rglob("*")}
    asked = ("evaluate", swept, "--out", "out", "--test-set", "mine", "--answers", "answers.csv", "--cpus", 1)
    code, out, _ = sweeps(*asked)
    assert code == 0
    assert "30 images with the mean label of 2 people" in out
    assert "4 scored now, 0 before; none was trained" in out
    assert "6 runs have them" in out  # of four trials and two cells
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / swept / "trials").rglob("*")} == trained

    _, table, _ = sweeps("results", swept, "--out", "out")
    values = [float(row["ce/mine"]) for row in csv.DictReader(table.splitlines())]
    assert len(values) == 4
    assert np.isfinite(values).all()

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path / 'out' / 'mlflow' / 'mlflow.db'}")
    (study,) = [e.experiment_id for e in client.search_experiments() if e.name == "later"]
    found = client.search_runs([study], "dataset.name = 'mine'")
    trials = {run.data.tags["sweeps.key"]: run for run in found if run.data.tags["sweeps.level"] == "trial"}
    assert sorted(run.data.metrics["ce/mine"] for run in trials.values()) == pytest.approx(sorted(values))
    assert len(found) == 6
    shown = json.loads(client.get_experiment(study).tags["mlflow.sharedViewState.cells"])["selectedColumns"]
    assert "metrics.`ce/mine`" in shown

    code, out, _ = sweeps(*asked, "--json")  # once more: nothing is done twice, in MLflow neither
    assert code == 0
    assert json.loads(out)["before"] == 4
    again = client.search_runs([study], "dataset.name = 'mine'")
    assert all(len(run.inputs.dataset_inputs) == 1 for run in again)
    run = next(iter(trials.values())).info.run_id
    assert len(client.get_metric_history(run, "ce/mine")) == 1

    code, out, _ = sweeps("frontier", swept, "--out", "out", "--metric", "ce/mine", "--json")
    assert code == 0

    refuses_in_one_line(sweeps, swept, tmp_path)


def refuses_in_one_line(sweeps, swept, tmp_path):
    """What can't be scored is refused and leaves nothing; the last one is scored once it is asked for rightly."""
    digits = load("digits")
    seen = digits.images[digits.train_items[:3]]
    names = photos(tmp_path / "seen", seen)
    write_csv(tmp_path / "seen.csv", [{"image": name, "label": 0} for name in names])
    photos(tmp_path / "big", np.zeros((2, 20, 20), dtype=np.uint8))
    write_csv(tmp_path / "big.csv", [{"image": f"{k:02}.png", "label": k} for k in range(2)])
    write_csv(tmp_path / "few.csv", [{"image": "00.png", "label": 0}])
    refused = {
        ("seen", "--labels", "seen.csv"): "3 of 3 images are training images of digits: 00.png (item",
        ("big", "--labels", "big.csv"): "images are 20 wide, 20 high, those of digits 8 wide, 8 high; --resize",
        ("big", "--labels", "few.csv"): "1 of 2 images have no row: 01.png",
        ("corrected",): "digits has others",
        ("nowhere",): "unknown test set 'nowhere'",
    }
    for words, said in refused.items():
        code, out, err = sweeps("evaluate", swept, "--out", "out", "--test-set", *words)
        assert (code, out) == (2, "")
        assert said in err
        assert len(err.strip().splitlines()) == 1
    assert [path.name for path in (tmp_path / "out" / swept / "evaluations").iterdir()] == ["mine"]
    code, out, _ = sweeps("evaluate", swept, "--out", "out", "--test-set", "big", "--labels", "big.csv", "--resize")
    assert code == 0
