"""The training loop, the only one: every method of the project is a choice of targets, batches or loss."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from softcore.errors import RequestError, unknown_name
from softcore.labels.build import Targets
from softcore.policy import SCHEDULES, STEPS, TrainingPolicy
from softcore.seeding import generator, torch_seed
from softcore.training.batches import Batches
from softcore.training.images import as_tensor, pixels
from softcore.training.mixing import TargetCurves, make_objective
from softcore.training.models import PixelNetwork, make_model

CLIP_NORM = 1.0


@dataclass(frozen=True)
class Epoch:
    """How far training is: epochs done, of how many, and the mean training loss of the last."""

    number: int
    of: int
    loss: float


def start(
    images: np.ndarray,
    targets: Targets,
    policy: TrainingPolicy,
    *,
    classes: int,
    seed: int,
    device="cpu",
    curves: TargetCurves | None = None,
):
    """A model with fresh weights for `images` (uint8, n h w c, pooled already) and the epochs that will train it.

    Iterating the second trains the first in place, one epoch a step. Bit for bit the same on one machine kind with one
    thread. `curves` mix the targets where the policy asks for logistic target mixing. Raises RequestError for an
    unknown model, schedule, augmentation, mixing or loss.
    """
    if policy.schedule not in SCHEDULES:
        raise unknown_name("schedule", policy.schedule, SCHEDULES)
    if len(targets.items) < 2:
        raise RequestError(f"training needs at least 2 items, it has {len(targets.items)}")
    held = as_tensor(images)
    model = make_model(
        policy.model, pixels(held[torch.from_numpy(targets.items)]), classes, torch_seed("weights", seed)
    ).to(device)
    batches = Batches(
        held, targets, batch=policy.batch, seed=seed, augmentation=policy.augmentation, device=torch.device(device)
    )
    return model, epochs(model, batches, policy, curves)


def epochs(
    model: nn.Module, batches: Batches, policy: TrainingPolicy, curves: TargetCurves | None = None
) -> Iterator[Epoch]:
    """Train `model` on `batches`: SGD with momentum, clipped gradients, one learning rate a step."""
    objective = make_objective(policy, curves)
    optimiser = torch.optim.SGD(
        model.parameters(), lr=policy.learning_rate, momentum=0.9, weight_decay=policy.weight_decay, fused=True
    )
    schedule = make_schedule(optimiser, policy, len(batches))
    parameters = list(model.parameters())
    for number in range(policy.epochs):
        model.train()
        losses: list[Tensor] = []
        noise = generator("mixing", batches.seed, number)
        for images, targets in batches.epoch(number):
            loss = objective(model, images, targets, noise)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
            optimiser.step()
            schedule.step()
            losses.append(loss.detach())
        yield Epoch(number + 1, policy.epochs, float(torch.stack(losses).mean()))


def make_schedule(optimiser: torch.optim.Optimizer, policy: TrainingPolicy, steps: int):
    """The learning rate by step: one cycle over all epochs, or a tenth after each of two shares of them."""
    total = steps * policy.epochs
    if policy.schedule == "one-cycle":
        return torch.optim.lr_scheduler.OneCycleLR(optimiser, policy.learning_rate, total_steps=total + 1)
    drops = [round(total * share) for share in STEPS[policy.schedule]]
    return torch.optim.lr_scheduler.MultiStepLR(optimiser, drops)


def train(images: np.ndarray, targets: Targets, policy: TrainingPolicy, *, classes: int, seed: int, **how):
    """The trained model, in evaluation mode: `start` (which takes `how`) and all its epochs."""
    model, steps = start(images, targets, policy, classes=classes, seed=seed, **how)
    for _ in steps:
        pass
    return model.eval()


def round_weights(model: PixelNetwork) -> dict[str, np.ndarray]:
    """The model's weights as they are stored, and the model set to just those.

    Parameters are kept as float16, running statistics as float32. What is evaluated is then what is stored. Raises
    FloatingPointError when a weight is not finite (the training diverged) or too large for float16.
    """
    stored: dict[str, np.ndarray] = {}
    parameters = dict(model.named_parameters())
    for name, tensor in model.state_dict().items():
        kept = tensor.half() if name in parameters else tensor
        if not torch.isfinite(kept).all():
            raise FloatingPointError(f"weights of {name} are not finite: the training diverged")
        tensor.copy_(kept)
        stored[name] = kept.cpu().contiguous().numpy()
    return stored
