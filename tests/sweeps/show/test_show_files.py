import json

import pandas as pd
import pytest

from sweeps.frontier.frontier import frontiers
from sweeps.show import files as frontier_files
from sweeps.show.files import write_frontier

ABOUT = {"sweep_id": "demo-1a2b3c4d", "simulated": True, "hardware": "2 cores"}


def test_four_files_hold_both_frontiers(results, tmp_path):
    paths = write_frontier(tmp_path / "new", frontiers(results, "ce/10h"), **ABOUT)
    assert {kind: path.name for kind, path in paths.items()} == {
        kind: f"frontier.{kind}" for kind in ("csv", "json", "png", "html")
    }
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(p.name for p in paths.values())
    tables = frontiers(results, "ce/10h").tables
    csv = pd.read_csv(paths["csv"], keep_default_na=False)
    assert csv.groupby("metric").size().to_dict() == {"ce/10h": 11, "scaled-ce/10h": 11}
    content = json.loads(paths["json"].read_text())
    assert content["sweep"] == "demo-1a2b3c4d"
    assert content["simulated_annotators"] is True
    assert content["prices"]["name"] == "thesis"
    for metric, table in tables.items():
        assert [row["value"] for row in content["frontiers"][metric]] == pytest.approx(
            table["value"].tolist(), abs=1e-12
        )


def test_an_interval_that_is_not_there_is_null(make, tmp_path):
    paths = write_frontier(tmp_path, frontiers(make(n=1), "ce/10h"), **ABOUT)
    assert {row["low"] for row in json.loads(paths["json"].read_text())["frontiers"]["ce/10h"]} == {None}


def test_a_file_is_whole_or_as_it_was(results, tmp_path, monkeypatch):
    write_frontier(tmp_path, frontiers(results, "ce/10h"), **ABOUT)
    before = (tmp_path / "frontier.png").read_bytes()

    def dies_half_way(tables, path, *args, **kwargs):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(frontier_files, "frontier_png", dies_half_way)
    with pytest.raises(OSError, match="disk full"):
        write_frontier(tmp_path, frontiers(results, "ce/10h"), **ABOUT)
    assert (tmp_path / "frontier.png").read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
