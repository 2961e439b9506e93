"""Where training stands: all that its steps change, taken as arrays and put back, to go on to the same bytes."""

import json
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from softcore.errors import RequestError
from softcore.seeding import generator

Loss = Callable[[nn.Module], float]  # of a model that is left in evaluation mode
Snapshot = dict[str, np.ndarray]  # numbers and words, never objects: it can be stored without a pickle


class BestWeights:
    """The weights of the epoch with the least validation loss so far, for early stopping."""

    def __init__(self, model: nn.Module, validation_loss: Loss | None) -> None:
        if validation_loss is None:
            raise RequestError("early_stopping needs validation images")
        self.model, self.validation_loss = model, validation_loss
        self.epoch, self.least, self.weights = 0, math.inf, dict[str, Tensor]()

    def look(self, epoch: int) -> int:
        """The epoch that is best, this one among them (of equals the first).

        A loss that is not finite is never the best; where all are, it is the last epoch.
        """
        loss = self.validation_loss(self.model)
        if loss < self.least:
            self.epoch, self.least = epoch, loss
            self.weights = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        return self.epoch or epoch

    def put_back(self) -> None:
        """Set the model to the best weights, where there are any."""
        if self.weights:
            self.model.load_state_dict(self.weights)


class TrainingState:
    """Training under way: the epoch (from 0), the losses of its steps so far, its generator of mixing draws, and the
    model, the optimiser, the learning rate's schedule and the best weights so far, which it changes.

    Everything else (order, draws of labels, augmentation) follows from the seed and the number of the epoch.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        best: BestWeights | None,
        seed: int,
    ) -> None:
        self.model, self.optimiser, self.schedule, self.best, self.seed = model, optimiser, schedule, best, seed
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Stand at the beginning of an epoch."""
        self.epoch, self.losses = epoch, list[Tensor]()
        self.noise = generator("mixing", self.seed, epoch)

    @property
    def learning_rate(self) -> float:
        """The learning rate that the next step will have."""
        return float(self.optimiser.param_groups[0]["lr"])

    def mean_loss(self) -> float:
        """The mean training loss of the epoch so far."""
        return float(torch.stack(self.losses).mean())

    def snapshot(self) -> Snapshot:
        """Copies of all of it, between two steps."""
        group = self.optimiser.param_groups[0]
        taken = {
            "epoch": np.array(self.epoch),
            "losses": _array(torch.stack(self.losses)) if self.losses else np.zeros(0, dtype=np.float32),
            "noise": np.array(json.dumps(self.noise.bit_generator.state)),
            "steps": np.array(self.schedule.last_epoch),
            "rates": np.array([group["lr"], group["momentum"]], dtype=np.float64),
        }
        taken |= {f"model/{name}": _array(tensor) for name, tensor in self.model.state_dict().items()}
        for name, weights in self.model.named_parameters():
            if (momentum := self.optimiser.state[weights].get("momentum_buffer")) is not None:
                taken[f"momentum/{name}"] = _array(momentum)
        if self.best:
            taken |= {"best epoch": np.array(self.best.epoch), "best loss": np.array(self.best.least)}
            taken |= {f"best/{name}": _array(tensor) for name, tensor in self.best.weights.items()}
        return taken

    def restore(self, taken: Snapshot) -> None:
        """Stand where the snapshot was taken, of the same training. Raises KeyError where it lacks something."""
        self.begin(int(taken["epoch"]))
        self.losses = list(torch.from_numpy(taken["losses"]).to(next(self.model.parameters()).device))
        self.noise.bit_generator.state = json.loads(str(taken["noise"]))
        self.schedule.last_epoch = int(taken["steps"])
        rate, momentum = (float(number) for number in taken["rates"])
        self.optimiser.param_groups[0].update(lr=rate, momentum=momentum)
        with torch.no_grad():
            for name, tensor in self.model.state_dict().items():
                tensor.copy_(torch.from_numpy(taken[f"model/{name}"]))
            for name, weights in self.model.named_parameters():
                if f"momentum/{name}" in taken:
                    self.optimiser.state[weights]["momentum_buffer"] = _like(weights, taken[f"momentum/{name}"])
        if self.best:
            self.best.epoch, self.best.least = int(taken["best epoch"]), float(taken["best loss"])
            there = self.model.state_dict().items() if self.best.epoch else ()
            self.best.weights = {name: _like(tensor, taken[f"best/{name}"]) for name, tensor in there}


def _array(tensor: Tensor) -> np.ndarray:
    """A copy that training no longer changes."""
    return np.array(tensor.detach().cpu().numpy(), order="C")


def _like(tensor: Tensor, values: np.ndarray) -> Tensor:
    """`values` on the device and in the memory layout of `tensor`."""
    return torch.empty_like(tensor).copy_(torch.from_numpy(values))
