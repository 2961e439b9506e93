"""A training that goes on from a snapshot ends in the same bytes as one that nothing disturbed."""

import math

import numpy as np
import pytest

from softcore.labels.build import build
from softcore.policy import LabelPolicy, TrainingPolicy
from softcore.train import start

EPOCHS, STEPS = 3, 3  # 40 items in batches of 16
POLICIES = {
    "one cycle": {},
    "steps, augmented": {"schedule": "step", "augmentation": "crop-flip"},
    "mixup": {"mixing": "mixup"},
    "Mix-MaxEnt": {"mixing": "mix-maxent"},
    "early stopping": {"early_stopping": "validation-loss"},
}


@pytest.fixture(scope="module")
def targets(digits):
    return build(digits, LabelPolicy(variety="t2-clamp", items=40, rest="none"), seed=0)


def policy(model="cnn", **more):
    return TrainingPolicy(model=model, epochs=EPOCHS, batch=16, image_size=8, **more)


def trained(digits, targets, asked, **how):
    """What the training says of each epoch, and the bytes of its weights and statistics at the end."""
    losses = {1: 0.4, 2: 0.3, 3: 0.5}
    seen = []
    model, steps = start(
        digits.images,
        targets,
        asked,
        classes=10,
        seed=0,
        # Of an epoch that is already looked at once more: the same, as a model's loss is.
        validation_loss=lambda model: losses[len(seen) + 1 + before],
        **how,
    )
    before = int(how["snapshot"]["epoch"]) if "snapshot" in how else 0
    for epoch in steps:
        seen.append(epoch)
    return seen, {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("name", POLICIES)
def test_going_on_from_any_step_gives_the_same_bytes(digits, targets, name):
    asked, snapshots = policy(**POLICIES[name]), []
    epochs, bytes_ = trained(digits, targets, asked, after_step=lambda state: snapshots.append(state.snapshot()))
    assert len(snapshots) == EPOCHS * STEPS
    for number, snapshot in enumerate(snapshots):
        again, same = trained(digits, targets, asked, snapshot=snapshot)
        assert again == epochs[number // STEPS :]
        assert same == bytes_
    if asked.early_stopping:
        assert [epoch.kept for epoch in epochs] == [1, 2, 2]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["resnet34a", "resnet50", "vgg11", "preact-resnet18", "preact-resnet34"])
def test_every_network_goes_on_to_the_same_bytes(digits, targets, model):
    asked, snapshots = policy(model), []
    _, bytes_ = trained(digits, targets, asked, after_step=lambda state: snapshots.append(state.snapshot()))
    for snapshot in snapshots[1::4]:
        assert trained(digits, targets, asked, snapshot=snapshot)[1] == bytes_


def test_a_snapshot_holds_no_objects_and_stays_as_it_was_taken(digits, targets):
    taken = []
    trained(digits, targets, policy(), after_step=lambda state: taken.append(state.snapshot()))
    assert {array.dtype.kind for snapshot in taken for array in snapshot.values()} <= set("fiU")
    first, last = (snapshot["model/network.0.0.weight"] for snapshot in (taken[0], taken[-1]))
    assert not np.array_equal(first, last)
    assert [int(snapshot["epoch"]) for snapshot in taken] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [len(snapshot["losses"]) for snapshot in taken] == [1, 2, 3] * 3


def test_without_any_momentum_or_noise_the_bytes_would_differ(digits, targets):
    # What the tests above would see if a part of the state were left out.
    asked, snapshots = policy(mixing="mixup"), []
    _, bytes_ = trained(digits, targets, asked, after_step=lambda state: snapshots.append(state.snapshot()))
    for part in ("momentum", "noise", "rates", "steps", "model/network.0.1.running_mean"):
        taken = {name: array for name, array in snapshots[3].items() if not name.startswith(part)}
        start_of = snapshots[0] if part in snapshots[0] else {}
        taken |= {name: array for name, array in start_of.items() if name.startswith(part)}
        assert trained(digits, targets, asked, snapshot=taken)[1] != bytes_, part


def test_an_epoch_says_the_learning_rate_that_training_has_come_to(digits, targets):
    epochs, _ = trained(digits, targets, policy(schedule="step-early", learning_rate=0.4))
    np.testing.assert_allclose([epoch.learning_rate for epoch in epochs], [0.4, 0.04, 0.004])
    assert all(math.isfinite(epoch.loss) for epoch in epochs)
