"""What the training core adds to bare PyTorch, measured in one run.

    python bench/training.py [--model cnn --model resnet34a] [--images 1920] [--repeats 5]

Per model, two processes at once with one thread each, in turn: a trial's own loop (`softcore.train.epochs`), a bare
loop (forward, backward, step; channels_last; batches of random pixels ready in memory) and a plain `DataLoader` loop
(per-image transforms, NCHW, batch 32, one process with two threads). Then evaluation, clean and FGSM, in batches and
one item at a time. Prints images a second and ratios; a ratio is of the two in the same round, the median counts.
"""

import argparse
import json
import multiprocessing as mp
import os
import platform
import statistics
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from softcore.labels.build import Targets
from softcore.labels.label_set import group
from softcore.policy import TrainingPolicy
from softcore.scoring.attacks import EPSILON, fgsm_logits, fold_batch_norms, logits
from softcore.train import epochs, make_schedule
from softcore.training.batches import Batches
from softcore.training.mixing import soft_cross_entropy
from softcore.training.models import PixelNetwork, make_model

BATCH = {"cnn": 64, "resnet34a": 32}
CLASSES = 10


def random_images(n: int) -> np.ndarray:
    """Noise stands for images: the time of a step does not depend on what is in them."""
    return np.random.default_rng(0).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def random_targets(n: int) -> Targets:
    """Six labels an item, kept separate."""
    rng = np.random.default_rng(1)
    probs = rng.dirichlet(np.ones(CLASSES), size=6 * n)
    panel = group(np.repeat(np.arange(n), 6), probs, np.full(6 * n, ""), "t2-clamp")
    return Targets(
        items=panel.items,
        offsets=panel.offsets,
        probs=panel.probs,
        held_out=np.zeros(0, dtype=np.int64),
        panel=panel,
        answers={},
        recorded_seconds=0.0,
    )


def fresh_model(name: str, images: torch.Tensor) -> PixelNetwork:
    """The named network for 32x32 colour images."""
    return make_model(name, images[:256].float() / 255, CLASSES, 0)


def ours(name: str, n: int) -> float:
    """Images a second of the training core's loop."""
    images = torch.from_numpy(random_images(n)).permute(0, 3, 1, 2)
    policy = TrainingPolicy(model=name, epochs=2, batch=BATCH[name])
    batches = Batches(
        images, random_targets(n), batch=policy.batch, seed=0, augmentation="none", device=torch.device("cpu")
    )
    loop = epochs(fresh_model(name, images), batches, policy)
    next(loop)  # the first epoch warms up
    return timed(lambda: next(loop), n)


def bare(name: str, n: int) -> float:
    """Images a second of forward, backward and step on batches that are ready in memory."""
    images = torch.from_numpy(random_images(n)).permute(0, 3, 1, 2)
    model = fresh_model(name, images).train()
    ready = [part.float().div(255).contiguous(memory_format=torch.channels_last) for part in images.split(BATCH[name])]
    targets = torch.from_numpy(random_targets(n).probs[::6]).float().split(BATCH[name])
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)

    def epoch() -> None:
        for batch, target in zip(ready, targets, strict=True):
            loss = soft_cross_entropy(model(batch), target)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()

    epoch()
    return timed(epoch, n)


class PerImage(Dataset):
    """Images transformed one by one, as a plain loop does it."""

    def __init__(self, n: int) -> None:
        from torchvision import transforms

        self.images, self.targets = random_images(n), random_targets(n).probs[::6]
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.25] * 3)])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.transform(self.images[index]), torch.from_numpy(self.targets[index]).float()


def plain_loader(name: str, n: int) -> float:
    """Images a second of a `DataLoader` loop: NCHW, batch 32."""
    data = PerImage(n)
    model = fresh_model(name, torch.from_numpy(data.images).permute(0, 3, 1, 2)).to(
        memory_format=torch.contiguous_format
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    schedule = make_schedule(optimiser, TrainingPolicy(epochs=2), -(-n // 32))
    loader = DataLoader(data, batch_size=32, shuffle=True)

    def epoch() -> None:
        model.train()
        for batch, target in loader:
            loss = nn.functional.cross_entropy(model(batch), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()

    epoch()
    return timed(epoch, n)


def timed(work, n: int) -> float:
    """`n` over the seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return n / (time.perf_counter() - began)


def _child(function, name, n, threads, barrier, out) -> None:
    torch.set_num_threads(threads)
    barrier.wait()
    out.put(function(name, n))


def together(function, name: str, n: int, *, processes: int, threads: int) -> float:
    """Images a second of `processes` copies at once, in sum."""
    context = mp.get_context("spawn")
    barrier, out = context.Barrier(processes), context.Queue()
    children = [
        context.Process(target=_child, args=(function, name, n, threads, barrier, out)) for _ in range(processes)
    ]
    for child in children:
        child.start()
    total = sum(out.get() for _ in children)
    for child in children:
        child.join()
    return total


def one_at_a_time(model: nn.Module, images: np.ndarray, targets: np.ndarray) -> None:
    """Clean and attacked logits of items one by one, by the model as it was trained: the plain way to do it."""
    for index in range(len(images)):
        item = np.array([index])
        logits(model, images, item)
        fgsm_logits(model, images, item, targets[item], EPSILON)


def evaluation(name: str, n: int, sample: int) -> dict[str, float]:
    """Items a second, clean and FGSM: `n` in batches, `sample` of them one at a time."""
    torch.set_num_threads(1)
    images, targets = random_images(n), random_targets(n).probs[::6]
    model = fresh_model(name, torch.from_numpy(images).permute(0, 3, 1, 2)).eval()
    items = np.arange(n)

    def in_batches() -> None:
        fgsm_logits(fold_batch_norms(model), images, items, targets)

    one_at_a_time(model, images[:20], targets[:20])
    batched = timed(in_batches, n)
    single = timed(lambda: one_at_a_time(model, images[:sample], targets[:sample]), sample)
    return {"batched": batched, "one at a time": single, "ratio": batched / single}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", choices=sorted(BATCH), help="may be repeated; all without it")
    parser.add_argument("--images", type=int, default=1920)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--items", type=int, default=3000, help="items evaluated in batches")
    parser.add_argument("--sample", type=int, default=500, help="of them one at a time")
    asked = parser.parse_args()
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, torch {torch.__version__}"
    print(f"# {machine}; n = {asked.repeats} rounds of {asked.images} images")
    for name in asked.model or sorted(BATCH):
        rounds = []
        for _ in range(asked.repeats):
            mine = together(ours, name, asked.images, processes=2, threads=1)
            least = together(bare, name, asked.images, processes=2, threads=1)
            plain = together(plain_loader, name, asked.images, processes=1, threads=2)
            rounds.append((mine, least, plain))
        middle = [statistics.median(column) for column in zip(*rounds, strict=True)]
        to_bare = [mine / least for mine, least, _ in rounds]
        to_plain = [mine / plain for mine, _, plain in rounds]
        line = {
            "model": name,
            "images/s, two trials": round(middle[0], 1),
            "two bare loops": round(middle[1], 1),
            "DataLoader loop": round(middle[2], 1),
            "of bare, median": round(statistics.median(to_bare), 3),
            "of bare, least and most": [round(min(to_bare), 3), round(max(to_bare), 3)],
            "of DataLoader, median": round(statistics.median(to_plain), 2),
            "evaluation": {key: round(value, 1) for key, value in evaluation(name, asked.items, asked.sample).items()},
        }
        print(json.dumps(line, indent=1), flush=True)


if __name__ == "__main__":
    main()
