"""Bands for the picture and the page of a frontier, where replicates allow them; else why there are none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from softcore.errors import RequestError
from sweeps.frontier.banded import FrontierBands, bands_at_each_cost, cell_draws
from sweeps.frontier.frontier import Frontiers
from sweeps.results.names import metric_title
from sweeps.show.drawing import BAND, SHADE, SHADE_ALL, CostAxis, shade_corners

# Joint draws take time that grows with the third power of the cells: 1 s of a core for 100, and a frontier is drawn at
# the end of every sweep.
MOST_CELLS = 150


@dataclass(frozen=True, kw_only=True)
class SweepBands:
    """The bands of a sweep's frontiers by metric, what a reader must know of each, and why others have none."""

    bands: Mapping[str, FrontierBands] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    why_not: Mapping[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        """What the bands are over, what a reader must know of them, and why there are none."""
        lines = []
        for metric, found in self.bands.items():
            notes = "".join(f" Note: {note}." for note in self.notes.get(metric, ()))
            lines.append(f"Bands of {metric_title(metric)} ({found.level:.0%}) are {found.covers}.{notes}")
        # Both metrics mostly say the same.
        said = dict.fromkeys(line.partition(") are ")[2] for line in lines)
        if len(lines) > 1 and len(said) == 1:
            lines = [f"Bands ({next(iter(self.bands.values())).level:.0%}) are {next(iter(said))}"]
        for why in dict.fromkeys(self.why_not.values()):
            of = " and ".join(metric_title(metric) for metric, each in self.why_not.items() if each == why)
            lines.append(f"No band for {of}: {why}.")
        return lines

    def as_dict(self) -> dict[str, Any]:
        """What a frontier's JSON says of them: of each metric its bands, or why there are none."""
        found = {metric: _as_dict(bands) | {"notes": list(self.notes[metric])} for metric, bands in self.bands.items()}
        return {"bands": found, "no_bands": dict(self.why_not)}


def sweep_bands(frontiers: Frontiers) -> SweepBands:
    """Bands at every cost that a cell has. Results that can't carry them are no error: `why_not` says what lacks."""
    bands, notes, why_not = dict[str, FrontierBands](), dict[str, tuple[str, ...]](), dict[str, str]()
    cells = len(frontiers.summary)
    for metric in frontiers.tables:
        if cells > MOST_CELLS:
            why_not[metric] = (
                f"joint draws of {cells} cells take long, and are made here for up to {MOST_CELLS}; "
                "sweeps report bands makes them"
            )
            continue
        try:
            drawn = cell_draws(frontiers.results, metric, summary=frontiers.summary)
            bands[metric], notes[metric] = bands_at_each_cost(drawn, frontiers.prices), drawn.notes
        except RequestError as error:
            why_not[metric] = str(error)
        except np.linalg.LinAlgError:
            why_not[metric] = "the cells' values vary too little, or too much alike, for joint draws"
    return SweepBands(bands=bands, notes=notes, why_not=why_not)


def chances(found: FrontierBands) -> dict[str, str]:
    """How likely each cell is to be on the frontier, in words, by cell; over prices where these are intervals."""
    table = found.cells
    words = {}
    for cell, middle, least, most in zip(
        table["cell"], table["on_frontier"], table["on_frontier_least"], table["on_frontier_most"], strict=True
    ):
        if np.isfinite(middle):
            ends = f"{least:.2f}", f"{most:.2f}"
            words[str(cell)] = f"{middle:.2f}" + (
                f" ({ends[0]} to {ends[1]} over prices)" if ends[0] != ends[1] else ""
            )
    return words


def traces(axis: CostAxis, found: FrontierBands) -> list[dict[str, Any]]:
    """The bands as Plotly draws them, the wider one first."""
    shade, red_green_blue = shade_corners(axis, found), ", ".join(str(int(BAND[i : i + 2], 16)) for i in (1, 3, 5))
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": np.concatenate([shade.x, shade.x[::-1]]),
            "y": np.concatenate([ends[:, 1], ends[::-1, 0]]),
            "fill": "toself",
            "fillcolor": f"rgba({red_green_blue}, {dark:g})",
            "line": {"width": 0},
            "hoverinfo": "skip",
        }
        for ends, dark in ((shade.all_at_once, SHADE_ALL), (shade.each, SHADE))
    ]


def _as_dict(found: FrontierBands) -> dict[str, Any]:
    content = found.as_dict()
    kept = {name: content[name] for name in ("level", "covers", "assumes", "bands")}
    return kept | {"on_frontier": {row["cell"]: row["on_frontier"] for row in content["cells"]}}
