"""What a job takes along to the cluster: this code, the spec, and the command that runs them there."""

import importlib.util
import json
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sweeps.spec.spec import Spec

PACKAGES = ("softcore", "cluster", "sweeps")
SPECS = "specs"


@contextmanager
def job_folder(spec: str) -> Iterator[Path]:
    """A folder with the source of our packages and, below `specs`, the file that `spec` names; gone after the block.

    Sent along with the job it comes before anything that is installed there, so that the code that runs is this one.
    """
    with tempfile.TemporaryDirectory(prefix="sweeps-job-") as name:
        folder = Path(name)
        for package in PACKAGES:
            shutil.copytree(
                package_folder(package),
                folder / package,
                ignore=shutil.ignore_patterns("__pycache__", "*.py[co]", ".*"),
            )
        if is_file(spec):
            (folder / SPECS).mkdir()
            shutil.copy(spec, folder / SPECS / Path(spec).name)
        yield folder


def package_folder(package: str) -> Path:
    """Where a package's source is, as it would be imported here."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0])


def is_file(spec: str) -> bool:
    """Whether `spec` names a file and not a preset, by the rule of `sweeps.spec.spec.read_spec`."""
    return spec.endswith((".yaml", ".yml")) or "/" in spec


def with_own_files(spec: Spec, sets: Sequence[str]) -> list[str]:
    """`sets` with the paths of a user's own data set and word vectors, as the resolved `spec` has them, written out.

    A spec names them from where it is, and its copy in the job's folder is elsewhere.
    """
    own = {"dataset": spec.dataset if is_file(spec.dataset) else None, "word_vectors": spec.word_vectors}
    return [*sets, *(f"{key}={json.dumps(str(Path(file).absolute()))}" for key, file in own.items() if file)]


def run_command(
    spec: str,
    *,
    out: Path,
    data_root: Path,
    scale: str | None,
    sets: Sequence[str],
    tracking_uri: str | None,
) -> str:
    """The shell command that runs `spec` in the folder of `job_folder`, in the cluster that runs the job.

    `exec` leaves no shell between Ray and the driver that could swallow the signal of a stop.
    """
    given = f"{SPECS}/{Path(spec).name}" if is_file(spec) else spec
    words = ["python", "-m", "sweeps", "run", given, "--out", str(out), "--data-root", str(data_root)]
    words += ["--ray-address", "auto"]
    words += ["--scale", scale] if scale else []
    words += [word for setting in sets for word in ("--set", setting)]
    words += ["--tracking-uri", tracking_uri] if tracking_uri else []
    return f"exec {shlex.join(words)}"
