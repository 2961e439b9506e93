"""Run a sweep's trials through Ray Tune: hand them out, log what comes back, mirror it."""

import logging
import os
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from cluster.connection import connect
from cluster.errors import ClusterError, RayDiedError
from cluster.preflight import shared_folder_check
from cluster.resources import check_fits, concurrency, this_node, trial_resources
from cluster.watch import watched
from sweeps.running.packs import in_packs, pack_size
from sweeps.running.progress import Progress
from sweeps.running.store import DONE, FAILED, STOPPED, Store
from sweeps.running.trial import Material
from sweeps.spec.cells import Trial

log = logging.getLogger(__name__)
TrialDone = Callable[[Trial, Mapping[str, Any]], None]
DEATHS = 3  # how often a trial whose process dies under it is started again
QUIET = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the store is the log; Ray's own loggers grow with the trials
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # nor is Tune's state ever restored: the store says what is left
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}


class Worker(tune.Trainable):
    """One Ray actor: runs trial after trial, or pack after pack, one epoch a step."""

    def setup(self, config: Mapping[str, Any], work: Callable[..., Iterator[Any]], trials: str, context: Any) -> None:
        """`work(configs, context, trials, host)` yields epochs' numbers, lines to say, and each trial's end.

        An end is the trial's place among `configs` with its result (a mapping) or what it failed of (words).
        """
        self.work, self.trials, self.context = work, trials, context
        self.reset_config(dict(config))

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Begin another trial in the same process."""
        self.under_way = self.work(new_config["trials"], self.context, Path(self.trials), this_node())
        return True

    def step(self) -> dict[str, Any]:
        """One epoch, line or end. What trials themselves do wrong is a result: only a dying process is tried again."""
        try:
            said = next(self.under_way)
        except StopIteration:
            return {"done": True}
        except Exception as error:
            log.exception("trial failed")
            return {"done": True, "failed": f"{type(error).__name__}: {error}"}
        if isinstance(said, tuple):
            return {"ended": said}
        return {"note": said} if isinstance(said, str) else {"epoch": said}


class DriverOnly:
    """Ray Tune pickles what it is given so that it could restore it; ours lives in the driver and is never restored."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (DriverOnly, ())


class TrialQueue(DriverOnly, Searcher):
    """The packs of trials that are left, each once and in order, as Ray Tune asks for them: a pack is a trial to it."""

    def __init__(self, waiting: Sequence[Sequence[Trial]], as_config: Callable[[Trial], Any]) -> None:
        super().__init__(metric="training_iteration", mode="max")  # every report has it; nothing reads it
        self.waiting, self.as_config = iter(waiting), as_config
        self.packs: dict[str, Sequence[Trial]] = {}
        self.again: list[Sequence[Trial]] = []  # packs that Tune gave up before they had all their tries

    def suggest(self, trial_id: str) -> Any:
        """The next pack's configuration, or that there is none."""
        pack = self.again.pop() if self.again else next(self.waiting, None)
        if pack is None:
            return Searcher.FINISHED
        self.packs[trial_id] = pack
        return {"trials": [self.as_config(trial) for trial in pack]}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Nothing: no trial depends on the results of others."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the store is what a sweep resumes from."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, likewise."""


class Recorder(DriverOnly, tune.Callback):
    """Writes what happens to the store. Never raises: an exception in a callback would end the sweep."""

    def __init__(self, store: Store, queue: TrialQueue, progress: Progress, trial_done: TrialDone | None) -> None:
        self.store, self.queue, self.progress, self.trial_done = store, queue, progress, trial_done
        self.ended: set[str] = set()
        self.running: dict[str, int] = {}  # epochs done of each trial under way, by its id
        self.given_up: Counter[str] = Counter()

    def _under_way(self, tune_trial: Any) -> list[Trial]:
        """The trials of a pack that have not ended, begun or not: a process can die as it is handed them."""
        return [trial for trial in self.queue.packs[tune_trial.trial_id] if trial.id not in self.ended]

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A pack has begun, or begun again after its process died."""
        for own in self.queue.packs[trial.trial_id]:
            if own.id not in self.running and own.id not in self.ended:
                self.running[own.id] = 0
                self.progress.trial_started()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A trial or an epoch has ended, which keeps the line of progress alive, or there is something to say."""
        if "note" in result:
            log.warning("%s", result["note"])
        if "ended" in result:
            place, found = result["ended"]
            self._ended(self.queue.packs[trial.trial_id][place], found)
        if "epoch" in result:  # the last report says how it ended, not which epoch it was
            for own in self._under_way(trial):
                self.running[own.id] = int(result["epoch"])
                self.progress.trial_advanced(own.id, self.running[own.id] / own.cell.axes["epochs"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A pack is through; trials of it that have not ended failed of what it reported."""
        last = trial.last_result or {}
        for own in self._under_way(trial):
            self._ended(own, last.get("failed", "ended without a result"))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A pack's process died too often; or as it was handed the pack, which Tune never tries again: we do."""
        wanted = self._under_way(trial)
        for own in wanted:
            self.given_up[own.id] += 1
        often = [own for own in wanted if self.given_up[own.id] > DEATHS]
        if trial.run_metadata.num_failures > DEATHS:
            often = wanted
        for own in often:
            self._ended(own, f"its process died more than {DEATHS} times")
        left = [own for own in wanted if own not in often]
        for own in left:
            self.running.pop(own.id, None)
            self.progress.trial_given_up(own.id)
        if left:
            self.queue.again.append(left)

    def _ended(self, trial: Trial, found: Mapping[str, Any] | str) -> None:
        """Log the end of a trial: its result, or the words of its failure. A pack begun again may end one twice."""
        if trial.id in self.ended:
            return
        try:
            epoch = self.running.pop(trial.id, 0)
            self.ended.add(trial.id)
            failed = isinstance(found, str)
            what: dict[str, Any] = {"error": found} if failed else {"result": found}
            self.store.log(trial.id, epoch if failed else trial.cell.axes["epochs"], FAILED if failed else DONE, **what)
            self.progress.trial_ended(trial.id, not failed)
            if not isinstance(found, str) and self.trial_done is not None:
                self.trial_done(trial, found)
        except Exception:
            log.exception("could not record trial %s", trial.id)

    def stopped(self) -> None:
        """Log the trials in flight as stopped."""
        for trial, epoch in self.running.items():
            self.store.log(trial, epoch, STOPPED)


