"""`sweeps verify` and `sweeps mirror`: whether a sweep's folder is whole, and MLflow what the folder says."""

import json
import sys
from typing import Annotated, Any

import typer

from sweeps.commands.options import Address, AsJson, Cpus, DataRoot, Id, Out, Tracking

NAMED = 10  # runs that are named before there are too many


def verify(
    sweep: Id,
    repair: Annotated[
        bool, typer.Option("--repair", help="Set aside what is broken, and train just those trials again.")
    ] = False,
    out: Out = None,
    data_root: DataRoot = None,
    cpus: Cpus = None,
    tracking_uri: Tracking = None,
    ray_address: Address = None,
    as_json: AsJson = False,
) -> None:
    """Check all that a sweep has stored: digests, log, spec, later scores; 0 if whole, 1 and what is broken if not."""
    from sweeps.repair import repair as make_whole
    from sweeps.repair import verify as check

    mended = []
    if repair:
        where: dict[str, Any] = {"cpus": cpus, "address": ray_address, "tracking_uri": tracking_uri}
        mended = make_whole(sweep, out=out, data_root=data_root, **where)
    store, faults = check(sweep, out=out)
    done, failed = store.outcomes() if not any(f.place == "resolved.json" for f in faults) else ({}, {})
    if as_json:
        about = {"sweep": store.id, "folder": str(store.folder), "whole": not faults, "finished": len(done)}
        found = {"faults": [vars(fault) for fault in faults], "repaired": [vars(fault) for fault in mended]}
        print(json.dumps({**about, "failed": sorted(failed), **found}, indent=1, ensure_ascii=False))
    else:
        for fault in mended:
            print(f"repaired: {fault.place}: {fault.wrong}")
        for fault in faults:
            print(f"broken: {fault}")
        if mended:
            print(f"what was broken is kept in {store.folder / 'set-aside'}")
        if not faults:
            print(f"{store.id} is whole: {len(done)} finished trials, each file as it was written")
    for name, event in sorted(failed.items()) if repair else ():
        print(f"failed: {name}: {event.get('error', 'no reason given')}", file=sys.stderr)
    if faults or (repair and failed):
        raise typer.Exit(1)


def mirror(
    sweep: Id,
    out: Out = None,
    tracking_uri: Tracking = None,
    from_nothing: Annotated[
        bool, typer.Option("--from-nothing", help="Remove all its runs there, and make them anew.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring MLflow in line with a sweep's folder: what is missing is made, doubles removed, none left running."""
    from sweeps.tracking.server import check_server, tracking_address

    if tracking_uri:
        check_server(tracking_uri)
    from sweeps.sweep import open_sweep
    from sweeps.tracking.again import mirror_again
    from sweeps.tracking.runs import default_uri

    opened = open_sweep(sweep, out=out)
    address = tracking_address(tracking_uri, opened.store.manifest().get("tracking_uri"))
    if address and not tracking_uri:
        check_server(address)
    uri = address or default_uri(opened.folder.parent)
    found = mirror_again(opened, uri, from_nothing=from_nothing)
    if as_json:
        print(json.dumps({"sweep": opened.id, **vars(found)}, indent=1, ensure_ascii=False))
        return
    print(f"experiment  {found.experiment}")
    print(f"runs        {found.runs}: {found.made} made, {found.changed} changed, {found.ended} ended")
    if found.removed:
        named = ", ".join(found.removed[:NAMED]) + (", ..." if len(found.removed) > NAMED else "")
        print(f"removed     {len(found.removed)}, to MLflow's deleted stage: {named}")
