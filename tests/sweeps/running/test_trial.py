"""One trial: a pure function of its configuration and the data, and a folder that holds all that follows from it."""

import json

import numpy as np
import pytest
import torch

from softcore.datasets import load
from softcore.evaluate import Predictions, evaluate
from softcore.labels.build import build
from softcore.scoring.attacks import fold_batch_norms, logits
from softcore.test_sets import test_sets as sets_of
from softcore.train import start
from softcore.training.images import pool_images
from sweeps.running import trial as trials_module
from sweeps.running.trial import Material, Run, images_at, run_trial
from sweeps.spec.cells import config_of, trial_of, trials
from sweeps.spec.spec import resolve

TIMES = {"train_seconds", "eval_seconds"}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def trial(digits, seed=0, **axes):
    """A trial of 100 items and one epoch unless the axes say otherwise: a tenth of a second."""
    block = {"variety": "t2-clamp", "annotators": 3, "items": 100, "rest": "none", "epochs": 1, **axes}
    (made,) = trials(resolve({"name": "x", "dataset": "digits", "seeds": [seed], "blocks": [block]}), digits)
    return made


@pytest.fixture(scope="module")
def done(digits, tmp_path_factory):
    """A finished trial, its folder and its record."""
    asked, folder = trial(digits), tmp_path_factory.mktemp("trials")
    run_trial(asked, Material(dataset=digits), folder)
    return asked, folder / asked.id, json.loads((folder / asked.id / "trial.json").read_text())


def result_of(folder, asked):
    return json.loads((folder / asked.id / "trial.json").read_text())


def test_a_trials_folder_holds_predictions_weights_panel_record_and_curve(done):
    asked, folder, record = done
    assert sorted(path.name for path in folder.iterdir()) == [
        "curve.csv",
        "panel.npz",
        "predictions.npz",
        "trial.json",
        "weights.npz",
    ]
    assert record["trial"] == asked.id
    assert trial_of(record["config"]) == asked
    assert config_of(asked) == record["config"]
    assert [path.name for path in folder.parent.iterdir()] == [asked.id]


def test_the_stored_weights_give_the_stored_predictions_to_the_byte(done, digits):
    asked, folder, _ = done
    policy = asked.cell.training_policy()
    images = pool_images(digits.images, policy.image_size)
    targets = build(digits, asked.cell.label_policy(), seed=asked.seed)
    model, _ = start(images, targets, policy, classes=10, seed=99)
    with np.load(folder / "weights.npz") as weights:
        model.load_state_dict({name: torch.from_numpy(weights[name]) for name in weights.files})
    with np.load(folder / "predictions.npz") as stored:
        for test in ("crowd", "pages"):
            assert (
                logits(fold_batch_norms(model), images, stored[f"{test}/items"]).tobytes()
                == stored[f"{test}/clean"].tobytes()
            )


def test_the_metrics_follow_from_the_stored_predictions(done, digits):
    asked, folder, record = done
    tests = sets_of(digits, asked.seed)
    with np.load(folder / "predictions.npz") as stored:
        predictions = Predictions(
            validation_items=stored["validation/items"],
            validation=stored["validation/clean"],
            items={name: stored[f"{name}/items"] for name in tests},
            clean={name: stored[f"{name}/clean"] for name in tests},
            fgsm={name: stored[f"{name}/fgsm"] for name in tests},
        )
    for name, value in evaluate(predictions, digits, tests).items():
        assert record["result"][name] == value


def test_the_panel_says_whose_answers_were_used_and_what_was_held_out(done, digits):
    asked, folder, _ = done
    with np.load(folder / "panel.npz") as panel:
        assert len(panel["item"]) == 300
        assert np.unique(panel["item"], return_counts=True)[1].tolist() == [3] * 100
        assert set(panel["annotator"]) <= set(digits.records["annotator"])
        assert np.array_equal(panel["held_out"], sets_of(digits, asked.seed)["pages"].items)
        np.testing.assert_allclose(panel["label"].sum(axis=1), 1, atol=1e-6)


