"""Where a sweep's data and code came from, and what it ran on: what its manifest says."""

import os
import platform
import subprocess
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from time import strftime
from typing import Any

from softcore.data.dataset import Dataset
from sweeps.spec.spec import Spec

PACKAGES = ("label-sweeps", "ray", "torch", "torchvision", "torchattacks", "numpy", "scipy", "pandas", "mlflow")


def manifest(spec: Spec, dataset: Dataset, root: Path, tracking_uri: str | None) -> dict[str, Any]:
    """Where a sweep's data and code came from."""
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
        "tracking_uri": tracking_uri,
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
