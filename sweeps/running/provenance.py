"""Where a sweep's data and code came from, what it and its trials ran on, and what of that is different now."""

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from time import strftime
from typing import Any

from cluster.addresses import masked
from softcore.data.dataset import Dataset
from sweeps.running.checkpoint import code_version
from sweeps.spec.spec import Spec

PACKAGES = ("label-sweeps", "ray", "torch", "torchvision", "torchattacks", "numpy", "scipy", "pandas", "mlflow")


def manifest(spec: Spec, dataset: Dataset, root: Path, tracking_uri: str | None) -> dict[str, Any]:
    """Where a sweep's data and code came from; without a password in `tracking_uri`: others can read the file."""
    return {
        "created": strftime("%Y-%m-%dT%H:%M:%S%z"),
        "dataset": spec.dataset,
        "data_root": str(root.absolute()),  # it is read again to resume, perhaps from elsewhere
        "simulated": dataset.simulated,
        "fingerprints": dict(dataset.fingerprints),
        "versions": versions(),
        "commit": commit(),
        "hardware": hardware(),
        "processor": processor(),
        "tracking_uri": masked(tracking_uri) if tracking_uri else tracking_uri,
        "hosts": [],
    }


def versions() -> dict[str, str]:
    """Versions of Python and of what results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def commit() -> str | None:
    """The git commit of the code that runs, with a `+` when it has changes; None outside a checkout."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(["git", "-C", here, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)
        changed = subprocess.run(
            ["git", "-C", here, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "") if head.returncode == 0 else None


def hardware() -> str:
    """The machine in a few words, as results carry it."""
    import torch

    cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ", ".join([f"{len(os.sched_getaffinity(0))} {platform.machine()} cores", *cards])


def processor() -> dict[str, str]:
    """The processor's name and the widest instruction set that PyTorch uses of it, such as "AVX2" or "AVX512".

    The bytes of a trial are the same on one kind of processor and instruction set, and only there.
    """
    import torch

    name = ""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "name": name or platform.processor() or platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


@cache
def _of_this_process() -> tuple[dict[str, str], dict[str, str]]:
    return versions(), processor()


def conditions() -> dict[str, Any]:
    """What the bytes of a trial depend on beside its configuration and data, in this process: kept with each trial."""
    import torch

    packages, chip = _of_this_process()
    return {
        "versions": dict(packages),
        "processor": dict(chip),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
        "code": code_version(),
    }


def conditions_now(dataset: Dataset, corruptions: str | None) -> dict[str, Any]:
    """What a stored trial is compared with: `conditions`, the commit, and the data."""
    return {
        **conditions(),
        "commit": commit(),
        "fingerprints": dict(dataset.fingerprints),
        "corruptions": corruptions,
    }


def why_bytes_differ(record: Mapping[str, Any], manifest: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Why a trial trained again may have other bytes: a line for each thing that is known to differ since.

    `record` is its `trial.json` and `manifest` its sweep's, which stands in for what older trials did not keep of
    themselves; `now` is `conditions_now`. Where nothing differs one line says so, and another what was not kept.
    """
    then = {**manifest, **{name: record[name] for name in ("device",) if name in record}, **record.get("made_with", {})}
    lines = [*_different(then, now)]
    missing = [name for name in ("threads", "code", "device") if name not in then]
    kept = [] if not missing else [f"not kept with this trial: {', '.join(missing)}"]
    return (lines or ["nothing known differs"]) + kept


def _different(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for group, words in (("versions", "{}"), ("processor", "processor, {}"), ("fingerprints", "data, {}")):
        old, new = then.get(group) or {}, now[group]
        names = {**old, **new} if group == "fingerprints" else old  # a package asked about since tells nothing
        yield from (_line(words.format(name), old, new, name) for name in names if old.get(name) != new.get(name))
    for name in ("device", "threads", "code", "corruptions"):
        if name in then and then[name] != now[name]:
            yield _line(name, then, now, name)
    if then.get("code") != now["code"]:  # else the commits differ in what decides nothing, such as documents
        if then.get("commit") != now["commit"]:
            yield _line("commit", then, now, "commit")
        elif str(now["commit"]).endswith("+") and "code" not in then:
            yield f"commit: {now['commit']} then and now, with changes that were not committed"


def _line(what: str, then: Mapping[str, Any], now: Mapping[str, Any], name: str) -> str:
    old, new = (side.get(name) if side.get(name) not in (None, "") else "none" for side in (then, now))
    return f"{what}: {old} then, {new} now"
