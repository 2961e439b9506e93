"""A trial at `small` whose process is killed after each of six checkpoints in turn ends in the same bytes each time."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("SOFTCORE_DATA"), reason="needs the real data: set SOFTCORE_DATA"),
]

FILES = ("predictions.npz", "weights.npz", "panel.npz", "curve.csv")
KILLS = 6
# A worker's own code, without Ray: a trial of CIFAR-10S at `small`, on the images that people labelled alone.
WORKER = """
import sys
from pathlib import Path
from sweeps.drive import prepare_sweep
from sweeps.running.runner import work_on_trials
from sweeps.running.trial import Material, config_of
from sweeps.spec.cells import trials

folder, every, rest = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
block = {"variety": "t2-clamp", "mixing": "mixup", "augmentation": "crop-flip", "rest": rest}
spec, dataset, _ = prepare_sweep({"name": "small", "blocks": [block]}, scale="small", sets=[], root=None)
(trial,) = trials(spec, dataset)
(folder / "trials").mkdir(parents=True, exist_ok=True)
material = Material(dataset=dataset, checkpoint_every=every)
for said in work_on_trials([config_of(trial)], material, folder / "trials", "here"):
    print(said if isinstance(said, int) else "done", flush=True)
"""


def begin(folder: Path, every: float, rest: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), str(every), rest],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(folder: Path, every: float, rest: str) -> tuple[list[bytes], dict]:
    """What the trial leaves when it is run to its end."""
    process = begin(folder, every, rest)
    assert process.communicate()[0].splitlines()[-1] == "done"
    assert not list((folder / "checkpoints").glob("*"))
    (trial,) = (folder / "trials").iterdir()
    return [(trial / name).read_bytes() for name in FILES], json.loads((trial / "trial.json").read_text())


def kill_at_the_next_checkpoint(folder: Path, every: float, rest: str) -> Path:
    """SIGKILL the process as soon as it has written a checkpoint in place of the one that is there."""

    def written() -> set[tuple[str, int]]:
        return {(path.name, path.stat().st_ino) for path in (folder / "checkpoints").glob("[!.]*")}

    before = written()
    process = begin(folder, every, rest)
    while written() in (before, set()):
        assert process.poll() is None, "the trial ended before it was to be killed"
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert process.returncode == -9
    (path,) = (folder / "checkpoints").glob("[!.]*")
    return path


@pytest.mark.parametrize("rest", ["none"])  # "hard" is the whole training set: eight minutes
def test_a_small_trial_killed_after_each_of_six_checkpoints_ends_in_the_same_bytes(tmp_path, rest):
    wanted, record = finish(tmp_path / "undisturbed", 0, rest)
    every = record["result"]["train_seconds"] / (KILLS + 3)
    for number in range(1, KILLS + 1):
        kill_at_the_next_checkpoint(tmp_path / "killed", every, rest)
        copy = Path(shutil.copytree(tmp_path / "killed", tmp_path / f"killed-{number}"))
        found, again = finish(copy, every, rest)
        assert found == wanted, f"after checkpoint {number}"
        assert again["resumed"] == number
        print(f"killed after checkpoint {number}: resumed {again['resumed']} times, the same bytes")
    path = kill_at_the_next_checkpoint(tmp_path / "killed", every, rest)
    path.write_bytes(path.read_bytes()[:-5000])
    found, again = finish(tmp_path / "killed", every, rest)
    assert found == wanted
    assert "resumed" not in again
