"""What packs are worth on a card: a trial alone, four processes, and packs of several sizes, in one run on one card.

    python bench/packs.py --out FOLDER [--model resnet34a] [--seconds 4] [--sizes 8 16 32 64] [--profile]

First the kernels are held against the same sums in float64. Then images a second, each with its peak of memory and the
share of what the card can move that the least traffic of such training would take. Each line is written to
FOLDER/packs.jsonl as it comes. Needs a CUDA device; random images, for the time of a step does not depend on them.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from softcore.labels.build import Targets
from softcore.labels.label_set import group
from softcore.pack import Member, Pack, Step, make_losses
from softcore.policy import TrainingPolicy
from softcore.train import epochs, make_schedule
from softcore.training import kernels
from softcore.training.batches import Batches
from softcore.training.images import as_tensor, pixels
from softcore.training.models import make_model

ITEMS, CLASSES = 6900, 10
LAYERS = ((16, 16, 32, 1), (16, 32, 32, 2), (32, 32, 16, 1), (64, 64, 8, 1), (3, 16, 32, 1))  # in, out, side, stride


def random_targets(seed: int) -> Targets:
    """Six labels an item, kept separate."""
    rng = np.random.default_rng(seed)
    panel = group(
        np.repeat(np.arange(ITEMS), 6), rng.dirichlet(np.ones(CLASSES), 6 * ITEMS), np.full(6 * ITEMS, ""), "t2-clamp"
    )
    return Targets(
        items=panel.items, offsets=panel.offsets, probs=panel.probs, held_out=np.zeros(0, dtype=np.int64),
        panel=panel, answers={}, recorded_seconds=0.0,
    )  # fmt: skip


def random_images() -> np.ndarray:
    """Noise, 32x32 in colour."""
    return np.random.default_rng(0).integers(0, 256, (ITEMS, 32, 32, 3), dtype=np.uint8)


def seconds(work: Callable[[], Any], least: float) -> float:
    """Seconds that one call of `work` takes, over calls that fill `least` seconds, after three that warm up."""
    for _ in range(3):
        work()
    torch.cuda.synchronize()
    began, calls = time.perf_counter(), 0
    while True:
        work()
        calls += 1
        if calls % 5 == 0:
            torch.cuda.synchronize()
            took = time.perf_counter() - began
            if took >= least:
                return took / calls


def distance(found: Tensor, wanted: Tensor) -> float:
    """Relative."""
    return float((found.double() - wanted).norm() / wanted.norm())


def check_layer(inner: int, outer: int, side: int, stride: int, dtype: torch.dtype, precision: str) -> dict[str, float]:
    """How far the kernels of one convolution and the batch norm after it are from float64."""
    members, n = 4, 32
    x = torch.randn(members, n, side, side, inner, device="cuda").to(dtype)
    w = torch.randn(members, outer, 3, 3, inner, device="cuda") / (9 * inner) ** 0.5
    used = w.to(dtype)
    exact_x = [each.double().permute(0, 3, 1, 2).requires_grad_() for each in x]
    exact_w = [each.double().permute(0, 3, 1, 2).requires_grad_() for each in used]
    exact = [F.conv2d(a, b, None, stride, 1) for a, b in zip(exact_x, exact_w, strict=True)]
    size = (exact[0].shape[2], exact[0].shape[3])
    y = kernels.convolve(x, used, size, stride, 1, precision)
    dy = torch.randn_like(y)
    for each, slope in zip(exact, dy, strict=True):
        each.backward(slope.double().permute(0, 3, 1, 2))
    dx = kernels.convolve(dy, used, (side, side), stride, 1, precision, transposed=True)
    dw = kernels.weight_gradient(x, dy, (3, 3), stride, 1, precision)

    def rows(parts: list[Tensor]) -> Tensor:
        return torch.stack([each.permute(0, 2, 3, 1) for each in parts])

    off = {
        "forward": distance(y, rows(exact)),
        "input": distance(dx, rows([each.grad for each in exact_x])),  # type: ignore[misc]
        "weights": distance(dw, rows([each.grad for each in exact_w])),  # type: ignore[misc]
    }
    flat = y.view(members, -1, outer)
    mean, var = torch.zeros(members, outer, device="cuda"), torch.ones(members, outer, device="cuda")
    weight, bias = torch.rand(members, outer, device="cuda") + 0.5, torch.randn(members, outer, device="cuda")
    shortcut = torch.randn_like(flat)
    center, inverse = kernels.moments(flat, mean, var, 0.1, 1e-5)
    out = kernels.normalise(flat, shortcut, center, inverse, weight, bias, True)
    leaves = [each.double().requires_grad_() for each in (flat, shortcut, weight, bias)]
    exact_out = []
    for a, s, g, b in zip(*leaves, strict=True):
        scale = (a - a.mean(0)) / (a.var(0, unbiased=False) + 1e-5).sqrt()
        exact_out.append(F.relu(scale * g + b + s))
    slope = torch.randn_like(out)
    # Of what is positive in both, for a number near zero may round to either side.
    slope = torch.where((out > 1e-3) | (torch.stack(exact_out) < -1e-3), slope, 0)
    torch.stack(exact_out).backward(slope.double())
    got = kernels.normalise_backward(flat, out, slope, center, inverse, weight, True, True)
    names = ("norm", "norm's input", "norm's shortcut", "norm's weight", "norm's bias")
    for name, found, wanted in zip(
        names, (out, *got), (torch.stack(exact_out), *(leaf.grad for leaf in leaves)), strict=True
    ):
        off[name] = distance(found, wanted)  # type: ignore[arg-type]
    return off


def alone(model: str, least: float, *, tf32: bool) -> float:
    """Images a second of one trial in the loop of `softcore.train`."""
    torch.backends.cudnn.allow_tf32 = tf32
    policy = TrainingPolicy(model=model, epochs=65, batch=32, schedule="step")
    images = as_tensor(random_images())
    net = make_model(model, pixels(images[:256]), CLASSES, 0).to("cuda")
    batches = Batches(images, random_targets(0), batch=32, seed=0, augmentation="none", device=torch.device("cuda"))
    loop = epochs(net, batches, policy)
    shortened = batches.items[: 32 * 40]
    batches.items, batches.first, batches.counts = (
        shortened,
        batches.first[: len(shortened)],
        batches.counts[: len(shortened)],
    )
    next(loop)
    torch.cuda.synchronize()
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < least:
        next(loop)
        done += len(shortened)
    torch.cuda.synchronize()
    return done / (time.perf_counter() - began)


def processes(model: str, count: int, least: float) -> float:
    """Images a second of `count` processes with a trial each, in sum."""
    call = [sys.executable, __file__, "--alone", "--model", model, "--seconds", str(least)]
    children = [subprocess.Popen(call, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    return sum(float(child.communicate()[0].split()[-1]) for child in children)


def make_pack(model: str, size: int, precision: str, **policy: Any) -> Pack:
    """A pack of random trials."""
    images = random_images()
    targets, how = random_targets(0), TrainingPolicy(model=model, batch=32, schedule="step", **policy)
    members = [Member(images, targets, how, seed) for seed in range(size)]
    return Pack(members, classes=CLASSES, device="cuda", precision=precision)


def packed(model: str, size: int, precision: str, least: float, *, graph: bool = True) -> dict[str, float]:
    """Images a second of a pack's training, batches drawn and optimiser stepped, and its peak of memory."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    pack = make_pack(model, size, precision)
    took = seconds(stepper(pack, graph), least)
    return {"images/s": size * 32 / took, "ms a step": 1e3 * took, "GB": torch.cuda.max_memory_allocated() / 1e9}