def test_labels_are_paid_for_by_the_answer(done):
    # 3 people x 100 items x 32 s = 9,600 s; 96 s an item; 2.667 h x $12 x 1.333 = $42.656.
    result = done[2]["result"]
    assert result["answers"] == {"t2-clamp": 300}
    assert result["label_seconds_total"] == 9600
    assert result["label_seconds_per_item"] == 96
    assert result["label_usd"] == pytest.approx(42.656)


def test_free_labels_cost_nothing(digits, tmp_path):
    result = run_trial(trial(digits, variety="hard"), Material(dataset=digits), tmp_path)
    assert [result[name] for name in ("label_seconds_total", "label_seconds_per_item", "label_usd")] == [0, 0, 0]
    assert result["answers"] == {}


def test_a_trial_is_the_same_to_the_byte_whatever_ran_before_it(done, digits, tmp_path):
    asked, folder, record = done
    run_trial(trial(digits, seed=3, variety="hard", image_size=4), Material(dataset=digits), tmp_path)
    torch.manual_seed(17)
    run_trial(asked, Material(dataset=digits), tmp_path)
    again = result_of(tmp_path, asked)
    assert again["sha256"] == record["sha256"]
    assert {k: v for k, v in again["result"].items() if k not in TIMES} == {
        k: v for k, v in record["result"].items() if k not in TIMES
    }
    for name in ("predictions", "weights", "panel"):
        assert (tmp_path / asked.id / f"{name}.npz").read_bytes() == (folder / f"{name}.npz").read_bytes()


def test_two_trials_taking_turns_in_one_process_do_not_disturb_each_other(done, digits, tmp_path):
    asked, _, record = done
    one, other = (Run(made, Material(dataset=digits)) for made in (asked, trial(digits, seed=8)))
    for _ in zip(one.train(), other.train(), strict=True):
        pass
    other.finish(tmp_path)
    one.finish(tmp_path)
    assert result_of(tmp_path, asked)["sha256"] == record["sha256"]


def test_another_seed_or_panel_is_another_result(done, digits, tmp_path):
    other = trial(digits, seed=1)
    run_trial(other, Material(dataset=digits), tmp_path)
    assert result_of(tmp_path, other)["sha256"]["predictions"] != done[2]["sha256"]["predictions"]


def test_a_trial_on_read_only_images_is_the_same(done, digits, tmp_path, monkeypatch):
    # As they come out of Ray's object store.
    monkeypatch.setattr(trials_module, "_pooled", {})
    digits.images.flags.writeable = False
    try:
        run_trial(done[0], Material(dataset=digits), tmp_path)
    finally:
        digits.images.flags.writeable = True
    assert result_of(tmp_path, done[0])["sha256"] == done[2]["sha256"]


def test_a_folder_that_is_there_already_stays(done, digits):
    asked, folder, _ = done
    before = (folder / "trial.json").stat()
    run_trial(asked, Material(dataset=digits), folder.parent)
    after = (folder / "trial.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert [path.name for path in folder.parent.iterdir()] == [asked.id]


def test_a_worker_that_dies_while_writing_leaves_no_trial(digits, tmp_path, monkeypatch):
    def die(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(trials_module, "sha256", die)
    with pytest.raises(KeyboardInterrupt):
        run_trial(trial(digits), Material(dataset=digits), tmp_path)
    assert all(path.name.startswith(".") for path in tmp_path.iterdir())


def test_a_trial_that_diverges_is_an_error_and_writes_nothing(digits, tmp_path):
    with pytest.raises(FloatingPointError, match="not finite: the training diverged"):
        run_trial(
            trial(digits, learning_rate=1000.0, weight_decay=1.0, schedule="step", epochs=60),
            Material(dataset=digits),
            tmp_path,
        )
    assert list(tmp_path.iterdir()) == []


def test_a_process_keeps_few_sizes_of_its_images(digits, monkeypatch):
    monkeypatch.setattr(trials_module, "_pooled", {})
    assert images_at(digits, 4) is images_at(digits, 4)
    for size in (None, 2, 4):
        images_at(digits, size)
    assert len(trials_module._pooled) == 2


def test_a_record_names_no_path_of_the_machine(done, tmp_path_factory):
    assert str(tmp_path_factory.getbasetemp()) not in json.dumps(done[2])
