"""Packs: a member's batches and bytes are those that it has alone, whoever its neighbours are."""

import importlib.util
import os
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import softcore.training
from softcore import pack as packs
from softcore.errors import RequestError
from softcore.labels.build import Targets
from softcore.labels.label_set import group
from softcore.pack import Member, Pack, shape
from softcore.policy import TrainingPolicy
from softcore.scoring.attacks import logits
from softcore.train import round_weights, start
from softcore.training import packed
from softcore.training.batches import Batches
from softcore.training.images import as_tensor
from softcore.training.mixing import draw_pairs, mix
from softcore.training.models import MODELS

CLASSES = 10
SLOW = ("resnet34a", "resnet50", "preact-resnet34", "preact-resnet18", "vgg11")


def noise(n=14, side=8, seed=0):
    """Images of noise."""
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def labels(seed, n=14):
    """One to three soft labels an item."""
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(n), rng.integers(1, 4, n))
    panel = group(owners, rng.dirichlet(np.ones(CLASSES), len(owners)), np.full(len(owners), ""), "t2-clamp")
    return Targets(
        items=panel.items,
        offsets=panel.offsets,
        probs=panel.probs.copy(),
        held_out=np.zeros(0, dtype=np.int64),
        panel=panel,
        answers={},
        recorded_seconds=0.0,
    )


def policy(model="cnn", **how):
    """Two full batches and a smaller one an epoch."""
    return TrainingPolicy(**{"model": model, "epochs": 1, "batch": 6, "schedule": "step", "learning_rate": 0.05} | how)


def members(how, count=3, images=None):
    """Trials that differ in labels and seeds."""
    held = noise() if images is None else images
    return [Member(held, labels(seed), how, seed) for seed in range(count)]


def trained(pack):
    """The pack after its last epoch."""
    for _ in pack.epochs():
        pass
    return pack


def alone(member):
    """The same trial by the loop for one."""
    model, epochs = start(member.images, member.targets, member.policy, classes=CLASSES, seed=member.seed)
    for _ in epochs:
        pass
    return model.eval()


def differences(one, other):
    """The largest difference in each of their tensors."""
    return {name: float((tensor - other.state_dict()[name]).abs().max()) for name, tensor in one.state_dict().items()}


@pytest.mark.parametrize(
    "model", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in MODELS]
)
def test_a_member_has_the_weights_that_it_has_alone(model):
    # Not within a tolerance but to the last bit, with the last batch smaller than the others: 12 steps over 4 epochs,
    # and 6 over 2 where a step takes long.
    how = policy(model, epochs=2 if model in SLOW else 4, augmentation="crop-flip")
    trials = members(how, images=noise(side=32 if model == "vgg11" else 8))
    pack = trained(Pack(trials, classes=CLASSES))
    for place in (0, 2):
        assert max(differences(alone(trials[place]), pack.model(place)).values()) == 0


@pytest.mark.parametrize("mixture", [{"mixing": "mixup"}, {"mixing": "mixup", "loss": "entropy-weighted"}])
def test_mixed_members_have_the_weights_that_they_have_alone(mixture):
    trials = members(policy(**mixture))
    if "loss" not in mixture:  # one that mixes nothing may stand beside them
        trials[1] = replace(trials[1], policy=policy())
    pack = trained(Pack(trials, classes=CLASSES))
    assert all(max(differences(alone(trial), pack.model(k)).values()) == 0 for k, trial in enumerate(trials))


def test_members_of_other_images_keep_them():
    # What mixed images of people do: each member has images of its own beside those of all.
    trials = [Member(noise(seed=seed), labels(seed), policy(), seed) for seed in range(2)]
    pack = trained(Pack(trials, classes=CLASSES))
    assert all(max(differences(alone(trial), pack.model(k)).values()) == 0 for k, trial in enumerate(trials))


def test_a_member_sees_the_batches_that_it_sees_alone():
    how = policy(augmentation="crop-flip", mixing="mixup")
    trials = members(how)
    pack = Pack(trials, classes=CLASSES)
    for number in (0, 3):
        found = list(pack.epoch(number))
        for place, trial in enumerate(trials):
            own = Batches(
                as_tensor(trial.images), trial.targets, batch=6, seed=trial.seed, augmentation="crop-flip", device="cpu"
            )
            draws = packs.generator("mixing", trial.seed, number)
            for batch, (images, targets) in zip(found, own.epoch(number), strict=True):
                part = slice(place * batch.n, (place + 1) * batch.n)
                assert torch.equal(batch.images[part], images)
                assert torch.equal(batch.targets[part], targets)
                share, partners = draw_pairs(draws, batch.n, 1.0)
                assert batch.shares[place] == np.float32(share)
                assert torch.equal(batch.partners[place] - place * batch.n, torch.from_numpy(partners))
                mixed = torch.lerp(batch.images[batch.partners[place]], images, batch.shares[place])
                assert torch.allclose(mixed, mix(images, torch.from_numpy(partners), share), atol=1e-7)


