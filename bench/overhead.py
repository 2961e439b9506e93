"""What a sweep costs beside its trials' own work, measured in one run.

    python bench/overhead.py [--repeats 3]          # trials that do nothing
    python bench/overhead.py --busy --data-root D   # 12 real trials at `small`: how busy the cores are kept

CPU seconds of the driver and of everything that it started, as the operating system accounts them (Linux only: this
process adopts what a dying parent leaves, so that nothing escapes the count). A trial costs the slope between 100 and
300 trials, so that starting up counts for nothing. Beside it bare Ray Tune sweeps of as many trials that report one
number each, with actors reused and torch imported as every real trial does: a function with `tune.report`, which is as
Ray's guide has it; a class; and a class with Ray's result files switched off, the least Ray Tune can do.
"""

import argparse
import ctypes
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FEW, MANY = 100, 300
BARE = ("function", "class", "stripped")
QUIET = {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "TUNE_GLOBAL_CHECKPOINT_S": "86400", "RAY_AIR_NEW_OUTPUT": "0"}


def nothing(config, context, trials, host):
    """A trial that does nothing but report plausible numbers."""
    metrics = ("ce", "scaled-ce", "rmsce", "fgsm", "accuracy")
    result = {f"{metric}/{test}": 1.0 for test in ("crowd", "pages") for metric in metrics}
    costs = dict.fromkeys(("label_seconds_per_item", "label_seconds_total", "label_usd"), 0.0)
    costs |= {"train_seconds": 0.0, "eval_seconds": 0.0}
    yield {**result, **costs, "answers": {}, "recorded_seconds": None}


def ours(n: int) -> None:
    """`n` trials that do nothing through the project's runner, with store and mirror."""
    from sweeps.drive import prepare_sweep
    from sweeps.running import store as stores
    from sweeps.running.provenance import manifest
    from sweeps.running.runner import run_trials
    from sweeps.spec.cells import config_of, spec_content, sweep_id
    from sweeps.sweep import Sweep
    from sweeps.tracking.mirror import Mirror
    from sweeps.tracking.runs import default_uri

    spec, dataset, root = prepare_sweep("quickstart", scale="tiny", sets=[f"seeds={-(-n // 11)}"], root=None)
    with tempfile.TemporaryDirectory() as out:
        folder = Path(out)
        content = spec_content(spec, dataset)
        store = stores.create(
            folder, sweep_id(spec, dataset), spec.model_dump(), content, manifest(spec, dataset, root, None)
        )
        sweep = Sweep(store)
        with store.lock(), Mirror(sweep, default_uri(folder)) as mirror:
            trials = sweep.trials()[:n]
            run_trials(store, trials, dataset, done=0, as_config=config_of, work=nothing, trial_done=mirror.trial_done)
            mirror.finish(complete=True, found=sweep.frontiers())


def bare(kind: str, n: int) -> None:
    """`n` trials that do nothing through Ray Tune alone."""
    if kind == "stripped":
        os.environ.update(QUIET)
    import ray
    from ray import tune

    def nothing_to_do(config):
        import torch  # noqa: F401

        tune.report({"ce": 1.0})

    class Nothing(tune.Trainable):
        def setup(self, config):
            import torch  # noqa: F401

        def reset_config(self, new_config):
            return True

        def step(self):
            return {"done": True, "ce": 1.0}

    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=10**9)
    with tempfile.TemporaryDirectory() as scratch:
        tune.Tuner(
            tune.with_resources(nothing_to_do if kind == "function" else Nothing, {"cpu": 1}),
            param_space={"index": tune.grid_search(list(range(n)))},
            tune_config=tune.TuneConfig(reuse_actors=True),
            run_config=tune.RunConfig(
                storage_path=scratch,
                name="bare",
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        ).fit()
    ray.shutdown()


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that its CPU time is counted here."""
    set_child_subreaper = 36
    if ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0):
        sys.exit("this kernel does not let a process adopt orphans: CPU seconds could not be counted")


def reap() -> None:
    """Wait for every descendant that is left; Ray's processes end within seconds of their driver."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def cpu_seconds(kind: str, n: int) -> tuple[float, float]:
    """CPU and wall seconds of a process of its own and all its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryFile() as log:
        done = subprocess.run([sys.executable, __file__, "--child", kind, str(n)], stdout=log, stderr=log)
        wall = time.perf_counter() - began
        if done.returncode:
            log.seek(0)
            sys.exit(log.read().decode())
    reap()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def slope(kind: str) -> float:
    """CPU seconds a trial."""
    few, many = cpu_seconds(kind, FEW)[0], cpu_seconds(kind, MANY)[0]
    return (many - few) / (MANY - FEW)


def overhead(repeats: int) -> dict[str, object]:
    """The slopes of ours and of the bare sweeps, and ours by each of them, over rounds."""
    rounds = [{kind: slope(kind) for kind in ("ours", *BARE)} for _ in range(repeats)]
    ratios = {kind: [each["ours"] / each[kind] for each in rounds] for kind in BARE}
    return {
        "CPU s a trial, median": {
            kind: round(statistics.median(r[kind] for r in rounds), 4) for kind in ("ours", *BARE)
        },
        "ours by bare, median": {kind: round(statistics.median(ratio), 2) for kind, ratio in ratios.items()},
        "least and most": {kind: [round(min(ratio), 2), round(max(ratio), 2)] for kind, ratio in ratios.items()},
        "rounds": repeats,
    }


def busy(data_root: str | None, scale: str) -> dict[str, object]:
    """Share of cores x wall, after start-up, that 12 trials spend training and evaluating."""
    import sweeps

    with tempfile.TemporaryDirectory() as out:
        sweep = sweeps.run("table-3-2", scale=scale, sets=["seeds=4"], data_root=data_root, out=out)
        events = sweep.store.events()
        results = sweep.results()
        cores = len(os.sched_getaffinity(0))
        records = [json.loads((sweep.store.trials / name / "trial.json").read_text()) for name in results["trial"]]
        work = sum(record["cpu_seconds"] for record in records)
        seconds = {e["trial"]: e["result"]["train_seconds"] + e["result"]["eval_seconds"] for e in events}
        began = min(e["time"] - seconds[e["trial"]] for e in events)
        wall = max(e["time"] for e in events) - began
    return {
        "trials": len(events),
        "scale": scale,
        "busy": round(work / (cores * wall), 3),
        "CPU s of training and evaluating": round(work, 1),
        "wall": round(wall, 1),
        "cores": cores,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--scale", default="small")
    parser.add_argument("--data-root")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        kind, n = asked.child[0], int(asked.child[1])
        ours(n) if kind == "ours" else bare(kind, n)
        return
    adopt_orphans()
    print(f"# {platform.machine()}, {len(os.sched_getaffinity(0))} cores", flush=True)
    print(json.dumps(busy(asked.data_root, asked.scale) if asked.busy else overhead(asked.repeats), indent=1))


if __name__ == "__main__":
    main()
