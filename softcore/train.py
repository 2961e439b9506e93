"""The training loop, the only one: every method of the project is a choice of targets, batches or loss."""

import math
from collections.abc import Callable, Iterator
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
Loss = Callable[[nn.Module], float]  # of a model that is left in evaluation mode


@dataclass(frozen=True)
class Epoch:
    """How far training is: epochs done, of how many, the mean training loss of the last, and whose weights are kept.

    `kept` is the epoch (from 1) whose weights the model would have if training ended here.
    """

    number: int
    of: int
    loss: float
    kept: int


def start(
    images: np.ndarray,
    targets: Targets,
    policy: TrainingPolicy,
    *,
    classes: int,
    seed: int,
    repeat: int = 0,
    device="cpu",
    curves: TargetCurves | None = None,
    validation_loss: Loss | None = None,
):
    """A model with fresh weights for `images` (uint8, n h w c, pooled already) and the epochs that will train it.

    Iterating the second trains the first in place, one epoch a step. Bit for bit the same on one machine kind with one
    thread. `curves` mix the targets where the policy asks for logistic target mixing, `validation_loss` chooses the
    epoch where it asks for early stopping. A `repeat` above 0 rounds half of the initial weights the other way, which
    changes nothing but what training itself makes of it. Raises RequestError for an unknown model, schedule,
    augmentation, mixing or loss.
    """
    if policy.schedule not in SCHEDULES:
        raise unknown_name("schedule", policy.schedule, SCHEDULES)
    if len(targets.items) < 2:
        raise RequestError(f"training needs at least 2 items, it has {len(targets.items)}")
    held = as_tensor(images)
    model = make_model(
        policy.model, pixels(held[torch.from_numpy(targets.items)]), classes, torch_seed("weights", seed)
    )
    if repeat:
        nudge_weights(model, seed, repeat)
    model = model.to(device)
    batches = Batches(
        held, targets, batch=policy.batch, seed=seed, augmentation=policy.augmentation, device=torch.device(device)
    )
    return model, epochs(model, batches, policy, curves, validation_loss)


def epochs(
    model: nn.Module,
    batches: Batches,
    policy: TrainingPolicy,
    curves: TargetCurves | None = None,
    validation_loss: Loss | None = None,
) -> Iterator[Epoch]:
    """Train `model` on `batches`: SGD with momentum, clipped gradients, one learning rate a step."""
    best = BestWeights(model, validation_loss) if policy.early_stopping else None
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
        kept = best.look(number + 1, last=number + 1 == policy.epochs) if best else number + 1
        yield Epoch(number + 1, policy.epochs, float(torch.stack(losses).mean()), kept)


class BestWeights:
    """The weights of the epoch with the least validation loss so far, for early stopping."""

    def __init__(self, model: nn.Module, validation_loss: Loss | None) -> None:
        if validation_loss is None:
            raise RequestError("early_stopping needs validation images")
        self.model, self.validation_loss = model, validation_loss
        self.epoch, self.least, self.weights = 0, math.inf, dict[str, Tensor]()

    def look(self, epoch: int, *, last: bool) -> int:
        """The epoch that is best, this one among them (of equals the first); after the `last` the model is set to it.

        A loss that is not finite is never the best; where all are, the weights stay the last epoch's.
        """
        loss = self.validation_loss(self.model)
        if loss < self.least:
            self.epoch, self.least = epoch, loss
            self.weights = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        if last and self.weights:
            self.model.load_state_dict(self.weights)
        return self.epoch or epoch


def nudge_weights(model: nn.Module, seed: int, repeat: int) -> None:
    """Move half of the weights (which, `seed` and `repeat` say) to the next larger float32, at most 1.2e-7 of each.

    As harmless as another order of summation, and as chaotic in what it leads to: trials that differ by this alone show
    how much training itself varies.
    """
    draws = generator("repeat", seed, repeat)
    with torch.no_grad():
        for weights in model.parameters():
            moved = torch.from_numpy(draws.random(tuple(weights.shape)) < 0.5)
            weights.copy_(torch.where(moved, torch.nextafter(weights, torch.full_like(weights, math.inf)), weights))


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
