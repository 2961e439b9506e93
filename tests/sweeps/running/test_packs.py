"""Trials trained together: which share a pack, and that store and bytes know trials, not packs."""

import json
import re
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest
import torch

from softcore.datasets import load
from softcore.errors import RequestError
from sweeps.running import trial as trials_module
from sweeps.running.checkpoint import Checkpoint, Pace
from sweeps.running.packs import LIMITS, MOST, PackRun, check_precision, in_packs, pack_size, run_together
from sweeps.running.trial import Material, run_trial
from sweeps.spec.cells import trials
from sweeps.spec.spec import resolve

BLOCKS = [
    {"variety": "t2-clamp", "annotators": [1, 3]},
    {"variety": "hard", "mixing": "mixup"},
    {"variety": "hard", "items": 60},
    {"variety": "hard", "mixing": "mix-maxent"},
]
TIMES = {"train_seconds", "eval_seconds"}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def some(digits, blocks=BLOCKS, seeds=2):
    """Trials of 100 items and one epoch unless their block says otherwise."""
    common = {"items": 100, "rest": "none", "epochs": 1}
    return trials(
        resolve({"name": "x", "dataset": "digits", "seeds": seeds, "common": common, "blocks": blocks}), digits
    )


def stored(folder, trial):
    """Digests of a trial's files, and its result without the times."""
    record = json.loads((folder / trial.id / "trial.json").read_text())
    return record["sha256"], {key: value for key, value in record["result"].items() if key not in TIMES}


def ends(said):
    """What `run_together` said of how trials ended."""
    return dict(each for each in said if isinstance(each, tuple))


def test_trials_of_one_shape_share_a_pack_and_others_have_their_own(digits):
    packs = in_packs(some(digits), most=4)
    kinds = [[(t.cell.axes["variety"], t.cell.axes["mixing"], t.cell.axes["items"]) for t in pack] for pack in packs]
    assert sorted(map(len, kinds)) == [1, 1, 2, 2, 4]
    assert all(len(pack) == 1 for pack in kinds if pack[0][1] == "mix-maxent")
    assert len([pack for pack in kinds if len({items for *_, items in pack}) > 1]) == 0
    assert [t for pack in in_packs(some(digits), most=1) for t in pack] == some(digits)


def test_how_many_share_a_pack_is_said_or_follows_from_the_cards():
    assert [pack_size("auto", 500, 0), pack_size("auto", 500, 1), pack_size(3, 500, 0)] == [1, MOST, 3]
    assert [pack_size("auto", 100, 4), pack_size("auto", 3, 4), pack_size(3, 100, 4)] == [25, 1, 3]


def test_a_packs_trials_have_the_folders_that_they_have_alone(digits, tmp_path):
    pack = in_packs(some(digits), most=4)[0]
    said = list(run_together(pack, Material(dataset=digits), tmp_path / "packed"))
    assert said[0] == 1  # the epoch
    assert sorted(ends(said)) == [0, 1, 2, 3]
    for trial in pack:
        run_trial(trial, Material(dataset=digits), tmp_path / "alone")
        assert stored(tmp_path / "packed", trial) == stored(tmp_path / "alone", trial)
        for folder in ("packed", "alone"):
            assert (tmp_path / folder / trial.id / "curve.csv").is_file()
    record = json.loads((tmp_path / "packed" / pack[0].id / "trial.json").read_text())
    assert (record["pack"], record["precision"]) == (4, "float32")
    assert record["cpu_seconds"] > 0
    assert record["made_with"]["device"] == "cpu"


def test_trials_whose_data_give_them_two_shapes_are_trained_in_two_packs(digits, tmp_path):
    wanted = [some(digits)[0], some(digits)[3]]
    assert sorted(ends(run_together(wanted, Material(dataset=digits), tmp_path))) == [0, 1]


def test_a_member_that_diverges_fails_alone(digits, tmp_path, monkeypatch):
    pack = in_packs(some(digits), most=4)[0]
    build = trials_module.build

    def broken(dataset, policy, *, seed, panel):
        targets = build(dataset, policy, seed=seed, panel=panel)
        if seed == pack[1].seed and policy.annotators == pack[1].cell.axes["annotators"]:
            return replace(targets, probs=targets.probs * float("nan"))
        return targets

    monkeypatch.setattr(trials_module, "build", broken)
    found = ends(run_together(pack, Material(dataset=digits), tmp_path))
    assert [place for place, end in found.items() if isinstance(end, str)] == [1]
    assert "diverged" in found[1]
    assert not (tmp_path / pack[1].id).exists()


def test_another_precision_trains_in_packs_alone_and_is_part_of_the_sweep(digits, tmp_path):
    (one, *_) = some(digits)
    list(run_together([one], Material(dataset=digits, precision="bf16"), tmp_path))
    record = json.loads((tmp_path / one.id / "trial.json").read_text())
    assert (record["pack"], record["precision"]) == (1, "bf16")
    run_trial(one, Material(dataset=digits), tmp_path / "float32")
    assert stored(tmp_path, one)[0]["weights"] != stored(tmp_path / "float32", one)[0]["weights"]


