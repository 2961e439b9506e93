"""Whether the scores that came after a sweep are those of the logits and the test set that lie there."""

import math
from collections.abc import Iterator

from softcore.data.dataset import fingerprint
from softcore.errors import RequestError
from softcore.files import read_npz
from softcore.scoring.likelihood import CE, cross_entropy
from sweeps.evaluation.stored import (
    ABOUT,
    CONTENT,
    EVALUATIONS,
    LOGITS,
    SCORES,
    about_test_set,
    evaluation_folder,
    keep_scores,
    later_scores,
    later_targets,
)
from sweeps.running.store import Store
from sweeps.running.verify import Fault
from sweeps.spec.cells import trials_of


def later_faults(store: Store) -> Iterator[Fault]:
    """What is wrong with the test sets that came later, with the logits on them, and with the scores.

    Cross-entropy is computed again from the logits; other metrics are not. Images of a user's own set are checked by
    their digest, those of a named one are not kept.
    """
    trials = {trial.id for trial in trials_of(store.resolved())}
    done = set(store.finished())
    folder = store.folder / EVALUATIONS
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name, place = path.name, f"{EVALUATIONS}/{path.name}"
        if not path.is_dir() or not ((path / ABOUT).exists() or (path / SCORES).exists()):
            begun = path.is_dir() and all(each.is_dir() or each.name.startswith(".lock") for each in path.rglob("*"))
            if not begun:
                yield _stray(store, place, "no test set's scores")
            continue
        way_out = f"`sweeps verify {store.id} --repair` sets it aside, `sweeps evaluate` makes it again"
        if (path / ABOUT).exists() and (problem := _set_fault(store, name)):
            yield Fault(place=place, wrong=problem, way_out=way_out, test_set=name)
            continue
        known = {trial: scores for trial, scores in later_scores(store, name).items() if scores}
        for each in sorted(path.rglob(".*")):
            if not each.name.startswith(".lock"):
                yield _stray(store, str(each.relative_to(store.folder)), "half-written")
        for trial in sorted(known.keys() - trials):
            yield _of_trial(store, name, trial, "scores of a trial that is none of this sweep")
        for trial in sorted(known.keys() & trials):
            if problem := _score_fault(store, name, trial, known[trial], trial in done):
                yield _of_trial(store, name, trial, problem)


def _stray(store: Store, place: str, wrong: str) -> Fault:
    return Fault(place=place, wrong=wrong, way_out=f"`sweeps verify {store.id} --repair` sets it aside")


def _of_trial(store: Store, test_set: str, trial: str, wrong: str) -> Fault:
    way_out = f"`sweeps verify {store.id} --repair` scores it again, if the trial is there"
    place = f"{EVALUATIONS}/{test_set}, {trial}"
    return Fault(place=place, wrong=wrong, way_out=way_out, test_set=test_set)


def _set_fault(store: Store, name: str) -> str:
    folder = evaluation_folder(store, name)
    try:
        about = about_test_set(store, name)
        digest, images = about["digest"], about["images"]
        targets, items = read_npz(folder / CONTENT, "targets", "items")
        if len(targets) != images or len(items) != images:
            return f"{CONTENT} has {len(targets)} images, {ABOUT} says {images}"
        if not about["of_dataset"] and fingerprint(*read_npz(folder / CONTENT, "images"), targets, items) != digest:
            return f"{CONTENT} is not what was written (its digest is another)"
    except RequestError as error:
        return str(error).replace(f"{folder}/", "")
    return ""


def _score_fault(store: Store, name: str, trial: str, scores: dict[str, float], finished: bool) -> str:
    folder = evaluation_folder(store, name)
    path = folder / LOGITS / f"{trial}.npz"
    if not finished:
        return "scores of a trial that has not finished"
    if not (folder / ABOUT).exists():
        return ""  # metrics that were computed later on a test set of the training: from the trial's own logits
    try:
        (clean,) = read_npz(path, "clean")
        read_npz(path, "items", "fgsm")
        targets = later_targets(store, name)
    except RequestError as error:
        return str(error).replace(f"{folder}/", "")
    if clean.shape != targets.shape:
        return f"its logits are {list(clean.shape)}, the test set {list(targets.shape)}"
    there = scores.get(CE.name, math.nan)
    if not math.isclose(there, cross_entropy(clean, targets), rel_tol=1e-9):
        return f"{CE.name} in {SCORES} is {there:.6g}, its logits give {cross_entropy(clean, targets):.6g}"
    return ""


def forget_scores(store: Store, test_set: str, trial: str) -> None:
    """Set a trial's logits on a later test set aside, and count it as not scored."""
    path = evaluation_folder(store, test_set) / LOGITS / f"{trial}.npz"
    if path.exists():
        store.set_aside(path)
    keep_scores(store, test_set, trial, {})


def mend_later(store: Store, fault: Fault) -> None:
    """Put out of the way what `fault` says of later scores; all but lines of scores is kept in `set-aside/`."""
    place, _, trial = fault.place.partition(", ")
    if trial:
        forget_scores(store, fault.test_set, trial)
    elif (path := store.folder / place).exists():
        store.set_aside(path)


def scored_on(store: Store, trial: str) -> list[str]:
    """The test sets that a trial has later scores on."""
    folder = store.folder / EVALUATIONS
    names = sorted(path.parent.name for path in folder.glob(f"*/{SCORES}"))
    return [name for name in names if later_scores(store, name).get(trial)]
