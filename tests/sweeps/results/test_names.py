import pandas as pd
import pytest

from sweeps.results.names import recipe, recipes


@pytest.mark.parametrize(
    ("axes", "name"),
    [
        ({"variety": "hard", "aggregation": None, "annotators": None, "items": None}, "hard labels"),
        ({"variety": "smoothed", "beta": 0.05}, "label smoothing 0.05"),
        ({"variety": "click", "annotators": 1, "items": 900.0}, "clicks, M=1, N'=900"),
        (
            {"variety": "t2-clamp", "aggregation": "separate", "annotators": 6, "items": 900, "gamma": 0.1},
            "T2 Clamp, separate, M=6, N'=900",
        ),
        (
            {"variety": "t1-uniform", "aggregation": "mean", "annotators": "all", "items": pd.NA},
            "T1 Uniform, mean, M=all",
        ),
        ({"variety": "other", "items": float("nan")}, "other"),
        ({}, "unnamed"),
    ],
)
def test_a_recipe_names_what_applies(axes, name):
    assert recipe(axes) == name


def cells(*axes):
    frame = pd.DataFrame(list(axes))
    frame.insert(0, "cell", [f"c{i}" for i in range(len(frame))])
    return frame


def test_further_axes_are_named_only_where_they_tell_cells_apart():
    frame = cells(
        {"variety": "hard", "gamma": None, "model": "cnn", "epochs": 15},
        {"variety": "t1-clamp", "gamma": 0.1, "model": "cnn", "epochs": 15},
        {"variety": "t2-clamp", "gamma": 0.1, "model": "cnn", "epochs": 15},
        {"variety": "t2-clamp", "gamma": 0.0, "model": "cnn", "epochs": 15},
    )
    assert recipes(frame).tolist() == ["hard labels", "T1 Clamp", "T2 Clamp, gamma 0.1", "T2 Clamp, gamma 0"]


def test_an_axis_that_follows_from_another_is_not_named():
    frame = cells(
        {"variety": "hard", "model": "resnet34a", "learning_rate": 0.1},
        {"variety": "hard", "model": "resnet50", "learning_rate": 0.4},
    )
    assert recipes(frame).tolist() == ["hard labels, resnet34a", "hard labels, resnet50"]


def test_trials_of_one_cell_share_its_name(results):
    names = recipes(results)
    assert names.groupby(results["cell"]).agg(lambda of_cell: len(set(of_cell))).eq(1).all()
    assert names.nunique() == results["cell"].nunique()


def test_cells_that_axes_do_not_tell_apart_carry_their_id():
    assert recipes(cells({"variety": "hard"}, {"variety": "hard"})).tolist() == ["hard labels (c0)", "hard labels (c1)"]


def test_a_line_of_a_plot_is_named_without_the_axis_it_runs_along(results):
    lines = recipes(results, without=("annotators",))
    assert lines[results["variety"] == "click"].unique().tolist() == ["clicks, separate, N'=900"]
