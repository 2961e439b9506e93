"""A killed trial goes on from its checkpoint to the same bytes; one that is not its own is thrown away in one line."""

import io
import json
import zipfile
from contextlib import contextmanager
from itertools import count

import numpy as np
import pytest
import torch

from softcore.datasets import load
from sweeps.running import checkpoint as checkpoints
from sweeps.running.checkpoint import Checkpoint, Pace, code_version
from sweeps.running.runner import work_on_trials
from sweeps.running.trial import Material, Run, run_trial
from sweeps.spec.cells import config_of, trials
from sweeps.spec.spec import resolve

FILES = ("predictions.npz", "weights.npz", "panel.npz", "curve.csv")
TIMES = ("train_seconds", "eval_seconds")
SAVES = 6


class Killed(BaseException):
    """Stands for the end of the process: nothing in the program catches it."""


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def trial(digits, seed=0, **axes):
    """A trial of 100 tiny items and 12 steps in 3 epochs, on batches that mix, unless the axes say otherwise."""
    block = {"variety": "t2-clamp", "annotators": 3, "items": 100, "rest": "none", "mixing": "mixup"}
    block |= {"epochs": 3, "batch": 32, "image_size": 4, **axes}
    (made,) = trials(resolve({"name": "x", "dataset": "digits", "seeds": [seed], "blocks": [block]}), digits)
    return made


@pytest.fixture(scope="module")
def undisturbed(digits, tmp_path_factory):
    """The trial, and the bytes of what it leaves when nothing disturbs it."""
    folder, asked = tmp_path_factory.mktemp("sweep") / "trials", trial(digits)
    run_trial(asked, Material(dataset=digits), folder)
    return asked, left(folder / asked.id)


def left(folder):
    """The bytes of a trial's files, and its result but for the times."""
    result = json.loads((folder / "trial.json").read_text())["result"]
    return [(folder / name).read_bytes() for name in FILES], {k: v for k, v in result.items() if k not in TIMES}


def work(asked, digits, folder, **how):
    """What a worker does with a trial: everything that it says before the result."""
    *said, _ = work_on_trials([config_of(asked)], Material(dataset=digits, **how), folder / "trials", "")
    return said


@contextmanager
def saved_at(steps, *, kill_after=0):
    """Checkpoints are saved after these steps of the process alone, which is killed after so many of them."""
    step, saves, save = count(1), count(1), Checkpoint.save

    def save_and_die(self, content):
        save(self, content)
        if next(saves) == kill_after:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pace, "due", lambda self: next(step) in steps)
        patch.setattr(Checkpoint, "save", save_and_die)
        yield


def killed(asked, digits, folder, kill_after):
    """The checkpoint of a trial that saves at every other step and is killed when it has saved so often."""
    with saved_at(range(2, 100, 2), kill_after=kill_after), pytest.raises(Killed):
        work(asked, digits, folder)
    assert not (folder / "trials" / asked.id).exists()
    return folder / "checkpoints" / f"{asked.id}.npz"


@pytest.fixture(scope="module")
def half_way(undisturbed, digits, tmp_path_factory):
    """The bytes of the trial's third checkpoint."""
    return killed(undisturbed[0], digits, tmp_path_factory.mktemp("killed"), 3).read_bytes()


@pytest.fixture
def path(undisturbed, half_way, tmp_path):
    """A sweep's folder with that checkpoint in it, for each test to spoil."""
    (tmp_path / "checkpoints").mkdir()
    path = tmp_path / "checkpoints" / f"{undisturbed[0].id}.npz"
    path.write_bytes(half_way)
    return path


@pytest.mark.parametrize("number", range(1, SAVES + 1))
def test_a_trial_killed_after_any_checkpoint_goes_on_to_the_same_bytes(undisturbed, digits, tmp_path, number):
    asked, wanted = undisturbed
    path = killed(asked, digits, tmp_path, number)
    # Two checkpoints an epoch; the second is of its last step, before the epoch is told of.
    assert work(asked, digits, tmp_path) == [1, 2, 3][(number - 1) // 2 :]
    assert left(tmp_path / "trials" / asked.id) == wanted
    assert json.loads((tmp_path / "trials" / asked.id / "trial.json").read_text())["resumed"] == 1
    assert not path.exists()


def test_a_trial_killed_again_and_again_goes_on_to_the_same_bytes(undisturbed, digits, tmp_path):
    asked, wanted = undisturbed
    for _ in range(3):
        killed(asked, digits, tmp_path, 2)
    work(asked, digits, tmp_path)
    assert left(tmp_path / "trials" / asked.id) == wanted
    assert json.loads((tmp_path / "trials" / asked.id / "trial.json").read_text())["resumed"] == 3


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1000])


def rewrite(path, **changes):
    """The same file but for some of its content, with its checksums put right."""
    with np.load(path) as archive:
        content = {name: archive[name] for name in archive.files}
    np.savez(path, **{name: changes.get(name, lambda array: array)(array) for name, array in content.items()})


