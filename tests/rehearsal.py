"""Several Ray nodes on this machine, to rehearse what one node can't show: for tests and for trying out."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.connection import ensure_token
from cluster.errors import ClusterError

OBJECT_STORE = 150 * 2**20
_UP_WITHIN_S = 60
_DOWN_WITHIN_S = 30


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """Where the rehearsed cluster answers: `address` for drivers on this machine, `dashboard` for submissions."""

    address: str
    dashboard: str
    logs: Path


@contextmanager
def rehearsal(nodes: int = 2, cpus: int = 1) -> Iterator[Rehearsal]:
    """Run a head with a dashboard and `nodes` - 1 further nodes of `cpus` CPUs each for the length of a `with` block.

    Ports are free ones and the temporary folder is its own, so that it disturbs no other Ray; its processes, and no
    others, are killed at the end. Tokens are on, with this user's token: whoever talks to it sets RAY_AUTH_MODE=token.
    Takes some 15 s on two cores. Raises ClusterError if it does not come up within a minute.
    """
    ensure_token()
    # A short name: Ray's Unix sockets live below it, and their paths may have 107 characters.
    with (
        tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as name,
        ExitStack() as ends,
    ):
        folder = Path(name)
        port, dashboard, client = (free_port() for _ in range(3))
        address = f"{_own_address()}:{port}"
        head = [
            *("--head", f"--port={port}", f"--ray-client-server-port={client}"),
            *("--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"),
        ]
        ends.enter_context(_node(head, cpus, folder / "0"))
        place = Rehearsal(address=address, dashboard=f"http://127.0.0.1:{dashboard}", logs=folder)
        _await_port(port, folder / "0.log")
        for index in range(1, nodes):
            ends.enter_context(_node([f"--address={address}"], cpus, folder / str(index)))
        _await_nodes(place, nodes)
        yield place


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _node(arguments: list[str], cpus: int, folder: Path) -> Iterator[None]:
    # A folder a node, as on machines of their own. In a common one each node unpacks a job's files over those that the
    # others work in, and a driver finds its working directory gone.
    bin_folder = Path(sys.executable).parent
    command = [
        *(str(bin_folder / "ray"), "start", "--block", "--disable-usage-stats", *arguments),
        *(f"--temp-dir={folder}", f"--num-cpus={cpus}", "--num-gpus=0", f"--object-store-memory={OBJECT_STORE}"),
        *("--min-worker-port=0", "--max-worker-port=0", f"--dashboard-agent-listen-port={free_port()}"),
    ]
    # `python` in a job's command must be this one.
    environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ.get('PATH', '')}", "RAY_AUTH_MODE": "token"}
    for name in ("RAY_ADDRESS", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"):
        environment.pop(name, None)
    with open(f"{folder}.log", "wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
            preexec_fn=_as_from_a_script,
        )
        try:
            yield
        finally:
            _end(process)


def _as_from_a_script() -> None:
    """Ignore SIGINT, as a node that a script's shell started in its background does: jobs must stop there, too.

    Have Linux send SIGTERM when the process that rehearses is killed: `ray start --block` then ends its own.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 is PR_SET_PDEATHSIG


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a `ray start --block` and all that it has started, jobs' drivers included."""
    import ray  # noqa: F401  (makes the psutil that it brings along importable)
    import psutil  # type: ignore[import-untyped]  # isort: skip

    family = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_DOWN_WITHIN_S)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=1)
    for orphan in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.kill()
    psutil.wait_procs(alive, timeout=_DOWN_WITHIN_S)


def _await_port(port: int, log: Path) -> None:
    until = time.monotonic() + _UP_WITHIN_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((_own_address(), port), timeout=1):
            return
        time.sleep(0.2)
    raise ClusterError(f"the rehearsed head did not come up: {_tail(log)}")


def _await_nodes(place: Rehearsal, nodes: int) -> None:
    """Wait until all nodes are listed by the dashboard, which is the last to come up."""
    import requests

    headers = {"Authorization": f"Bearer {_token()}"}
    until = time.monotonic() + _UP_WITHIN_S
    alive: list[dict[str, object]] = []
    while time.monotonic() < until:
        with contextlib.suppress(requests.RequestException, KeyError, ValueError):
            answer = requests.get(f"{place.dashboard}/api/v0/nodes", headers=headers, timeout=5)
            alive = [node for node in answer.json()["data"]["result"]["result"] if node["state"] == "ALIVE"]
            if len(alive) >= nodes:
                return
        time.sleep(0.3)
    raise ClusterError(f"only {len(alive)} of {nodes} nodes came up: {_tail(place.logs / '0.log')}")


def _token() -> str:
    """This user's token, found as Ray finds it; this process may have had tokens off when it imported Ray."""
    path = os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token"
    return os.environ.get("RAY_AUTH_TOKEN") or Path(path).read_text().strip()


def _own_address() -> str:
    from ray.util import get_node_ip_address

    return str(get_node_ip_address())


def _tail(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"nothing in {log}"
