"""Training on mixtures of pairs of images: which pairs, how much of each, and what the loss of a batch is."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from softcore.errors import RequestError, unknown_name
from softcore.policy import TrainingPolicy

SMALLEST_ENTROPY = 1e-6  # nats; keeps the weight of a prediction without entropy finite, far above its bound of 1
MIXINGS = ("mixup", "mix-maxent")
TARGET_MIXINGS = ("linear", "logistic")
LOSSES = ("cross-entropy", "entropy-weighted")
MIXUP_ALPHA = 1.0  # Zhang et al. 2017 on CIFAR-10; the thesis names none for plain mixup
MAXENT_ALPHA = 10.0  # Collins 2022, section 5.2.2, as are the next two
WEIGHTED_ALPHA = 0.2
ENTROPY_FLOOR = 0.7
# The share of the first image in a mixture's target, from its share in the pixels and the two classes; arrays all.
TargetCurves = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
# The loss of one batch; draws what it needs from the generator.
Objective = Callable[[nn.Module, Tensor, Tensor, np.random.Generator], Tensor]


def soft_cross_entropy(logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
    """Mean over the batch of -sum_k target_k log softmax(logits)_k."""
    return F.cross_entropy(logits, targets)


def predictive_entropy(logits: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
    """Entropy of softmax(logits) in nats, one an item; 0 log 0 is 0."""
    log_probs = F.log_softmax(logits, dim=1)
    return -(log_probs.exp() * log_probs).sum(dim=1)


def entropy_weights(logits: Float[Tensor, "n k"], entropy_floor: float) -> Float[Tensor, " n"]:
    """The weight of each prediction: log 2 over its entropy, at least `entropy_floor` and at most 1.

    A prediction less sure than a fair coin counts less. Source: Collins 2022, section 5.2.2 (its kappa).
    """
    entropy = predictive_entropy(logits).clamp_min(SMALLEST_ENTROPY)
    return (math.log(2) / entropy).clamp(min=entropy_floor, max=1.0)


def entropy_weighted_loss(
    logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"], entropy_floor: float
) -> Float[Tensor, ""]:
    """Mean over the batch of each item's soft cross-entropy times its entropy weight.

    The weight is part of the loss: the gradient flows through it, so that without a floor the model learns to be
    uniform. Source: Collins 2022, section 5.2.2.
    """
    each = F.cross_entropy(logits, targets, reduction="none")
    return (entropy_weights(logits, entropy_floor) * each).mean()


def mix_maxent(
    logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"], mixed_logits: Float[Tensor, "m k"]
) -> Float[Tensor, ""]:
    """Soft cross-entropy of the images as they are, less the mean predictive entropy of the mixed ones.

    Without mixed images the first part alone. Source: Pinto et al. 2021, Mix-MaxEnt.
    """
    loss = soft_cross_entropy(logits, targets)
    if len(mixed_logits) == 0:
        return loss
    return loss - torch.mean(predictive_entropy(mixed_logits))


def check_mixing(policy: TrainingPolicy) -> None:
    """Refuse an unknown mixing, target mixing or loss, and parts of `policy` that do not go together (RequestError)."""
    mixing, loss = policy.mixing or "none", policy.loss or "cross-entropy"
    for axis, name, allowed in (
        ("mixing", mixing, ("none", *MIXINGS)),
        ("target_mixing", policy.target_mixing, (None, *TARGET_MIXINGS)),
        ("loss", loss, LOSSES),
    ):
        if name not in allowed:
            raise unknown_name(axis, name, [each for each in allowed if each is not None])
    if loss == "entropy-weighted" and mixing != "mixup":
        raise RequestError(f"loss: entropy-weighted weighs mixed images: it needs mixing: mixup; mixing is {mixing}")
    if policy.entropy_floor is not None and loss != "entropy-weighted":
        raise RequestError(f"entropy_floor: {policy.entropy_floor} needs loss: entropy-weighted; loss is {loss}")
    for axis, value in (("alpha", policy.alpha), ("target_mixing", policy.target_mixing)):
        if value is not None and mixing == "none":
            raise RequestError(f"{axis}: {value} needs mixing: {' or '.join(MIXINGS)}")
    if policy.target_mixing is not None and mixing == "mix-maxent":
        raise RequestError("target_mixing: mix-maxent gives mixed images no target; mixing: mixup does")


def mixing_alpha(policy: TrainingPolicy) -> float | None:
    """The parameter of the mixing coefficients: the policy's own or its method's usual one; None without mixing."""
    if policy.mixing is None or policy.alpha is not None:
        return policy.alpha
    if policy.mixing == "mix-maxent":
        return MAXENT_ALPHA
    return WEIGHTED_ALPHA if policy.loss == "entropy-weighted" else MIXUP_ALPHA


def loss_floor(policy: TrainingPolicy) -> float:
    """The least weight of the entropy-weighted loss: the policy's own or the thesis's."""
    return ENTROPY_FLOOR if policy.entropy_floor is None else policy.entropy_floor


def make_objective(policy: TrainingPolicy, curves: TargetCurves | None = None) -> Objective:
    """The loss of a batch under `policy`; `curves` are needed for logistic target mixing alone.

    Raises RequestError for what `check_mixing` refuses, and for logistic target mixing without curves.
    """
    check_mixing(policy)
    alpha = mixing_alpha(policy)
    if alpha is None:
        return _plain
    if policy.mixing == "mix-maxent":
        return partial(_mix_maxent, alpha=alpha)
    if policy.target_mixing == "logistic" and curves is None:
        raise RequestError("target_mixing: logistic needs curves fitted to people's inferences (data set hmix)")
    if policy.loss == "entropy-weighted":
        loss = partial(entropy_weighted_loss, entropy_floor=loss_floor(policy))
        return partial(_mixup, alpha=alpha, loss=loss, curves=curves)
    return partial(_mixup, alpha=alpha, loss=soft_cross_entropy, curves=curves)


def _plain(model: nn.Module, images: Tensor, targets: Tensor, noise: np.random.Generator) -> Tensor:
    return soft_cross_entropy(model(images), targets)


def _mixup(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    noise: np.random.Generator,
    *,
    alpha: float,
    loss: Callable[[Tensor, Tensor], Tensor],
    curves: TargetCurves | None,
) -> Tensor:
    coefficient, partners = draw_pairs(noise, len(images), alpha)
    order = torch.from_numpy(partners).to(images.device)
    share = torch.full((len(images), 1), coefficient, dtype=targets.dtype, device=targets.device)
    if curves is not None:
        classes = targets.argmax(dim=1).cpu().numpy()
        shares = curves(np.full(len(classes), coefficient), classes, classes[partners])
        share = torch.from_numpy(shares[:, None]).to(share)
    return loss(model(mix(images, order, coefficient)), share * targets + (1 - share) * targets[order])


def _mix_maxent(
    model: nn.Module, images: Tensor, targets: Tensor, noise: np.random.Generator, *, alpha: float
) -> Tensor:
    coefficient, partners = draw_pairs(noise, len(images), alpha)
    order = torch.from_numpy(partners).to(images.device)
    classes = targets.argmax(dim=1)
    apart = classes != classes[order]  # the regulariser is on mixtures of different classes
    # One pass over both, so that batch norm sees what it will be asked about and what lies between.
    logits = model(torch.cat([images, mix(images, order, coefficient)[apart]]))
    return mix_maxent(logits[: len(images)], targets, logits[len(images) :])


def draw_pairs(noise: np.random.Generator, n: int, alpha: float) -> tuple[float, Int[np.ndarray, " n"]]:
    """The mixing coefficient of a batch, from Beta(alpha, alpha), and the partner of each of its `n` images."""
    return float(noise.beta(alpha, alpha)), noise.permutation(n)


def mix(images: Float[Tensor, "n c h w"], partners: Int[Tensor, " n"], share: float) -> Float[Tensor, "n c h w"]:
    """`share` of each image and the rest of its partner, pixel by pixel.

    Source: Zhang et al. 2017, doi:10.48550/arXiv.1710.09412.
    """
    return torch.lerp(images[partners], images, share)
