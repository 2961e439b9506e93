"""Score every finished trial of a sweep on a test set, through Ray as trials are: columns that come after training."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cluster.connection import connect
from cluster.errors import ClusterError
from cluster.preflight import shared_folder_check
from cluster.resources import check_fits, trial_resources
from cluster.tasks import run_tasks
from softcore.data.dataset import Dataset
from softcore.errors import RequestError, unknown_name
from softcore.test_sets.named import NAMED_TEST_SETS, named_test_set
from softcore.test_sets.outside import OutsideTestSet, check_outside
from softcore.test_sets.own import read_own_test_set
from sweeps.evaluation.looks import Look
from sweeps.evaluation.scoring import ScoringMaterial, StoredMaterial, score_again, score_trial
from sweeps.evaluation.stored import (
    LOGITS,
    about_test_set,
    evaluation_folder,
    keep_scores,
    keep_test_set,
    kept_test_set,
    later_scores,
    later_test_sets,
    test_sets_of,
)
from sweeps.results.table import CORRUPTED, VALIDATION
from sweeps.running.progress import Progress
from sweeps.running.store import Store

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What scoring a sweep on a test set did: trials scored now, those that had been, why others failed, which look."""

    test_set: str
    about: Mapping[str, Any]  # what is kept about a test set that came later; empty for one that trials had
    scored: tuple[str, ...]
    before: tuple[str, ...]
    failed: Mapping[str, str]
    look: Look | None = None


def find_test_set(
    store: Store,
    what: str,
    dataset: Dataset,
    root: Path,
    *,
    called: str | None = None,
    labels: Path | None = None,
    answers: Path | None = None,
    probabilities: Literal["percent", "fraction"] | None = None,
    resize: bool = False,
) -> OutsideTestSet | str:
    """The test set that `what` means; the name itself where trials have logits on it since they were trained.

    A name of `NAMED_TEST_SETS`, one that was kept with the sweep earlier, or the path of a folder or `.npz` file
    (`softcore.test_sets.own` has the other arguments). Raises RequestError for what is none of these, doesn't fit the
    data set, or shares images with those that models were trained on.
    """
    own = [each for each in test_sets_of(store) if each not in later_test_sets(store)]
    beside = {"--name": called, "--labels": labels, "--answers": answers, "--probabilities": probabilities}
    given = [option for option, value in beside.items() if value is not None] + ["--resize"] * resize
    kept = about_test_set(store, what) if NAME.fullmatch(what) else {}
    if given and kept and Path(what).exists():
        kept = {}  # the file that it was made of, named again
    if what in own or what in NAMED_TEST_SETS or kept:
        if given:
            raise RequestError(f"{given[0]} goes with a file of your own; {what} is a test set by name")
        if what in own:
            return what
        test = kept_test_set(store, what) if kept and not kept["of_dataset"] else named_test_set(what, dataset, root)
    else:
        path = Path(what).expanduser()
        if not path.exists():
            known = [*own, *later_test_sets(store), *NAMED_TEST_SETS]
            raise RequestError(f"{unknown_name('test set', what, sorted(set(known)))}, or the path of a folder or .npz")
        called = called or path.name.removesuffix(path.suffix)
        _check_name(called, own)
        how: dict[str, Any] = {"labels": labels, "answers": answers, "probabilities": probabilities, "resize": resize}
        test = read_own_test_set(path, dataset, name=called, **how)
    check_outside(test, dataset)
    return test


def _check_name(name: str, own: Sequence[str]) -> None:
    taken = name in {*own, *NAMED_TEST_SETS, VALIDATION}
    if taken or not NAME.fullmatch(name) or name.endswith(CORRUPTED):
        why = "is taken" if taken else "is no name of letters, digits, '-', '_' and '.' (and may not end in -c)"
        raise RequestError(f"test set '{name}' {why}; choose one with --name")


def score_sweep(
    store: Store,
    test: OutsideTestSet | str,
    dataset: Dataset,
    *,
    cpus: int | None = None,
    address: str | None = None,
    gpus_per_trial: float | None = None,
) -> Evaluation:
    """Score the finished trials of a sweep that have no scores on `test` yet; none is trained.

    Of a test set that trials had (a name), the metrics that their results lack are computed from stored logits. What
    was scored stays when this is interrupted. Raises RequestError where another process scores the same, ClusterError
    where a cluster can't be had.
    """
    from filelock import FileLock, Timeout

    name = test if isinstance(test, str) else test.name
    folder = evaluation_folder(store, name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"{folder} can't be written: {error.strerror}") from None
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RequestError(f"{store.id} is being scored on {name} by another process; wait for it") from None
    try:
        finished = list(store.finished())
        if isinstance(test, str):
            about: Mapping[str, Any] = {}
            material: Any = StoredMaterial(store=store, test_set=name, dataset=dataset)
            function: Callable[[str, Any], Any] = score_again
            before = set[str]()
        else:
            keep_test_set(store, test)
            about = about_test_set(store, name)
            function, logits = score_trial, folder / LOGITS
            material = ScoringMaterial(
                test=test,
                digest=about["digest"],
                labels=dataset.labels,
                trials=store.trials,
                logits=logits,
                positions=dataset.class_positions,
            )
            before = {trial for trial in later_scores(store, name) if (logits / f"{trial}.npz").is_file()}
        waiting = [trial for trial in finished if trial not in before]
        failed: dict[str, str] = {}
        if waiting:
            with connect(address, cpus) as connection:
                resources = trial_resources(1, gpus_per_trial)
                check_fits(resources)
                if not connection.private:
                    shared = shared_folder_check(folder)
                    if not shared.ok:
                        raise ClusterError(f"{shared.name}: {shared.found}; {shared.way_out}")
                progress = Progress(len(finished), done=len(finished) - len(waiting))
                for place, found, reason in run_tasks(function, waiting, material, resources=resources):
                    if reason:
                        failed[waiting[place]] = reason
                    else:
                        keep_scores(store, name, waiting[place], found)
                    progress.trial_ended(waiting[place], not reason)
                progress.end()
        return Evaluation(
            test_set=name,
            about=about,
            scored=tuple(trial for trial in waiting if trial not in failed),
            before=tuple(trial for trial in finished if trial in before),
            failed=failed,
        )
    finally:
        lock.release()
