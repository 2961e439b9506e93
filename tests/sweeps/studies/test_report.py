import io
import json

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.frontier.frontier import frontiers
from sweeps.show.tables import frontiers_table, table_as_csv, table_as_json, table_as_markdown, table_as_text
from sweeps.studies.thesis.tables import report_tables, thesis_table

POOLED = {"aggregation": "mean", "annotators": "all", "items": 900}
KEPT = POOLED | {"aggregation": "separate"}


def entry(made, **place):
    (found,) = [e for e in made.entries if all(getattr(e, name) == value for name, value in place.items())]
    return found


def test_table_3_1_has_the_rows_and_columns_of_the_thesis(make):
    cells = [({"variety": v}, 2.0, 1.2) for v in ("hard", "random", "uniform")]
    cells += [({"variety": v} | POOLED, 1.3, 1.1) for v in ("click", "t2-clamp")]
    made = thesis_table(make(cells), "table-3-1")
    labels = ["Hard Labels", "Random Labels", "Uniform Labels", "CIFAR-10H", "Ours (T2, Clamp)"]
    assert [(group, label) for group, label, _ in made.rows()] == [
        (g, label) for g in ("10H", "10S") for label in labels
    ]
    assert made.headings() == ["CE", "Calibration", "FGSM Loss", "Scaled CE", "Accuracy", "n"]
    assert made.notes == ("± is half of a 95% interval over replicates (seed and panel draws), not over test images.",)


def test_table_3_2_has_hard_labels_as_the_reference(make):
    cells = [({"variety": "hard"}, 2.0, 1.2), *(({"variety": v} | KEPT, 1.3, 1.1) for v in ("click", "t2-clamp"))]
    made = thesis_table(make(cells), "table-3-2")
    assert [label for _, label, _ in made.rows()] == ["Hard Labels", "CIFAR-10H", "Ours (T2, Clamp)"] * 2


def test_table_3_3_has_two_people_and_one_side_by_side(make):
    # With one answer an item there is nothing to aggregate, so that axis is null there.
    grid = [(v, m) for v in ("click", "t2-clamp") for m in (2, 1)]
    cells = [
        ({"variety": v, "aggregation": "separate" if m == 2 else None, "annotators": m, "items": 900}, 2 + m, 1.1)
        for v, m in grid
    ]
    made = thesis_table(make(cells), "table-3-3")
    assert [(group, label) for group, label, _ in made.rows()] == [
        (g, r) for g in ("10H", "10S") for r in ("10H", "Ours")
    ]
    heads = ["CE", "Calib", "FGSM", "Scaled CE", "Accuracy", "n"]
    assert made.columns() == [(m, head) for m in ("M=2", "M=1") for head in heads]
    assert entry(made, group="10H", row="Ours", column_group="M=1", column="CE").mean == pytest.approx(3)
    assert entry(made, group="10H", row="Ours", column_group="M=2", column="CE").mean == pytest.approx(4)


def test_table_3_4_has_the_time_of_each_variety(make):
    cells = [({"variety": f"t{t}-{kind}"} | KEPT, 1.4, 1.1) for t in (1, 2) for kind in ("uniform", "clamp")]
    made = thesis_table(make(cells), "table-3-4")
    assert made.headings() == ["Time", "CE", "FGSM Loss", "Calibration", "Scaled CE", "Accuracy", "n"]
    assert [(label, texts[0]) for _, label, texts in made.rows()][:4] == [
        ("T1, Unif", "12.8s"),
        ("T1, Clamp", "19.2s"),
        ("T2, Unif", "25.6s"),
        ("T2, Clamp", "32s"),
    ]


def test_table_b_1_has_label_smoothing(make):
    cells = [({"variety": "smoothed", "beta": 0.05}, 1.4, 1.1)]
    cells += [({"variety": v} | KEPT, 1.3, 1.1) for v in ("click", "t2-clamp")]
    rows = thesis_table(make(cells), "table-B-1").rows()
    assert [label for _, label, _ in rows] == ["Label Smoothing", "CIFAR-10H", "Ours (T2, Clamp)"] * 2


