"""`sweeps submit`, `status`, `logs` and `stop`: a sweep as a job of a cluster."""

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeps.commands.options import AsJson, Id, Out, Scale, Sets, SpecName

if TYPE_CHECKING:
    from cluster.jobs import Job
    from sweeps.running.store import Store

SUBMISSION = "submission.json"
ADDRESS = "SWEEPS_ADDRESS"

Address = Annotated[
    str | None, typer.Option(help="The dashboard, if it has moved since the submission (another ssh tunnel).")
]


def submit(
    spec: SpecName,
    address: Annotated[
        str | None, typer.Option(help="The head's dashboard, such as http://127.0.0.1:8265; else SWEEPS_ADDRESS.")
    ] = None,
    data_root: Annotated[
        str | None,
        typer.Option(help="Data folder; else SOFTCORE_DATA, else ~/.cache/softcore. Every node must see it here."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="Output folder; else SWEEPS_OUT, else ./sweeps-out. Every node must see it at this path."),
    ] = None,
    set_: Sets = None,
    scale: Scale = None,
    tracking_uri: Annotated[str | None, typer.Option(help="MLflow server, as the cluster's head reaches it.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the log until the sweep has ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a sweep on a cluster, with this code; the same command again goes on with one that was stopped."""
    from cluster import jobs
    from cluster.addresses import masked
    from cluster.dashboard import checked_address, remember
    from softcore.errors import RequestError
    from sweeps.drive import prepare_sweep
    from sweeps.running.job_files import job_folder, run_command, with_own_files
    from sweeps.running.provenance import manifest
    from sweeps.running.store import check_writable, create, out_folder, write_text
    from sweeps.spec.cells import spec_content, sweep_id
    from sweeps.spec.spec import resolve

    address = address or os.environ.get(ADDRESS)
    if not address:
        raise RequestError(f"no cluster named: --address or {ADDRESS}, such as http://127.0.0.1:8265")
    address = checked_address(address)
    if tracking_uri and masked(tracking_uri) != tracking_uri:
        raise RequestError(
            f"--tracking-uri {masked(tracking_uri)}: a job's command is kept and shown by the cluster; leave the "
            "password out and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (PGPASSWORD) on its nodes"
        )
    sets = with_own_files(resolve(spec, scale=scale, sets=set_ or []), set_ or [])
    asked, dataset, root = prepare_sweep(spec, scale=scale, sets=sets, root=data_root)
    folder = out_folder(out)
    check_writable(folder)
    identity = sweep_id(asked, dataset)
    jobs.check_free(identity, address)
    # The folder is made here, not by the job: the code's commit is known here, and `status` finds it at once.
    store = create(
        folder, identity, asked.model_dump(), spec_content(asked, dataset), manifest(asked, dataset, root, tracking_uri)
    )
    command = run_command(
        spec, out=folder, data_root=root.absolute(), scale=scale, sets=sets, tracking_uri=tracking_uri
    )
    with job_folder(spec) as working_dir:
        job = jobs.submit(
            command, submission_id=identity, working_dir=working_dir, address=address, metadata={"sweep": identity}
        )
    record = {"address": masked(address), "submission": job.submission_id, "out": str(folder)}
    write_text(store.folder / SUBMISSION, json.dumps(record, indent=1))
    remember(address)
    if as_json:
        print(json.dumps({"sweep": identity, "folder": str(store.folder), **record}))
    else:
        print(f"sweep     {identity}")
        print(f"job       {job.submission_id} at {masked(address)}")
        print(f"look      sweeps status {identity} --out {folder}")
        print(f"log       sweeps logs {identity} --out {folder} --follow", flush=True)
    if wait:
        _follow(identity, address, sys.stderr if as_json else sys.stdout)
        _exit_as(jobs.wait(identity, address))


def status(sweep: Id, address: Address = None, out: Out = None, as_json: AsJson = False) -> None:
    """Show how a submitted sweep stands: its job on the cluster, its trials in its folder."""
    from cluster import jobs
    from cluster.addresses import masked
    from cluster.errors import ClusterError
    from sweeps.show.tables import print_table, table

    store, identity, where = _submission(sweep, address, out)
    job: Job | None = None
    problem: ClusterError | None = None
    try:
        job = jobs.status(identity, where)
    except ClusterError as error:
        problem = error
    if job or store:
        print_table(table([_state(identity, where, job, store)], title=f"Job at {masked(where)}"), as_json)
    if job and job.state == "FAILED" and not as_json:
        print(_reason(job, identity), file=sys.stderr)
    if problem:
        raise problem


def logs(
    sweep: Id,
    address: Address = None,
    out: Out = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until the job has ended; Ctrl-C ends only this.")
    ] = False,
) -> None:
    """Print what a submitted sweep's driver has printed."""
    from cluster import jobs

    _, identity, where = _submission(sweep, address, out)
    if follow:
        _follow(identity, where, sys.stdout)
    else:
        sys.stdout.writelines(jobs.logs(identity, where))


def stop(sweep: Id, address: Address = None, out: Out = None) -> None:
    """Stop a submitted sweep and wait until it has ended; what has finished stays, and the rest can be resumed."""
    from cluster import jobs

    _, identity, where = _submission(sweep, address, out)
    job = jobs.stop(identity, where)
    print(f"{job.submission_id} has ended: {job.state.lower()}")
    if job.state != "SUCCEEDED":
        print("the same `sweeps submit` goes on from here")


def _submission(sweep: str, address: str | None, out: str | None) -> "tuple[Store | None, str, str]":
    """The sweep's folder if it can be read here, the id that its jobs go by, and the dashboard.

    An address that is given wins over the one in `submission.json`, which wins over SWEEPS_ADDRESS. Without a readable
    folder `sweep` must be the whole id. The cluster's token goes to the address: others can write `submission.json`, so
    what it names must be SWEEPS_ADDRESS or an address that this person has submitted to, else it is a RequestError.
    """
    from cluster.addresses import masked
    from cluster.dashboard import checked_address, is_remembered
    from softcore.errors import RequestError
    from sweeps.running.store import find, out_folder

    variable = os.environ.get(ADDRESS)
    store: Store | None = None
    try:
        store = find(sweep, out_folder(out))
    except RequestError:
        if not (address or variable):
            raise
    identity = store.id if store else sweep
    if address:
        return store, identity, checked_address(address)
    recorded = _recorded(store)
    if not recorded:
        if variable:
            return store, identity, checked_address(variable)
        raise RequestError(
            f"sweep {identity} has no {SUBMISSION}: it was never submitted from here; "
            f"name its cluster with --address or {ADDRESS}"
        )
    recorded = checked_address(recorded)
    if not (variable and checked_address(variable) == recorded) and not is_remembered(recorded):
        yours = f"{ADDRESS} is {masked(checked_address(variable))}" if variable else f"{ADDRESS} is not set"
        raise RequestError(
            f"{SUBMISSION} of {identity} names {masked(recorded)}, {yours}: the cluster's token goes only to "
            "an address that you name; --address says which is right"
        )
    return store, identity, recorded


def _recorded(store: "Store | None") -> str | None:
    from softcore.errors import RequestError

    if store is None or not (store.folder / SUBMISSION).is_file():
        return None
    try:
        return str(json.loads((store.folder / SUBMISSION).read_text())["address"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RequestError(
            f"{store.folder / SUBMISSION} can't be read as a submission; name the cluster with --address"
        ) from None


def _state(identity: str, where: str, job: "Job | None", store: "Store | None") -> dict[str, Any]:
    """One row: the job's state, and the trials that have ended, None where the folder can't be read from here."""
    row: dict[str, Any] = {
        "sweep": identity,
        "job": job.submission_id if job else None,
        "state": job.state.lower() if job else None,
        "done": None,
        "failed": None,
        "trials": None,
    }
    if store:
        from sweeps.spec.cells import trials_of

        total = len(trials_of(store.resolved()))
        row.update(done=len(store.finished()), failed=len(store.failed()), trials=total)
    return row


def _follow(identity: str, where: str, to: Any) -> None:
    from cluster import jobs
    from cluster.addresses import masked

    try:
        for piece in jobs.logs(identity, where, follow=True):
            to.write(piece)
            to.flush()
    except KeyboardInterrupt:
        print(f"\nsweeps: {identity} goes on at {masked(where)}; `sweeps stop {identity}` ends it", file=sys.stderr)
        raise typer.Exit(130) from None


def _exit_as(job: "Job") -> None:
    """End as the sweep has ended: with its driver's exit code, and 130 for one that was stopped."""
    if job.state == "STOPPED":
        raise typer.Exit(130)
    if job.exit_code is None and job.state == "FAILED":
        from cluster.errors import ClusterError

        raise ClusterError(f"{job.submission_id} failed before it could run: {job.message.strip().splitlines()[0]}")
    raise typer.Exit(job.exit_code or 0)


def _reason(job: "Job", identity: str) -> str:
    """Why a job failed: the last thing that its driver said."""
    lines = [line for line in job.message.splitlines() if line.strip()]
    return f"{job.submission_id}: {lines[-1] if lines else 'no reason given'}; more: sweeps logs {identity}"