def write_pickle(path):
    with zipfile.ZipFile(path, "a") as archive:
        content = io.BytesIO()
        np.save(content, np.array([{}], dtype=object))
        archive.writestr("model/more.npy", content.getvalue())


def of_another(part):
    """Makes the checkpoint one of another version of `part`."""

    def spoil(path):
        rewrite(path, about=lambda about: np.array(json.dumps({**json.loads(str(about)), part: "another"})))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (truncate, "it can't be read: "),
        (lambda path: path.write_bytes(b""), "it can't be read: "),
        (write_pickle, "it can't be read: Object arrays cannot be loaded"),
        (lambda path: rewrite(path, rates=lambda rates: rates * 1.01), "its content is not what was written"),
        (of_another("code"), f"it is of code another, not {code_version()}"),
        (of_another("torch"), f"it is of torch another, not {torch.__version__}"),
        (of_another("processor"), "it is of processor another, not "),
    ],
    ids=["truncated", "empty", "pickle", "altered", "another code", "another torch", "another processor"],
)
def test_a_checkpoint_that_can_not_be_gone_on_from_is_thrown_away_in_one_line_and_the_trial_starts_again(
    undisturbed, digits, tmp_path, path, spoil, why
):
    asked, wanted = undisturbed
    spoil(path)
    note, *epochs = work(asked, digits, tmp_path)
    assert note.startswith(f"{asked.id}: its checkpoint was thrown away ({why}")
    assert note.endswith("); it starts again")
    assert "\n" not in note
    assert epochs == [1, 2, 3]
    assert left(tmp_path / "trials" / asked.id) == wanted
    assert not path.exists()


def test_a_checkpoint_of_another_trial_is_thrown_away(undisturbed, digits, tmp_path):
    asked, wanted = undisturbed
    other = trial(digits, seed=1)
    killed(other, digits, tmp_path, 3).rename(tmp_path / "checkpoints" / f"{asked.id}.npz")
    note, *epochs = work(asked, digits, tmp_path)
    assert note == (
        f"{asked.id}: its checkpoint was thrown away (it is of trial {other.id}, not {asked.id}); it starts again"
    )
    assert epochs == [1, 2, 3]
    assert left(tmp_path / "trials" / asked.id) == wanted


def test_a_trial_that_diverges_leaves_no_checkpoint(digits, tmp_path):
    bad = trial(digits, learning_rate=1000.0, weight_decay=1.0, schedule="step", epochs=60, mixing="none")
    with saved_at([2]), pytest.raises(FloatingPointError):
        work(bad, digits, tmp_path, curve_every=0)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_the_time_before_a_kill_counts(undisturbed, digits, path):
    asked, _ = undisturbed
    run = Run(asked, Material(dataset=digits), path.parent)
    saved, _ = run.checkpoint.load()
    run.checkpoint.save(saved | {"spent": np.array([1000.0, 500.0])})
    work(asked, digits, path.parent.parent)
    record = json.loads((path.parent.parent / "trials" / asked.id / "trial.json").read_text())
    assert 1000 < record["result"]["train_seconds"] < 1100
    assert 500 < record["cpu_seconds"] < 600


def test_a_checkpoint_is_due_so_often_and_more_rarely_on_slow_storage(tmp_path, monkeypatch):
    now = [0.0]
    kept, pace = Checkpoint(tmp_path / "c" / "t.npz", {"trial": "t"}), Pace(120, clock=lambda: now[0])
    seen = []
    for now[0] in (119.0, 120.0):
        seen.append(pace.due())
    with pace.saving():
        kept.save({"a": np.zeros(3)})
    for now[0] in (239.0, 240.0):
        seen.append(pace.due())
    assert seen == [False, True, False, True]

    def slow(file, **content):
        now[0] += 6

    monkeypatch.setattr(checkpoints.np, "savez", slow)
    with pace.saving():
        kept.save({"a": np.zeros(3)})
    for now[0] in (246.0 + 599, 246.0 + 600):
        seen.append(pace.due())
    assert seen[4:] == [False, True]


def test_storage_that_fails_costs_the_checkpoint_and_not_the_trial(undisturbed, digits, tmp_path):
    asked, wanted = undisturbed
    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    with saved_at([2]):
        work(asked, digits, tmp_path)
    assert left(tmp_path / "trials" / asked.id) == wanted


def test_none_are_kept_where_a_spec_says_so(undisturbed, digits, tmp_path):
    asked, wanted = undisturbed
    run = Run(asked, Material(dataset=digits, checkpoint_every=0), tmp_path / "checkpoints")
    assert run.checkpoint is None
    for _ in run.train():
        pass
    run.finish(tmp_path / "trials")
    assert left(tmp_path / "trials" / asked.id) == wanted
    assert not (tmp_path / "checkpoints").exists()
