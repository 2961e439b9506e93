"""The page of plans as files: HTML, and a PNG of the same picture beside it."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sweeps.canvas import save
from sweeps.plan_page import Asked, Judged, plan_page
from sweeps.plan_picture import plan_figure
from sweeps.planning.advise import advice
from sweeps.planning.plan import Advice
from sweeps.running.store import write_bytes, write_text
from sweeps.sources import Source


def write_plan_page(
    path: Path,
    results: pd.DataFrame,
    found: Sequence[Judged],
    asked: Asked,
    sources: Sequence[Source],
    notes: Sequence[str] = (),
) -> list[Path]:
    """Write the page to `path` and the picture beside it (`.png`); the paths of both."""
    names, simulated = [source.name for source in sources], any(source.simulated for source in sources)
    write_text(path, plan_page(results, found, asked, sweeps=names, simulated=simulated, notes=notes))
    picture = io.BytesIO()
    figure = plan_figure(
        results,
        {each.metric: each.cells for each in found if each.cells is not None},
        advice_of_each(found, asked),
        prices=asked.prices,
        budget_usd=asked.limits.budget_usd,
        simulated=simulated,
    )
    save(figure, picture)
    write_bytes(path.with_suffix(".png"), picture.getvalue())
    return [path, path.with_suffix(".png")]


def advice_of_each(found: Sequence[Judged], asked: Asked) -> dict[str, Advice]:
    """What `sweeps plan` says to what is asked, by metric, as far as each can be planned for."""
    money: dict[str, Any] = {"prices": asked.prices, "wage": asked.wage, "fee": asked.fee}
    return {each.metric: advice(each.plans, asked.limits, **money) for each in found if each.plans is not None}
