"""Where a pack stands: for each member the snapshot that its trial has alone, so that it can go on with any company."""

import json
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from softcore.errors import RequestError
from softcore.training.models import PixelNetwork
from softcore.training.packed import PackedNetwork
from softcore.training.state import Snapshot

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of a batch norm
Noise = Callable[[int, int, int], np.random.Generator]


def position(taken: Snapshot) -> int:
    """The steps that a trial has behind it; members of a pack need the same."""
    return int(taken["steps"])


class PackState:
    """Training of a pack under way: the epoch (from 0), the losses (members,) of its steps so far, and the networks,
    the optimiser and the learning rate's schedule, which it changes.

    `noise(member, epoch, steps)` is a member's generator of mixing draws as it stands after so many steps of an epoch;
    everything else that is drawn follows from the seed and the number of the epoch.
    """

    def __init__(
        self,
        network: PackedNetwork,
        models: Sequence[PixelNetwork],
        optimiser: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
        noise: Noise,
    ) -> None:
        self.network, self.models, self.optimiser, self.schedule = network, models, optimiser, schedule
        self.noise = noise
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Stand at the beginning of an epoch."""
        self.epoch, self.losses = epoch, list[Tensor]()

    @property
    def learning_rate(self) -> float:
        """The learning rate that the next step will have."""
        return float(self.optimiser.param_groups[0]["lr"])

    def mean_losses(self) -> list[float]:
        """Each member's mean training loss of the epoch so far."""
        means: list[float] = torch.stack(self.losses).mean(dim=0).tolist()
        return means

    def snapshots(self) -> list[Snapshot]:
        """Copies of all of it, one a member, between two steps."""
        network, group = self.network, self.optimiser.param_groups[0]
        losses = torch.stack(self.losses).cpu().numpy() if self.losses else np.zeros((0, network.members), np.float32)
        buffers = [self.optimiser.state[piece].get("momentum_buffer") for piece in network.pieces]
        rows = {"model": network.by_name(network.flat.cpu())}
        if buffers[0] is not None:
            rows["momentum"] = network.by_name(network.joined(buffers).cpu())
        norms = {
            name: (norm.running_mean.cpu(), norm.running_var.cpu(), torch.full((network.members,), network.steps))
            for name, norm in network.norms.items()
        }
        found = []
        for member, model in enumerate(self.models):
            taken = {
                "epoch": np.array(self.epoch),
                "losses": losses[:, member].copy(),
                "noise": np.array(json.dumps(self.noise(member, self.epoch, len(self.losses)).bit_generator.state)),
                "steps": np.array(self.schedule.last_epoch),
                "rates": np.array([group["lr"], group["momentum"]], dtype=np.float64),
                "model/mean": model.mean.cpu().numpy().copy(order="C"),
                "model/std": model.std.cpu().numpy().copy(order="C"),
            }
            for kind, values in rows.items():
                taken |= {f"{kind}/network.{name}": _row(tensor, member) for name, tensor in values.items()}
            for name, statistics in norms.items():
                for what, tensor in zip(STATISTICS, statistics, strict=True):
                    taken[f"model/network.{name}.{what}"] = _row(tensor, member)
            found.append(taken)
        return found

    def restore(self, taken: Sequence[Snapshot]) -> None:
        """Stand where the members' snapshots were taken, of the same trainings.

        Raises RequestError for snapshots after different numbers of steps, KeyError where one lacks something.
        """
        if len({position(each) for each in taken}) != 1:
            raise RequestError(f"members of a pack need one position; these have {[position(each) for each in taken]}")
        first, network = taken[0], self.network
        self.begin(int(first["epoch"]))
        losses = np.stack([each["losses"] for each in taken], axis=1)
        self.losses = list(torch.from_numpy(losses).to(network.flat.device))
        self.schedule.last_epoch = network.steps = position(first)
        rate, momentum = (float(number) for number in first["rates"])
        self.optimiser.param_groups[0].update(lr=rate, momentum=momentum)
        with torch.no_grad():
            network.flat.copy_(self._rows(taken, "model"))
            for name, norm in network.norms.items():
                for what in STATISTICS[:2]:
                    values = np.stack([each[f"model/network.{name}.{what}"] for each in taken])
                    getattr(norm, what).copy_(torch.from_numpy(values))
            if any(name.startswith("momentum/") for name in first):
                buffers = network.parts(self._rows(taken, "momentum").to(network.flat.device))
                for piece, buffer in zip(network.pieces, buffers, strict=True):
                    self.optimiser.state[piece]["momentum_buffer"] = buffer.clone()

    def _rows(self, taken: Sequence[Snapshot], kind: str) -> Tensor:
        """What the snapshots have of every weight (members, weights of one), on the host."""
        rows = torch.empty_like(self.network.flat, device="cpu")
        for name, values in self.network.by_name(rows).items():
            for member, each in enumerate(taken):
                values[member].copy_(torch.from_numpy(each[f"{kind}/network.{name}"]))
        return rows


def _row(tensor: Tensor, member: int) -> np.ndarray:
    """A member's part as an array of its own."""
    return np.array(tensor[member].numpy(), order="C")
