"""Pilots of panel B of the sealed cells' seeds, held against the sealed cells, which asked panel A.

    python -m sweeps.studies.pilots.pilot_sealed docs/results/grid/grid-sealed-*.csv docs/results/pilots/pilot-b-*.csv

Predicted is every sealed cell of a page asked of 1 to 3 people, plainly trained on labels kept apart: beyond three
panel A takes people whom the pilot asked. Printed are coverage, interval scores of every model and how far they are
apart. `sweeps.studies.pilots.pilot_replay` makes the pilots.

Each such look at the sealed cells is kept in `pilot-sealed-readings.json` beside the pilots and counted, as those of
`sweeps.studies.sealed.readings` are: the same planner on the same tables is the same reading, and is not made again.
"""

import argparse
import datetime
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd

from sweeps.running.store import write_text
from sweeps.sources import from_file
from sweeps.studies.pilots.pilot import METRICS
from sweeps.studies.pilots.pilot_predictions import (
    PilotPrediction,
    by_part,
    chosen_words,
    held_words,
    predict_runs,
    score_table,
)
from sweeps.studies.pilots.pilot_replay import PEOPLE
from sweeps.studies.pilots.pilot_scores import CLICK, plain_cells
from sweeps.studies.sealed.readings import Identity, load_kept, table_digest
from sweeps.studies.sealed.version import PLANNER_VERSION, check_version, predictions_digest

PANEL_A = 0
NAME = re.compile(r"pilot-b-(\d+)")
READINGS = "pilot-sealed-readings.json"


def predict_sealed(pilot: pd.DataFrame, sealed: pd.DataFrame, seed: int, metric: str) -> PilotPrediction:
    """What a pilot of panel B of `seed` predicted of the sealed cells that share nobody with it."""
    cells = plain_cells(sealed, seed, PANEL_A)
    others = (cells["variety"] != CLICK) & (cells["annotators"] <= PEOPLE)
    return predict_runs(pilot, cells[others], seed=seed, metric=metric)


@dataclass(frozen=True, kw_only=True)
class PilotReading:
    """What was said of the sealed cells from pilots by the planner of one version, on `date`, a line each by metric."""

    date: datetime.date
    identity: Identity
    lines: Mapping[str, tuple[str, ...]]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"date": self.date.isoformat(), **asdict(self.identity), "lines": dict(self.lines)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "PilotReading":
        """The reading that `as_dict` gave as `content`."""
        return cls(
            date=datetime.date.fromisoformat(content["date"]),
            identity=Identity(**{field.name: content[field.name] for field in fields(Identity)}),
            lines={metric: tuple(lines) for metric, lines in content["lines"].items()},
        )


def read_from_pilots(
    path: Path, sealed: pd.DataFrame, pilots: Mapping[int, pd.DataFrame], today: datetime.date | None = None
) -> tuple[PilotReading, ...]:
    """All readings kept in `path`, that of the planner as it is and of these tables last; made where it was not there.

    `pilots` are results tables by their seed. A planner that predicts otherwise than is recorded for its version is a
    RequestError, before any sealed cell is looked at.
    """
    identity = Identity(
        sealed=table_digest(sealed, METRICS),
        training=table_digest(pd.concat([pilots[seed] for seed in sorted(pilots)]), METRICS),
        planner=PLANNER_VERSION,
        predictions=predictions_digest(),
    )
    kept = load_kept(path, PilotReading.from_dict)
    if same := [reading for reading in kept if reading.identity == identity]:
        return (*(reading for reading in kept if reading not in same), *same)
    check_version()
    lines = {metric: tuple(_lines(sealed, pilots, metric)) for metric in METRICS}
    found = (*kept, PilotReading(date=today or datetime.date.today(), identity=identity, lines=lines))
    write_text(path, json.dumps([reading.as_dict() for reading in found], ensure_ascii=False, indent=1) + "\n")
    return found


def _lines(sealed: pd.DataFrame, pilots: Mapping[int, pd.DataFrame], metric: str) -> Iterator[str]:
    found = [predict_sealed(pilots[seed], sealed, seed, metric) for seed in sorted(pilots)]
    scores = by_part(found)
    yield held_words(metric, scores)
    yield chosen_words(found, scores)
    table = score_table(metric, scores)
    yield from ("  " + " | ".join(line) for line in (table.headings, *table.rows))


def main() -> None:
    """Print, for each metric, what the pilots were worth, and how often the sealed cells were read so."""
    parser = argparse.ArgumentParser(description="Pilots against sealed cells of other people; each reading counts.")
    parser.add_argument("sealed", type=Path)
    parser.add_argument("pilots", type=Path, nargs="+")
    asked = parser.parse_args()
    pilots = {int(match[1]): path for path in asked.pilots if (match := NAME.match(path.stem))}
    if not pilots:
        parser.error("no table is named pilot-b-SEED")
    tables = {seed: from_file(path).results for seed, path in pilots.items()}
    kept = read_from_pilots(asked.pilots[0].parent / READINGS, from_file(asked.sealed).results, tables)
    now = kept[-1]
    for line in (line for lines in now.lines.values() for line in lines):
        print(line)
    print(f"readings of sealed cells from pilots so far: {len(kept)}; this one of {now.date}")


if __name__ == "__main__":
    main()
