"""The thesis's tables on the real data: every cell trains, every table is whole, every method replays to the byte."""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import sweeps
from sweeps.commands.reports import preset_cells
from sweeps.drive import replay
from sweeps.running.trial import load_data
from sweeps.show.tables import EMPTY
from sweeps.spec.spec import presets_by_name
from sweeps.studies.thesis.tables import report_tables, thesis_table
from sweeps.sweep import Sweep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("SOFTCORE_DATA"), reason="needs the real data: set SOFTCORE_DATA"),
]
# Every cell of the thesis's tables is in one of these four.
TABLES = {
    "chapter-3": ("table-3-1", "table-3-2", "table-3-3", "table-3-4", "table-B-1", "table-B-2", "table-B-3"),
    "chapter-4": ("table-4-1", "table-4-2", "table-4-3"),
    "chapter-5": ("table-5-1", "table-5-2"),
    "table-C-1": ("table-C-1",),
}


# One process and one Ray for all: their start is half of what a sweep at tiny takes.
RUN = """
import sys
import sweeps
from cluster.connection import connect

with connect(cpus=1):
    for name in sys.argv[2:]:
        sweeps.run(name, scale="tiny", sets=["seeds=1", "epochs=1"], out=sys.argv[1])
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Iterator[dict[str, Sweep]]:
    """One seed of each at tiny. Their data are read once, not again by each test."""
    out = tmp_path_factory.mktemp("thesis")
    asked = [sys.executable, "-c", RUN, str(out), *TABLES]
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=1800)
    assert ended.returncode == 0, ended.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sweeps.running.trial.load_data", cache(load_data))
        yield {name: sweeps.open(name, out=out) for name in TABLES}


def test_every_table_is_in_one_of_the_chapters():
    assert {name for group in TABLES.values() for name in group} == set(report_tables())
    assert set(report_tables()) <= set(presets_by_name())


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_trains_and_has_every_metric(run, name):
    results = run[name].results()
    assert (results["status"] == "done").all()
    metrics = [column for column in results if "/" in column and not column.startswith("answers/")]
    assert np.isfinite(results[metrics].to_numpy(float)).all()


@pytest.mark.parametrize(("name", "wanted"), [(name, table) for name, group in TABLES.items() for table in group])
def test_a_table_has_the_thesiss_rows_and_columns_and_a_number_in_each(run, name, wanted):
    results, table = run[name].results(), report_tables()[wanted]
    cells = preset_cells(run[name], wanted, sets=["epochs=1"])
    made = thesis_table(results[results["cell"].isin(cells)], wanted)
    labels = list(dict.fromkeys(row.label for row in table.rows.values()))
    assert [label for _, label, _ in made.rows()][: len(labels)] == labels
    for heading in table.columns.values():
        entries = [e for e in made.entries if e.column == heading and e.group == "10H"]
        assert len(entries) == len(table.rows)
        assert all(e.text != EMPTY for e in entries), heading


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("chapter-3", {"variety": "t2-semantic"}),
        ("chapter-4", {"hmix": "random"}),
        ("chapter-4", {"hmix": "separate", "confidence_decay": 0.005}),
        ("chapter-5", {"mixing": "mix-maxent", "rest": "simulated"}),
        ("chapter-5", {"loss": "entropy-weighted", "rest": "simulated"}),
        ("table-C-1", {"target_mixing": "logistic", "loss": "entropy-weighted"}),
    ],
)
def test_a_trial_of_a_later_method_replays_to_the_same_bytes(run, name, axes):
    results = run[name].results()
    for axis, value in axes.items():
        results = results[results[axis] == value]
    assert replay(results["trial"].iloc[0], out=Path(run[name].folder).parent) == []


def test_what_a_method_asks_of_people_is_paid_for(run):
    four, five = run["chapter-4"].results(), run["chapter-5"].results()
    asked = four.set_index("hmix")["answers/mixing-coefficient"]
    assert (asked[["mean", "separate"]] > 4000).all()
    assert (asked[["generating", "uniform", "random"]] == 0).all()
    simulated = five[five["rest"] == "simulated"]
    assert (simulated["answers/click"] > 250_000).all()  # the simulator reads the clicks of the images it labels
    assert (simulated["answers/t2-clamp"] > 5000).all()
