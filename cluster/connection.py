"""Joins a Ray cluster, or starts a private one on this machine and ends it afterwards."""

import gc
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.errors import ClusterError, one_line
from cluster.machine import GIB, memory_bytes, shared_memory_bytes
from cluster.resources import Node, nodes

_ANSWER_WITHIN_S = 6  # a cluster that is there answers in milliseconds; the promise to the user is 10 s

# Ray's own switch for "this machine only". Its default depends on the operating system; with it off, every port of a
# private Ray is bound to 127.0.0.1 instead of to all interfaces. Read by Ray at import here and in its processes.
_ONLY_THIS_MACHINE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"

# By which signal Ray stops the job that this process is the driver of; set where a job is submitted (cluster/jobs.py).
_STOP_SIGNAL = "RAY_JOB_STOP_SIGNAL"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """What this process is connected to, as it was at the moment of connecting."""

    address: str
    private: bool
    nodes: tuple[Node, ...]
    ray_version: str

    @property
    def hosts(self) -> tuple[str, ...]:
        """The nodes' labels (`host/12345678`), sorted: for the manifest."""
        return tuple(node.label for node in self.nodes)

    @property
    def cpus(self) -> float:
        """CPUs of all nodes together."""
        return sum(node.cpus for node in self.nodes)

    @property
    def gpus(self) -> float:
        """GPUs of all nodes together."""
        return sum(node.gpus for node in self.nodes)


@contextmanager
def connect(
    address: str | None = None, cpus: int | None = None, *, object_store_memory: int | None = None
) -> Iterator[Connection]:
    """Connect this process to Ray for the length of a `with` block.

    Without `address`: a private Ray on this machine with `cpus` CPUs (None: all) and `object_store_memory` bytes (None:
    see `default_object_store`), no dashboard, reachable from this machine only, ended with the block. With `address`
    ("auto" or host:port of the head): joins that cluster and leaves it running; this machine must be one of its nodes.
    A process that is connected already (a notebook) keeps its own Ray, before and after; it may ask for no other. The
    driver of a job hears SIGINT within the block, by which jobs are stopped, however its cluster was started.

    Raises ClusterError if the cluster does not answer (within 10 s), refuses the token, or has no node here.
    """
    import ray

    if ray.is_initialized():
        own = _connection(private=False)
        if address is not None or cpus is not None:
            raise ClusterError(
                f"this process is connected to Ray at {own.address} already: "
                "leave out the address and the CPUs to use that, or call ray.shutdown() first"
            )
        yield own
        return
    with _signals_kept(), _ray_variables_kept():
        if address is None:
            with _private(ray, cpus, object_store_memory):
                yield _connection(private=True)
        else:
            if cpus is not None:
                raise ClusterError(f"{cpus} CPUs asked for, but the cluster at {address} has its own; leave one out")
            with _joined(ray, address):
                yield _connection(private=False)


