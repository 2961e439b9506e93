"""What is stored of trials on test sets: the logits, with the truth beside them, and scores that came later.

<sweep>/evaluations/<test set>/
    test_set.json    its name, digest, rule and counts
    test_set.npz     images, targets, items, names: of a user's own test set; a named one is made again
    logits/<trial>.npz   as in the trial's own predictions.npz
    scores.jsonl     one line a trial: its metrics on this test set, appended
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from softcore.data.dataset import Dataset
from softcore.errors import RequestError, unknown_name
from softcore.evaluate import trial_temperature
from softcore.files import read_npz
from softcore.scoring.metrics import Logits
from softcore.test_sets import test_sets
from softcore.test_sets.outside import OutsideTestSet
from sweeps.running.store import Store, write_text
from sweeps.running.trial import trial_of

EVALUATIONS, LOGITS, SCORES = "evaluations", "logits", "scores.jsonl"
ABOUT, CONTENT = "test_set.json", "test_set.npz"
PREDICTIONS = "predictions.npz"


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialOnTestSet:
    """One trial's logits on one test set, with the truth: rows are images, those of one number in `items` alike.

    `targets` float64 [n, K]; the temperature in `logits` is the trial's own.
    """

    trial: str
    items: Int[np.ndarray, " n"]
    logits: Logits
    targets: Float[np.ndarray, "n k"]


def test_sets_of(store: Store) -> list[str]:
    """The test sets that finished trials of a sweep have logits on: those they were trained with, then later ones."""
    folders = store.trial_folders()
    own: list[str] = []
    if folders:
        with np.load(store.trials / folders[0] / PREDICTIONS, allow_pickle=False) as stored:
            own = [name.removesuffix("/clean") for name in stored.files if name.endswith("/clean")]
    return sorted(set(own) - {"validation"}) + later_test_sets(store)


test_sets_of.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest's


def later_test_sets(store: Store) -> list[str]:
    """The test sets that came after the sweep, by name."""
    folder = store.folder / EVALUATIONS
    return sorted(path.parent.name for path in folder.glob(f"*/{ABOUT}") if not path.parent.name.startswith("."))


def on_test_set(store: Store, trial: str, test_set: str, dataset: Dataset) -> TrialOnTestSet:
    """A finished trial (its whole id) on a test set that it has logits on.

    `dataset` is that of the sweep. Raises RequestError for a test set that the trial has no logits on, with those that
    there are, and for a file that can't be read.
    """
    folder = store.trials / trial
    validation_items, validation = read_npz(folder / PREDICTIONS, "validation/items", "validation/clean")
    temperature = trial_temperature(validation, dataset.labels[validation_items])
    later = evaluation_folder(store, test_set)
    if (later / LOGITS / f"{trial}.npz").is_file():
        items, clean, attacked = read_npz(later / LOGITS / f"{trial}.npz", "items", "clean", "fgsm")
        targets = later_targets(store, test_set)
    else:
        tests = test_sets_of(store)
        if test_set not in tests:
            raise unknown_name("test set", test_set, tests)
        if test_set in later_test_sets(store):
            raise RequestError(
                f"trial {trial} was not scored on {test_set} yet: `sweeps evaluate {store.id} --test-set {test_set}`"
            )
        names = (f"{test_set}/{part}" for part in ("items", "clean", "fgsm"))
        items, clean, attacked = read_npz(folder / PREDICTIONS, *names)
        config = trial_of(json.loads((folder / "trial.json").read_text())["config"])
        truth = test_sets(dataset, config.seed, config.cell.axes.get("holdout"))[test_set]
        if not np.array_equal(truth.items, items):
            raise RequestError(f"trial {trial}: its images of {test_set} are not those of the data set now")
        targets = truth.targets
    logits = Logits(clean=clean, attacked=attacked, temperature=temperature, positions=dataset.class_positions)
    return TrialOnTestSet(trial=trial, items=items, logits=logits, targets=targets)


def evaluation_folder(store: Store, test_set: str) -> Path:
    """Where what is known of a later test set is kept."""
    return store.folder / EVALUATIONS / test_set


def later_targets(store: Store, test_set: str) -> Float[np.ndarray, "n k"]:
    """The targets of a test set that came later."""
    (targets,) = read_npz(evaluation_folder(store, test_set) / CONTENT, "targets")
    return targets


def about_test_set(store: Store, test_set: str) -> dict[str, Any]:
    """What is kept about a test set that came later; empty where there is none of that name."""
    path = evaluation_folder(store, test_set) / ABOUT
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def keep_test_set(store: Store, test: OutsideTestSet) -> None:
    """Keep a test set with the sweep; RequestError where another one of its name is there.

    The images of one that is made of the data set are not kept.
    """
    folder, about = evaluation_folder(store, test.name), about_test_set(store, test.name)
    if about and about["digest"] != test.digest:
        raise RequestError(
            f"{store.id} has another test set called {test.name} ({about['title']}); choose a name with --name"
        )
    if about:
        return
    (folder / LOGITS).mkdir(parents=True, exist_ok=True)
    arrays = {"targets": test.targets, "items": test.items, "names": np.array(test.names)}
    if not test.of_dataset:
        arrays["images"] = test.images
    temporary = folder / f".{CONTENT}.{os.getpid()}.npz"
    np.savez(temporary, **arrays)  # type: ignore[arg-type]
    os.replace(temporary, folder / CONTENT)
    told = {
        "name": test.name,
        "title": test.title,
        "notes": list(test.notes),
        "images": len(test.images),
        "pictures": len(np.unique(test.items)),
        "soft": test.is_soft,
        "simulated": test.simulated,
        "of_dataset": test.of_dataset,
        "digest": test.digest,
    }
    write_text(folder / ABOUT, json.dumps(told, indent=1, ensure_ascii=False))  # last: it says that the set is there


def kept_test_set(store: Store, test_set: str) -> OutsideTestSet:
    """A user's own test set that was kept with the sweep."""
    about = about_test_set(store, test_set)
    path = evaluation_folder(store, test_set) / CONTENT
    images, targets, items, names = read_npz(path, "images", "targets", "items", "names")
    return OutsideTestSet(
        name=test_set,
        title=about["title"],
        images=images,
        targets=targets,
        items=items,
        names=tuple(str(name) for name in names),
        notes=tuple(about["notes"]),
        simulated=about["simulated"],
    )


