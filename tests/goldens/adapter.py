"""The only file of the goldens that knows where things are in the packages: when modules move, change it here."""

import contextlib
import functools
import hashlib
import io
import json
import runpy
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from softcore.data.dataset import Dataset
from softcore.datasets import data_root
from softcore.prices.price_list import with_click_overhead
from softcore.prices.read import price_list
from sweeps.frontier import frontier as frontiers
from sweeps.running.trial import load_data, make_material, run_trial
from sweeps.sources import from_file
from sweeps.spec.cells import sweep_id, trials
from sweeps.spec.spec import resolve

ROOT = Path(__file__).parents[2]  # of the checkout
CIFAR_IMAGES = "cifar10"  # folder below the data root, without which real data sets can't be loaded


def command(*arguments: object) -> str:
    """What `python -m sweeps` with these arguments prints on standard output; AssertionError unless it exits with 0.

    In this process, which saves the seconds that imports take.
    """
    printed, complained = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["sweeps", *map(str, arguments)]),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(complained),
    ):
        try:
            runpy.run_module("sweeps", run_name="__main__")
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
    assert code == 0, f"sweeps {' '.join(map(str, arguments))} exits with {code}: {complained.getvalue()}"
    return printed.getvalue()


def has_real_data() -> bool:
    """Whether the data root has CIFAR-10 and people's answers."""
    return (data_root(None) / CIFAR_IMAGES).is_dir()


def sweep_ids(preset: str, scale: str) -> tuple[str, list[str]]:
    """The id of a preset's sweep at a scale, and the ids of its trials in order."""
    spec = resolve(preset, scale=scale)
    dataset = _loaded(spec.dataset)
    return sweep_id(spec, dataset), [trial.id for trial in trials(spec, dataset)]


def run_trials(dataset: str, extras: Sequence[str], blocks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Train one trial of each of the named `blocks` at scale `tiny`, in this process; what each left behind, by name.

    Of each: `trial` and `cell` (ids), `result` (metrics and costs), and SHA-256, with names, types and shapes in it, of
    each array: by name in `panel` (people, items, labels) and `bytes` (predictions, and all weights together).
    """
    loaded = _loaded(dataset)
    material = make_material(loaded, extras, data_root(None))
    done = {}
    for name, block in blocks.items():
        own = [f"{axis}={block[axis]}" for axis in ("schedule", "model") if axis in block]  # else the scale has its way
        spec = resolve({"name": "goldens", "dataset": dataset, "scale": "tiny", "blocks": [dict(block)]}, sets=own)
        (trial,) = trials(spec, loaded)
        with tempfile.TemporaryDirectory() as folder:
            result = run_trial(trial, material, Path(folder))
            stored = {
                kind: _arrays(Path(folder) / trial.id / f"{kind}.npz") for kind in ("panel", "predictions", "weights")
            }
        panel, predictions = (
            {name: _sha256({name: array}) for name, array in stored[kind].items()} for kind in ("panel", "predictions")
        )
        done[name] = {
            **{"trial": trial.id, "cell": trial.cell.id, "result": dict(result)},
            **{"panel": panel, "bytes": {**predictions, "weights": _sha256(stored["weights"])}},
        }
    return done


@functools.cache
def _loaded(dataset: str) -> Dataset:
    return load_data(dataset, data_root(None))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _sha256(arrays: Mapping[str, np.ndarray]) -> str:
    found = hashlib.sha256()
    for name, array in arrays.items():
        found.update(f"{name} {array.dtype} {array.shape} ".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def recorded(path: str) -> pd.DataFrame:
    """A recorded results table, `path` from the root of the checkout."""
    return from_file(ROOT / path).results


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """One row a cell: what it is, what it cost, how well it did."""
    return frontiers.summarise(results)


def frontier(results: pd.DataFrame, metric: str, prices: str, click_overhead: float | None) -> pd.DataFrame:
    """The frontier at a price list as it stands, whatever archive of clicks there may be in the data root."""
    listed = price_list(prices)
    return frontiers.frontier(
        results, metric, listed if click_overhead is None else with_click_overhead(listed, click_overhead)
    )


def page_data(page: Path) -> dict[str, Any]:
    """What a page of plans carries for its script: the value of `const DATA`."""
    _, _, rest = page.read_text(encoding="utf-8").rpartition("const DATA = ")
    content: dict[str, Any] = json.JSONDecoder().raw_decode(rest)[0]
    return content
