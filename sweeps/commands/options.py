"""Options and arguments that several commands take, worded once."""

from typing import Annotated

import typer

Out = Annotated[str | None, typer.Option(help="Output folder; else SWEEPS_OUT, else ./sweeps-out.")]
DataRoot = Annotated[str | None, typer.Option(help="Data folder; else SOFTCORE_DATA, else ~/.cache/softcore.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Cpus = Annotated[int | None, typer.Option(help="Cores of this machine to use; all without it.")]
Address = Annotated[str | None, typer.Option("--ray-address", help="Join this Ray cluster; without it, run here.")]
Tracking = Annotated[str | None, typer.Option(help="MLflow server; without it, SQLite in the output folder.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="axis=value, in YAML; may be repeated.")]
Scale = Annotated[str | None, typer.Option(help="tiny, half, small or paper.")]
Id = Annotated[str, typer.Argument(help="A sweep: its id, a unique beginning of it, or its folder.")]
Wage = Annotated[float | None, typer.Option(help="Dollars an hour; the price list's (12) without it.")]
Fee = Annotated[float | None, typer.Option(help="Platform's fee, a share of the pay; the price list's (0.333).")]
Cost = Annotated[str, typer.Option(help="Price list: thesis, page, session, or your own .yaml file.")]
Overhead = Annotated[float | None, typer.Option(help="Seconds that a click costs on top of its own.")]
