"""The report's parts on plans: what they are worth where nobody had looked, and what was decided by them."""

from functools import partial
from pathlib import Path

from sweeps.grid_report.decisions import decisions
from sweeps.grid_report.readings import stored
from sweeps.grid_report.sealed import sealed
from sweeps.studies.document import GRID, SEALED, Part


def planner_parts(readings: Path, *, read_sealed: bool = False) -> tuple[Part, Part]:
    """Plans held against the sealed cells, and plans judged by their decisions.

    `readings` is the file of readings (`sealed-readings.json` beside the tables); sealed cells are read, and the
    reading is added to the file, only where `read_sealed` says so. A file that is odd is a RequestError.
    """
    stored(readings)
    return (
        Part(
            title="Plans held against sealed cells",
            needs=(GRID, SEALED),
            make=partial(sealed, readings=readings, read_sealed=read_sealed),
        ),
        Part(title="Plans judged by their decisions", needs=(GRID,), make=decisions),
    )
