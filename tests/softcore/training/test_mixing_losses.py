"""Losses by hand: the entropy weight at both bounds, and Mix-MaxEnt on two items."""

import math

import numpy as np
import pytest
import torch

from softcore.training.mixing import (
    entropy_weighted_loss,
    entropy_weights,
    mix_maxent,
    predictive_entropy,
    soft_cross_entropy,
)


def logits_of(*probs):
    return torch.log(torch.tensor(probs, dtype=torch.float64))


def test_the_entropy_of_a_prediction_is_in_nats():
    # Four equal classes: log 4. A fair coin: log 2.
    found = predictive_entropy(logits_of([0.25] * 4, [0.5, 0.5, 1e-300, 1e-300]))
    np.testing.assert_allclose(found, [math.log(4), math.log(2)], rtol=1e-12)


def test_the_entropy_weight_at_both_bounds_and_between():
    # H(0.9, 0.1) = 0.325 < log 2: log 2 / H = 2.13, bounded to 1.
    # Uniform over 4: H = log 4 = 2 log 2: weight 1/2, above a floor of 0.2 and raised to a floor of 0.7.
    # Uniform over 2: H = log 2: weight 1 exactly.
    logits = logits_of([0.9, 0.1 - 2e-12, 1e-12, 1e-12], [0.25] * 4, [0.5, 0.5, 1e-300, 1e-300])
    np.testing.assert_allclose(entropy_weights(logits, 0.2), [1, 0.5, 1], rtol=1e-9)
    np.testing.assert_allclose(entropy_weights(logits, 0.7), [1, 0.7, 1], rtol=1e-9)


def test_the_entropy_weighted_loss_is_the_mean_of_weighted_cross_entropies():
    # Item 1: p = (0.9, 0.1), target class 0: CE = -log 0.9 = 0.10536, weight 1.
    # Item 2: uniform over 4 would need four classes; so both over four: target class 3: CE = log 4, weight 0.5.
    logits = logits_of([0.9, 0.1 - 2e-12, 1e-12, 1e-12], [0.25] * 4)
    targets = torch.eye(4, dtype=torch.float64)[[0, 3]]
    by_hand = (1 * -math.log(0.9) + 0.5 * math.log(4)) / 2
    assert float(entropy_weighted_loss(logits, targets, 0.0)) == pytest.approx(by_hand, rel=1e-9)


def test_the_gradient_flows_through_the_entropy_weight():
    # For a uniform prediction over 4 with floor 0 the weight 1/2 would rise as the prediction sharpens; as a constant
    # it would give half the gradient of plain cross-entropy.
    targets = torch.tensor([[0.7, 0.1, 0.1, 0.1]], dtype=torch.float64)
    logits = torch.tensor([[0.5, 0.2, 0.0, -0.1]], dtype=torch.float64, requires_grad=True)
    (flowing,) = torch.autograd.grad(entropy_weighted_loss(logits, targets, 0.0), logits)
    weight = entropy_weights(logits, 0.0).detach()
    (constant,) = torch.autograd.grad((weight * soft_cross_entropy(logits, targets)).sum(), logits)
    assert not torch.allclose(flowing, constant, rtol=1e-3)
    assert torch.autograd.gradcheck(lambda z: entropy_weighted_loss(z, targets, 0.0), (logits,))


def test_a_prediction_without_entropy_gives_finite_gradients():
    logits = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)
    loss = entropy_weighted_loss(logits, torch.tensor([[0.0, 1.0, 0.0]]), 0.0)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_mix_maxent_of_a_two_item_batch():
    # Clean: p = (0.8, 0.2) target class 0, CE = -log 0.8 = 0.22314; p = (0.4, 0.6) target class 1, CE = -log 0.6 =
    # 0.51083; mean 0.36698. Mixed: (0.5, 0.5), H = log 2 = 0.69315; (0.9, 0.1), H = 0.32508; mean 0.50912.
    # Loss = 0.36698 - 0.50912 = -0.14213.
    clean, mixed = logits_of([0.8, 0.2], [0.4, 0.6]), logits_of([0.5, 0.5], [0.9, 0.1])
    targets = torch.eye(2, dtype=torch.float64)
    assert float(mix_maxent(clean, targets, mixed)) == pytest.approx(-0.14213, abs=2e-5)


def test_mix_maxent_without_a_mixed_pair_is_cross_entropy():
    clean, targets = logits_of([0.8, 0.2]), torch.eye(2, dtype=torch.float64)[:1]
    assert float(mix_maxent(clean, targets, clean[:0])) == pytest.approx(-math.log(0.8))
