"""The reports in `docs/` are what the recorded results give, to the byte.

When a report is meant to change, make it again as `docs/results/README.md` says; only JSON and pictures are accepted
here.
"""

import hashlib
import json
import shutil

import pytest

from tests.goldens.adapter import ROOT, command
from tests.goldens.golden import as_json, closely, excerpt, on_this_platform

TOLERANCE = {"rel": 1e-4, "floor": 0.002}  # another last digit of the three that a report prints
REPORTS = {
    "replication": ("docs/results", ["replication.md", "replication.html", "replication.csv"]),
    "grid": ("docs/results/grid", ["grid.md", "grid.html"]),
}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with a copy of `docs/results`, in which the commands are given as the reports print them."""
    shutil.copytree(ROOT / "docs" / "results", tmp_path / "docs" / "results")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["replication", pytest.param("grid", marks=pytest.mark.slow)])
def test_a_report_made_again_is_the_committed_one(name, checkout, request):
    results, files = REPORTS[name]
    arguments = ["report", name, "--from-results", results, "--to", "docs"]
    printed = command(*arguments, "--json")
    for file in files:
        found = (checkout / "docs" / file).read_text("utf-8")
        again = f"python -m sweeps {' '.join(arguments)}"
        closely(f"docs/{file}", found, request, **TOLERANCE, committed=ROOT / "docs" / file, again=again)
    for path in (ROOT / results).iterdir():
        if path.is_file():
            assert (checkout / results / path.name).read_bytes() == path.read_bytes(), f"a report changed {path.name}"
    closely(f"report-{name}-json.txt", excerpt(as_json(json.loads(printed))), request, **TOLERANCE)
    pictures = sorted((checkout / "docs").glob("*.png"))
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in pictures}
    if digests:
        told = "The words and numbers of the report were compared"
        on_this_platform(f"report-{name}-pictures.json", as_json(digests), request, instead=told)
