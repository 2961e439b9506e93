"""Trials trained one by one, several processes at a time, for `bench/paper.py run --alone`."""

import argparse
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from paper import Found, Groups, compute_exactly, made_on, say, scored

from softcore.datasets import load
from softcore.train import start


def alone(trials: Sequence[dict[str, Any]], dataset: str, asked: argparse.Namespace, began: float) -> Iterator[Found]:
    """The record and the predictions of each trial that the loop of `softcore.train` ends within the limit."""
    by_seed = sorted(trials, key=lambda trial: int(trial["seed"]))
    context = multiprocessing.get_context("spawn")
    with context.Pool(asked.alone, _prepare, (dataset, asked.data, asked.device)) as pool:
        found = pool.imap_unordered(train_alone, by_seed)
        for done in range(1, len(by_seed) + 1):
            try:
                yield found.next(max(1.0, asked.limit - (time.perf_counter() - began)))
            except multiprocessing.TimeoutError:
                say(f"stopped: {done - 1} of {len(by_seed)} trials ended in time")
                return
            say(f"{done} of {len(by_seed)} alone, {time.perf_counter() - began:.0f} s")


_kept: dict[str, Any] = {}  # what a process of `alone` keeps


def _prepare(dataset: str, data: Path, device: str) -> None:
    compute_exactly()
    torch.set_num_threads(1)
    _kept.update(dataset=load(dataset, data), device=device)


def train_alone(trial: dict[str, Any]) -> Found:
    """The record and the predictions of one trial."""
    dataset, device = _kept["dataset"], _kept["device"]
    groups = Groups(dataset, [trial])
    (((_, member),),) = groups.left.values()
    began = time.perf_counter()
    model, steps = start(
        member.images, member.targets, member.policy, classes=len(dataset.classes), seed=member.seed,
        repeat=member.repeat, device=device,
    )  # fmt: skip
    losses = [epoch.loss for epoch in steps]
    about = {
        **made_on(device, "float32"),
        "pack": 1,
        "pack_seconds": round(time.perf_counter() - began, 2),
        "alone": True,
    }
    return scored(model.eval(), trial, groups, losses, about)
