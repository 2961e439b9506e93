"""Training many trials of one shape at once on one device: the loop of `train.py`, a step of all members at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from softcore.errors import RequestError
from softcore.labels.build import Targets
from softcore.policy import TrainingPolicy
from softcore.seeding import generator, torch_seed
from softcore.train import CLIP_NORM, Epoch, make_schedule, nudge_weights
from softcore.training.batches import Batches, EpochOrder, crop_flip
from softcore.training.images import as_tensor, pixels
from softcore.training.mixing import check_mixing, draw_pairs, entropy_weights, loss_floor, mixing_alpha
from softcore.training.models import PixelNetwork, channel_statistics, make_model
from softcore.training.pack_state import PackState
from softcore.training.packed import PackedNetwork
from softcore.training.state import Snapshot

Losses = Callable[[PackedNetwork, "Batch"], Tensor]


@dataclass(frozen=True)
class Member:
    """One trial of a pack: its images (uint8, n h w c, pooled already), targets, training and replicate."""

    images: np.ndarray
    targets: Targets
    policy: TrainingPolicy
    seed: int
    repeat: int = 0


@dataclass(frozen=True)
class Batch:
    """One step of all members, one after another, `n` items each; shares and partners where images are mixed."""

    images: Tensor
    targets: Tensor
    n: int
    shares: Tensor | None = None
    partners: Tensor | None = None

    def tensors(self) -> list[Tensor]:
        """What it holds."""
        every = (self.images, self.targets, self.shares, self.partners)
        return [each for each in every if each is not None]

    def clone(self) -> "Batch":
        """A batch of its own memory."""
        mixed = (None if each is None else each.clone() for each in (self.shares, self.partners))
        return Batch(self.images.clone(), self.targets.clone(), self.n, *mixed)

    def copy_(self, other: "Batch") -> None:
        """Take the values of another of the same shape."""
        for own, theirs in zip(self.tensors(), other.tensors(), strict=True):
            own.copy_(theirs)


def shape(policy: TrainingPolicy) -> TrainingPolicy:
    """What members of a pack must have in common of a policy; images may be mixed in some members and not in others.

    Raises RequestError for what can't be trained in packs, with the reason; such trials train alone.
    """
    check_mixing(policy)
    for axis, value, why in (
        ("mixing", "mix-maxent", "how many mixed images a batch has differs from member to member"),
        ("target_mixing", "logistic", "its curves are read on the host, batch by batch"),
        ("early_stopping", "validation-loss", "members would stop at different epochs"),
    ):
        if getattr(policy, axis) == value:
            raise RequestError(f"{axis}: {value} can't be trained in packs: {why}")
    mixing = None if policy.loss in (None, "cross-entropy") else policy.mixing
    return replace(policy, mixing=mixing, alpha=None, target_mixing=None)


class Pack:
    """Trials that differ only in their images, labels and replicates, trained together.

    Iterate `epochs`, then take each member's `model`. A member sees the batches that it would see alone; on a CPU its
    bytes are those that it has alone, on a CUDA device they depend neither on its neighbours nor on their number.
    `precision` is one of `packed.PRECISIONS`. Training goes on to the same bits from `snapshots` of the same trainings
    after the same steps, one a member; on a CPU those of trials alone do as well. `after_step` is shown where the pack
    stands, and may take them. Raises RequestError for members of different shapes and for what `shape` refuses.
    """

    def __init__(
        self,
        members: Sequence[Member],
        *,
        classes: int,
        device: str = "cpu",
        precision: str = "float32",
        snapshots: Sequence[Snapshot] = (),
        after_step: Callable[[PackState], None] | None = None,
    ) -> None:
        shapes = {(shape(each.policy), each.images.shape[1:], len(each.targets.items)) for each in members}
        if len(shapes) != 1:
            raise RequestError(f"members of a pack need one shape; these have {len(shapes)}: {shapes}")
        self.policy, self.device = shape(members[0].policy), torch.device(device)
        self.members, self.classes = list(members), classes
        held = {id(member.images): as_tensor(member.images) for member in members}
        self.batches = [
            Batches(
                held[id(member.images)],
                member.targets,
                batch=member.policy.batch,
                seed=member.seed,
                augmentation=member.policy.augmentation,
                device="cpu",
            )
            for member in members
        ]
        # The images of all, each set once, and where each member's begin.
        firsts = dict(zip(held, np.cumsum([0, *map(len, held.values())]), strict=False))
        self.first_image = np.array([firsts[id(member.images)] for member in members])
        self.images = torch.cat([images.permute(0, 2, 3, 1) for images in held.values()]).to(self.device)
        self.first_label = np.cumsum([0, *(len(member.targets.probs) for member in members[:-1])])
        self.probs = torch.cat([batches.probs for batches in self.batches]).to(self.device)
        self.models = self._models(held)
        self.network = PackedNetwork(self.models, precision)
        self.snapshots, self.after_step = snapshots, after_step

    def _models(self, held: Mapping[int, Tensor]) -> list[PixelNetwork]:
        models, known = [], dict[tuple[int, bytes], tuple[Tensor, Tensor]]()
        for member in self.members:
            images, items = held[id(member.images)], member.targets.items
            key = (id(member.images), items.tobytes())
            if key not in known:
                known[key] = channel_statistics(pixels(images[torch.from_numpy(items)]))
            model = make_model(self.policy.model, images, self.classes, torch_seed("weights", member.seed), known[key])
            if member.repeat:
                nudge_weights(model, member.seed, member.repeat)
            models.append(model.to(self.device))
        return models

    def epochs(self) -> Iterator[list[Epoch]]:
        """Train; after each epoch where every member is."""
        network, policy = self.network, self.policy
        step = Step(network, make_losses(policy), policy.batch)
        optimiser = torch.optim.SGD(
            network.pieces, lr=policy.learning_rate, momentum=0.9, weight_decay=policy.weight_decay, fused=True
        )
        schedule = make_schedule(optimiser, policy, len(self.batches[0]))
        state = PackState(network, self.models, optimiser, schedule, self._noise)
        if self.snapshots:
            state.restore(self.snapshots)
            self.snapshots = ()  # they are as large as the weights and their momentum
        for number in range(state.epoch, policy.epochs):
            for batch in islice(self.epoch(number), len(state.losses), None):
                each, gradients = step(batch)
                network.set_gradients(gradients)
                optimiser.step()
                schedule.step()
                state.losses.append(each.clone())
                if self.after_step is not None:
                    self.after_step(state)
            means, rate = state.mean_losses(), state.learning_rate
            yield [Epoch(number + 1, policy.epochs, mean, number + 1, rate) for mean in means]
            state.begin(number + 1)

    def model(self, member: int) -> PixelNetwork:
        """The network of a member as it is now, in evaluation mode, on the pack's device."""
        model = self.network.unpack(member, self.models[member])
        model.eval()
        return model

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Float32 logits (members, n, k) of the same images (uint8, n h w c) by each member's network as it is now.

        In the pack's precision, and no larger batches than in training, so that memory holds them.
        """
        self.network.eval()
        found = [torch.zeros(len(self.members), 0, self.classes)]
        with torch.inference_mode():
            for part in as_tensor(images).split(self.policy.batch) if len(images) else ():
                batch = pixels(part, self.device).repeat(len(self.members), 1, 1, 1)
                found.append(self.network(batch).view(len(self.members), len(part), -1).cpu())
        self.network.train()
        return torch.cat(found, dim=1).numpy()

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of epoch `number`; all that is drawn goes to the device at once, before the first."""
        orders = [batches.order(number) for batches in self.batches]
        images = self._rows([order.images for order in orders], self.first_image)
        labels = self._rows([order.labels for order in orders], self.first_label)
        moves = self._moves(orders)
        sizes = self.batches[0].sizes()
        mixtures = self._mixtures(number, sizes) if any(member.policy.mixing for member in self.members) else None
        start = 0
        for k, n in enumerate(sizes):
            part = slice(start, start + n)
            batch = pixels(self.images[images[:, part].reshape(-1)].permute(0, 3, 1, 2), self.device)
            if moves is not None:
                batch = crop_flip(batch, moves[:, part].reshape(-1, 3))
            targets = self.probs[labels[:, part].reshape(-1)]
            if mixtures is None:
                yield Batch(batch, targets, n)
            else:
                shares, partners = mixtures
                yield Batch(
                    batch,
                    targets,
                    n,
                    shares[:, k],
                    partners[:, part] + n * torch.arange(len(self.models), device=self.device)[:, None],
                )
            start += n

    def _rows(self, rows: Sequence[np.ndarray], firsts: np.ndarray) -> Tensor:
        return torch.from_numpy(np.stack(rows) + firsts[:, None]).to(self.device)

    def _moves(self, orders: Sequence[EpochOrder]) -> Tensor | None:
        moves = [order.moves for order in orders if order.moves is not None]
        return torch.stack(moves).to(self.device) if moves else None

    def _mixtures(self, number: int, sizes: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The share of each member's batch (members, batches) and each item's partner in its batch (members, n).

        Where a member's images are not mixed, an item is its own partner and its share is 1, which changes no bit.
        """
        shares, partners = [], []
        for member in self.members:
            drawn = list(_mixing_draws(member, generator("mixing", member.seed, number), sizes))
            shares.append([share for share, _ in drawn])
            partners.append(np.concatenate([order for _, order in drawn]))
        return torch.tensor(shares, device=self.device), torch.from_numpy(np.stack(partners)).to(self.device)

    def _noise(self, place: int, number: int, steps: int) -> np.random.Generator:
        """A member's generator of mixing draws as it stands after so many steps of epoch `number`."""
        member = self.members[place]
        noise = generator("mixing", member.seed, number)
        for _ in _mixing_draws(member, noise, self.batches[0].sizes()[:steps]):
            pass
        return noise


def _mixing_draws(
    member: Member, noise: np.random.Generator, sizes: Sequence[int]
) -> Iterator[tuple[float, np.ndarray]]:
    """A share and the partners of each batch, as `mixing.make_objective` draws them for a trial alone."""
    alpha = mixing_alpha(member.policy)
    for n in sizes:
        yield (1.0, np.arange(n)) if alpha is None else draw_pairs(noise, n, alpha)


class Step:
    """The losses (members,) of a batch and the clipped gradients (members, weights of one).

    On a CUDA device full batches are recorded once as a graph and then replayed, so that the host launches one thing
    in place of a thousand; what it returns is overwritten by the next call.
    """

    WARM = 3  # batches computed as they come before one is recorded: kernels are compiled by then

    def __init__(self, network: PackedNetwork, losses: Losses, full: int) -> None:
        self.network, self.losses, self.full = network, losses, full
        self.seen = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Of one batch."""
        if not self.network.on_card or batch.n != self.full:
            return self.compute(batch)
        self.seen += 1
        if self.seen <= self.WARM:
            return self.compute(batch)
        if self.graph is None:
            torch.cuda.empty_cache()  # what batches took as they came: a graph has memory of its own
            self.graph, self.held = torch.cuda.CUDAGraph(), batch.clone()
            with torch.cuda.graph(self.graph):
                self.out = self.compute(self.held)
        self.held.copy_(batch)
        self.graph.replay()
        return self.out

    def compute(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The same, launch by launch."""
        each = self.losses(self.network, batch)
        return each.detach(), clip(self.network, self.network.gradients(each))


def make_losses(policy: TrainingPolicy) -> Losses:
    """Each member's loss of a batch (members,), as `mixing.make_objective` has it for one."""

    def losses(network: PackedNetwork, batch: Batch) -> Tensor:
        images, targets = batch.images, batch.targets
        if batch.shares is not None and batch.partners is not None:
            partners = batch.partners.reshape(-1)
            share = batch.shares.repeat_interleave(batch.n)[:, None]
            images = torch.lerp(images[partners], images, share[:, :, None, None])
            targets = share * targets + (1 - share) * targets[partners]
        logits = network(images)
        each = F.cross_entropy(logits, targets, reduction="none")
        if policy.loss == "entropy-weighted":
            each = entropy_weights(logits, loss_floor(policy)) * each
        return each.view(-1, batch.n).mean(dim=1)

    return losses


def clip(network: PackedNetwork, gradients: Tensor) -> Tensor:
    """Each member's gradient (members, weights) at a norm of at most CLIP_NORM, in place."""
    if network.on_card:
        from softcore.training import kernels

        norms = kernels.norms(gradients)
    else:  # of a member's norms by parameter, as `clip_grad_norm_` has it alone
        norms = torch.stack([nn.utils.get_total_norm(row.split(network.sizes)) for row in gradients])
    return gradients.mul_((CLIP_NORM / (norms + 1e-6)).clamp(max=1.0)[:, None])