@pytest.mark.parametrize("model", ["cnn", pytest.param("resnet34a", marks=pytest.mark.slow)])
def test_logits_of_all_members_are_those_of_each_alone_and_change_nothing(model):
    trials = members(policy(model))
    pack = trained(Pack(trials, classes=CLASSES))
    before = pack.network.flat.clone()
    found = pack.logits(noise(n=20, seed=7))
    assert found.shape == (3, 20, CLASSES)
    assert pack.logits(noise(n=0)).shape == (3, 0, CLASSES)
    for place, trial in enumerate(trials):
        assert np.allclose(found[place], logits(alone(trial), noise(n=20, seed=7), np.arange(20)), atol=1e-5)
        assert max(differences(alone(trial), pack.model(place)).values()) == 0
    assert torch.equal(before, pack.network.flat)
    assert pack.network.training


def prediction_bytes(pack, place):
    """The stored weights' predictions of a member."""
    model = pack.model(place)
    round_weights(model)
    return logits(model, noise(), np.arange(14)).tobytes()


def test_twenty_trials_have_the_same_bytes_in_packs_of_any_size_place_and_company():
    trials = members(policy(), count=20)
    first = {}
    for begin in range(0, 20, 10):
        pack = trained(Pack(trials[begin : begin + 10], classes=CLASSES))
        first |= {begin + place: prediction_bytes(pack, place) for place in range(10)}
    order = np.random.default_rng(5).permutation(20)
    again, begin = {}, 0
    for size in (16, 2, 2):
        company = order[begin : begin + size]
        pack = trained(Pack([trials[k] for k in company], classes=CLASSES))
        again |= {int(k): prediction_bytes(pack, place) for place, k in enumerate(company)}
        begin += size
    assert len(set(first.values())) == 20
    assert again == first


def test_a_member_that_diverges_fails_alone():
    trials = members(policy())
    bad = labels(1)
    bad.probs[:] = np.nan
    trials[1] = replace(trials[1], targets=bad)
    pack = trained(Pack(trials, classes=CLASSES))
    assert all(max(differences(alone(trials[k]), pack.model(k)).values()) == 0 for k in (0, 2))
    with pytest.raises(FloatingPointError, match="diverged"):
        round_weights(pack.model(1))


def snapshots_alone(member, snapshot=None):
    """What the loop for one keeps after each of its steps, from the snapshot on."""
    found = []
    _, epochs = start(
        member.images,
        member.targets,
        member.policy,
        classes=CLASSES,
        seed=member.seed,
        snapshot=snapshot,
        after_step=lambda state: found.append(state.snapshot()),
    )
    assert all(epochs)
    return found


def same(one, other):
    """Whether two snapshots are of the same numbers: to the last bit but for losses, which are only told."""
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype
        and (one[name].tobytes() == other[name].tobytes() or (name == "losses" and np.allclose(one[name], other[name])))
        for name in one
    )


def test_a_pack_keeps_of_each_member_what_its_trial_keeps_alone_and_goes_on_from_it_in_any_company():
    how = policy(epochs=2, augmentation="crop-flip", schedule="one-cycle")
    trials = [
        replace(trial, policy=replace(how, mixing=mixing))
        for trial, mixing in zip(members(how), ("mixup", None, None), strict=True)
    ]
    taken = []
    pack = trained(Pack(trials, classes=CLASSES, after_step=lambda state: taken.append(state.snapshots())))
    assert len(taken) == 6
    for place, trial in enumerate(trials):
        own = snapshots_alone(trial)
        assert [same(step[place], mine) for step, mine in zip(taken, own, strict=True)] == [True] * 6
    for step in range(6):  # the third is of an epoch's last step, before the epoch is told of
        again = Pack([trials[2], trials[0]], classes=CLASSES, snapshots=[taken[step][2], taken[step][0]])
        losses = [[epoch.loss for epoch in each] for each in again.epochs()]
        assert len(losses) == (2 if step < 3 else 1)
        assert max(differences(pack.model(2), again.model(0)).values()) == 0
        assert max(differences(pack.model(0), again.model(1)).values()) == 0
    assert same(snapshots_alone(trials[0], taken[1][0])[-1], taken[-1][0])


def test_members_at_two_positions_are_refused():
    trials, taken = members(policy()), []
    trained(Pack(trials[:2], classes=CLASSES, after_step=lambda state: taken.append(state.snapshots())))
    pack = Pack(trials[:2], classes=CLASSES, snapshots=[taken[0][0], taken[1][1]])
    with pytest.raises(RequestError, match="members of a pack need one position"):
        trained(pack)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"mixing": "mix-maxent"}, "mixing: mix-maxent can't be trained in packs: how many mixed images"),
        ({"mixing": "mixup", "target_mixing": "logistic"}, "target_mixing: logistic can't be trained in packs"),
        ({"early_stopping": "validation-loss"}, "early_stopping: validation-loss can't be trained in packs"),
    ],
)
def test_what_packs_can_not_train_is_refused_by_name_with_the_reason(how, reason):
    with pytest.raises(RequestError, match=reason):
        shape(policy(**how))


