"""What a trial needs, what the nodes have, and how many trials that makes at once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cluster.errors import ClusterError

# Four trials a card: a small network leaves most of a GPU idle, and more than four mostly wait for each other.
DEFAULT_GPUS_PER_TRIAL = 0.25

# Sums of fractions such as 10 x 0.1 fall short of 1 by some 1e-16; Ray itself counts in units of 1e-4.
_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Node:
    """One live machine (or Ray node) of the cluster, with what it has in all, not what is free now."""

    id: str
    host: str
    address: str
    cpus: float
    gpus: float

    @property
    def label(self) -> str:
        """The host's name with the beginning of the node's id: two Ray nodes of one host stay apart."""
        return node_label(self.host, self.id)


def node_label(host: str, node_id: str) -> str:
    """`host/12345678`: short enough for a column, and unique in any cluster of a sane size."""
    return f"{host}/{node_id[:8]}"


def this_node() -> str:
    """The label of the node that runs this process, driver or trial: one of those of `nodes()`. Needs Ray."""
    import socket

    import ray

    return node_label(socket.gethostname(), ray.get_runtime_context().get_node_id())


def nodes() -> tuple[Node, ...]:
    """The live nodes of the connected cluster, by host and id. Raises ClusterError if Ray is not connected."""
    import ray

    if not ray.is_initialized():
        raise ClusterError("no connection to Ray: ask for nodes inside `cluster.connection.connect`")
    found = [
        Node(
            id=entry["NodeID"],
            host=entry["NodeManagerHostname"],
            address=entry["NodeManagerAddress"],
            cpus=float(entry["Resources"].get("CPU", 0.0)),
            gpus=float(entry["Resources"].get("GPU", 0.0)),
        )
        for entry in ray.nodes()
        if entry["Alive"]
    ]
    return tuple(sorted(found, key=lambda node: (node.host, node.id)))


def trial_resources(cpus_per_trial: float = 1, gpus_per_trial: float | None = None) -> dict[str, float]:
    """What one trial reserves on the connected cluster, as Ray Tune takes it.

    With `gpus_per_trial` None a trial takes a quarter of a GPU where any node has one, and none elsewhere; 0 keeps
    trials on CPUs. Raises ClusterError for an amount that Ray can't reserve: less than nothing, or more than one GPU
    and not whole.
    """
    if gpus_per_trial is None:
        gpus_per_trial = DEFAULT_GPUS_PER_TRIAL if any(node.gpus > 0 for node in nodes()) else 0.0
    return checked_resources(cpus_per_trial, gpus_per_trial)


def checked_resources(cpus: float, gpus: float) -> dict[str, float]:
    """`{"cpu": cpus, "gpu": gpus}` without a GPU of 0; raises ClusterError for amounts that can't be reserved."""
    if not cpus > 0:
        raise ClusterError(f"CPUs a trial: {cpus:g}; must be more than 0")
    if not gpus >= 0 or (gpus > 1 and gpus != int(gpus)):
        raise ClusterError(f"GPUs a trial: {gpus:g}; must be 0, a fraction up to 1, or a whole number")
    return {"cpu": cpus, "gpu": gpus} if gpus else {"cpu": cpus}


def slots(node: Node, resources: Mapping[str, float]) -> int:
    """How many trials that need `resources` run on `node` at once; 0 if it can't hold one."""
    by_cpu = math.floor(node.cpus / resources["cpu"] + _TOLERANCE)
    gpus = resources.get("gpu", 0.0)
    if not gpus:
        return by_cpu
    # A fraction lives on one card: three cards of 1.0 hold three trials of 0.7, not floor(3 / 0.7) = 4.
    by_gpu = int(node.gpus) * math.floor(1 / gpus + _TOLERANCE) if gpus < 1 else math.floor(node.gpus / gpus)
    return min(by_cpu, by_gpu)


def concurrency(resources: Mapping[str, float]) -> int:
    """How many trials that need `resources` the connected cluster runs at once, all nodes together."""
    return sum(slots(node, resources) for node in nodes())


def check_fits(resources: Mapping[str, float]) -> None:
    """Raise ClusterError unless some node can hold a trial: Ray would let it wait for ever, with a mere warning."""
    found = nodes()
    if any(slots(node, resources) for node in found):
        return
    needs = ", ".join(f"{amount:g} {name.upper()}" for name, amount in resources.items())
    have = "; ".join(f"{node.label} has {node.cpus:g} CPU, {node.gpus:g} GPU" for node in found)
    raise ClusterError(f"no node can hold a trial that needs {needs}: {have}; ask for less or add a node")