def stepper(pack: Pack, graph: bool) -> Callable[[], None]:
    """One whole training step a call."""
    network, policy = pack.network, pack.policy
    step = Step(network, make_losses(policy), policy.batch if graph else 0)
    optimiser = torch.optim.SGD(network.pieces, lr=0.1, momentum=0.9, weight_decay=1e-4, fused=True)
    schedule = make_schedule(optimiser, policy, len(pack.batches[0]))

    def batches() -> Iterator[Any]:
        while True:
            for batch in pack.epoch(0):
                if batch.n == policy.batch:
                    yield batch

    source = batches()

    def once() -> None:
        network.set_gradients(step(next(source))[1])
        optimiser.step()
        schedule.step()

    return once


def kernel_times(pack: Pack) -> dict[str, float]:
    """Milliseconds of a step by kernel, the ten that take most."""
    from torch.profiler import ProfilerActivity, profile

    once = stepper(pack, graph=False)
    for _ in range(3):
        once()
    with profile(activities=[ProfilerActivity.CUDA]) as found:
        for _ in range(3):
            once()
        torch.cuda.synchronize()
    spent = sorted(found.key_averages(), key=lambda event: -event.self_device_time_total)
    return {event.key[:60]: round(event.self_device_time_total / 3e3, 3) for event in spent[:14]}


