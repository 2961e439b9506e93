"""Bands of a frontier's picture and page: there where replicates allow them, else with the reason."""

import json
import re

import numpy as np
import pytest

from sweeps.frontier.frontier import frontier, frontiers
from sweeps.show import shades as frontier_shades
from sweeps.show.drawing import cost_axis, segments, shade_corners, step
from sweeps.show.files import write_frontier
from sweeps.show.shades import chances, sweep_bands

METRICS = ("ce/10h", "scaled-ce/10h")
ABOUT = {"sweep_id": "demo-1a2b3c4d", "simulated": True, "hardware": "2 cores"}


@pytest.fixture(scope="module")
def found(results):
    return sweep_bands(frontiers(results, "ce/10h"))


def test_both_metrics_have_bands_that_say_what_they_cover(found):
    assert set(found.bands) == set(METRICS)
    assert not found.why_not
    (line,) = found.lines
    assert line.startswith("Bands (90%) are over seeds (3, shared by the cells); not over other test images")
    assert "few replicates" in line
    assert "break-even" not in line


def test_shades_are_steps_at_every_cost_the_wider_around_the_narrower(results, found):
    table = frontier(results, "ce/10h")
    axis = cost_axis(table["label_seconds_total"])
    corners = shade_corners(axis, found.bands["ce/10h"])
    assert len(corners.x) == 2 * table["label_seconds_total"].nunique()
    assert (np.diff(corners.x) >= 0).all()
    assert corners.x[-1] == axis.high
    assert (corners.all_at_once[:, 0] <= corners.each[:, 0]).all()
    assert (corners.each[:, 1] <= corners.all_at_once[:, 1]).all()


def test_of_a_metric_of_which_more_is_better_bands_are_the_right_way_up(results):
    (bands,) = sweep_bands(frontiers(results, "accuracy/10h")).bands.values()
    axis = cost_axis([0.0, 3600.0])
    corners = shade_corners(axis, bands)
    assert (corners.each[:, 0] <= corners.each[:, 1]).all()
    assert 0.4 < corners.each.mean() < 0.8


def test_a_single_seed_has_no_band_and_page_and_json_say_why(make, tmp_path):
    paths = write_frontier(tmp_path, frontiers(make(n=1), "ce/10h"), **ABOUT)
    content = json.loads(paths["json"].read_text())
    why = "a variance over seeds needs two seeds or more; there is 1"
    assert content["bands"] == {}
    assert content["no_bands"] == dict.fromkeys(METRICS, why)
    page = paths["html"].read_text("utf-8")
    assert f"No band for Cross-entropy and Cross-entropy after one temperature: {why}." in page
    assert "at all costs at once</span>" not in page.split("<h2>")[0]


def test_the_page_shades_the_frontier_and_says_how_likely_each_cell_is_on_it(results, found, tmp_path):
    paths = write_frontier(tmp_path, frontiers(results, "ce/10h"), **ABOUT)
    page = paths["html"].read_text("utf-8")
    likely = chances(found.bands["ce/10h"])
    shown = re.findall(r"<small>frontier: ([\d.]+)</small>", page)
    assert len(shown) == 2 * len(likely)
    assert set(likely.values()) <= set(shown)
    assert page.count('"fill": "toself"') == 4
    content = json.loads(paths["json"].read_text())
    assert set(content["bands"]) == set(METRICS)
    assert content["bands"]["ce/10h"]["on_frontier"]["c06"] == pytest.approx(float(likely["c06"]), abs=0.005)


@pytest.mark.parametrize("spread", [0.0, 1e-12])
def test_results_that_can_not_carry_bands_make_a_page_all_the_same(make, tmp_path, spread):
    paths = write_frontier(tmp_path, frontiers(make(spread=spread), "ce/10h"), **ABOUT)
    content = json.loads(paths["json"].read_text())
    assert set(content["bands"]) | set(content["no_bands"]) == set(METRICS)


def test_a_sweep_of_very_many_cells_is_not_kept_waiting(results, monkeypatch):
    monkeypatch.setattr(frontier_shades, "MOST_CELLS", 5)
    found = sweep_bands(frontiers(results, "ce/10h"))
    assert not found.bands
    assert found.why_not["ce/10h"].startswith("joint draws of 11 cells take long")


def test_where_prices_are_intervals_the_line_never_gets_worse(results):
    table = frontier(results, "scaled-ce/10h", "page")
    axis = cost_axis(table["label_seconds_total"])
    _, values = step(axis, table)
    assert (np.diff(values) <= 0).all()
    assert all((np.diff(y) <= 0).all() for _, y, _ in segments(axis, table))
