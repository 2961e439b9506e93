"""Checks before a sweep starts: versions, disk, memory, the token, and whether every node sees the storage."""

import contextlib
import os
import shutil
import stat
import sys
import tempfile
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cluster.errors import one_line
from cluster.machine import GIB, cores, memory_bytes, shared_memory_bytes
from cluster.resources import Node, nodes

FREE_DISK_NEEDED = 2 * GIB  # weights, logits and logs of some hundred trials of the larger models
MEMORY_A_TRIAL = (
    1.5 * GIB
)  # a worker with torch imported holds 0.4 GB; the rest is activations and the attack's gradients
_NODES_ANSWER_WITHIN_S = 30


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was looked at, whether it will do, what was found, and the way out where it won't ("" where it will)."""

    name: str
    ok: bool
    found: str
    way_out: str


def local_checks(out: Path, *, distribution: str = "label-sweeps", cpus: int | None = None) -> tuple[Check, ...]:
    """All checks of this machine for a sweep that writes to `out` with `cpus` trials at once (None: one a core)."""
    trials = cpus or cores()
    return (
        *version_checks(distribution),
        core_check(trials),
        memory_check(trials),
        shared_memory_check(),
        token_check(),
        folder_check(out),
        disk_check(out),
    )


def version_checks(distribution: str) -> tuple[Check, ...]:
    """Python and every required package of `distribution` against the ranges that its metadata declares; no extras."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    try:
        declared = metadata.metadata(distribution)
    except metadata.PackageNotFoundError:
        way_out = "install the project into this environment: pip install -e ."
        return (Check(name=distribution, ok=False, found="not installed", way_out=way_out),)
    python = SpecifierSet(declared["Requires-Python"] or "")
    checks = [_version_check("python", ".".join(map(str, sys.version_info[:3])), python)]
    for line in metadata.requires(distribution) or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            checks.append(_version_check(requirement.name, _installed(requirement.name), requirement.specifier))
    return tuple(checks)


def core_check(trials: int) -> Check:
    """Whether every trial at once has a core of its own: with fewer they take turns and each takes longer."""
    have = cores()
    way_out = "" if trials <= have else f"run fewer trials at once: --cpus {have}"
    return Check(name="cores", ok=trials <= have, found=f"{have} for {trials} trials at once", way_out=way_out)


def memory_check(trials: int) -> Check:
    """Whether the memory holds `trials` trials at once (1.5 GiB each) beside what is in use now."""
    need, have = trials * MEMORY_A_TRIAL, memory_bytes()
    way_out = (
        ""
        if have >= need
        else f"run fewer trials at once (--cpus {max(1, int(have // MEMORY_A_TRIAL))}) or free memory"
    )
    return Check(name="memory", ok=have >= need, found=f"{_gib(have)} free, {_gib(need)} wanted", way_out=way_out)


def shared_memory_check() -> Check:
    """Whether /dev/shm holds the object store of a private Ray; a container's default of 64 MB does not."""
    have, need = shared_memory_bytes(), GIB // 2
    way_out = "" if have >= need else "enlarge /dev/shm (docker: --shm-size=1g); else data comes from the disk"
    return Check(name="/dev/shm", ok=have >= need, found=f"{_gib(have)}, {_gib(need)} wanted", way_out=way_out)


def token_check() -> Check:
    """Whether Ray's token file, where there is one, can be read by its owner only."""
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return Check(name="Ray token", ok=True, found=f"none at {path} yet", way_out="")
    private = not mode & 0o077
    way_out = "" if private else f"others can read it: chmod 600 {path}"
    return Check(name="Ray token", ok=private, found=f"{path}, mode {mode:o}", way_out=way_out)


def folder_check(out: Path) -> Check:
    """Whether `out`, or the nearest folder above it that exists, can be written; nothing is left behind."""
    folder = _existing(out)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".sweeps-"):
            return Check(name="out folder", ok=True, found=str(out), way_out="")
    except OSError as error:
        way_out = "name a folder you can write: --out or SWEEPS_OUT"
        return Check(name="out folder", ok=False, found=f"{folder}: {error.strerror}", way_out=way_out)


def disk_check(out: Path) -> Check:
    """Whether the disk of `out` has 2 GiB free."""
    free = shutil.disk_usage(_existing(out)).free
    way_out = "" if free >= FREE_DISK_NEEDED else "free some, or name another disk with --out or SWEEPS_OUT"
    found = f"{_gib(free)} free, {_gib(FREE_DISK_NEEDED)} wanted"
    return Check(name="free disk", ok=free >= FREE_DISK_NEEDED, found=found, way_out=way_out)


def shared_folder_check(path: Path) -> Check:
    """Whether every node of the connected cluster reads and writes `path`, and all mean the same folder.

    The driver puts a file there, each node must read it and answer with one that the driver can read. A folder that is
    not shared would otherwise be found out at the first finished trial. Nothing is left behind but `path` itself.
    """
    found = nodes()
    name = f"shared folder {path}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path, prefix=".sweeps-") as room:
            faults = _ask_nodes(found, Path(room))
    except OSError as error:
        faults = {"this machine": error.strerror or one_line(error)}
    if not faults:
        return Check(name=name, ok=True, found=f"read and written by {len(found)} nodes", way_out="")
    listed = "; ".join(f"{where}: {why}" for where, why in faults.items())
    return Check(name=name, ok=False, found=listed, way_out="mount the same storage at the same path on every node")


def _ask_nodes(asked: Iterable[Node], room: Path) -> dict[str, str]:
    """Node label -> what is wrong with `room` there; empty if all is well."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    word = uuid.uuid4().hex
    (room / "driver").write_text(word)
    echo = ray.remote(num_cpus=0, max_retries=0)(_echo)
    calls = {
        node: echo.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote(
            str(room), node.id
        )
        for node in asked
    }
    ray.wait(list(calls.values()), num_returns=len(calls), timeout=_NODES_ANSWER_WITHIN_S)
    faults = {}
    for node, call in calls.items():
        try:
            fault = ray.get(call, timeout=0.1)
        except ray.exceptions.RayError as error:
            fault = f"no answer ({type(error).__name__})"
        if not fault and _read(room / node.id) != word:
            fault = "wrote a file that is not seen here"
        if fault:
            faults[node.label] = fault
    return faults


def _echo(room: str, node_id: str) -> str:
    """Runs on a node: copy the driver's word under the node's name; returns what went wrong, or ""."""
    try:
        (Path(room) / node_id).write_text((Path(room) / "driver").read_text())
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def _read(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return path.read_text()
    return None


def _version_check(name: str, found: str | None, wanted: object) -> Check:
    from packaging.specifiers import SpecifierSet

    assert isinstance(wanted, SpecifierSet)
    ok = found is not None and wanted.contains(found, prereleases=True)
    way_out = "" if ok else f"install {name}{wanted}"
    return Check(name=name, ok=ok, found=f"{found or 'not installed'} ({wanted or 'any'})", way_out=way_out)


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _gib(amount: float) -> str:
    return f"{amount / GIB:.1f} GiB"
