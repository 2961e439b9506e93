"""Notices that Ray has died under this process, before Ray ends the process with a traceback or without a word."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cluster.connection import Connection

POLL_S, POLL_HEAD_S = 0.2, 2.0  # before Ray prints pages about it; a head is asked over the network
# A head that is started again takes up its work; after 60 s without one Ray ends this process.
SILENT_S = 45.0
VITAL = ("raylet", "gcs_server")  # processes of Ray without which nothing goes on


@contextmanager
def watched(connection: Connection, died: Callable[[str], None]) -> Iterator[None]:
    """Call `died` once, from another thread, with what has died of the Ray that this process is connected to.

    For a private Ray that is one of its processes, and the others are ended first, so that none stays behind; for a
    cluster it is the head, once it has taken no connection for `SILENT_S` seconds.
    """
    ended = threading.Event()

    def watch() -> None:
        answered = time.monotonic()
        while not ended.wait(POLL_S if connection.private else POLL_HEAD_S):
            if connection.private:
                found = _dead_process()
            else:
                answered = time.monotonic() if _answers(connection.address) else answered
                silent = time.monotonic() - answered
                found = f"the head at {connection.address} is gone" if silent > SILENT_S else ""
            if found and not ended.is_set():
                died(found)
                return

    thread = threading.Thread(target=watch, name="ray-watch", daemon=True)
    thread.start()
    try:
        yield
    except Exception:  # perhaps Ray's, of just that
        if not ended.is_set() and connection.private and (found := _dead_process()):
            died(found)
        raise
    finally:
        ended.set()


def _dead_process() -> str:
    """Which vital process of this machine's private Ray has ended, in words; the others are then killed."""
    from ray._private.worker import _global_node as node

    dead = [] if node is None else [(kind, process) for kind, process in node.dead_processes() if kind in VITAL]
    if not dead:
        return ""
    kind, process = dead[0]
    _kill_others(node)
    return f"its process {kind} ended with {process.returncode}"


def _kill_others(node: Any) -> None:
    for _, process in node.live_processes():
        process.kill()


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
    except OSError:
        return False
    return True
