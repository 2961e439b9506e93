"""Cores and memory that this process may use, which a container or `taskset` may limit."""

import contextlib
import os
import shutil
from pathlib import Path

GIB = 2**30


def cores() -> int:
    """Cores that this process may use (a container or `taskset` may allow fewer than the machine has)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> int:
    """Bytes of memory that can still be had here: the system's figure, or the container's limit if that is less."""
    amounts = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        amounts.append(1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")))
    with contextlib.suppress(OSError, ValueError):
        amounts.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(amounts)


def shared_memory_bytes() -> int:
    """Bytes free in /dev/shm; where there is none (macOS) Ray uses /tmp, and so does this."""
    return shutil.disk_usage("/dev/shm" if os.path.isdir("/dev/shm") else "/tmp").free
