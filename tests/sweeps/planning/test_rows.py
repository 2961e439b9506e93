import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.planning.rows import PLAIN, Rows, Scale, make_rows, named_like
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, World, bought_cells, planted_table

PAGE = {"variety": "t2-clamp", "aggregation": "separate", "annotators": 1, "items": 900}


def made(cells) -> pd.DataFrame:
    return planted_table(
        World(), [*bought_cells(varieties=["click", "t2-clamp"]), *cells, *FREE_CELLS], np.random.default_rng(0)
    )


def test_a_row_is_what_a_cell_bought_and_free_recipes_bought_nothing(clear_rows: Rows):
    first = clear_rows.cells.iloc[0]
    assert (first["variety"], first["annotators"], first["items"], first["answers/click"]) == ("click", 1, 250, 1)
    free = clear_rows.cells.iloc[clear_rows.free]
    assert list(free["variety"]) == ["hard labels", "label smoothing 0.1"]
    assert list(free["anchor"]) == [True, False]
    assert (free[["annotators", "items"]] == 0).all(axis=None)


def test_means_are_turned_round_for_a_metric_of_which_more_is_better(clear: pd.DataFrame):
    turned = make_rows(clear.assign(**{"accuracy/10h": 1 - clear[METRIC] / 4}), "accuracy/10h")
    assert turned.sign == -1
    # An accuracy is modelled by the logarithm of the error, here a fourth of the cross-entropy.
    np.testing.assert_allclose(turned.mean, make_rows(clear, METRIC).mean - np.log(4), atol=1e-6)


@pytest.mark.parametrize(
    ("metric", "values", "least", "most"),
    [("ce/10h", [0.5, 2.0], 0, np.inf), ("rmsce/10h", [0.01, 0.3], 0, 1), ("accuracy/10h", [-0.9, -0.2], -1, 0)],
)
def test_no_draw_on_the_scale_of_the_model_leaves_the_range_of_the_metric(metric, values, least, most):
    scale = Scale.of(metric, np.array(values))
    assert scale.log
    np.testing.assert_allclose(scale.metric(scale.modelled(np.array(values))), values)
    far = scale.metric(np.linspace(-1e3, 1e3, 101))
    assert ((far >= least) & (far <= most)).all()
    assert (np.diff(far) >= 0).all()
    assert scale.metric(scale.modelled(np.array(values)) - 3).min() > least


def test_where_a_trial_has_the_best_value_there_is_no_logarithm_and_draws_are_cut_off():
    scale = Scale.of("ce/10h", np.array([0.0, 0.5]))
    assert not scale.log
    np.testing.assert_array_equal(scale.metric(scale.modelled(np.array([-0.1, 0.0, 0.5]))), [0, 0, 0.5])


def test_the_types_of_a_column_make_no_difference(clear: pd.DataFrame, clear_rows: Rows):
    found = make_rows(clear.convert_dtypes(), METRIC)  # whole numbers with nulls, as a sweep's own table has them
    np.testing.assert_allclose(found.mean, clear_rows.mean)
    names = ["variety", "aggregation", "policy", "annotators", "items"]
    pd.testing.assert_frame_equal(found.cells[names], clear_rows.cells[names], check_dtype=False)
    assert found.axes == clear_rows.axes


def test_a_policy_is_named_by_what_differs_within_a_question_and_the_commonest_is_plain():
    both = {"mixing": "mixup", "loss": "entropy-weighted", "entropy_floor": 0.7}
    learnt = make_rows(made([PAGE | {"mixing": "mixup"}, PAGE | both]), METRIC)
    # The floor comes with the loss, so it tells nothing more apart; gamma and the like never differ.
    assert set(learnt.cells["policy"]) == {PLAIN, "mixup", "mixup, entropy-weighted loss"}


def test_labels_mixed_as_often_as_not_or_more_stay_apart_from_those_that_are_not():
    # The commonest way of training was called plain, as cells without a word for theirs are: two ways became one.
    cells = [cell | {"mixing": "mixup"} for cell in bought_cells(varieties=["click", "t2-clamp"])]
    for more in ([], [{**PAGE, "annotators": 2, "mixing": "mixup"}]):
        found = make_rows(made([*cells, *more]), METRIC)
        mixed = np.array([found.axes[cell].get("mixing") == "mixup" for cell in found.cells["cell"]])
        policies = found.cells["policy"].to_numpy()
        assert set(policies[mixed & ~found.cells["free"]]) == {"mixup"}
        assert set(policies[~mixed]) == {PLAIN}


def test_mixed_questions_are_a_question_of_their_own():
    learnt = make_rows(made([PAGE | {"pages_on": "random-25", "clicks": 3.0}]), METRIC)
    assert "t2-clamp (random-25, 3 clicks)" in set(learnt.cells["variety"])


def test_all_answers_are_as_many_people_as_answered(clear: pd.DataFrame):
    everybody = clear.copy()
    these = (everybody["variety"] == "t2-clamp") & (everybody["annotators"] == 3)
    everybody["annotators"] = everybody["annotators"].astype(object).where(~these, "all")
    everybody.loc[these, "answers/t2-clamp"] = everybody.loc[these, "items"] * 6.2
    annotators = make_rows(everybody, METRIC).cells.query("variety == 't2-clamp'")["annotators"]
    assert annotators.max() == pytest.approx(6.2)


def test_cells_hired_by_the_hour_are_left_out_and_said_to_be(clear: pd.DataFrame):
    hired = clear.copy()
    hired["hired_hours"] = np.where(hired["cell"] == "c00", 5.0, np.nan)
    learnt = make_rows(hired, METRIC)
    assert "c00" not in set(learnt.cells["cell"])
    assert learnt.left_out == ("1 cell left out: people were hired until hours were spent",)


def test_cells_of_other_results_get_the_same_names(clear: pd.DataFrame, clear_rows: Rows):
    pd.testing.assert_frame_equal(
        named_like(clear_rows, clear[clear["variety"] == "click"])[["variety", "policy", "annotators", "crowd"]],
        clear_rows.cells.query("variety == 'click'")[["variety", "policy", "annotators", "crowd"]].reset_index(
            drop=True
        ),
        check_dtype=False,
    )
    with pytest.raises(RequestError, match=r"unknown variety 'h-mix'; known: click, t1-clamp"):
        named_like(clear_rows, clear[clear["variety"] == "click"].assign(variety="h-mix"))


def test_what_nothing_can_be_learnt_from_is_refused_in_one_line(clear: pd.DataFrame):
    with pytest.raises(RequestError, match=r"^unknown metric 'ece/10h'; known: ce/10h$"):
        make_rows(clear, "ece/10h")
    with pytest.raises(RequestError, match=r"needs 6 bought cells or more to learn from; these results have 5"):
        make_rows(clear[clear["cell"].isin(["c00", "c01", "c02", "c03", "c04", "c34", "c35"])], METRIC)
    with pytest.raises(RequestError, match=r"needs a free recipe"):
        make_rows(clear[~clear["variety"].isin(["hard", "smoothed"])], METRIC)
    with pytest.raises(RequestError, match=r"two seeds or more"):
        make_rows(clear[clear["seed"] == 0], METRIC)
