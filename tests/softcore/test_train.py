"""Training: the same bits for the same seed whatever came before, on nothing but its own items."""

import numpy as np
import pytest
import torch
from torch import nn

from softcore.errors import RequestError
from softcore.evaluate import predict
from softcore.labels.build import build
from softcore.policy import LabelPolicy, TrainingPolicy
from softcore.scoring.attacks import logits
from softcore.test_sets import test_sets as sets_of
from softcore.train import CLIP_NORM, epochs, make_schedule, round_weights, start, train
from softcore.training.batches import Batches

SHORT = TrainingPolicy(epochs=2, image_size=8)


@pytest.fixture(scope="module")
def targets(digits):
    """200 labelled items and nothing else: a trial of a tenth of a second."""
    return build(digits, LabelPolicy(variety="t2-clamp", rest="none"), seed=0)


def trained(images, targets, policy=SHORT, seed=0):
    """The weights after training, as bytes by name."""
    model = train(images, targets, policy, classes=10, seed=seed)
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


def test_the_same_seed_gives_the_same_bits(digits, targets):
    assert trained(digits.images, targets) == trained(digits.images, targets)


def test_another_seed_gives_another_model(digits, targets):
    assert trained(digits.images, targets) != trained(digits.images, targets, seed=1)


@pytest.mark.parametrize("augmentation", ["none", "crop-flip"])
def test_a_trial_does_not_depend_on_what_ran_before_it_in_the_process(digits, targets, augmentation):
    policy = TrainingPolicy(epochs=2, image_size=8, augmentation=augmentation)
    torch.manual_seed(0)
    first = trained(digits.images, targets, policy)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002  # the point is that nobody reads it
    trained(digits.images, build(digits, LabelPolicy(variety="hard", items=60, rest="none"), seed=7), SHORT, seed=7)
    torch.rand(1000)
    assert trained(digits.images, targets, policy) == first


def test_training_leaves_the_global_generators_alone(digits, targets):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    trained(digits.images, targets)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("rest", ["none", "hard"])
def test_no_pixel_of_another_item_reaches_the_weights(digits, rest):
    targets = build(digits, LabelPolicy(variety="click", items=50, rest=rest), seed=2)
    others = np.setdiff1d(np.arange(len(digits.images)), targets.items)
    assert np.isin(targets.held_out, others).all()
    spoiled = digits.images.copy()
    spoiled[others] = 255 - spoiled[others]
    one_epoch = TrainingPolicy(epochs=1, image_size=8)
    assert trained(spoiled, targets, one_epoch) == trained(digits.images, targets, one_epoch)


def test_soft_labels_reach_the_weights(digits, targets):
    hard = build(digits, LabelPolicy(variety="hard", rest="none"), seed=0)
    assert np.array_equal(hard.items, targets.items)
    assert trained(digits.images, hard) != trained(digits.images, targets)


def test_the_loss_falls(digits, targets):
    _, steps = start(digits.images, targets, TrainingPolicy(epochs=6, image_size=8), classes=10, seed=0)
    losses = [epoch.loss for epoch in steps]
    assert losses[-1] < losses[0] - 0.3


def test_epochs_say_how_far_they_are(digits, targets):
    _, steps = start(digits.images, targets, SHORT, classes=10, seed=0)
    assert [(epoch.number, epoch.of) for epoch in steps] == [(1, 2), (2, 2)]


def test_training_by_epochs_is_training_at_once(digits, targets):
    model, steps = start(digits.images, targets, SHORT, classes=10, seed=0)
    for _ in steps:
        predict(model, digits.images, digits, {})  # evaluation in between changes nothing
    assert {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()} == trained(
        digits.images, targets
    )


class Same(Batches):
    """One batch an epoch, always the same."""

    def __init__(self, images, targets):
        self.images, self.targets, self.seed = images, targets, 0

    def __len__(self):
        return 1

    def epoch(self, number):
        yield self.images, self.targets


@pytest.mark.parametrize("scale", [0.1, 100.0])
def test_a_step_is_sgd_with_momentum_weight_decay_and_a_clipped_gradient(scale):
    # Logits z = W x. Gradient of the mean cross-entropy: (softmax(z) - t) x^T / n; above norm 1 it is scaled to 1.
    # Then g += decay W; v = 0.9 v + g; W -= rate v. The schedule is flat until 50/65 of the epochs.
    generator = torch.Generator().manual_seed(0)
    images, wanted = (
        scale * torch.rand(5, 3, generator=generator),
        torch.softmax(torch.rand(5, 2, generator=generator), 1),
    )
    model = nn.Linear(3, 2, bias=False)
    weight, velocity = model.weight.detach().clone().double(), torch.zeros(2, 3, dtype=torch.float64)
    policy = TrainingPolicy(epochs=65, schedule="step", learning_rate=0.1, weight_decay=0.01)
    steps = epochs(model, Same(images, wanted), policy)
    for _ in range(3):
        next(steps)
        gradient = (torch.softmax(images.double() @ weight.T, 1) - wanted.double()).T @ images.double() / 5
        gradient = gradient * min(1.0, CLIP_NORM / float(gradient.norm()))
        velocity = 0.9 * velocity + gradient + 0.01 * weight
        weight = weight - 0.1 * velocity
    torch.testing.assert_close(model.weight.detach().double(), weight, atol=1e-6, rtol=1e-4)


