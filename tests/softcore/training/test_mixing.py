"""Mixing within a batch: pixels and targets by hand, and what the draws depend on."""

import numpy as np
import pytest
import torch

from softcore.errors import RequestError
from softcore.labels.build import build
from softcore.policy import LabelPolicy, TrainingPolicy
from softcore.seeding import generator
from softcore.train import train
from softcore.training.mixing import draw_pairs, make_objective, mix


class Shown(torch.nn.Module):
    """Keeps the images that it is shown and answers with fixed logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits, self.images = logits, None

    def forward(self, images):
        self.images = images
        return self.logits[: len(images)]


class Fixed(np.random.Generator):
    """A generator whose draws are given."""

    def __init__(self, coefficient, partners):
        super().__init__(np.random.PCG64(0))
        self.coefficient, self.partners = coefficient, np.array(partners)

    def beta(self, a, b):
        return self.coefficient

    def permutation(self, n):
        return self.partners


IMAGES = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1)
HARD = torch.eye(3)[[0, 2]]


def test_a_mixture_holds_its_share_of_each_image():
    # 0.25 of image 0 (black) and 0.75 of image 1 (white): 0.75; and the other way round: 0.25.
    mixed = mix(IMAGES, torch.tensor([1, 0]), 0.25)
    torch.testing.assert_close(mixed.flatten(), torch.tensor([0.75, 0.25]))


def test_mixup_mixes_targets_with_the_share_of_the_pixels():
    # Uniform predictions over 3 classes: any target has cross-entropy log 3; so let class 0 have probability 1/2 and
    # the others 1/4. Targets: 0.25 of class 0 and 0.75 of class 2: 0.25 log 2 + 0.75 log 4 = 1.2130; the other:
    # 0.25 of class 2 and 0.75 of class 0: 0.25 log 4 + 0.75 log 2 = 0.8664. Mean 1.0397.
    model = Shown(torch.log(torch.tensor([[0.5, 0.25, 0.25]] * 2)))
    objective = make_objective(TrainingPolicy(mixing="mixup", alpha=1.0))
    loss = objective(model, IMAGES, HARD, Fixed(0.25, [1, 0]))
    assert float(loss) == pytest.approx(1.0397, abs=1e-4)
    torch.testing.assert_close(model.images.flatten(), torch.tensor([0.75, 0.25]))


def test_logistic_targets_take_the_share_from_people_and_leave_the_pixels():
    # A curve that sees only the image with the larger share: the target is the partner's class alone.
    def curves(coefficient, class_a, class_b):
        assert class_a.tolist() == [0, 2]
        assert class_b.tolist() == [2, 0]
        return np.where(coefficient > 0.5, 1.0, 0.0)

    model = Shown(torch.log(torch.tensor([[0.5, 0.25, 0.25]] * 2)))
    objective = make_objective(TrainingPolicy(mixing="mixup", alpha=1.0, target_mixing="logistic"), curves)
    # Targets: class 2 for the first (log 4), class 0 for the second (log 2): mean 1.0397... by other addends.
    loss = objective(model, IMAGES, HARD, Fixed(0.25, [1, 0]))
    assert float(loss) == pytest.approx((np.log(4) + np.log(2)) / 2, abs=1e-6)
    torch.testing.assert_close(model.images.flatten(), torch.tensor([0.75, 0.25]))


def test_mix_maxent_trains_on_the_images_and_asks_for_entropy_between_classes_only():
    # Items 0 and 1 are of one class: their mixture is not regularised. Items 2 and 3 are of two.
    images = torch.tensor([0.0, 0.2, 0.4, 1.0]).reshape(4, 1, 1, 1)
    targets = torch.eye(3)[[1, 1, 0, 2]]
    model = Shown(torch.zeros(8, 3))
    loss = make_objective(TrainingPolicy(mixing="mix-maxent", alpha=10.0))(
        model, images, targets, Fixed(0.5, [1, 0, 3, 2])
    )
    torch.testing.assert_close(model.images.flatten(), torch.tensor([0.0, 0.2, 0.4, 1.0, 0.7, 0.7]))
    assert float(loss) == pytest.approx(0, abs=1e-6)  # log 3 of cross-entropy less log 3 of entropy


def test_the_coefficient_follows_its_beta_distribution():
    # Beta(a, a): mean 1/2, variance 1 / (4 (2a + 1)); alpha 10 gives 0.0119, alpha 0.2 gives 0.1786.
    for alpha, variance in ((10.0, 1 / 84), (0.2, 1 / 5.6)):
        draws = np.array([draw_pairs(generator("mixing", 0, epoch), 2, alpha)[0] for epoch in range(2000)])
        assert draws.mean() == pytest.approx(0.5, abs=0.03)
        assert draws.var() == pytest.approx(variance, rel=0.15)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"mixing": "cutmix"}, "unknown mixing 'cutmix'"),
        ({"loss": "focal"}, "unknown loss 'focal'"),
        ({"loss": "entropy-weighted"}, "needs mixing: mixup; mixing is none"),
        ({"loss": "entropy-weighted", "mixing": "mix-maxent"}, "needs mixing: mixup; mixing is mix-maxent"),
        ({"mixing": "mixup", "target_mixing": "cubic"}, "unknown target_mixing 'cubic'; known: linear, logistic"),
        ({"mixing": "mix-maxent", "target_mixing": "linear"}, "gives mixed images no target"),
        ({"mixing": "mixup", "entropy_floor": 0.7}, "entropy_floor: 0.7 needs loss: entropy-weighted"),
        ({"alpha": 0.2}, "alpha: 0.2 needs mixing: mixup or mix-maxent"),
        ({"mixing": "mixup", "target_mixing": "logistic"}, "needs curves"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(policy, words):
    with pytest.raises(RequestError, match=words):
        make_objective(TrainingPolicy(**policy))


@pytest.mark.parametrize(
    "policy",
    [
        {"mixing": "mixup", "alpha": 1.0},
        {"mixing": "mix-maxent", "alpha": 10.0},
        {"mixing": "mixup", "alpha": 0.2, "loss": "entropy-weighted", "entropy_floor": 0.7},
    ],
)
def test_training_with_mixing_gives_the_same_bits_again_and_others_than_without(digits, policy):
    targets = build(digits, LabelPolicy(variety="t2-clamp", rest="none"), seed=0)

    def bits(**how):
        model = train(digits.images, targets, TrainingPolicy(epochs=2, image_size=8, **how), classes=10, seed=0)
        return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}

    assert bits(**policy) == bits(**policy)
    assert bits(**policy) != bits()