def tile_times(members: int, dtype: torch.dtype, precision: str) -> Iterator[dict[str, Any]]:
    """Microseconds of the kernels of each stage under other tiles."""
    from triton.testing import do_bench

    for inner, outer, side, _ in (LAYERS[0], LAYERS[2], LAYERS[3]):
        x = torch.randn(members, 32, side, side, inner, device="cuda").to(dtype)
        w = torch.randn(members, outer, 3, 3, inner, device="cuda").to(dtype)
        dy = torch.randn(members, 32, side, side, outer, device="cuda").to(dtype)

        def measured(work: Callable[[], Any]) -> Any:
            try:
                return round(1e3 * do_bench(work, warmup=5, rep=15, return_mode="median"), 1)
            except Exception as error:  # too much shared memory, say: the next tile is tried
                return str(error)[:60]

        usual = kernels.ROWS, dict(kernels.GRADIENT)
        for rows in (64, 128, 256, 512):
            kernels.ROWS = rows
            took = measured(lambda x=x, w=w: kernels.convolve(x, w, x.shape[2:4], 1, 1, precision))
            yield {"convolve": outer, "rows": rows, "us": took}
        for split, columns, warps in ((2048, 64, 4), (4096, 64, 4), (2048, 128, 4), (2048, 256, 4), (2048, 256, 8)):
            kernels.GRADIENT.update(SPLIT=split, BN=columns, num_warps=warps)
            took = measured(lambda x=x, dy=dy: kernels.weight_gradient(x, dy, (3, 3), 1, 1, precision))
            yield {"gradient": outer, "split": split, "columns": columns, "warps": warps, "us": took}
        kernels.ROWS = usual[0]
        kernels.GRADIENT.update(usual[1])
        flat, one = x.view(members, -1, inner), torch.ones(members, inner, device="cuda")

        def forward(flat=flat, one=one) -> None:
            kernels.moments(flat, one, one, 0.0, 1e-5)
            kernels.normalise(flat, flat, one, one, one, one, True)

        def backward(flat=flat, one=one) -> None:
            kernels.normalise_backward(flat, flat, flat, one, one, one, True, True)

        for numbers, warps in ((4096, 4), (4096, 8), (8192, 8), (16384, 8)):
            kernels.TILE, kernels.WARPS = numbers, warps
            took = {"forward": measured(forward), "backward": measured(backward)}
            yield {"norm": inner, "numbers": numbers, "warps": warps, **took}
        kernels.TILE, kernels.WARPS = 8192, 8


def same_bytes(model: str, precision: str, count: int = 20) -> int:
    """How many of `count` trials have the same weights after an epoch in packs of other sizes and neighbours."""
    images = random_images()[:800]
    targets = random_targets(0)
    few = Targets(
        items=targets.items[:800], offsets=targets.offsets[:801], probs=targets.probs[: targets.offsets[800]],
        held_out=targets.held_out, panel=targets.panel, answers={}, recorded_seconds=0.0,
    )  # fmt: skip
    policy = TrainingPolicy(model=model, epochs=1, batch=32, schedule="step")

    def weights(seeds: list[int]) -> dict[int, Tensor]:
        members = [Member(images, few, policy, seed) for seed in seeds]
        pack = Pack(members, classes=CLASSES, device="cuda", precision=precision)
        for _ in pack.epochs():
            pass
        return {seed: pack.network.flat[place].clone() for place, seed in enumerate(seeds)}

    once = weights(list(range(count)))
    again = weights(list(range(100, 104)) + list(range(count - 1, 6, -1))) | weights(list(range(6, -1, -1)))
    return sum(bool(torch.equal(once[seed], again[seed])) for seed in range(count))


