"""Pilots of panel B of the sealed cells' seeds, held against the sealed cells, which asked panel A.

    python -m sweeps.studies.pilots.pilot_sealed docs/results/grid/grid-sealed-*.csv docs/results/pilots/pilot-b-*.csv

Predicted is every sealed cell of a page asked of 1 to 3 people, plainly trained on labels kept apart: beyond three
panel A takes people whom the pilot asked. Printed are coverage, interval scores of every model and how far they are
apart. `sweeps.studies.pilots.pilot_replay` makes the pilots.
"""

import argparse
import os
import re
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd

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

PANEL_A = 0
NAME = re.compile(r"pilot-b-(\d+)")


def predict_sealed(pilot: pd.DataFrame, sealed: pd.DataFrame, seed: int, metric: str) -> PilotPrediction:
    """What a pilot of panel B of `seed` predicted of the sealed cells that share nobody with it."""
    cells = plain_cells(sealed, seed, PANEL_A)
    others = (cells["variety"] != CLICK) & (cells["annotators"] <= PEOPLE)
    return predict_runs(pilot, cells[others], seed=seed, metric=metric)


def main() -> None:
    """Print, for each metric, what the pilots were worth."""
    parser = argparse.ArgumentParser(description="Pilots against sealed cells of other people.")
    parser.add_argument("sealed", type=Path)
    parser.add_argument("pilots", type=Path, nargs="+")
    asked = parser.parse_args()
    sealed = from_file(asked.sealed).results
    pilots = {int(match[1]): path for path in asked.pilots if (match := NAME.match(path.stem))}
    if not pilots:
        parser.error("no table is named pilot-b-SEED")
    for metric in METRICS:
        found = [predict_sealed(from_file(path).results, sealed, seed, metric) for seed, path in sorted(pilots.items())]
        scores = by_part(found)
        print(held_words(metric, scores))
        print(chosen_words(found, scores))
        table = score_table(metric, scores)
        for line in (table.headings, *table.rows):
            print("  " + " | ".join(line))


if __name__ == "__main__":
    main()