def default_object_store(memory: int, shared_memory: int) -> int:
    """Bytes of object store for a private Ray on a machine with so many bytes of memory and of /dev/shm.

    A tenth of the memory, between 512 MiB and 1 GiB: the data of a sweep is there once, and takes some 40 MB for 15,000
    images of 32x32. Never more than 80% of /dev/shm, beyond which Ray falls back to the disk.
    """
    return min(max(memory // 10, GIB // 2), GIB, shared_memory * 8 // 10)


def _connection(*, private: bool) -> Connection:
    import ray

    address = ray.get_runtime_context().gcs_address
    return Connection(address=address, private=private, nodes=nodes(), ray_version=ray.__version__)


@contextmanager
def _private(ray: Any, cpus: int | None, object_store_memory: int | None) -> Iterator[None]:
    if cpus is not None and cpus < 1:
        raise ClusterError(f"CPUs: {cpus}; must be at least 1")
    store = object_store_memory or default_object_store(memory_bytes(), shared_memory_bytes())
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ensure_token()
    with _loopback_only(ray):
        try:
            ray.init(
                address="local",  # never a cluster that RAY_ADDRESS or an earlier `ray start` names
                num_cpus=cpus,
                object_store_memory=store,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
            )
        except Exception as error:  # Ray gives up with a bare Exception where a busy machine takes over 30 s
            ray.shutdown()
            raise ClusterError(
                f"could not start Ray on this machine: {one_line(error)} (`sweeps doctor` checks the machine; "
                "on a busy one try again)"
            ) from error
        try:
            yield
        finally:
            _let_go()
            ray.shutdown(wait_for_processes=True)


@contextmanager
def _joined(ray: Any, address: str) -> Iterator[None]:
    _check_answers(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # Ray raises half a dozen kinds here; each means that there is no cluster to be had
        ray.shutdown()
        raise ClusterError(f"could not join the cluster at {address}: {one_line(error)}") from error
    try:
        yield
    finally:
        _let_go()
        ray.shutdown()


def _let_go() -> None:
    """Free what of Ray's objects is left in reference cycles.

    Else the collector frees them later, perhaps from another thread just as Ray ends: Ray then ends the whole process.
    """
    gc.collect()


def _check_answers(address: str) -> None:
    """Raise ClusterError unless a cluster answers at `address`, takes our token and has a node on this machine.

    `ray.init` itself would wait two minutes for a head that is gone, and in C++ where nothing can interrupt it. So the
    head is first asked for its nodes by a plain call with a time limit. The only place that needs Ray's own stubs.
    """
    import grpc  # type: ignore[import-untyped]
    from ray._private import services
    from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available
    from ray._private.gcs_utils import create_gcs_channel
    from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

    if "://" in address:
        raise ClusterError(
            f"'{address}' can't be joined; allowed: auto, or host:port of the head; a dashboard's address (http://...) "
            "is for `sweeps submit --address`"
        )
    try:
        head = services.canonicalize_bootstrap_address(address)
    except ConnectionError as error:
        raise ClusterError(
            "'auto' found no cluster on this machine: start one, or give host:port of its head"
        ) from error
    except ValueError as error:
        raise ClusterError(f"no cluster at '{address}': {one_line(error)}") from error
    if head is None:
        raise ClusterError(f"'{address}' names no cluster; allowed: auto, or host:port of the head")
    if address == "auto":
        maybe_enable_token_auth_if_token_available(warn_if_disabled=False)  # as ray.init does for "auto"
    try:
        with create_gcs_channel(head) as channel:
            stub = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
            reply = stub.GetAllNodeInfo(gcs_service_pb2.GetAllNodeInfoRequest(), timeout=_ANSWER_WITHIN_S)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAUTHENTICATED:
            raise ClusterError(
                f"the cluster at {head} refuses our token: set RAY_AUTH_MODE=token and put the cluster's token into "
                "~/.ray/auth_token (or RAY_AUTH_TOKEN_PATH)"
            ) from error
        raise ClusterError(f"the cluster at {head} does not answer ({error.code().name.lower()})") from error
    alive = {info.node_id.hex() for info in reply.node_info_list if info.state == info.ALIVE}
    if not alive & set(services.find_node_ids()):
        raise ClusterError(
            f"this machine is no node of the cluster at {head} ({len(alive)} nodes): run there, or `sweeps submit`"
        )


def ensure_token() -> None:
    """Write a token that only its owner can read, where there is none: Ray would write one that everybody can."""
    # With the mode unset `ray.init` turns tokens on for a cluster that it starts.
    if os.environ.get("RAY_AUTH_MODE", "token") != "token" or {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(
        os.environ
    ):
        return
    path = Path.home() / ".ray" / "auth_token"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    except FileExistsError:
        return
    except OSError as error:
        raise ClusterError(
            f"can't write Ray's token to {path} ({error.strerror}); name another file in RAY_AUTH_TOKEN_PATH"
        ) from error


@contextmanager
def _loopback_only(ray: Any) -> Iterator[None]:
    """Bind every port of a Ray that is started in the block to 127.0.0.1."""
    constants = ray._private.ray_constants
    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = False
    os.environ[_ONLY_THIS_MACHINE] = "0"
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _ray_variables_kept() -> Iterator[None]:
    """Put the `RAY_*` variables back: Ray and we set some that its processes inherit and that later blocks must not."""
    before = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("RAY_") and name not in before]:
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Give SIGTERM its handler back, which `ray.init` takes for the rest of the process; let a job hear SIGINT."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    # The shell of a script starts what it puts in the background (`ray start --block &`) with SIGINT ignored. Every
    # process of that cluster inherits it, a job's driver too: told to stop it would go on, be killed, save nothing.
    if os.environ.get(_STOP_SIGNAL) == "SIGINT" and before[signal.SIGINT] is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
