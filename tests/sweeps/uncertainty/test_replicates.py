import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.studies.coverage.planted import MIXED, Noise, grid, problem
from sweeps.uncertainty.layout import NOBODY, Pool
from sweeps.uncertainty.replicates import CLICKS, PAGES, PAGES_BY_IMAGE, replicates

METRIC = "ce/10h"


@pytest.fixture(scope="module")
def planted():
    made = grid(mixed=True)
    return problem(made, np.linspace(1.5, 2, len(made.cells)), Noise(), np.random.default_rng(0))


def test_a_results_table_becomes_the_layout_that_it_was_made_of(planted):
    found, made = replicates(planted.results(), [METRIC], all_items=1000), planted.grid
    layout = found.strata.layout
    assert layout.cells == made.layout.cells
    assert layout.crowd == made.layout.crowd
    for name in ("cell", "seed", "panel"):
        assert getattr(layout, name).tolist() == getattr(made.layout, name).tolist()
    asked = (made.cells["variety"] != MIXED).to_numpy() & made.bought
    assert layout.annotators[asked].tolist() == made.layout.annotators[asked].tolist()
    assert layout.share[asked].tolist() == made.layout.share[asked].tolist()
    assert {name: (pool.annotators, pool.disjoint) for name, pool in layout.pools.items()} == {
        PAGES: (6, True),
        CLICKS: (51, True),
    }
    assert found.cells["kind"].tolist() == made.cells["kind"].tolist()


def test_of_mixed_questions_m_is_that_of_the_pages_and_all_answers_count(planted):
    cells = replicates(planted.results(), [METRIC], all_items=1000).cells
    mixed = cells[cells["kind"] == "a mix of both"].iloc[2]  # two people, 250 items, half of them with a page
    assert (mixed["annotators"], mixed["asked_items"], mixed["per_item"]) == (2, 125, 7)
    assert (mixed["answers/click"], mixed["answers/t2-clamp"]) == (1500, 250)


def test_one_answer_an_item_lies_on_the_curve_of_separate_labels(planted):
    cells = replicates(planted.results(), [METRIC]).cells
    assert cells.loc[cells["variety"] == "click", "curve"].unique().tolist() == ["clicks, separate"]


def test_people_drawn_for_each_image_are_not_pooled_with_whole_people(make):
    found = replicates(make(), [METRIC])
    crowds = dict(zip(found.cells["variety"], found.cells["crowd"], strict=True))
    assert crowds == {
        "hard": NOBODY,
        "smoothed": NOBODY,
        "click": CLICKS,
        "t1-uniform": PAGES_BY_IMAGE,
        "t1-clamp": PAGES_BY_IMAGE,
        "t2-uniform": PAGES_BY_IMAGE,
        "t2-clamp": PAGES_BY_IMAGE,
    }
    assert not found.strata.layout.pool(PAGES_BY_IMAGE).disjoint


def test_of_another_data_set_the_pool_is_as_large_as_the_results_show(planted):
    results = planted.results().assign(dataset="mine")
    only = results[results["variety"].isin(["t2-clamp", "hard"]) & ~results["pages_on"].notna()]
    only = only[only["annotators"].fillna(0) < 6]
    # Panels A and B of three people each are six.
    assert replicates(only, [METRIC]).strata.layout.pool(PAGES).annotators == 6


def test_a_free_recipe_counts_once_a_seed(make_trials):
    hard = make_trials({"variety": "hard"}, cell="h", values={METRIC: [1.0, 1.1]})
    paid = make_trials({"variety": "click", "annotators": 2, "items": 10}, cell="c", values={METRIC: [1.2, 1.4]})
    found = replicates(pd.concat([hard, hard.assign(panel=1), paid], ignore_index=True), [METRIC])
    assert np.bincount(found.strata.layout.cell).tolist() == [2, 2]


def test_a_trial_that_lacks_a_value_is_left_out_and_its_cell_stays(make):
    results = make()
    results.loc[results.index[results["cell"] == "c03"][0], METRIC] = np.nan
    found = replicates(results, [METRIC])
    place = found.strata.layout.cells.index("c03")
    assert np.bincount(found.strata.layout.cell)[place] == 2
    assert found.lacking[place] == pytest.approx(1 / 3)
    assert found.lacking[place - 1] == pytest.approx(1 / len(results))  # no cell lost less than all did
    assert not replicates(results, ["rmsce/10h"]).lacking.any()


def test_repeats_show_what_training_itself_varies_by(make):
    results = make()
    again = results.assign(repeat=1, trial=results["trial"] + "-r1")
    rng = np.random.default_rng(0)
    both = pd.concat([results.assign(repeat=0), again], ignore_index=True)
    both[METRIC] += 0.05 * rng.standard_normal(len(both))
    model = replicates(both, [METRIC]).variance(METRIC)
    variances = dict(zip(model.strata.components, model.variances, strict=True))
    pairs = both.pivot_table(index=["cell", "seed", "panel"], columns="repeat", values=METRIC).dropna()
    assert variances["repeat"] == pytest.approx(((pairs[0] - pairs[1]) ** 2).mean() / 2, rel=1e-6)


def test_a_failed_trial_is_no_replicate(make):
    results = make()
    results.loc[results.index[results["cell"] == "c03"][0], "status"] = "failed"
    found = replicates(results, [METRIC])
    assert np.bincount(found.strata.layout.cell)[found.strata.layout.cells.index("c03")] == 2


def test_more_is_turned_into_less(make):
    results = make()
    model = replicates(results, ["accuracy/10h"]).variance("accuracy/10h")
    means = results.groupby("cell")["accuracy/10h"].mean()
    assert model.mean == pytest.approx(-means[list(model.strata.layout.cells)].to_numpy())


def test_a_users_own_pool_is_believed(planted):
    found = replicates(planted.results(), [METRIC], pools={PAGES: Pool(annotators=40)})
    assert found.strata.layout.pool(PAGES).annotators == 40


def test_what_can_not_be_compared_is_refused(make):
    with pytest.raises(RequestError, match="unknown metric 'luck'"):
        replicates(make(), ["luck"])
    with pytest.raises(RequestError, match="two seeds or more; there is 1"):
        replicates(make(n=1), [METRIC])
    with pytest.raises(RequestError, match="no finished trial has a finite ce/10h"):
        replicates(make().assign(**{METRIC: np.nan}), [METRIC])
    with pytest.raises(RequestError, match="unknown question 'survey'"):
        replicates(make(), [METRIC]).answers("survey")
