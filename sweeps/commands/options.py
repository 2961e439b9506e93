"""Options and arguments that several commands take, worded once, and the price list that some of them name."""

import os
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from softcore.prices.price_list import PriceList


def preset_names(incomplete: str) -> list[str]:
    """Presets whose name begins so, for the shell's completion."""
    files = (entry.name for entry in (resources.files("sweeps.spec") / "presets").iterdir())
    return sorted(name[:-5] for name in files if name.endswith(".yaml") and name.startswith(incomplete))


def sweep_ids(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids that begin so of the sweeps in the output folder, for the shell's completion; none where there is no folder.

    Looks by itself: `sweeps.running.store`, which knows sweeps' folders, takes a second to import.
    """
    out = Path(ctx.params.get("out") or os.environ.get("SWEEPS_OUT") or "sweeps-out").expanduser()
    return sorted(file.parent.name for file in out.glob("*/resolved.json") if file.parent.name.startswith(incomplete))


Out = Annotated[str | None, typer.Option(help="Output folder; else SWEEPS_OUT, else ./sweeps-out.")]
DataRoot = Annotated[str | None, typer.Option(help="Data folder; else SOFTCORE_DATA, else ~/.cache/softcore.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Cpus = Annotated[int | None, typer.Option(help="Cores of this machine to use; all without it.")]
Address = Annotated[str | None, typer.Option("--ray-address", help="Join this Ray cluster; without it, run here.")]
Tracking = Annotated[str | None, typer.Option(help="MLflow server; without it, SQLite in the output folder.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="axis=value, in YAML; may be repeated.")]
Scale = Annotated[str | None, typer.Option(help="tiny, half, small or paper.")]
SpecName = Annotated[
    str, typer.Argument(help="A spec's YAML file, or the name of a preset.", autocompletion=preset_names)
]
Id = Annotated[
    str, typer.Argument(help="A sweep: its id, a unique beginning of it, or its folder.", autocompletion=sweep_ids)
]
Wage = Annotated[float | None, typer.Option(help="Dollars an hour; the price list's (12) without it.")]
Fee = Annotated[float | None, typer.Option(help="Platform's fee, a share of the pay; the price list's (0.333).")]
Cost = Annotated[str, typer.Option(help="Price list: thesis, page, measured, session, or your own .yaml file.")]
Overhead = Annotated[float | None, typer.Option(help="Seconds that a click costs on top of its own.")]


def prices_for(
    cost: str, datasets: Iterable[str], data_root: str | Path | None = None, click_overhead: float | None = None
) -> "PriceList":
    """The price list `cost` (a name or a YAML file) as it holds for results on `datasets`.

    Clicks of CIFAR-10H are priced as measured where the list takes them so and the annotator-level archive is below the
    data root; `click_overhead` seconds are added to each.
    """
    from softcore.data.clicks_archive import measured_clicks
    from softcore.datasets import data_root as root_of
    from softcore.prices.price_list import with_click_overhead
    from softcore.prices.read import price_list

    prices = price_list(cost)
    if prices.measure_clicks and set(datasets) <= set(prices.measured_on):
        prices = measured_clicks(prices, root_of(data_root))
    return prices if click_overhead is None else with_click_overhead(prices, click_overhead)
