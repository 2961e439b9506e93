"""What is cut, altered, lost or added in a sweep's folder is named, set aside and trained again to the same bytes."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from softcore.datasets import DATASETS, load
from softcore.errors import RequestError
from softcore.files import sha256
from softcore.scoring.likelihood import cross_entropy
from sweeps.evaluation.stored import ABOUT, CONTENT, evaluation_folder, keep_scores, keep_test_set, later_scores
from sweeps.evaluation.verify import later_faults, mend_later
from sweeps.repair import repair, verify
from sweeps.running import store as stores
from sweeps.running.provenance import manifest
from sweeps.running.store import BROKEN, DONE, FAILED, STOPPED
from sweeps.running.trial import Material, run_trial
from sweeps.running.verify import broken_trials, check_identity, mend, spec_faults, trial_faults
from sweeps.spec.cells import spec_content, sweep_id
from sweeps.spec.spec import resolve
from sweeps.sweep import Sweep
from tests.sweeps.evaluation.test_score_sweep import own

SPEC = {
    "name": "broken",
    "dataset": "digits",
    "seeds": 2,
    "curve_every": 1,
    "blocks": [{"variety": "hard", "items": None, "epochs": 2, "image_size": 4}],
}


@pytest.fixture(scope="module")
def digits():
    """The digits, loaded once."""
    loaded = load("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "digits", lambda root: loaded)
        yield loaded


@pytest.fixture(scope="module")
def finished(digits, tmp_path_factory):
    """The folder of a finished sweep of two trials, run without Ray and logged."""
    out, spec = tmp_path_factory.mktemp("out"), resolve(SPEC)
    made = manifest(spec, digits, out, None)
    store = stores.create(out, sweep_id(spec, digits), spec.model_dump(), spec_content(spec, digits), made)
    for trial in Sweep(store).trials():
        store.log(trial.id, 2, DONE, result=run_trial(trial, Material(dataset=digits, curve_every=1), store.trials))
    return store.folder


@pytest.fixture
def store(finished, tmp_path):
    """A copy of it for each test to spoil."""
    return stores.Store(Path(shutil.copytree(finished, tmp_path / finished.name)))


@pytest.fixture
def first(store):
    """Its first trial."""
    return Sweep(store).trials()[0]


def places(store):
    """Where verify finds something wrong."""
    return [fault.place for fault in verify(str(store.folder))[1]]


def edit(path, change):
    """Change a JSON file as somebody with an editor would."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def cut(name):
    def spoil(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return spoil


def swap_seed(folder):
    edit(folder / "trial.json", lambda record: record["config"].update(seed=7))


def better(folder):
    edit(folder / "trial.json", lambda record: record["result"].update({"ce/crowd": 0.0}))


def other_epochs(folder):
    edit(folder / "trial.json", lambda record: record.update(epochs=65))


SPOILT = [
    (cut("predictions.npz"), r"predictions\.npz is not what was written"),
    (cut("weights.npz"), r"weights\.npz is not what was written"),
    (cut("panel.npz"), r"panel\.npz is not what was written"),
    (cut("curve.csv"), r"curve\.csv (can't be read|ends before the last epoch)"),
    (cut("trial.json"), r"trial\.json: can't be read"),
    (lambda folder: (folder / "trial.json").write_text(""), r"trial\.json: can't be read"),
    (lambda folder: (folder / "trial.json").write_text("[]"), r"trial\.json: its content is no mapping"),
    (lambda folder: (folder / "trial.json").unlink(), r"it has no trial\.json"),
    (lambda folder: (folder / "weights.npz").unlink(), r"weights\.npz can't be read \(No such file"),
    (lambda folder: shutil.rmtree(folder), "its folder is gone"),
    (swap_seed, r"the configuration in its trial\.json is not this trial's"),
    (better, r"its result in events\.jsonl is not that of its trial\.json"),
    (other_epochs, r"the epochs in its trial\.json are not this trial's"),
]


def test_what_is_whole_is_whole(store):
    assert verify(str(store.folder))[1] == []
    assert broken_trials(store, Sweep(store).trials()) == {}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [*SPOILT[:2], *(pytest.param(*each, marks=pytest.mark.slow) for each in SPOILT[2:])],
    ids=[why for _, why in SPOILT],
)
def test_a_broken_trial_is_named_set_aside_and_trained_again_to_the_same_bytes(store, first, digits, spoil, why):
    before = {path.name: sha256(path) for path in (store.trials / first.id).glob("*.npz")}
    spoil(store.trials / first.id)
    (fault,) = verify(str(store.folder))[1]
    assert (fault.place, fault.trial) == (f"trials/{first.id}", first.id)
    assert re.search(why, fault.wrong)
    assert list(broken_trials(store, Sweep(store).trials())) == [first.id]
    there = (store.trials / first.id).exists()
    mend(store, fault)
    assert first.id not in store.finished()
    assert (store.folder / "set-aside" / first.id).exists() == there
    assert [f.wrong for f in verify(str(store.folder))[1]] == ["was broken, and is not trained again yet"]
    result = run_trial(first, Material(dataset=digits, curve_every=1), store.trials)
    store.log(first.id, 2, DONE, result=result)
    assert verify(str(store.folder))[1] == []
    assert {path.name: sha256(path) for path in (store.trials / first.id).glob("*.npz")} == before
    assert store.finished()[first.id] == result  # not what the log said of it before