def test_a_precision_that_a_trial_can_not_be_trained_in_is_refused_and_not_dropped(digits, tmp_path):
    maxent = [trial for trial in some(digits) if trial.cell.axes["mixing"] == "mix-maxent"]
    check_precision(some(digits), "float32")
    with pytest.raises(RequestError, match="precision: bf16 is of packs alone; mixing: mix-maxent can't be trained"):
        check_precision(some(digits), "bf16")
    with pytest.raises(RequestError, match="precision: bf16 is of packs alone"):
        list(run_together(maxent[:1], Material(dataset=digits, precision="bf16"), tmp_path))


class Killed(BaseException):
    """Stands for the end of the process: nothing in the program catches it."""


@contextmanager
def saved_at(step, *, kill_after=0):
    """Checkpoints are saved after this step of the process; it is killed when so many files are written."""
    steps, files, save = count(1), count(1), Checkpoint.save

    def save_and_die(self, content):
        save(self, content)
        if next(files) == kill_after:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pace, "due", lambda self: next(steps) == step)
        patch.setattr(Checkpoint, "save", save_and_die)
        yield


def killed(pack, digits, folder, step, files):
    """The folder of checkpoints of a pack that is killed as it saves."""
    with saved_at(step, kill_after=files), pytest.raises(Killed):
        list(run_together(pack, Material(dataset=digits), folder / "trials", checkpoints=folder / "checkpoints"))
    assert len(list((folder / "checkpoints").iterdir())) == files
    return folder / "checkpoints"


def two_epochs(digits):
    """Three trials of one shape and two epochs of two steps."""
    common = {"items": 100, "rest": "none", "epochs": 2, "batch": 64}
    blocks = [{"variety": "t2-clamp", "annotators": 3}, {"variety": "hard", "mixing": "mixup"}, {"variety": "smoothed"}]
    return trials(resolve({"name": "x", "dataset": "digits", "seeds": 1, "common": common, "blocks": blocks}), digits)


@pytest.fixture(scope="module")
def undisturbed(digits, tmp_path_factory):
    """What each of them leaves when nothing disturbs it."""
    folder = tmp_path_factory.mktemp("alone")
    for trial in two_epochs(digits):
        run_trial(trial, Material(dataset=digits), folder)
    return {trial.id: stored(folder, trial) for trial in two_epochs(digits)}


@pytest.mark.parametrize(("step", "files"), [(1, 3), (2, 3), (3, 3), (3, 2)])
def test_a_killed_pack_goes_on_to_the_same_bytes_whoever_is_left_of_it(digits, tmp_path, undisturbed, step, files):
    pack = two_epochs(digits)
    checkpoints = killed(pack, digits, tmp_path, step, files)
    company = [pack[2], pack[0]], [pack[1]]  # two together and one alone
    for wanted in company:
        said = list(run_together(wanted, Material(dataset=digits), tmp_path / "trials", checkpoints=checkpoints))
        assert sorted(ends(said)) == list(range(len(wanted)))
        if files == 3:
            assert [each for each in said if isinstance(each, int)] == ([1, 2] if step < 3 else [2])
    assert {trial.id: stored(tmp_path / "trials", trial) for trial in pack} == undisturbed
    records = [json.loads((tmp_path / "trials" / trial.id / "trial.json").read_text()) for trial in pack]
    assert [record.get("resumed", 0) for record in records] == [1, 1, 1 if files == 3 else 0]
    assert not list(checkpoints.iterdir())


def test_a_members_corrupt_checkpoint_is_thrown_away_in_a_line_and_it_alone_starts_again(digits, tmp_path, undisturbed):
    pack = two_epochs(digits)
    checkpoints = killed(pack, digits, tmp_path, 3, 3)
    path = checkpoints / f"{pack[1].id}.npz"
    path.write_bytes(path.read_bytes()[:-1000])
    said = list(run_together(pack, Material(dataset=digits), tmp_path / "trials", checkpoints=checkpoints))
    (line,) = (each for each in said if isinstance(each, str))
    assert re.fullmatch(f"{pack[1].id}: its checkpoint was thrown away .*; it starts again", line)
    assert [each for each in said if isinstance(each, int)] == [2, 1, 2]  # the two together, then the third
    assert {trial.id: stored(tmp_path / "trials", trial) for trial in pack} == undisturbed


def test_a_pack_that_memory_does_not_hold_is_halved_in_a_line_and_the_limit_kept(
    digits, tmp_path, undisturbed, monkeypatch
):
    pack, train, tried = two_epochs(digits), PackRun.train, []

    def short_of_memory(self):
        tried.append(len(self.settings))
        if len(self.settings) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield from train(self)

    monkeypatch.setattr(PackRun, "train", short_of_memory)
    said = list(run_together(pack, Material(dataset=digits), tmp_path / "trials"))
    assert tried == [3, 1, 1, 1]
    assert [each for each in said if isinstance(each, str)] == ["CPU does not hold 3 trials at once: trying 1"]
    assert sorted(ends(said)) == [0, 1, 2]
    assert {trial.id: stored(tmp_path / "trials", trial) for trial in pack} == undisturbed
    assert (tmp_path / LIMITS).is_file()
    list(run_together(pack[:2], Material(dataset=digits), tmp_path / "trials"))
    assert tried[4:] == [1, 1]
