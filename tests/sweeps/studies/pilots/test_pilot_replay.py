"""The replay of pilots: the very people and answers of panel A, which share nobody with panel B."""

import os
from pathlib import Path

import pytest

from softcore.datasets import load
from softcore.labels.build import build
from softcore.labels.people import first_batches, hire, split
from softcore.policy import LabelPolicy
from sweeps.spec.cells import trials
from sweeps.spec.spec import resolve
from sweeps.studies.pilots.pilot_replay import write_files


def holds_the_promise(dataset, seed, folder, root, panel=0):
    spec = write_files(dataset, seed, folder, root, panel)
    own = load(str(folder / "pilot.yaml"), root)
    found = trials(resolve(str(spec)), own)
    assert len(found) == 42
    assert len(own.annotated_items) == 200
    assert own.odd_rows["not-in-training"] == 0
    batches = first_batches(split(dataset, "batches", seed).batches, 900)
    others = set(hire(dataset.records, batches, annotators=3, panel=1 - panel)["annotator"])
    assert len(others) == 3 * len(batches)
    assert not set(own.records["annotator"]) & others
    asked = LabelPolicy(variety="t2-clamp", annotators=3, items=200, hiring="breadth", holdout="batches")
    grid, pilot = build(dataset, asked, seed=seed, panel=panel), build(own, asked, seed=seed, panel=0)
    one, other = labels_of(grid.panel), labels_of(pilot.panel)
    assert len(other) == 8 * 25 * 3
    assert one == other


def labels_of(labels):
    """The bytes of each person's label about each image."""
    keys = zip(labels.label_items.tolist(), labels.annotators.tolist(), strict=True)
    return {key: labels.probs[i].tobytes() for i, key in enumerate(keys)}


@pytest.mark.parametrize("panel", [0, 1])
def test_a_pilot_has_the_answers_of_its_panel_to_the_bit_and_nobody_of_the_other(tmp_path, panel):
    digits = load("digits")
    for seed in (0, 1):
        holds_the_promise(digits, seed, tmp_path / str(seed), None, panel)


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("SOFTCORE_DATA"), reason="needs the real CIFAR-10S files: set SOFTCORE_DATA")
def test_pilots_of_the_real_data_give_the_labels_of_panel_a(tmp_path):
    root = Path(os.environ["SOFTCORE_DATA"])
    real = load("cifar10s", root)
    for seed in range(3):
        holds_the_promise(real, seed, tmp_path / str(seed), root)