def work_on_trials(configs: Sequence[Mapping[str, Any]], material: Material, trials: Path, host: str) -> Iterator[Any]:
    """What a worker does with a pack: yields what `Worker.setup` says."""
    from sweeps.running.checkpoint import CHECKPOINTS
    from sweeps.running.packs import run_together
    from sweeps.spec.cells import trial_of

    wanted = [trial_of(config) for config in configs]
    yield from run_together(wanted, material, trials, host=host, checkpoints=trials.parent / CHECKPOINTS)


def run_trials(
    store: Store,
    waiting: Sequence[Trial],
    context: Any,
    *,
    done: int,
    as_config: Callable[[Trial], Any],
    work: Callable[..., Iterator[Any]] = work_on_trials,
    cpus: int | None = None,
    address: str | None = None,
    cpus_per_trial: int = 1,
    gpus_per_trial: float | None = None,
    trials_per_gpu: int | str = 1,
    trial_done: TrialDone | None = None,
) -> bool:
    """Run the trials `waiting`; whether all were run (False: interrupted, resumable).

    `context` (the trials' material) goes to every node once, through the object store. `done` trials ended earlier.
    A worker trains up to `trials_per_gpu` trials of one shape at once ("auto": at most 64 where there are cards).
    `trial_done` is told of each trial whose folder is whole and logged; it must neither block nor raise. The caller
    holds the store's lock. Raises ClusterError where no node can hold a trial, or the cluster can't be reached. Where
    Ray dies a process that is no notebook ends with `RayDiedError.exit_code`: Ray's own calls would never come back.
    """
    died = partial(_end_without_ray, store)
    with environment(QUIET), connect(address, cpus) as connection, watched(connection, died):
        cards = int(connection.gpus) if gpus_per_trial != 0 else 0
        size = pack_size(trials_per_gpu, len(waiting), cards)
        if size > 1 and connection.gpus > 0 and gpus_per_trial is None:
            gpus_per_trial = 1.0  # a pack has a card to itself
        resources = trial_resources(cpus_per_trial, gpus_per_trial)
        check_fits(resources)
        if not connection.private:
            shared = shared_folder_check(store.trials)
            if not shared.ok:
                raise ClusterError(f"{shared.name}: {shared.found}; {shared.way_out}")
        slots = concurrency(resources)
        hosts = sorted({*store.manifest().get("hosts", []), *connection.hosts})
        store.update_manifest(hosts=hosts, ray=connection.ray_version)
        if not connection.private:  # the machine that submitted it says nothing of those that run it
            store.update_manifest(
                hardware=f"{len(connection.nodes)} nodes: {connection.cpus:g} CPUs, {connection.gpus:g} GPUs in all"
            )
        progress, left = Progress(len(waiting) + done, done=done), len(waiting)
        queue = TrialQueue(in_packs(waiting, size), as_config)
        recorder = Recorder(store, queue, progress, trial_done)
        trainable = tune.with_parameters(Worker, work=work, trials=str(store.trials), context=context)
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(slots)
        with tempfile.TemporaryDirectory(prefix="sweeps-tune-") as scratch, interruptible() as interrupted:
            # A trial given up takes the place of one that is then left over: another round runs those.
            for attempt in count():
                given_up = recorder.given_up.total()
                tune.Tuner(
                    tune.with_resources(trainable, resources),
                    tune_config=tune.TuneConfig(
                        search_alg=queue, num_samples=left, reuse_actors=True, trial_name_creator=_trial_name
                    ),
                    run_config=tune.RunConfig(
                        name=f"trials-{attempt}",
                        storage_path=scratch,
                        verbose=0,
                        callbacks=[recorder],
                        failure_config=tune.FailureConfig(max_failures=DEATHS),
                        checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                    ),
                ).fit()
                left = progress.total - progress.done - progress.failed
                if interrupted.is_set() or recorder.running or not left or recorder.given_up.total() == given_up:
                    break
        recorder.stopped()
        progress.end()
        return not interrupted.is_set() and progress.done + progress.failed >= progress.total


def _end_without_ray(store: Store, what: str) -> None:
    """Say that Ray died and end this process at once: the store is whole whenever it ends."""
    said = f"Ray died ({what}); what has finished is kept, and `sweeps resume {store.id}` goes on"
    if "ipykernel" in sys.modules or hasattr(sys, "ps1"):
        log.error("%s", said)
        return
    print(f"\nsweeps: {said}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(RayDiedError.exit_code)


def _trial_name(trial: Any) -> str:
    return str(trial.trial_id)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Make SIGTERM end the sweep as gently as SIGINT does (Tune catches that one); tell whether either came."""
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def interrupt(number: int, frame: Any) -> None:
        came.set()
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield came
    finally:
        signal.signal(signal.SIGTERM, before)
