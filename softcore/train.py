"""The training loop, the only one: every method of the project is a choice of targets, batches or loss."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import nn

from softcore.errors import RequestError, unknown_name
from softcore.labels.build import Targets
from softcore.policy import SCHEDULES, STEPS, TrainingPolicy
from softcore.seeding import generator, torch_seed
from softcore.training.batches import Batches
from softcore.training.images import as_tensor, pixels
from softcore.training.mixing import TargetCurves, make_objective
from softcore.training.models import PixelNetwork, make_model
from softcore.training.state import BestWeights, Loss, Snapshot, TrainingState

CLIP_NORM = 1.0


@dataclass(frozen=True)
class Epoch:
    """How far training is: epochs done, of how many, the mean training loss of the last, and whose weights are kept.

    `kept` is the epoch (from 1) whose weights the model would have if training ended here, `learning_rate` the one that
    training has come to, which the next step would have.
    """

    number: int
    of: int
    loss: float
    kept: int
    learning_rate: float = math.nan


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
    snapshot: Snapshot | None = None,
    after_step: Callable[[TrainingState], None] | None = None,
):
    """A model with fresh weights for `images` (uint8, n h w c, pooled already) and the epochs that will train it.

    Iterating the second trains the first in place, one epoch a step. Bit for bit the same on one machine kind with one
    thread. `curves` mix the targets where the policy asks for logistic target mixing, `validation_loss` chooses the
    epoch where it asks for early stopping. A `repeat` above 0 rounds half of the initial weights the other way, which
    changes nothing but what training itself makes of it. Training goes on from a `snapshot` of the same training to the
    same bits; `after_step` is shown where it stands, and may take one. Raises RequestError for an unknown model,
    schedule, augmentation, mixing or loss.
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
    return model, epochs(model, batches, policy, curves, validation_loss, snapshot=snapshot, after_step=after_step)


def epochs(
    model: nn.Module,
    batches: Batches,
    policy: TrainingPolicy,
    curves: TargetCurves | None = None,
    validation_loss: Loss | None = None,
    *,
    snapshot: Snapshot | None = None,
    after_step: Callable[[TrainingState], None] | None = None,
) -> Iterator[Epoch]:
    """Train `model` on `batches`: SGD with momentum, clipped gradients, one learning rate a step.

    With early stopping the model has the best weights once the iterator is through.
    """
    best = BestWeights(model, validation_loss) if policy.early_stopping else None
    objective = make_objective(policy, curves)
    optimiser = torch.optim.SGD(
        model.parameters(), lr=policy.learning_rate, momentum=0.9, weight_decay=policy.weight_decay, fused=True
    )
    schedule = make_schedule(optimiser, policy, len(batches))
    parameters = list(model.parameters())
    state = TrainingState(model, optimiser, schedule, best, batches.seed)
    if snapshot is not None:
        state.restore(snapshot)
        snapshot = None  # it is as large as the model and its momentum
    for number in range(state.epoch, policy.epochs):
        model.train()
        for images, targets in islice(batches.epoch(number), len(state.losses), None):
            loss = objective(model, images, targets, state.noise)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
            optimiser.step()
            schedule.step()
            state.losses.append(loss.detach())
            if after_step is not None:
                after_step(state)
        kept = best.look(number + 1) if best else number + 1
        yield Epoch(number + 1, policy.epochs, state.mean_loss(), kept, state.learning_rate)
        state.begin(number + 1)
    if best:
        best.put_back()


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
