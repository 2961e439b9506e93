import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from softcore.errors import RequestError
from sweeps.frontier.frontier import frontier, frontiers
from sweeps.results.names import best_means, dollars, hours
from sweeps.show.curves import cost_curve_figure, items_curve_figure
from sweeps.show.drawing import cost_axis, step
from sweeps.show.frontier_png import frontier_figure, frontier_png

PNG = b"\x89PNG\r\n\x1a\n"


def words(figure):
    """All text on a figure but tick labels."""
    texts = [text.get_text() for text in figure.texts]
    for panel in figure.axes:
        texts += [panel.get_xlabel(), panel.get_ylabel(), panel.get_title("left"), panel.get_title()]
        texts += [text.get_text() for text in panel.texts]
    for legend in figure.legends:
        texts += [text.get_text() for text in legend.get_texts()]
    return "\n".join(texts)


def scattered(panel):
    """The groups of marks on a panel that hold any."""
    return [found for found in panel.collections if isinstance(found, PathCollection) and len(found.get_offsets())]


def test_the_frontier_has_a_panel_for_raw_and_one_for_scaled(results):
    figure = frontier_figure(frontiers(results, "ce/10h").tables, "Title", simulated=False, note="Assumes things.")
    raw, scaled = (panel.get_title("left") for panel in figure.axes)
    assert raw.startswith("Cross-entropy\n")
    assert scaled.startswith("Cross-entropy after one temperature\n")
    shown = words(figure)
    assert "n = 3 replicates a cell; 95% interval over replicates (seed and panel draws), not over test images" in shown
    assert "lower is better" in shown
    assert "Assumes things." in shown
    assert "1  label smoothing 0.05 (free): 1.520" in shown
    assert r"T1 Uniform, separate, M=6, N'=900 (19.2 h, \$307): 1.401" in shown


def test_a_long_title_stays_over_its_own_panel(results):
    name = "weighted/0.5 scaled-ce on 10h per 0.01 and 0.3 accuracy on 10h per 0.0029 and 0.2 ce on 10h per 0.03"
    table = frontier(results, "ce/10h")
    figure = frontier_figure({"ce/10h": table, name: table, "scaled-ce/10h": table}, "Title", simulated=False)
    figure.canvas.draw()
    _, weighted, after = (panel._left_title.get_window_extent() for panel in figure.axes)
    assert weighted.x1 < after.x0
    lowest = min(legend.get_window_extent().y0 for legend in figure.legends)
    assert weighted.y1 < lowest


@pytest.mark.parametrize("simulated", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_simulated_annotators_are_named_on_every_picture(results, simulated):
    figures = [
        frontier_figure(frontiers(results, "ce/10h").tables, "Title", simulated),
        cost_curve_figure(results, "Title", simulated),
        items_curve_figure(results, "Title", simulated),
    ]
    assert [("SIMULATED ANNOTATORS" in words(figure)) for figure in figures] == [simulated] * 3


def test_every_cell_is_drawn_with_its_interval_and_free_ones_are_in_sight(results):
    table = frontier(results, "ce/10h")
    panel = frontier_figure({"ce/10h": table}, "Title", simulated=False).axes[0]
    drawn = np.concatenate([marks.get_offsets() for marks in scattered(panel)])
    assert sorted(np.round(drawn[:, 1], 9)) == sorted(np.round(table["value"], 9))
    bars = [segment for container in panel.containers for segment in container[2][0].get_segments()]
    assert sorted(bar[0][1] for bar in bars) == pytest.approx(sorted(table["low"]))
    left, right = panel.get_xlim()
    assert ((left < drawn[:, 0]) & (drawn[:, 0] < right)).all()
    ticks = dict(zip(panel.get_xticks(), [label.get_text() for label in panel.get_xticklabels()], strict=True))
    assert ticks[drawn[:, 0].min()].startswith("free\n")


def test_cells_off_the_frontier_are_grey(results):
    panel = frontier_figure({"ce/10h": frontier(results, "ce/10h")}, "Title", simulated=False).axes[0]
    colours = {}
    for marks in scattered(panel):
        for _, value in np.asarray(marks.get_offsets()):
            colours[round(value, 3)] = np.ptp(marks.get_facecolor()[0][:3])
    assert colours[1.792] == 0  # hard labels
    assert colours[1.401] > 0  # T1 Uniform, M=6


def test_one_replicate_is_an_open_mark_without_a_bar(make):
    figure = frontier_figure(frontiers(make(n=1), "ce/10h").tables, "Title", simulated=False)
    panel = figure.axes[0]
    assert not [segment for container in panel.containers for segment in container[2][0].get_segments()]
    assert all((marks.get_facecolor() == 1).all() for marks in scattered(panel))
    assert "n = 1 replicate a cell: no intervals, as one replicate gives none" in words(figure)


def test_cells_that_can_not_be_drawn_are_counted(results):
    broken = results.copy()
    broken.loc[broken["cell"] == "c04", "ce/10h"] = np.nan
    assert "Not drawn: 1 cell; the frontier's table says why." in words(
        frontier_figure({"ce/10h": frontier(broken, "ce/10h")}, "Title", simulated=False)
    )


def test_the_frontier_is_written_as_png(results, tmp_path):
    frontier_png(frontiers(results, "ce/10h").tables, tmp_path / "a.tmp", "Costs $5 or $6", True)
    assert (tmp_path / "a.tmp").read_bytes().startswith(PNG)


@pytest.mark.slow
def test_a_cost_curve_has_a_line_a_variety_and_levels_for_what_is_free(results):
    figure = cost_curve_figure(results, "Title", False, metrics=["ce", "rmsce"])
    assert len(figure.axes) == 4  # two metrics on two test sets
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "clicks, separate, N'=900",
        "T1 Uniform, separate, N'=900",
        "T1 Clamp, separate, N'=900",
        "T2 Uniform, separate, N'=900",
        "T2 Clamp, separate, N'=900",
        "hard labels (free)",
        "label smoothing 0.05 (free)",
    ]
    with pytest.raises(RequestError, match=r"unknown metric 'mce'; known: .*rmsce"):
        cost_curve_figure(results, "Title", False, metrics=["mce"])