def test_killed_between_moving_a_trial_and_logging_it_the_trial_is_still_broken(store, first):
    store.set_aside(store.trials / first.id)
    assert broken_trials(store, Sweep(store).trials()) == {first.id: "its folder is gone"}


@pytest.mark.parametrize("entry", ["train_seconds", "ce/crowd", "answers"])
def test_a_result_that_is_no_number_is_no_result_and_the_folder_tells_the_rest(store, first, entry):
    log, table = store.folder / "events.jsonl", Sweep(store).results()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    lines[0]["result"][entry] = "much"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert Sweep(store).results().equals(table)
    edit(store.trials / first.id / "trial.json", lambda record: record["result"].update({entry: "much"}))
    assert first.id not in store.finished()
    assert first.id in broken_trials(store, Sweep(store).trials())


def test_predictions_that_were_cut_are_one_line_with_the_way_out(store, first):
    cut("predictions.npz")(store.trials / first.id)
    with pytest.raises(RequestError, match=r"predictions\.npz: can't be read .*`sweeps verify .* --repair`"):
        Sweep(store).predictions(first.id)


def test_what_was_set_aside_is_never_written_over(store, first):
    for text in ("one", "two"):
        (store.folder / "notes").write_text(text)
        store.set_aside(store.folder / "notes")
    assert [path.read_text() for path in sorted((store.folder / "set-aside").iterdir())] == ["one", "two"]


def test_an_edited_event_is_seen(store, first):
    log = store.folder / "events.jsonl"
    log.write_text(log.read_text().replace('"ce/crowd": ', '"ce/crowd": 1'))
    assert set(broken_trials(store, Sweep(store).trials())) == {trial.id for trial in Sweep(store).trials()}


def test_a_broken_trial_counts_again_only_when_it_is_done_again(store, first):
    store.log(first.id, 0, BROKEN, error="cut")
    shutil.rmtree(store.trials / first.id)
    assert first.id not in store.finished()
    store.log(first.id, 1, STOPPED)
    store.log(first.id, 1, FAILED, error="no")
    assert list(store.failed()) == [first.id]
    store.log(first.id, 2, DONE, result={"ce/crowd": 9.0})
    assert store.finished()[first.id] == {"ce/crowd": 9.0}


def test_stray_files_and_lines_are_named_and_disturb_nothing(store, first):
    before, table = store.outcomes(), Sweep(store).results()
    (store.trials / "notes.txt").write_text("mine")
    (store.trials / "empty").mkdir()
    (store.trials / "c1-s0-p0").mkdir()
    (store.trials / "d1-s0-p0").mkdir()
    (store.trials / "d1-s0-p0" / "trial.json").write_text("")
    shutil.copytree(store.trials / first.id, store.trials / f"{first.id} (copy)")
    shutil.copytree(store.trials / first.id, store.trials / "ffffffff-s0-p0")
    (store.trials / first.id / "thumbs.db").write_text("")
    (store.trials / ".half-written-1").mkdir()
    (store.folder / ".manifest.json.99").write_text("{")
    (store.folder / "my notes").mkdir()
    with (store.folder / "events.jsonl").open("a") as log:
        log.write('1\nnull\n[]\n"x"\n{}\n{"trial": 3}\n{"trial": "ffffffff-s0-p0", "status": "done", "result": {}}\n')
        log.write('{"trial": "' + first.id + '", "status": "done", "result": 4}\n' + "[" * 100_000 + '\n{"trial": "c1')
    assert store.outcomes()[0] | before[0] == store.outcomes()[0]
    assert Sweep(store).results().equals(table)
    assert broken_trials(store, Sweep(store).trials()) == {}
    found = verify(str(store.folder))[1]
    assert len(found) == 19
    for fault in found:
        mend(store, fault)
    assert verify(str(store.folder))[1] == []
    assert store.outcomes() == before
    assert (store.folder / "my notes").is_dir()