@pytest.mark.parametrize("name", sorted(report_tables()))
def test_every_table_has_what_the_thesis_lacks(name):
    metrics = list(report_tables()[name].columns)
    assert metrics[-2:] == ["scaled-ce", "accuracy"]
    assert {"ce", "rmsce", "fgsm"} <= set(metrics)


def test_an_entry_is_a_mean_and_half_an_interval_over_replicates(make_trials):
    made = thesis_table(make_trials({"variety": "hard"}, cell="a", values={"ce/10h": [1.0, 2.0, 3.0]}), "table-3-1")
    found = entry(made, row="Hard Labels", column="CE")
    # As in the test of mean_interval: 2 +- 2.484138.
    assert found.text == "2.000 ± 2.484"
    assert (found.mean, found.n) == (2.0, 3)
    assert found.high == pytest.approx(4.484138, abs=1e-6)


def test_models_are_averaged_within_a_replicate(make_trials):
    def model(name, rate, values):
        axes = {"variety": "hard", "model": name, "learning_rate": rate}
        return make_trials(axes, cell=name, values={"ce/10h": values})

    # Replicates: (1 + 3)/2 = 2 and (2 + 8)/2 = 5; mean 3.5. The second model lacks seed 2, which is left out.
    both = pd.concat([model("a", 0.1, [1.0, 2.0, 99.0]), model("b", 0.4, [3.0, 8.0])])
    made = thesis_table(both, "table-3-1")
    found = entry(made, row="Hard Labels", column="CE")
    assert (found.mean, found.n) == (3.5, 2)
    assert "A replicate's value is its mean over the models a, b." in made.notes
    assert "10h Hard Labels: 1 of 3 replicates lack a model and are left out." in [
        n.replace("10H", "10h") for n in made.notes
    ]


def test_cells_that_a_label_does_not_tell_apart_get_rows_of_their_own(make):
    cells = [({"variety": "t2-clamp", "gamma": g} | POOLED, 1 + g, 1.1) for g in (0.0, 0.1)]
    rows = [label for _, label, _ in thesis_table(make(cells), "table-3-1").rows()]
    assert rows[4:6] == ["Ours (T2, Clamp): gamma 0.0", "Ours (T2, Clamp): gamma 0.1"]


def test_a_null_tells_cells_apart_as_a_value_does(make):
    # One person's answer has no aggregation: that cell has a row of its own beside the pooled labels, and is not lost.
    one = POOLED | {"aggregation": None, "annotators": 1}
    made = thesis_table(
        make([({"variety": "click"} | axes, value, 1.1) for axes, value in ((POOLED, 1), (one, 2))]), "table-3-1"
    )
    rows = [label for _, label, _ in made.rows()]
    assert rows[3:5] == ["CIFAR-10H: aggregation mean, annotators all", "CIFAR-10H: aggregation none, annotators 1"]
    assert entry(made, group="10H", row=rows[4], column="CE").mean == pytest.approx(2)


def test_two_trials_of_one_replicate_are_refused(make_trials):
    twice = [make_trials({"variety": "hard"}, cell=name, values={"ce/10h": [1.0, 2.0]}) for name in ("a", "b")]
    with pytest.raises(RequestError, match="a replicate counts once"):
        thesis_table(pd.concat(twice), "table-3-1")


def test_what_is_missing_or_left_out_is_said(make, make_trials):
    cells = [({"variety": "hard"}, 2.0, 1.2), ({"variety": "t1-clamp"} | KEPT, 1.3, 1.1)]
    results = make(cells)
    results.loc[results.index[0], "fgsm/10h"] = np.nan
    failed = make_trials({"variety": "hard"}, cell="c00", values={"ce/10h": [1.0]}, status="failed")
    made = thesis_table(pd.concat([results, failed], ignore_index=True), "table-3-2")
    assert entry(made, group="10H", row="Hard Labels", column="FGSM Loss").text == "–"
    for note in (
        "10H CIFAR-10H: no finished trial.",
        "10H Hard Labels: 1 of 3 trials have no finite fgsm/10h.",
        "1 of 7 trials failed and are left out.",
        "Run, but not part of this table: T1 Clamp, separate, M=all, N'=900.",
    ):
        assert note in made.notes
    with pytest.raises(RequestError, match="no finished trial"):
        thesis_table(failed, "table-3-2")


