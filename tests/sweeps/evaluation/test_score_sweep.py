"""Stored trials on test sets that come later: scored without training, kept, shown as columns, mirrored."""

import json
import shutil
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from softcore.datasets import DATASETS, load
from softcore.errors import RequestError
from softcore.scoring.metrics import all_scores
from softcore.test_sets.outside import OutsideTestSet, item_numbers
from sweeps.evaluation import evaluate
from sweeps.evaluation.evaluate import find_test_set, score_sweep
from sweeps.evaluation.scoring import stored_model
from sweeps.evaluation.stored import evaluation_folder, keep_scores, later_scores, on_test_set, test_sets_of
from sweeps.running import store as stores
from sweeps.running.provenance import manifest
from sweeps.running.trial import Material, run_trial
from sweeps.spec.cells import spec_content, sweep_id
from sweeps.spec.spec import resolve
from sweeps.sweep import Sweep

BLOCKS = [
    {"variety": "hard", "items": None, "epochs": 1},
    {"variety": "click", "annotators": 2, "items": 60, "rest": "none", "epochs": 1, "image_size": 4},
]
SPEC = {"name": "later", "dataset": "digits", "seeds": 1, "blocks": BLOCKS}


@pytest.fixture(scope="module")
def digits():
    """The digits, loaded once."""
    loaded = load("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "digits", lambda root: loaded)
        yield loaded


@pytest.fixture(scope="module")
def finished(digits, tmp_path_factory):
    """The folder of a finished sweep of two cells, one with pooled images, run without Ray."""
    out, spec = tmp_path_factory.mktemp("out"), resolve(SPEC)
    made = manifest(spec, digits, out, None)
    store = stores.create(out, sweep_id(spec, digits), spec.model_dump(), spec_content(spec, digits), made)
    for trial in Sweep(store).trials():
        run_trial(trial, Material(dataset=digits), store.trials)
    return store.folder


@pytest.fixture
def sweep(finished, tmp_path):
    """A copy of it for each test to spoil."""
    return Sweep(stores.Store(Path(shutil.copytree(finished, tmp_path / finished.name))))


@pytest.fixture
def inline(monkeypatch):
    """Tasks in this process, one after the other: `tests/end_to_end/test_evaluate_command.py` has Ray do them."""

    def run_tasks(function, tasks, shared, *, resources):
        for place, task in enumerate(tasks):
            try:
                yield place, function(task, shared), ""
            except RequestError as error:
                yield place, None, str(error)

    monkeypatch.setattr(evaluate, "run_tasks", run_tasks)
    monkeypatch.setattr(evaluate, "connect", lambda address, cpus: nullcontext(SimpleNamespace(private=True)))
    monkeypatch.setattr(evaluate, "trial_resources", lambda cpus, gpus: {"cpu": cpus})
    monkeypatch.setattr(evaluate, "check_fits", lambda resources: None)


def own(n=30, name="mine"):
    """Images that no model has seen, with soft targets."""
    rng = np.random.default_rng(3)
    return OutsideTestSet(
        name=name,
        title="made up",
        images=rng.integers(0, 256, (n, 8, 8, 1), dtype=np.uint8),
        targets=rng.dirichlet(np.ones(10), n),
        items=item_numbers(n),
        names=tuple(f"{k}.png" for k in range(n)),
        notes=("made up",),
    )


def test_old_images_scored_from_stored_weights_give_the_stored_logits(sweep, digits, inline):
    # The weights are what was evaluated: the test set of the training, taken for a new one, must give its very logits.
    crowd = digits.fixed_tests["crowd"]
    again = OutsideTestSet(
        name="again",
        title="crowd again",
        images=digits.images[crowd.items],
        targets=np.asarray(crowd.targets),
        items=crowd.items,
        names=tuple(map(str, crowd.items)),
    )
    found = score_sweep(sweep.store, again, digits)
    assert (len(found.scored), found.failed) == (2, {})
    results = sweep.results()
    for trial in sweep.store.trial_folders():
        old, new = (on_test_set(sweep.store, trial, name, digits) for name in ("crowd", "again"))
        np.testing.assert_array_equal(old.logits.clean, new.logits.clean)
        np.testing.assert_array_equal(old.logits.attacked, new.logits.attacked)
        np.testing.assert_array_equal(old.targets, new.targets)
        row = results.set_index("trial").loc[trial]
        metrics = [name.partition("/")[0] for name in results.columns if name.endswith("/crowd")]
        assert {m: row[f"{m}/crowd"] for m in metrics} == {m: row[f"{m}/again"] for m in metrics}


def test_new_images_become_columns_and_nothing_that_was_stored_changes(sweep, digits, inline):
    before = {path: path.read_bytes() for path in sweep.store.trials.rglob("*") if path.is_file()}
    old = sweep.results()
    score_sweep(sweep.store, own(), digits)
    new = sweep.results()
    assert {path: path.read_bytes() for path in sweep.store.trials.rglob("*") if path.is_file()} == before
    assert new[old.columns].equals(old)
    assert {f"{m}/mine" for m in ("ce", "scaled-ce", "rmsce", "fgsm", "accuracy")} <= set(new.columns)
    # By hand, from the model of one trial.
    trial = sweep.store.trial_folders()[0]
    found = on_test_set(sweep.store, trial, "mine", digits)
    expected = all_scores(found.logits, own().targets).values
    assert {"ce", "scaled-ce", "fgsm", "people-ece", "kl"} < set(expected)
    row = new.set_index("trial").loc[trial]
    assert {name: row[f"{name}/mine"] for name in expected} == pytest.approx(expected)
    assert test_sets_of(sweep.store) == ["crowd", "pages", "mine"]


def test_what_was_scored_is_not_scored_again_and_what_was_lost_is(sweep, digits, inline):
    first = score_sweep(sweep.store, own(), digits)
    assert (len(first.scored), len(first.before)) == (2, 0)
    again = score_sweep(sweep.store, own(), digits)
    assert (len(again.scored), len(again.before)) == (0, 2)
    folder = evaluation_folder(sweep.store, "mine")
    lost = first.scored[0]
    (folder / "logits" / f"{lost}.npz").unlink()
    with open(folder / "scores.jsonl", "ab") as file:
        file.write(b'{"trial": "half a li')  # of a killed process
    third = score_sweep(sweep.store, own(), digits)
    assert third.scored == (lost,)
    assert set(later_scores(sweep.store, "mine")) == set(first.scored)


def test_another_set_of_that_name_is_refused_and_nothing_of_the_first_is_lost(sweep, digits, inline):
    score_sweep(sweep.store, own(), digits)
    before = sweep.results()
    with pytest.raises(RequestError, match=r"has another test set called mine \(made up\); choose a name with --name"):
        score_sweep(sweep.store, own(n=31), digits)
    assert sweep.results().equals(before)


def test_a_trial_whose_weights_are_broken_fails_alone(sweep, digits, inline):
    broken, whole = sweep.store.trial_folders()
    (sweep.store.trials / broken / "weights.npz").write_bytes(b"cut")
    found = score_sweep(sweep.store, own(), digits)
    assert found.scored == (whole,)
    assert "weights.npz: not a readable .npz archive" in found.failed[broken]
    assert np.isfinite(sweep.results().set_index("trial").loc[whole, "ce/mine"])
    assert np.isnan(sweep.results().set_index("trial").loc[broken, "ce/mine"])


def test_weights_of_another_network_are_refused(sweep):
    folder = sweep.store.trials / sweep.store.trial_folders()[0]
    with pytest.raises(RequestError, match=r"weights\.npz: .* of another network"):
        stored_model(folder, channels=3, classes=10, size=(8, 8))


def test_a_test_set_of_the_training_gets_the_metrics_that_results_lack(sweep, digits, inline):
    for trial in sweep.store.trial_folders():
        path = sweep.store.trials / trial / "trial.json"
        record = json.loads(path.read_text())
        del record["result"]["rmsce/crowd"]  # as of a version that did not have it yet
        path.write_text(json.dumps(record))
    assert "rmsce/crowd" not in sweep.results()
    test = find_test_set(sweep.store, "crowd", digits, Path())
    assert test == "crowd"
    score_sweep(sweep.store, test, digits)
    assert all(set(row) >= {"rmsce"} and "ce" not in row for row in later_scores(sweep.store, "crowd").values())
    assert sweep.results()["people-ece/crowd"].notna().all()  # which no trial has from its training
    assert sweep.results()["rmsce/crowd"].notna().all()


def test_a_recorded_value_is_never_overruled(sweep):
    trial = sweep.store.trial_folders()[0]
    recorded = sweep.results().set_index("trial").loc[trial, "ce/crowd"]
    keep_scores(sweep.store, "crowd", trial, {"ce": -1.0})
    assert sweep.results().set_index("trial").loc[trial, "ce/crowd"] == recorded


@pytest.mark.parametrize(
    ("what", "how", "said"),
    [
        ("nothing", {}, r"unknown test set 'nothing'.*contested.*or the path of a folder or .npz"),
        ("crowd", {"resize": True}, "--resize goes with a file of your own; crowd is a test set by name"),
        ("contested", {"called": "x"}, "--name goes with a file"),
        ("FOLDER", {"called": "crowd"}, "test set 'crowd' is taken"),
        ("FOLDER", {"called": "validation"}, "test set 'validation' is taken"),
        ("FOLDER", {"called": "a/b"}, "is no name of letters"),
        ("FOLDER", {"called": "x-c"}, "may not end in -c"),
    ],
)
def test_what_is_no_test_set_is_refused(sweep, digits, tmp_path, what, how, said):
    (tmp_path / "images").mkdir()
    with pytest.raises(RequestError, match=said):
        find_test_set(sweep.store, what.replace("FOLDER", str(tmp_path / "images")), digits, Path(), **how)


def test_a_kept_set_is_found_by_its_name(sweep, digits, inline):
    score_sweep(sweep.store, own(), digits)
    found = find_test_set(sweep.store, "mine", digits, Path())
    assert found.digest == own().digest
    assert found.names == own().names
    with pytest.raises(RequestError, match=r"'crow'.*crowd"):
        on_test_set(sweep.store, sweep.store.trial_folders()[0], "crow", digits)


def test_a_trial_that_came_after_the_scoring_says_what_to_do(sweep, digits, inline):
    late = sweep.store.trial_folders()[1]
    shutil.move(sweep.store.trials / late, sweep.folder / "aside")
    score_sweep(sweep.store, own(), digits)
    shutil.move(sweep.folder / "aside", sweep.store.trials / late)
    with pytest.raises(
        RequestError, match=rf"was not scored on mine yet: `sweeps evaluate {sweep.id} --test-set mine`"
    ):
        on_test_set(sweep.store, late, "mine", digits)