def test_a_trial_that_no_driver_logged_is_said_and_added(store, first):
    log = store.folder / "events.jsonl"
    log.write_text("".join(line + "\n" for line in log.read_text().splitlines() if first.id not in line))
    (fault,) = verify(str(store.folder))[1]
    assert fault.wrong == "finished, and events.jsonl does not say so"
    repair(str(store.folder))
    assert verify(str(store.folder))[1] == []


@pytest.mark.parametrize("name", ["resolved.json", "manifest.json"])
@pytest.mark.parametrize("how", ["cut", "empty", "list", "gone", "edited"])
def test_what_says_what_the_sweep_is_is_written_again_from_its_spec(store, first, name, how):
    path = store.folder / name
    before, text = path.read_text(), path.read_text()
    edited = text.replace('"epochs": 2', '"epochs": 3')
    if name == "manifest.json":
        content = json.loads(text)
        edited = json.dumps({**content, "fingerprints": dict.fromkeys(content["fingerprints"], "0")})
    spoilt = {"cut": text[: len(text) // 2], "empty": "", "list": "[]", "edited": edited}
    path.unlink() if how == "gone" else path.write_text(spoilt[how])
    assert len(places(store)) == 1
    assert stores.is_sweep(store.folder)
    with pytest.raises(RequestError, match="--repair"):
        check_identity(store)
    repair(str(store.folder))
    assert verify(str(store.folder))[1] == []
    if name == "resolved.json":
        assert json.loads(path.read_text()) == json.loads(before)
    assert json.loads(path.read_text()).keys() >= json.loads(before).keys() - {"hosts"}


def test_a_spec_that_is_gone_is_refused_and_written_again_by_the_run_of_it(store, digits):
    path = store.folder / "spec.yaml"
    before = path.read_text()
    path.write_text("blocks: [")
    assert places(store) == ["spec.yaml"]
    with pytest.raises(RequestError, match=r"spec\.yaml: can't be read .*`sweeps run` with the spec"):
        repair(str(store.folder))
    spec = resolve(SPEC)
    stores.create(store.folder.parent, store.id, spec.model_dump(), spec_content(spec, digits), {})
    assert path.read_text() == before
    assert verify(str(store.folder))[1] == []


def test_a_renamed_folder_is_another_sweep(store):
    renamed = store.folder.rename(store.folder.with_name("broken-00000000"))
    (fault,) = spec_faults(stores.Store(renamed))
    assert "not of broken-00000000" in fault.wrong


def test_a_sweep_that_runs_is_not_checked(store):
    with store.lock(), pytest.raises(RequestError, match="being run by another process"):
        verify(str(store.folder))


@pytest.fixture
def scored(store, first):
    """The sweep with a later test set, on which its first trial has logits and scores."""
    keep_test_set(store, own())
    test, rng = own(), np.random.default_rng(0)
    logits = rng.normal(size=(30, 10)).astype(np.float32)
    path = evaluation_folder(store, "mine") / "logits" / f"{first.id}.npz"
    np.savez(path, items=test.items, clean=logits, fgsm=logits)
    keep_scores(store, "mine", first.id, {"ce": cross_entropy(logits, test.targets)})
    return store


def test_later_scores_that_are_those_of_the_logits_are_whole(scored):
    assert list(later_faults(scored)) == []


def later_cases():
    def scores(store, trial):
        keep_scores(store, "mine", trial, {"ce": 0.1})

    def logits(store, trial):
        cut(f"logits/{trial}.npz")(evaluation_folder(store, "mine"))

    def lost(store, trial):
        (evaluation_folder(store, "mine") / "logits" / f"{trial}.npz").unlink()

    def unknown(store, trial):
        keep_scores(store, "mine", "ffffffff-s0-p0", {"ce": 0.1})

    def content(store, trial):
        cut(CONTENT)(evaluation_folder(store, "mine"))

    def about(store, trial):
        (evaluation_folder(store, "mine") / ABOUT).write_text("{")

    def images(store, trial):
        path = evaluation_folder(store, "mine") / CONTENT
        arrays = dict(np.load(path))
        np.savez(path, **{**arrays, "images": arrays["images"][::-1]})

    def stray(store, trial):
        (store.folder / "evaluations" / "notes.txt").write_text("")

    return [scores, logits, lost, unknown, content, about, images, stray]


@pytest.mark.parametrize("spoil", later_cases(), ids=lambda spoil: spoil.__name__)
def test_later_scores_that_are_not_are_named_and_can_be_made_again(scored, first, spoil):
    spoil(scored, first.id)
    (fault,) = verify(str(scored.folder))[1]
    mend_later(scored, fault)
    assert verify(str(scored.folder))[1] == []
    assert "ffffffff-s0-p0" not in {n for n, s in later_scores(scored, "mine").items() if s}


def test_who_holds_the_lock_may_look(store):
    with store.lock():
        assert list(trial_faults(store)) == []
