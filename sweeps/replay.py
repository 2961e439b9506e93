"""Train a stored trial again and compare."""

import json
import tempfile
from pathlib import Path

from softcore.files import sha256
from sweeps import store as stores
from sweeps.sweep import Sweep
from sweeps.trial import run as run_trial
from sweeps.trial import trial_of

TIMES = ("train_seconds", "eval_seconds")


def replay(name: str, *, out: str | Path | None = None, root: str | Path | None = None) -> list[str]:
    """What differs between a stored trial and the same trial trained now; empty when nothing does.

    Metrics, costs and the bytes of predictions, weights and panel are compared, the two times are not.
    """
    store, trial = stores.find_trial(name, stores.out_folder(out))
    stored = json.loads((store.trials / trial / "trial.json").read_text())
    material = Sweep(store).material(root)
    with tempfile.TemporaryDirectory(prefix="sweeps-replay-") as scratch:
        run_trial(trial_of(stored["config"]), material, Path(scratch))
        again = json.loads((Path(scratch) / trial / "trial.json").read_text())
    old, new = stored["result"], again["result"]
    differences = [
        f"{key}: {old.get(key)} was stored, now {new.get(key)}"
        for key in sorted(old.keys() | new.keys())
        if key not in TIMES and old.get(key) != new.get(key)
    ]
    # The files as they lie there, not what was written down of them when they were made.
    files = [store.trials / trial / f"{key}.npz" for key in again["sha256"]]
    there = {path.stem: sha256(path) if path.is_file() else None for path in files}
    return differences + [f"the bytes of {key}" for key in there if there[key] != again["sha256"][key]]