def test_one_answer_an_item_begins_the_line_of_each_aggregation(make):
    # With one answer there is nothing to aggregate: the cell has none, and belongs to both lines.
    cells = [({"variety": "click", "annotators": 1, "items": 9}, 2.0, 1.2)]
    cells += [
        ({"variety": "click", "aggregation": a, "annotators": 4, "items": 9}, 1.5, 1.1) for a in ("separate", "mean")
    ]
    panel = cost_curve_figure(make(cells), "Title", False, metrics=["ce"]).axes[0]
    lines = {line.get_label(): line.get_ydata() for line in panel.lines if not line.get_label().startswith("_")}
    assert {label: np.round(y, 6).tolist() for label, y in lines.items()} == {
        "clicks, separate, N'=9": [2.0, 1.5],
        "clicks, mean, N'=9": [2.0, 1.5],
    }


def test_an_items_curve_runs_along_the_number_of_items(make):
    grid = [("click", 250), ("click", 900), ("t2-clamp", 250), ("t2-clamp", 900)]
    cells = [
        ({"variety": v, "aggregation": "separate", "annotators": "all", "items": n}, 2 - n / 900, 1.2) for v, n in grid
    ]
    panel = items_curve_figure(make([*cells, ({"variety": "hard"}, 1.8, 1.2)]), "Title", False, metrics=["ce"]).axes[0]
    lines = {line.get_label(): list(line.get_xdata()) for line in panel.lines if not line.get_label().startswith("_")}
    assert lines["clicks, separate, M=all"] == lines["T2 Clamp, separate, M=all"] == [250, 900]
    assert "hard labels (free)" in lines


def test_the_step_is_the_best_to_be_had_for_a_cost_or_less():
    table = pd.DataFrame(
        {"label_seconds_total": [0, 60, 600], "value": [3.0, 2.0, 9.0], "on_frontier": [True, True, False]}
    ).assign(metric="ce/10h")
    axis = cost_axis(table["label_seconds_total"])
    x, y = step(axis, table)
    free, minute = axis.at([0, 60])
    assert list(zip(x, y, strict=True)) == [(free, 3.0), (minute, 3.0), (minute, 2.0), (axis.high, 2.0)]


@pytest.mark.parametrize("seconds", [[0], [5], [0, 5], [0, 2.5, 1e9], [3600, 3600.001], [0, np.nan, 40]])
def test_the_cost_axis_shows_whatever_there_is(seconds):
    axis = cost_axis(seconds)
    at = axis.at(seconds)
    known = at[~np.isnan(at)]
    assert ((axis.low <= known) & (known <= axis.high)).all()
    assert 1 <= len(axis.ticks) <= 13
    assert all(axis.low <= x <= axis.high for x, _ in axis.ticks)
    if 0 in seconds:
        assert axis.ticks[0] == (axis.zero, 0.0)


def test_time_and_money_are_in_words():
    seconds = [0, 45, 750, 3600, 69_120, 7_200_000, float("nan")]
    assert [hours(s) for s in seconds] == ["0 h", "45 s", "12.5 min", "1 h", "19.2 h", "2,000 h", "–"]
    assert 3600 * (1875 / 3600) > 1875  # the same time, kept in hours: it must not be 31.3 min
    assert hours(3600 * (1875 / 3600)) == hours(1875) == "31.2 min"
    assert [dollars(d) for d in (0, 0.5, 9.999, 1234.6, float("nan"))] == ["$0", "$0.50", "$10", "$1,235", "–"]


def test_the_best_means_are_named_and_decide_nothing(make):
    free, bought = ({"variety": "hard"}, 1.0, 1.0), {"variety": "click", "annotators": 1, "items": 9}
    for ce in (0.5, 1.5):
        said = best_means(frontier(make([free, (bought, ce, 1.0)]), "ce/10h"))
        assert said.startswith(f"The best mean that was bought: clicks, M=1, N'=9 at {ce:.3f} for ")
        assert said.endswith(" The best mean that costs nothing: hard labels at 1.000.")
    nothing = "Nothing was bought here. The best mean that costs nothing: hard labels at 1.000."
    assert best_means(frontier(make([free]), "ce/10h")) == nothing
    assert best_means(frontier(make([(bought, 1.0, 1.0)]), "ce/10h")).endswith("No recipe here is free.")
