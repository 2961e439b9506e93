"""A sweep's frontier as files: CSV, JSON, PNG and HTML."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from textwrap import fill

import pandas as pd

from softcore.prices.read import PriceList, price_list
from sweeps.figures import WIDE, frontier_png
from sweeps.frontier.frontier import frontiers
from sweeps.frontier_shades import shaded
from sweeps.page import frontier_page
from sweeps.results.names import INTERVAL, verdict

_QUESTION = "Which labels cost what, and how well do they do?"


def write_frontier(
    folder: Path,
    results: pd.DataFrame,
    metric: str,
    *,
    sweep_id: str,
    simulated: bool,
    hardware: str,
    prices: str | PriceList = "thesis",
    wage: float | None = None,
    fee: float | None = None,
) -> dict[str, Path]:
    """Write `frontier.csv`, `.json`, `.png` and `.html` of a results table into `folder`; give their paths by ending.

    Each is whole or absent: written under a temporary name, then renamed. An unknown metric or price list is a
    RequestError before anything is written. `hardware` is a line about what the sweep ran on. Where replicates allow
    it the frontier has its bands; else page and JSON say why not.
    """
    listed = price_list(prices)
    wage, fee = (listed.wage if wage is None else wage), (listed.fee if fee is None else fee)
    tables = frontiers(results, metric, listed, wage, fee)
    shades = shaded(results, tables, listed)
    together = pd.concat(tables.values(), ignore_index=True)
    about = {
        "sweep": sweep_id,
        "simulated_annotators": simulated,
        "interval": INTERVAL,
        "prices": listed.as_dict() | {"wage": wage, "fee": fee},
        "hardware": hardware,
        "verdict": {name: verdict(table) for name, table in tables.items()},
        **shades.as_dict(),
    }

    def as_json() -> str:
        cells = {
            name: json.loads(table.to_json(orient="records", double_precision=15)) for name, table in tables.items()
        }  # NaN as null
        return json.dumps(about | {"frontiers": cells}, indent=1, ensure_ascii=False)

    def as_page() -> str:
        said = {"sweep_id": sweep_id, "hardware": hardware}
        return frontier_page(tables, **said, simulated=simulated, prices=listed, wage=wage, fee=fee, shades=shades)

    note = "\n".join(fill(line, WIDE) for line in (f"Sweep {sweep_id}. {listed.assumes}", *shades.lines))
    writers: dict[str, Callable[[Path], object]] = {
        "csv": lambda path: together.to_csv(path, index=False),
        "json": lambda path: path.write_text(as_json(), "utf-8"),
        "png": lambda path: frontier_png(tables, path, _QUESTION, simulated, note=note, bands=shades.bands),
        "html": lambda path: path.write_text(as_page(), "utf-8"),
    }
    return {ending: _whole(folder / f"frontier.{ending}", write) for ending, write in writers.items()}


def _whole(path: Path, write: Callable[[Path], object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