def rates(schedule, n_epochs, steps=3):
    policy = TrainingPolicy(epochs=n_epochs, schedule=schedule, learning_rate=0.4)
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.4, momentum=0.9)
    made, seen = make_schedule(optimiser, policy, steps), []
    for _ in range(n_epochs * steps):
        seen.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        made.step()
    return np.array(seen).reshape(n_epochs, steps)


def test_the_step_schedule_divides_by_ten_after_epochs_50_and_55_of_65():
    by_epoch = rates("step", 65)
    assert (by_epoch == by_epoch[:, :1]).all()
    np.testing.assert_allclose(by_epoch[:, 0], [0.4] * 50 + [0.04] * 5 + [0.004] * 10)


def test_the_step_schedule_keeps_its_proportions_at_other_lengths():
    # 13 epochs are a fifth of 65: drops after 10 and 11.
    np.testing.assert_allclose(rates("step", 13)[:, 0], [0.4] * 10 + [0.04] + [0.004] * 2)


def test_one_cycle_rises_to_the_rate_and_falls_to_nothing():
    cycle = rates("one-cycle", 10).ravel()
    top = cycle.argmax()
    assert cycle.max() <= 0.4
    assert cycle.max() > 0.39
    assert (np.diff(cycle[: top + 1]) > 0).all()
    assert (np.diff(cycle[top:]) < 0).all()
    assert cycle[-1] < 0.004


def test_what_is_evaluated_is_what_is_stored(digits, targets):
    model = train(digits.images, targets, SHORT, classes=10, seed=0)
    stored = round_weights(model)
    fresh, _ = start(digits.images, targets, SHORT, classes=10, seed=5)
    fresh.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in stored.items()})
    items = digits.validation_items
    assert logits(fresh, digits.images, items).tobytes() == logits(model, digits.images, items).tobytes()


def test_weights_are_stored_in_half_precision_and_statistics_in_full(digits, targets):
    model, _ = start(digits.images, targets, SHORT, classes=10, seed=0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stored = round_weights(model)
    assert set(stored) == set(before)
    assert stored["network.0.0.weight"].dtype == np.float16
    assert stored["network.0.1.running_var"].dtype == np.float32
    assert np.array_equal(stored["mean"], before["mean"])
    for name, array in stored.items():
        np.testing.assert_allclose(array, before[name], rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), 1e6])
def test_a_diverged_training_is_an_error_and_not_a_result(digits, targets, broken):
    model, _ = start(digits.images, targets, SHORT, classes=10, seed=0)
    with torch.no_grad():
        model.network[0][0].weight[0, 0, 0, 0] = broken
    with pytest.raises(FloatingPointError, match=r"network\.0\.0\.weight are not finite: the training diverged"):
        round_weights(model)


def test_an_unknown_schedule_is_refused_with_the_known_ones(digits, targets):
    with pytest.raises(RequestError, match="unknown schedule 'cosine'; known: one-cycle, step"):
        start(digits.images, targets, TrainingPolicy(schedule="cosine"), classes=10, seed=0)


def test_training_on_one_item_is_refused(digits):
    one = build(digits, LabelPolicy(variety="hard", items=1, rest="none"), seed=0)
    with pytest.raises(RequestError, match="training needs at least 2 items, it has 1"):
        start(digits.images, one, SHORT, classes=10, seed=0)


def test_the_test_sets_are_no_part_of_any_targets(digits, targets):
    for test in sets_of(digits, 0).values():
        assert not np.isin(test.items, targets.items).any()


def stopped_early(images, targets, losses):
    """The model of as many epochs as there are `losses` on validation images, and what each epoch says is kept."""
    policy = TrainingPolicy(epochs=len(losses), image_size=8, early_stopping="validation-loss")
    told = iter(losses)
    model, steps = start(images, targets, policy, classes=10, seed=0, validation_loss=lambda model: next(told))
    seen, kept = [], []
    for epoch in steps:
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        kept.append(epoch.kept)
    return seen, kept, model.state_dict()


def test_early_stopping_keeps_the_epoch_with_the_least_validation_loss(digits, targets):
    seen, kept, final = stopped_early(digits.images, targets, [0.5, 0.3, 0.4])
    assert kept == [1, 2, 2]
    assert all(torch.equal(final[name], tensor) for name, tensor in seen[1].items())


def test_of_equal_epochs_the_first_is_kept_and_of_none_that_is_finite_the_last(digits, targets):
    assert stopped_early(digits.images, targets, [0.3, 0.3])[1] == [1, 1]
    assert stopped_early(digits.images, targets, [float("nan"), float("nan")])[1] == [1, 2]


def test_early_stopping_without_validation_images_is_refused(digits, targets):
    policy = TrainingPolicy(epochs=1, image_size=8, early_stopping="validation-loss")
    _, steps = start(digits.images, targets, policy, classes=10, seed=0)
    with pytest.raises(RequestError, match="early_stopping needs validation images"):
        next(steps)


def test_a_repeat_differs_by_rounding_alone_before_it_trains_and_is_the_same_each_time(digits, targets):
    first, again, other = (
        dict(start(digits.images, targets, SHORT, classes=10, seed=0, repeat=repeat)[0].named_parameters())
        for repeat in (0, 1, 2)
    )
    for name, weights in first.items():
        assert torch.allclose(weights, again[name], rtol=1.3e-7, atol=1e-44)
    assert any(not torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(other[name], again[name]) for name in first)
    model = start(digits.images, targets, SHORT, classes=10, seed=0, repeat=1)[0]
    assert all(torch.equal(again[name], weights) for name, weights in model.named_parameters())
