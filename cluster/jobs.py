"""Jobs of a cluster: submit, look, read the log, stop, through Ray's Jobs API (HTTP, by the head's dashboard)."""

import asyncio
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.dashboard import client as dashboard_client
from cluster.dashboard import plain_errors
from cluster.errors import ClusterError

ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})

# Ray's own stop is SIGTERM and, 3 s later, SIGKILL. Ray Tune saves on SIGINT, and saving takes longer than that.
STOP_WAIT_S = 60
STOP_GENTLY = {"RAY_JOB_STOP_SIGNAL": "SIGINT", "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT_S)}

_POLL_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Job:
    """One submission as the cluster knows it. `state`: PENDING, RUNNING, or one of `ENDED`. Times in Unix seconds."""

    submission_id: str
    state: str
    message: str
    started: float | None
    ended: float | None
    exit_code: int | None  # the driver's; None until it has ended by itself
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        """Whether the job will do nothing more."""
        return self.state in ENDED


def submit(
    entrypoint: str,
    *,
    submission_id: str,
    working_dir: str | Path,
    address: str,
    env_vars: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Job:
    """Start `entrypoint`, a shell command, on the cluster at `address` in a copy of `working_dir`, and don't wait.

    A job of this id that has ended is followed by one named `<id>-2`, `<id>-3`, ...; stopping it sends SIGINT and waits
    for 60 s before it kills, so that the driver can save. Raises ClusterError if the cluster does not answer within
    10 s, or if a job of this id is still running.
    """
    client = dashboard_client(address)
    with plain_errors(address):
        earlier = _ended_submissions(client, submission_id, address)
        name = next_submission_id(submission_id, (job.submission_id for job in earlier))
        client.submit_job(
            entrypoint=entrypoint,
            submission_id=name,
            runtime_env={"working_dir": str(working_dir), "env_vars": {**(env_vars or {}), **STOP_GENTLY}},
            metadata=dict(metadata or {}),
        )
        return _job(client.get_job_info(name))


def check_free(submission_id: str, address: str) -> None:
    """Raise ClusterError unless `submit` would start `submission_id` now: before anything is written for it."""
    client = dashboard_client(address)
    with plain_errors(address):
        _ended_submissions(client, submission_id, address)


def status(submission_id: str, address: str) -> Job:
    """The latest submission of `submission_id` on the cluster; ClusterError if there is none."""
    client = dashboard_client(address)
    with plain_errors(address):
        return _latest(client, submission_id, address)


def logs(submission_id: str, address: str, *, follow: bool = False) -> Iterator[str]:
    """What the latest submission's driver printed, in pieces; with `follow` until the job has ended."""
    client = dashboard_client(address)
    with plain_errors(address):
        job = _latest(client, submission_id, address)
        if follow and not job.has_ended:
            yield from _followed(client, job.submission_id)
        else:
            yield client.get_job_logs(job.submission_id)


def stop(submission_id: str, address: str, *, timeout: float = STOP_WAIT_S + 30) -> Job:
    """Stop the latest submission and wait until it has ended; one that has ended already is returned as it is.

    Raises ClusterError if it has not ended after `timeout` seconds.
    """
    client = dashboard_client(address)
    with plain_errors(address):
        job = _latest(client, submission_id, address)
        if not job.has_ended:
            client.stop_job(job.submission_id)
        return _wait(client, job.submission_id, timeout)


def wait(submission_id: str, address: str, *, timeout: float = float("inf")) -> Job:
    """Wait until the latest submission has ended; ClusterError if it has not after `timeout` seconds."""
    client = dashboard_client(address)
    with plain_errors(address):
        return _wait(client, _latest(client, submission_id, address).submission_id, timeout)


def submissions(jobs: Iterable[Job], submission_id: str) -> list[Job]:
    """Those of `jobs` that are submissions of `submission_id`, first to latest."""
    numbered = [(number(job.submission_id, submission_id), job) for job in jobs]
    return [job for _, job in sorted(((n, job) for n, job in numbered if n), key=lambda pair: pair[0])]


def number(name: str, submission_id: str) -> int:
    """Which submission of `submission_id` is called `name`: 1 for the id itself, 2 for `<id>-2`, ...; 0 for none."""
    if name == submission_id:
        return 1
    match = re.fullmatch(re.escape(submission_id) + r"-([2-9]|[1-9][0-9]+)", name)
    return int(match[1]) if match else 0


def next_submission_id(submission_id: str, taken: Iterable[str]) -> str:
    """The name for the submission after those in `taken`: the id itself first, then `<id>-2`, `<id>-3`, ..."""
    last = max((number(name, submission_id) for name in taken), default=0)
    return f"{submission_id}-{last + 1}" if last else submission_id


def _jobs(client: Any) -> list[Job]:
    # Drivers that joined the cluster by themselves are listed too, without a submission id.
    return [_job(details) for details in client.list_jobs() if details.submission_id]


def _job(details: Any) -> Job:
    return Job(
        submission_id=details.submission_id,
        state=details.status.value,
        message=details.message or "",
        started=details.start_time / 1000 if details.start_time else None,
        ended=details.end_time / 1000 if details.end_time else None,
        exit_code=details.driver_exit_code,
        metadata=details.metadata or {},
    )


def _ended_submissions(client: Any, submission_id: str, address: str) -> list[Job]:
    earlier = submissions(_jobs(client), submission_id)
    if earlier and not earlier[-1].has_ended:
        last = earlier[-1]
        raise ClusterError(f"{last.submission_id} is {last.state.lower()} at {address}; stop it first, or wait for it")
    return earlier


def _latest(client: Any, submission_id: str, address: str) -> Job:
    known = _jobs(client)
    found = submissions(known, submission_id)
    if not found:
        listed = ", ".join(sorted(job.submission_id for job in known)) or "none"
        raise ClusterError(f"no job '{submission_id}' at {address}; known: {listed}")
    return found[-1]


def _wait(client: Any, name: str, timeout: float) -> Job:
    until = time.monotonic() + timeout
    while not (job := _job(client.get_job_info(name))).has_ended:
        if time.monotonic() > until:
            raise ClusterError(f"{name} is still {job.state.lower()} after {timeout:g} s")
        time.sleep(_POLL_S)
    return job


def _followed(client: Any, name: str) -> Iterator[str]:
    """Ray's asynchronous tail as a plain iterator."""
    with asyncio.Runner() as runner:
        pieces = client.tail_job_logs(name)
        while (piece := runner.run(_next(pieces))) is not None:
            yield piece


async def _next(pieces: Any) -> str | None:
    return await anext(pieces, None)
