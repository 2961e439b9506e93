"""`sweeps evaluate`: a sweep's trials on test sets that come after it."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sweeps.commands.options import Address, AsJson, Cpus, DataRoot, Id, Out, Tracking


def evaluate(
    sweep: Id,
    test_set: Annotated[
        str,
        typer.Option(help="contested, corrected, corrupted, one that the sweep has, or your folder or .npz of images."),
    ],
    labels: Annotated[
        Path | None, typer.Option(help="CSV of your images' labels: image, and label or a column a class.")
    ] = None,
    answers: Annotated[Path | None, typer.Option(help="CSV or Parquet of people's answers about your images.")] = None,
    probabilities: Annotated[
        Literal["percent", "fraction"] | None, typer.Option(help="The unit of p1 and p2 in the answers.")
    ] = None,
    resize: Annotated[bool, typer.Option("--resize", help="Bring your images to the data set's size.")] = False,
    name: Annotated[str | None, typer.Option(help="What to call your test set; its file's name without it.")] = None,
    out: Out = None,
    data_root: DataRoot = None,
    cpus: Cpus = None,
    tracking_uri: Tracking = None,
    ray_address: Address = None,
    as_json: AsJson = False,
) -> None:
    """Score all finished trials on another test set; nothing is trained. Results and MLflow get the new columns."""
    from softcore.errors import RequestError
    from sweeps.drive import evaluate as evaluate_sweep
    from sweeps.show.evaluation_tables import cell_rows, test_set_table
    from sweeps.show.tables import print_table

    if cpus is not None and cpus < 1:
        raise RequestError(f"--cpus must be at least 1; it is {cpus}")
    opened, found, told = evaluate_sweep(
        sweep,
        test_set,
        out=out,
        data_root=data_root,
        cpus=cpus,
        address=ray_address,
        tracking_uri=tracking_uri,
        called=name,
        labels=labels,
        answers=answers,
        probabilities=probabilities,
        resize=resize,
    )
    shown = test_set_table(opened, found.test_set)
    if as_json:
        about = {"sweep": opened.id, "test_set": found.test_set, "about": dict(found.about)}
        counts: dict[str, Any] = {"scored": len(found.scored), "before": len(found.before)}
        counts |= {"failed": dict(found.failed), "look": None if found.look is None else vars(found.look)}
        print(json.dumps({**about, **counts, "mlflow": told, "cells": cell_rows(shown)}, ensure_ascii=False))
    else:
        for note in found.about.get("notes", ()):
            print(note)
        print_table(shown)
        print(f"trials    {len(found.scored)} scored now, {len(found.before)} before; none was trained")
        if found.look is not None:
            print(f"look      {found.look.words}")
        print(f"MLflow    {told}")
    for trial, reason in sorted(found.failed.items()):
        print(f"failed: {trial}: {reason}", file=sys.stderr)
    if found.failed:
        raise typer.Exit(1)
