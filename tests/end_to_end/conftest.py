"""A stranger's own images and a few people's answers about them, made up, as docs/pilot.md asks for them."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sweeps.commands.app import main

BATCHES, PEOPLE = 8, 3


@pytest.fixture
def sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Runs a `sweeps` command in the test's folder, in this process: its exit code, what it printed, what it said."""
    monkeypatch.chdir(tmp_path)

    def ask(*words: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["sweeps", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        return ended.value.code, *capfd.readouterr()

    return ask


@pytest.fixture
def make_pilot(tmp_path: Path) -> Callable[..., Path]:
    """Writes `each` images of 8x8 pixels a class, pages of 24 people in batches of `in_batch`, and pets.yaml.

    `torn` is the share of images that are half one class and half another; people see through noise.
    """

    def made(classes: tuple[str, ...], each: int, in_batch: int, torn: float) -> Path:
        rng, k, images = np.random.default_rng(0), len(classes), []
        colours = np.eye(max(k, 3))[:k, :3]  # a fourth class is black
        for number, name in enumerate(classes):
            (tmp_path / "images" / name).mkdir(parents=True)
            for index in range(each):
                mix = 0.6 * rng.random() * (rng.random() < torn)
                belief = (1 - mix) * np.eye(k)[number] + mix * np.eye(k)[rng.integers(k)]
                pixels = 60 + rng.normal(0, 45, (8, 8, 3)) + 60 * belief @ colours
                path = f"{name}/{index:02}.png"
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "images" / path)
                images.append((path, belief))
        asked = -(-BATCHES * in_batch // k)  # of each class
        shown = np.concatenate([rng.permutation(each)[:asked] + each * number for number in range(k)])
        shown = rng.permutation(shown)[: BATCHES * in_batch].reshape(BATCHES, in_batch)
        rows = [
            page(rng, classes, f"b{batch}-p{person}", *images[item], noise)
            for batch in range(BATCHES)
            for person, noise in enumerate(rng.uniform(0.05, 0.2, PEOPLE))
            for item in rng.permutation(shown[batch])
        ]
        pd.DataFrame(rows).to_csv(tmp_path / "answers.csv", index=False)
        declared = "name: pets\nimages: images/\nanswers: answers.csv\nprobabilities: percent\nheld_out: 0\n"
        (tmp_path / "pets.yaml").write_text(declared)
        return tmp_path

    return made


def page(rng, classes: tuple[str, ...], person: str, item: str, belief: np.ndarray, noise: float) -> dict:
    """One person's answer about one image."""
    view = np.clip(belief + rng.normal(0, noise, len(classes)), 0.001, None)
    first, second, *_, last = np.argsort(-view)
    share = view / view.sum()
    return {
        "annotator": person,
        "item": item,
        "top1": classes[first],
        "p1": round(100 * share[first]),
        "top2": classes[second] if share[second] > 0.1 else "",
        "p2": round(100 * share[second]) if share[second] > 0.1 else "",
        "impossible": classes[last] if share[last] < 0.05 else "",
        "seconds": round(float(np.exp(rng.normal(3.4, 0.5))), 1),
    }
