"""A trial at `small` whose process is killed after each of six checkpoints in turn ends in the same bytes each time."""

import json
import multiprocessing
import os
import shutil
import signal
import time
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from sweeps.drive import prepare_sweep
from sweeps.running.checkpoint import Pace
from sweeps.running.runner import work_on_trials
from sweeps.running.trial import Material
from sweeps.spec.cells import config_of, trials

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("SOFTCORE_DATA"), reason="needs the real data: set SOFTCORE_DATA"),
]

FILES = ("predictions.npz", "weights.npz", "panel.npz", "curve.csv")
KILLS = 6
EVERY = 7  # steps from checkpoint to checkpoint, of 45 in three epochs: none is at the end of an epoch
# Each process is a fork of one that has imported what a worker imports, and has trained nothing: that takes longer than
# all the training here.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["sweeps.drive", "sweeps.running.runner"])


def work(folder: Path, every: int) -> None:
    """A worker's own code, without Ray, for a trial of CIFAR-10S at `small`, on the images that people labelled alone.

    It has few epochs, and saves after so many steps, not seconds, so that a fast machine and a busy one are killed at
    the same ones. What it says is in `folder`/said.
    """
    step = count(1)
    Pace.due = lambda self: next(step) % every == 0
    block = {"variety": "t2-clamp", "mixing": "mixup", "augmentation": "crop-flip", "rest": "none"}
    spec, dataset, _ = prepare_sweep({"name": "small", "blocks": [block]}, scale="small", sets=["epochs=3"], root=None)
    (trial,) = trials(spec, dataset)
    (folder / "trials").mkdir(parents=True, exist_ok=True)
    material = Material(dataset=dataset, checkpoint_every=every)
    with (folder / "said").open("w") as said:
        for each in work_on_trials([config_of(trial)], material, folder / "trials", "here"):
            print("done" if isinstance(each, tuple) else each, file=said)


def begin(folder: Path, every: int) -> BaseProcess:
    process = FORKS.Process(target=work, args=(folder, every))
    process.start()
    return process


def finish(folder: Path, every: int) -> tuple[list[bytes], dict, list[str]]:
    """What the trial leaves when it is run to its end, its record, and what was said on the way."""
    process = begin(folder, every)
    process.join()
    assert process.exitcode == 0
    *said, last = (folder / "said").read_text().splitlines()
    assert last == "done"
    assert not list((folder / "checkpoints").glob("*"))
    (trial,) = (folder / "trials").iterdir()
    return [(trial / name).read_bytes() for name in FILES], json.loads((trial / "trial.json").read_text()), said


def kill_at_the_next_checkpoint(folder: Path) -> Path:
    """SIGKILL the process as soon as it has written a checkpoint in place of the one that is there."""

    def written() -> set[tuple[str, int]]:
        return {(path.name, path.stat().st_ino) for path in (folder / "checkpoints").glob("[!.]*")}

    before = written()
    process = begin(folder, EVERY)
    while written() in (before, set()):
        assert process.is_alive(), "the trial ended before it was to be killed"
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (path,) = (folder / "checkpoints").glob("[!.]*")
    return path


def test_a_small_trial_killed_after_each_of_six_checkpoints_ends_in_the_same_bytes(tmp_path):
    wanted, _, epochs = finish(tmp_path / "undisturbed", 0)
    assert epochs == ["1", "2", "3"]
    for number in range(1, KILLS + 1):
        path = kill_at_the_next_checkpoint(tmp_path / "killed")
        copy = Path(shutil.copytree(tmp_path / "killed", tmp_path / f"killed-{number}"))
        found, again, said = finish(copy, EVERY)
        assert found == wanted, f"after checkpoint {number}"
        assert again["resumed"] == number
        assert said == epochs[EVERY * number // 15 :]  # no epoch that had ended is trained again
        print(f"killed after checkpoint {number}: resumed {again['resumed']} times, the same bytes")
    path.write_bytes(path.read_bytes()[:-5000])
    found, again, said = finish(tmp_path / "killed", EVERY)
    assert found == wanted
    assert "resumed" not in again
    assert "its checkpoint was thrown away (it can't be read: " in said[0]
    assert said[1:] == epochs