def ceilings() -> dict[str, float]:
    """What the card moves (TB/s, read and written) and multiplies (TFLOP/s, bf16)."""
    big = torch.randn(1 << 29, device="cuda")
    other = torch.empty_like(big)
    moved = 8 * big.numel() / seconds(lambda: other.copy_(big), 0.3) / 1e12
    a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    return {"TB/s": moved, "TFLOP/s": 2 * 8192**3 / seconds(lambda: a @ a, 0.3) / 1e12}


def least_bytes(model: str, width: int) -> float:
    """Bytes an image's training moves at least: each feature map written and read once forward, thrice backward.

    Forward a convolution reads its input and writes its output, the norm reads that twice and writes once; backward
    the norm reads three twice and writes one, each of the two products reads two, the first writes one.
    """
    net = make_model(model, torch.rand(8, 3, 32, 32), CLASSES, 0)
    total = 0

    def count(_: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        total += (2 * given[0][0].numel() + 2 * out[0].numel()) if isinstance(_, nn.Conv2d) else 0
        total += 11 * out[0].numel() if isinstance(_, nn.BatchNorm2d) else 0

    for module in net.modules():
        module.register_forward_hook(count)  # type: ignore[arg-type]
    net(torch.rand(2, 3, 32, 32))
    return float(total * width)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--model", default="resnet34a")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--sizes", type=int, nargs="*", default=[8, 16, 32, 64])
    parser.add_argument("--precisions", nargs="*", default=["bf16", "tf32"])
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--tiles", action="store_true", help="try other tiles of the kernels")
    parser.add_argument("--profile", action="store_true", help="milliseconds by kernel of the largest pack")
    parser.add_argument("--unchecked", action="store_true", help="kernels are not held against float64 first")
    asked = parser.parse_args()
    if asked.alone:
        print(alone(asked.model, asked.seconds, tf32=False))
        return
    began = time.perf_counter()

    def say(what: str, found: Any) -> None:
        line = json.dumps({"what": what, "found": found, "at": round(time.perf_counter() - began, 1)})
        print(line, flush=True)
        if asked.out:
            with (asked.out / "packs.jsonl").open("a") as file:
                file.write(line + "\n")

    say("device", {"name": torch.cuda.get_device_name(), "torch": torch.__version__})
    say("ceilings", ceilings())
    for layer in () if asked.unchecked else LAYERS:
        for dtype, precision in ((torch.float32, "tf32"), (torch.bfloat16, "bf16"), (torch.float32, "float32")):
            if precision == "float32" and layer is not LAYERS[1]:
                continue
            say(f"off from float64, {layer}, {precision}", check_layer(*layer, dtype, precision))
    for precision in asked.precisions:
        say(f"same bytes re-packed, of 20, {precision}", same_bytes(asked.model, precision))
    for tf32 in (False, True):
        say(f"alone, {'tf32' if tf32 else 'float32'}", alone(asked.model, asked.seconds, tf32=tf32))
    say("four processes, float32", processes(asked.model, 4, 2 * asked.seconds))
    for precision in asked.precisions:
        for size in asked.sizes:
            found = packed(asked.model, size, precision, asked.seconds / 2)
            say(f"pack of {size}, {precision}", found)
        say(f"least bytes an image, {precision}", least_bytes(asked.model, 2 if precision == "bf16" else 4))
        if asked.profile:
            say(f"pack of {size}, {precision}, no graph", packed(asked.model, size, precision, 1, graph=False))
            say(f"kernels, {precision}", kernel_times(make_pack(asked.model, size, precision)))
    if asked.tiles:
        for line in tile_times(asked.sizes[-1], torch.bfloat16, "bf16"):
            say("tiles, bf16", line)


if __name__ == "__main__":
    main()
