"""A made-up recording of the grid: its real cells and replicates, values whose people are drawn one by one."""

import numpy as np
import pandas as pd
import pytest

from sweeps.results.table import results_row, results_table
from sweeps.sources import Source
from sweeps.spec.cells import trials
from sweeps.spec.spec import resolve
from sweeps.studies.coverage.panels import crossed_grid, grid_tables
from sweeps.studies.coverage.planted import Grid, Noise, problem, truth_like
from sweeps.studies.grid.recorded import GRID, VARIANCE
from sweeps.uncertainty.replicates import replicates

METRICS = ("ce/10h", "scaled-ce/10h", "ce/10s", "scaled-ce/10s", "accuracy/10h")
GAIN = {"click": 0.10, "first-choice": 0.12, "t1-uniform": 0.25, "t1-clamp": 0.22, "t2-uniform": 0.22, "t2-clamp": 0.2}


@pytest.fixture(scope="session")
def recording(wide):
    """The sources of a whole `grid` and `grid-variance`, which share trials as the real ones do."""
    plans = {name: trials(resolve(name), wide) for name in (GRID, VARIANCE)}
    every = {trial.id: trial for trial in (*plans[GRID], *plans[VARIANCE])}
    table = valued(pd.DataFrame([planned(trial) for trial in every.values()]))
    about = {"hardware": "2 cores", "simulated": True, "scale": "half"}
    return {
        name: Source(
            name=f"{name}-01234567",
            results=results_table(table[table["trial"].isin([trial.id for trial in plan])].to_dict("records")),
            about={**about, "sweep": f"{name}-01234567"},
        )
        for name, plan in plans.items()
    }


def planned(trial):
    """A trial's row before it has values: what it is, and what it bought."""
    axes = trial.cell.axes
    bought = {"answers": {}}
    if axes["items"]:
        answers = axes["items"] * axes["annotators"]
        pages_on = str(axes["pages_on"] or "")
        share = int(pages_on.rpartition("-")[2] or 100) / 100
        bought["answers"] = {axes["variety"]: round(answers * share)}
        if pages_on:
            bought["answers"]["click"] = axes["items"] * (6 if pages_on.startswith("disagree") else 3)
    return results_row(trial, trial.cell.columns, "done", bought)


def valued(table, seed=1):
    """The table with a value of each metric: curves with diminishing returns, and noise of seeds and people."""
    rng, table = np.random.default_rng(seed), table.assign(**dict.fromkeys(METRICS, 0.0))
    found = replicates(table.assign(flat=0.0), ["ce/10h"])
    assert list(found.results["trial"]) == list(table["trial"])
    cells = found.cells
    gain = cells["variety"].map(GAIN).fillna(0.0) * (cells["items"].clip(1) / 900) ** 0.6
    truth = 1.8 - (gain * (2 - cells["per_item"].clip(1) ** -0.7)).to_numpy()
    mixed_up = table.drop_duplicates("cell")["mixing"].notna().to_numpy()
    for place, metric in enumerate(METRICS):
        scale = (1.0, 0.3, 2.0, 1.0, 0.2)[place]
        worth = scale * (truth - 1.8 - 0.1 * mixed_up)
        noise = Noise(shared={"pages": 0.02, "clicks": 0.006}, own={"pages": 0.02, "clicks": 0.006})
        values = problem(Grid(cells=cells, layout=found.strata.layout), worth, noise, rng).values
        table[metric] = 0.6 - values if metric.startswith("accuracy") else 1.8 + values
    return table


@pytest.fixture(scope="session")
def small():
    """The sources of a small made-up grid with panels A and B, quick to report on; a function of the problem's number.

    Values fall with people and items, so that more is better; `metrics` says on what.
    """

    def make(number=0, metrics=("scaled-ce/10h",), **noise):
        rng = np.random.default_rng(number)
        tables = []
        for metric in metrics:
            one = problem(crossed_grid(), truth_like(crossed_grid(), "apart", rng), Noise(**noise), rng)
            tables.append(grid_tables(one, metric=metric))
        found = {}
        for preset, parts in zip((GRID, VARIANCE), zip(*tables, strict=True), strict=True):
            table = parts[0].assign(**{m: part[m] for m, part in zip(metrics, parts, strict=True)})
            about = {"hardware": "2 cores", "simulated": True, "sweep": f"{preset}-01234567"}
            found[preset] = Source(name=f"{preset}-01234567", results=table, about=about)
        return found

    return make