def test_members_of_two_shapes_are_refused():
    trials = members(policy())
    trials[1] = replace(trials[1], policy=policy(epochs=2))
    with pytest.raises(RequestError, match="members of a pack need one shape; these have 2"):
        Pack(trials, classes=CLASSES)


def definitions():
    """The kernels of a card as what they are meant to compute, member by member."""
    made = types.ModuleType("softcore.training.kernels")

    def convolve(x, w, out_size, stride, padding, precision, *, transposed=False):
        parts = []
        for each, weight in zip(x.permute(0, 1, 4, 2, 3), w.permute(0, 1, 4, 2, 3), strict=True):
            if transposed:
                size = (len(each), weight.shape[1], *out_size)
                parts.append(torch.nn.grad.conv2d_input(size, weight, each, stride, padding))
            else:
                parts.append(F.conv2d(each, weight, None, stride, padding))
        assert parts[0].shape[2:] == tuple(out_size)
        return torch.stack(parts).permute(0, 1, 3, 4, 2).contiguous()

    def weight_gradient(x, dy, kernel, stride, padding, precision):
        pairs = zip(x.permute(0, 1, 4, 2, 3), dy.permute(0, 1, 4, 2, 3), strict=True)
        size = (dy.shape[-1], x.shape[-1], *kernel)
        parts = [torch.nn.grad.conv2d_weight(each, size, slope, stride, padding) for each, slope in pairs]
        return torch.stack(parts).permute(0, 1, 3, 4, 2).float().contiguous()

    def moments(x, running_mean, running_var, momentum, epsilon):
        n, mean, var = x.shape[1], x.float().mean(1), x.float().var(1, unbiased=False)
        running_mean.lerp_(mean, momentum)
        running_var.lerp_(var * n / (n - 1), momentum)
        return mean, (var + epsilon).rsqrt()

    def normalise(x, residual, mean, inverse, weight, bias, relu):
        y = (x.float() - mean[:, None]) * inverse[:, None] * weight[:, None] + bias[:, None]
        y = y if residual is None else y + residual
        return (F.relu(y) if relu else y).to(x.dtype)

    def normalise_backward(x, y, dy, mean, inverse, weight, relu, residual):
        slope = dy.float() * (y > 0) if relu else dy.float()
        normal = (x.float() - mean[:, None]) * inverse[:, None]
        dbias, dweight = slope.sum(1), (slope * normal).sum(1)
        inner = slope - (dbias[:, None] + normal * dweight[:, None]) / x.shape[1]
        dx = (weight * inverse)[:, None] * inner
        return dx.to(x.dtype), slope.to(x.dtype) if residual else None, dweight, dbias

    made.convolve, made.weight_gradient, made.moments = convolve, weight_gradient, moments
    made.normalise, made.normalise_backward = normalise, normalise_backward
    made.norms = lambda values: values.norm(dim=1)
    return made


@pytest.mark.parametrize(
    ("model", "precision", "step", "off"),
    [
        ("cnn", "float32", 1e-5, 1e-5),
        ("cnn", "bf16", 1e-4, 0.02),
        ("resnet34a", "float32", 1e-5, 1e-5),
        ("resnet34a", "bf16", 1e-4, 0.02),
        pytest.param("resnet50", "float32", 1e-5, 1e-5, marks=pytest.mark.slow),
    ],
)
def test_the_path_of_a_card_is_the_same_training(monkeypatch, model, precision, step, off):
    # Everything but the kernels themselves, which stand for themselves on a card and in the test below.
    kernels = definitions()
    monkeypatch.setitem(sys.modules, "softcore.training.kernels", kernels)
    monkeypatch.setattr(softcore.training, "kernels", kernels, raising=False)
    monkeypatch.setattr(packed, "on_card", lambda tensor: True)
    monkeypatch.setattr(packs.Step, "__call__", packs.Step.compute)
    # In images of 8x8 the last norms of the deepest network see two numbers a channel, whose order decides all.
    images = noise(side=32 if model == "resnet50" else 8)
    trials = members(policy(model, learning_rate=step), count=2, images=images)
    pack = trained(Pack(trials, classes=CLASSES, precision=precision))
    for place, trial in enumerate(trials):
        assert max(differences(alone(trial), pack.model(place)).values()) < off
        own = logits(pack.model(place), images, np.arange(len(images)))
        assert np.abs(pack.logits(images)[place] - own).max() < (1e-4 if precision == "float32" else 0.1)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="the kernels of a card need Triton")
def test_the_kernels_compute_what_they_are_meant_to():
    # Triton's interpreter, in a process of its own, for it is chosen as the kernels are imported.
    script = Path(__file__).with_name("interpret_kernels.py")
    done = subprocess.run(
        [sys.executable, script],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
