import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sweeps.frontier.frontier import frontier, frontiers
from sweeps.frontier.regimes import MATTERS
from sweeps.show.frontier_page import WHY_MATTERS, frontier_page, plotly_figure

NASTY = "<script>alert('x')</script>&\"$sweep"


def page(results, sweep_id="demo-1a2b3c4d", metric="ce/10h", simulated=False):
    return frontier_page(frontiers(results, metric), sweep_id=sweep_id, simulated=simulated, hardware="2 cores")


@pytest.fixture(scope="module")
def made(results):
    return page(results, simulated=True)


def test_the_page_needs_no_network(made, seen):
    outside = [a for _, attrs in seen(made).elements for name, a in attrs.items() if name in ("src", "href")]
    assert outside == []
    assert "plotly.js v" in made
    assert "@import" not in re.sub(r"<script>.*?</script>", "", made, flags=re.DOTALL)


def test_a_newcomer_finds_question_answer_costs_and_caveats(made, seen):
    text = seen(made).text
    for words in (
        "Which labels cost what, and how well do they do?",
        "SIMULATED ANNOTATORS",
        "n = 3 replicates a cell; 95% interval over replicates (seed and panel draws), not over test images",
        "The best mean that costs nothing: label smoothing 0.05",
        "Assumes that a click takes 2.5 s",
        "$12.00 an hour plus a platform's 33.3% fee",
        "Made by sweep demo-1a2b3c4d on 2 cores.",
        "Why two pictures",
        "What is worth paying for",
    ):
        assert words in text


def test_what_is_worth_paying_for_is_what_recorded_trainings_of_one_recipe_differ_by():
    (grid,) = (Path(__file__).parents[3] / "docs/results/grid").glob("grid-0*.csv")
    done = pd.read_csv(grid).query("status == 'done'")
    within = done.groupby("cell")[["ce/10h", "scaled-ce/10h"]]
    free = within.count() - 1
    raw, scaled = np.sqrt((within.var() * free).sum() / free.sum())
    assert f"({raw:.3f} and {scaled:.3f} on CIFAR-10H)" in WHY_MATTERS
    assert f"{MATTERS['ce']:g} or more in cross-entropy, or of {MATTERS['scaled-ce']:g} or more" in WHY_MATTERS


def test_real_people_are_not_called_simulated(results, seen):
    assert "SIMULATED" not in seen(page(results)).text


def test_names_from_data_are_escaped_everywhere(results, seen):
    odd = results.copy()
    odd["model"] = np.where(odd["cell"] == "c03", NASTY, "cnn")
    odd.loc[odd["cell"] == "c02", "annotators"] = 6  # so that c02 and c03 differ in the model only, and name it
    plain, nasty = seen(page(odd)), seen(page(odd, sweep_id=NASTY))
    assert NASTY in nasty.text
    count = [sum(tag == "script" for tag, _ in found.elements) for found in (plain, nasty)]
    assert count == [2, 2]  # Plotly and ours
    ours = page(odd).rsplit("<script>", 1)[1]
    assert "alert" in ours
    assert "<script" not in ours
    assert "\\u003cscript" not in ours.replace("\\u0026lt;", "")


def test_the_table_has_every_cell_those_on_a_frontier_first(made):
    body = made.split("<tbody>")[1].split("</tbody>")[0]
    rows = re.findall(r"<tr( class=\"beaten\")?><td>(.*?)</td>", body)
    assert len(rows) == 11
    assert [bool(beaten) for beaten, _ in rows] == [False] * 6 + [True] * 5
    assert rows[0][1] == "label smoothing 0.05"
    assert "1.401<br><small>[1.376, 1.426]</small>" in body  # pooled: 22 degrees of freedom, not 2


def test_pointing_at_a_mark_tells_recipe_cost_value_interval_and_n(results):
    spec = plotly_figure("ce/10h", frontier(results, "ce/10h"))
    told = [text for trace in spec["data"] for text in trace.get("hovertext", [])]
    assert len(told) == 11
    (best,) = [text for text in told if "T1 Uniform, separate, M=6" in text]
    assert best == (
        "<b>T1 Uniform, separate, M=6, N'=900</b><br>"
        "People are asked: the most likely class and its probability<br>"
        "Costs 19.2 h of people's time, $307, 76.8 s an image<br>"
        "Cross-entropy: 1.401<br>"
        "95% interval over replicates: 1.376 to 1.426<br>"
        "n = 3 replicates<br>"
        "On the frontier"
    )


def test_plotly_takes_the_figures(results):
    plotly = pytest.importorskip("plotly.graph_objects")
    for metric, table in frontiers(results, "ce/10h").tables.items():
        spec = json.loads(json.dumps(plotly_figure(metric, table), allow_nan=False))
        assert plotly.Figure(spec).data


def test_one_replicate_says_that_there_is_no_interval(make, seen):
    single = make(n=1)
    spec = plotly_figure("ce/10h", frontier(single, "ce/10h"))
    marks = [trace for trace in spec["data"] if trace["mode"] == "markers"]
    assert {fill for trace in marks for fill in trace["marker"]["color"]} == {"white"}
    assert all("No interval: one replicate" in text for trace in marks for text in trace["hovertext"])
    assert {bar for trace in marks for bar in trace["error_y"]["array"]} == {None}
    assert "no interval" in seen(page(single)).text


def test_cells_that_were_not_compared_are_listed_with_the_reason(results, make_trials, seen):
    broken = results.copy()
    broken.loc[broken["cell"] == "c04", "ce/10h"] = np.nan
    text = seen(page(broken)).text
    assert "Not compared" in text
    assert "ce/10h: clicks, separate, M=50, N'=900: no finished trial has a finite ce/10h" in text


def test_trials_that_were_left_out_are_counted(results, seen):
    broken = results.copy()
    broken.loc[(broken["cell"] == "c04") & (broken["seed"] == 0), "ce/10h"] = np.nan
    text = seen(page(broken)).text
    assert "Not compared" not in text
    words = "1 of 3 finished trials of clicks, separate, M=50, N'=900 have no value and are left out"
    assert f"ce/10h: {words}" in text


def test_a_single_metric_and_a_single_free_cell_make_a_page(make):
    made = page(make([({"variety": "hard"}, 1.8, 1.1)]), metric="accuracy/10h")
    assert made.count('<div class="panel"') == 1
    assert "Why two pictures" not in made
    assert "Nothing was bought here." in made
