"""Many short tasks on the connected cluster: each node holds what they share once, and no more wait than are needed."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cluster.errors import one_line
from cluster.resources import concurrency

DEATHS = 3  # how often a task whose process dies under it is started again


def run_tasks(
    function: Callable[[Any, Any], Any], tasks: Sequence[Any], shared: Any, *, resources: Mapping[str, float]
) -> Iterator[tuple[int, Any, str]]:
    """`function(task, shared)` of each task: its place among them, the result and "", or None and what it failed of.

    In the order in which they end. `function` is found by its module's name where it runs; `resources` are those of
    `cluster.resources.trial_resources`. Needs a connection (`cluster.connection.connect`).
    """
    import ray

    needs = {"num_cpus": resources["cpu"], "num_gpus": resources.get("gpu", 0)}
    remote = ray.remote(function).options(max_retries=DEATHS, **needs)
    held = ray.put(shared)
    waiting = deque(range(len(tasks)))
    under_way: dict[Any, int] = {}
    most = 2 * max(1, concurrency(resources))  # one more than each slot runs, so that none waits for us
    while waiting or under_way:
        while waiting and len(under_way) < most:
            place = waiting.popleft()
            under_way[remote.remote(tasks[place], held)] = place
        (ended,), _ = ray.wait(list(under_way), num_returns=1)
        place = under_way.pop(ended)
        try:
            yield place, ray.get(ended), ""
        except ray.exceptions.RayTaskError as error:
            yield place, None, one_line(error.cause)
        except ray.exceptions.RayError as error:
            yield place, None, f"its process died more than {DEATHS} times ({one_line(error)})"