def keep_scores(store: Store, test_set: str, trial: str, scores: Mapping[str, float]) -> None:
    """Append a trial's metrics (by name, without the test set) to those of a test set."""
    folder = evaluation_folder(store, test_set)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / SCORES, "a+b") as file:
        # A process killed while writing leaves half a line, which is ignored: begin a new one.
        if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            file.write(b"\n")
        file.write(json.dumps({"trial": trial, "scores": dict(scores)}).encode() + b"\n")


def later_scores(store: Store, test_set: str) -> dict[str, dict[str, float]]:
    """The metrics (by name) of every trial that was scored on a test set later, by its id; the last line counts."""
    path, found = evaluation_folder(store, test_set) / SCORES, {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
                found[str(row["trial"])] = {str(name): float(value) for name, value in row["scores"].items()}
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # half a line of a killed process
    return found


def all_later_scores(store: Store) -> dict[str, dict[str, float]]:
    """Every metric that came later by `metric/test-set`, by trial."""
    found: dict[str, dict[str, float]] = {}
    for path in sorted((store.folder / EVALUATIONS).glob(f"*/{SCORES}")):
        test_set = path.parent.name
        for trial, scores in later_scores(store, test_set).items():
            found.setdefault(trial, {}).update({f"{metric}/{test_set}": value for metric, value in scores.items()})
    return found