def test_any_other_sweep_is_a_table_of_cells(results):
    made = thesis_table(results, "my-sweep")
    assert len(made.rows()) == 22
    assert made.rows()[0][:2] == ("10H", "hard labels")
    assert made.headings() == ["ce", "scaled-ce", "rmsce", "fgsm", "accuracy", "n"]


@pytest.mark.parametrize(("dataset", "said"), [("digits", True), ("cifar10s", False)])
def test_simulated_annotators_are_named_in_the_title(results, dataset, said):
    assert thesis_table(results.assign(dataset=dataset), "table-3-1").title.startswith("Simulated") == said


def test_one_replicate_has_no_interval_to_show(make):
    made = thesis_table(make([({"variety": "hard"}, 2.0, 1.2)], n=1), "table-3-1")
    assert entry(made, group="10H", row="Hard Labels", column="CE").text == "2.000"


def test_the_table_comes_as_text_markdown_csv_and_json(results):
    made = thesis_table(results, "table-B-1")
    text = table_as_text(made)
    assert "Label Smoothing" in text
    assert "1.520 ± 0.0" in text
    markdown = table_as_markdown(made)
    assert "|  | Labels | CE | Calibration | FGSM Loss | Scaled CE | Accuracy | n |" in markdown
    assert "| 10H | Label Smoothing | 1.520 ± 0.0" in markdown
    csv = pd.read_csv(io.StringIO(table_as_csv(made)))
    content = json.loads(table_as_json(made))
    assert len(csv) == len(content["entries"]) == len(made.entries)
    first = csv[(csv["group"] == "10H") & (csv["column"] == "CE")].iloc[0]
    assert first["mean"] == pytest.approx(1.52)
    assert content["title"] == made.title


def test_names_are_shown_as_they_are_and_not_as_markup(results):
    odd = results.assign(
        model=np.where(results["seed"] == 0, "[bold]x|y_1<b>", "cnn"),
        cell=results["cell"] + results["seed"].astype(str),
    )
    made = thesis_table(odd, "my-sweep")
    assert "hard labels, [bold]x|y_1<b>" in table_as_text(made)
    assert "hard labels, [bold]x\\|y\\_1&lt;b&gt;" in table_as_markdown(made)


def test_the_frontier_as_a_table_marks_its_cells_and_gives_the_verdict(results):
    made = frontiers_table(frontiers(results, "ce/10h"), "Frontier of demo")
    labels = [label for _, label, _ in made.rows()]
    assert labels[0] == "label smoothing 0.05"
    assert made.headings() == ["people's time", "money", "ce/10h", "scaled-ce/10h", "n"]
    assert made.rows()[0][2] == ["free", "$0", "★ 1.520 [1.495, 1.545]", "★ 1.148 [1.137, 1.159]", "3"]
    assert not made.rows()[-1][2][2].startswith("★")
    assert any("The best mean that costs nothing: label smoothing 0.05" in note for note in made.notes)
    json.loads(table_as_json(made), parse_constant=pytest.fail)  # neither NaN nor infinity


def test_cells_off_the_frontier_for_a_reason_are_named_in_its_table(results, make_trials):
    failed = make_trials(
        {"variety": "click", "annotators": 9, "items": 900}, cell="z", values={"ce/10h": [1.0]}, status="failed"
    )
    made = frontiers_table(frontiers(pd.concat([results, failed]), "ce/10h"))
    assert "Not compared on ce/10h: clicks, M=9, N'=900: no finished trial (1 failed)." in made.notes
    json.loads(table_as_json(made), parse_constant=pytest.fail)
