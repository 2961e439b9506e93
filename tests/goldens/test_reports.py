"""The reports in `docs/` are what the recorded results give, to the byte.

When a report is meant to change, make it again as `docs/results/README.md` says; only JSON and pictures are accepted
here.
"""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.goldens.adapter import ROOT, command
from tests.goldens.golden import as_json, closely, excerpt

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


OTHER_PIXELS = 0.002


def without_pictures(page):
    """A page without the bytes of its pictures, which are compared as pixels."""
    return re.sub(r"data:image/png;base64,[^\"]*", "a picture", page)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["replication", "grid"])
def test_a_report_made_again_is_the_committed_one(name, checkout, request):
    results, files = REPORTS[name]
    arguments = ["report", name, "--from-results", results, "--to", "docs"]
    printed = command(*arguments, "--json")
    for file in files:
        found = without_pictures((checkout / "docs" / file).read_text("utf-8"))
        words = checkout / f"committed-{file}"
        words.write_text(without_pictures((ROOT / "docs" / file).read_text("utf-8")), "utf-8")
        again = f"python -m sweeps {' '.join(arguments)}"
        closely(f"docs/{file}", found, request, **TOLERANCE, committed=words, again=again)
    for path in (ROOT / results).iterdir():
        if path.is_file():
            assert (checkout / results / path.name).read_bytes() == path.read_bytes(), f"a report changed {path.name}"
    closely(f"report-{name}-json.txt", excerpt(as_json(json.loads(printed))), request, **TOLERANCE)
    for picture in sorted((checkout / "docs").glob("*.png")):
        assert share_of_other_pixels(picture, ROOT / "docs" / picture.name) < OTHER_PIXELS, picture.name


def share_of_other_pixels(one, other):
    """The share of pixels that differ visibly; a line's edge falls elsewhere by the last digit of a number."""
    left, right = (np.asarray(Image.open(path).convert("RGB"), dtype=int) for path in (one, other))
    assert left.shape == right.shape
    return float((np.abs(left - right).max(axis=2) > 16).mean())
