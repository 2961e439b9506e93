"""The attacks: within their bound, within the pixels' range, and against the loss."""

import numpy as np
import pytest
import torch

from softcore.scoring.attacks import EPSILON, fgsm_logits, logits, pgd_logits
from softcore.scoring.metrics import cross_entropy
from softcore.training.models import make_model


class Watched(torch.nn.Module):
    """A model that keeps the images it was shown outside of autograd: those that predictions are made of."""

    def __init__(self, model):
        super().__init__()
        self.model, self.seen = model, []

    def forward(self, images):
        if not torch.is_grad_enabled():
            self.seen.append(images.clone().numpy())
        return self.model(images)


@pytest.fixture(scope="module")
def data():
    """300 images of 6x6, two channels, many pixels at either end; soft targets over four classes."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300, 6, 6, 2)).astype(np.uint8)
    images[:, :2], images[:, 4:] = 0, 255
    return images, rng.dirichlet(np.ones(4), size=300)


@pytest.fixture(scope="module")
def model():
    images = torch.rand(10, 2, 6, 6, generator=torch.Generator().manual_seed(1))
    return make_model("cnn", images, 4, seed=3).eval()


def test_no_pixel_moves_further_than_4_of_255_or_leaves_0_to_1(data, model):
    images, targets = data
    watched = Watched(model)
    fgsm_logits(watched, images, np.arange(300), targets)
    attacked = np.concatenate(watched.seen).transpose(0, 2, 3, 1)
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    moved = np.abs(attacked - images / 255)
    assert moved.max() <= EPSILON + 1e-6
    assert EPSILON == 4 / 255
    inner = (images > 4) & (images < 251)
    assert np.isclose(moved[inner], EPSILON, atol=1e-6).mean() > 0.99  # a gradient of exactly 0 moves nothing


def test_the_attack_raises_the_loss_with_the_soft_target(data, model):
    images, targets = data
    items = np.arange(300)
    clean = cross_entropy(logits(model, images, items), targets)
    assert cross_entropy(fgsm_logits(model, images, items, targets)[1], targets) > clean + 1e-3


def test_the_clean_logits_come_with_the_attacked_ones(data, model):
    images, targets = data
    items = np.arange(299, -1, -1)
    clean, attacked = fgsm_logits(model, images, items, targets)
    np.testing.assert_allclose(clean, logits(model, images, items), atol=1e-5)
    assert not np.allclose(clean, attacked, atol=1e-3)


def test_no_bound_is_no_attack(data, model):
    images, targets = data
    items = np.arange(20)
    _, unmoved = fgsm_logits(model, images, items, targets[:20], epsilon=0.0)
    np.testing.assert_allclose(unmoved, logits(model, images, items), atol=1e-5)


def test_the_step_of_a_linear_model_is_the_sign_of_its_gradient():
    # z = W x, loss -sum t log softmax(z): its gradient is W^T (softmax(z) - t), so x moves by eps x sign of that.
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[2.0, -1, 0.5, 1], [0, 1, -2, 1], [-1, 0.3, 1, -2]]))
        model[1].bias.zero_()
    images = np.full((1, 2, 2, 1), 102, dtype=np.uint8)  # 0.4 each
    target = np.array([[0.2, 0.7, 0.1]])
    weight, x = model[1].weight.detach().double().numpy(), np.full(4, 0.4)
    soft = np.exp(weight @ x) / np.exp(weight @ x).sum()
    moved = x + 0.05 * np.sign(weight.T @ (soft - target[0]))
    _, found = fgsm_logits(model, images, np.array([0]), target, epsilon=0.05)
    np.testing.assert_allclose(found[0], weight @ moved, atol=1e-5)


def test_each_item_is_attacked_against_its_own_target(data, model):
    # In the first batch and in the second.
    images, targets = data
    _, together = fgsm_logits(model, images, np.arange(300), targets)
    for item in (3, 151, 270, 299):
        _, alone = fgsm_logits(model, images, np.array([item]), targets[[item]])
        np.testing.assert_allclose(together[item], alone[0], atol=1e-4)


def test_the_attack_leaves_the_model_as_it_was(data, model):
    images, targets = data
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fgsm_logits(model, images, np.arange(30), targets[:30])
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.training


def test_attacked_logits_are_the_same_bytes_each_time(data, model):
    images, targets = data
    one, other = (fgsm_logits(model, images, np.arange(300), targets)[1] for _ in range(2))
    assert one.tobytes() == other.tobytes()
    assert one.dtype == np.float32


@pytest.fixture(scope="module")
def trained(data):
    """A network that has learnt some of 100 of the images by heart: its loss is no longer near linear."""
    images, targets = data
    pixels = torch.from_numpy(images[:100]).permute(0, 3, 1, 2).float() / 255
    model = make_model("cnn", pixels, 4, seed=3).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    soft = torch.from_numpy(targets[:100]).float()
    for _ in range(20):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(pixels), soft).backward()
        optimiser.step()
    return model.eval().requires_grad_(False)


def test_pgd_stays_within_the_bound_and_the_pixels_range(data, trained):
    images, targets = data
    watched = Watched(trained)
    pgd_logits(watched, images, np.arange(100), targets[:100])
    attacked = np.concatenate(watched.seen).transpose(0, 2, 3, 1)
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    moved = np.abs(attacked - images[:100] / 255)
    assert moved.max() <= EPSILON + 1e-6
    assert moved.max() > 0.99 * EPSILON


def test_pgd_finds_a_higher_loss_than_one_step_does(data, trained):
    images, targets = data
    items, soft = np.arange(100), targets[:100]
    clean, fgsm = (cross_entropy(found, soft) for found in fgsm_logits(trained, images, items, soft))
    pgd = cross_entropy(pgd_logits(trained, images, items, soft), soft)
    assert clean < fgsm < pgd


def test_pgd_on_a_linear_model_ends_where_one_step_does():
    # Two classes, z = W x: the gradient of the loss is (softmax(z)_0 - t_0) (w_0 - w_1), whose sign cannot change while
    # softmax(z)_0 stays above t_0 = 0.1, so ten steps of a quarter reach the corner that one whole step reaches.
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[2.0, -1, 0.5, 1], [0, 1, -2, 2]]))
        model[1].bias.zero_()
    images, item, target = np.full((1, 2, 2, 1), 102, dtype=np.uint8), np.array([0]), np.array([[0.1, 0.9]])
    found = pgd_logits(model, images, item, target, epsilon=0.05)
    moved = 0.4 + 0.05 * np.array([1, -1, 1, -1])
    np.testing.assert_allclose(found[0], model[1].weight.detach().numpy() @ moved, atol=1e-5)
    np.testing.assert_allclose(found, fgsm_logits(model, images, item, target, epsilon=0.05)[1], atol=1e-5)


def test_pgd_gives_the_same_bytes_each_time_for_each_item_by_its_own_target(data, trained):
    images, targets = data
    together, again = (pgd_logits(trained, images, np.arange(100), targets[:100]) for _ in range(2))
    assert together.tobytes() == again.tobytes()
    assert together.dtype == np.float32
    alone = pgd_logits(trained, images, np.array([99]), targets[[99]])
    np.testing.assert_allclose(together[99], alone[0], atol=1e-3)


def test_pgd_without_a_bound_is_no_attack(data, model):
    images, targets = data
    items = np.arange(20)
    unmoved = pgd_logits(model, images, items, targets[:20], epsilon=0.0)
    np.testing.assert_allclose(unmoved, logits(model, images, items), atol=1e-5)
