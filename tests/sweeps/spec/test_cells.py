"""From a spec to cells and trials: each once, under the same name everywhere, budgets spent."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from softcore.datasets import load
from softcore.errors import RequestError
from softcore.labels.aggregate import AGGREGATORS
from softcore.scoring.metrics import METRICS
from softcore.varieties import VARIETIES
from sweeps.spec.cells import Budget, cells, spec_content, sweep_id, trials, trials_of
from sweeps.spec.spec import presets_by_name, resolve


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def thesis(digits):
    """Digits made as wide as CIFAR-10S: 1,000 items with pages, 200 of 7 people, 51 clicks, 100 held out."""
    items = digits.train_items[:1000]
    pages = [(f"p{person}", item) for item in items for person in range(7 if item in items[::5] else 6)]
    records = pd.DataFrame(pages, columns=["annotator", "item"]).assign(is_repeat=False, question="page")
    counts = np.zeros((len(digits.images), 10), dtype=np.int64)
    counts[:, 0] = 51
    return replace(digits, name="cifar10s", records=records, counts=counts, held_out=100)


def grid(dataset, *blocks, **keys):
    return cells(resolve({"name": "x", "dataset": "digits", "blocks": list(blocks), **keys}), dataset)


def axes(dataset, **block):
    (cell,) = grid(dataset, block)
    return cell.axes


def refusal(dataset, **block):
    with pytest.raises(RequestError) as refused:
        grid(dataset, block)
    message = str(refused.value)
    assert message.startswith("x, block 1: ")
    assert "\n" not in message
    return message.removeprefix("x, block 1: ")


def test_cells_are_every_combination_in_the_order_of_the_spec(digits):
    found = grid(digits, {"variety": ["click", "t2-clamp"], "annotators": [3, 2]}, {"variety": "hard"})
    assert [(c.axes["variety"], c.axes["annotators"]) for c in found] == [
        ("click", 3),
        ("click", 2),
        ("t2-clamp", 3),
        ("t2-clamp", 2),
        ("hard", None),
    ]


def test_an_axis_that_does_not_apply_is_null_and_makes_no_second_cell(digits):
    (hard,) = grid(digits, {"variety": "hard", "gamma": [0.1, 0.2], "annotators": [1, 2], "items": [20, 30]})
    off = ("aggregation", "annotators", "items", "gamma", "beta")
    assert [hard.axes[name] for name in off] == [None] * 5
    assert len(grid(digits, {"variety": "t2-uniform", "gamma": [0.1, 0.2]})) == 1
    assert len(grid(digits, {"variety": "t2-clamp", "gamma": [0.1, 0.2]})) == 2
    assert len(grid(digits, {"variety": "smoothed", "beta": [0.05, 0.1]})) == 2


def test_without_the_rest_the_number_of_items_matters_for_hard_labels_too(digits):
    assert [c.axes["items"] for c in grid(digits, {"variety": "hard", "rest": "none", "items": [20, 30]})] == [20, 30]


def test_one_label_an_item_has_nothing_to_aggregate(digits):
    (cell,) = grid(digits, {"variety": "click", "annotators": 1, "aggregation": ["separate", "mean"]})
    assert cell.axes["aggregation"] is None


def test_all_items_are_those_left_to_train_on(digits):
    assert axes(digits, variety="click")["items"] == 200
    assert axes(digits, variety="click", items=200) == axes(digits, variety="click", items="all")


def test_a_null_that_means_the_usual_is_the_usual(digits):
    named = axes(digits, variety="t2-clamp", gamma=0.1, aggregation="separate", annotators="all")
    assert axes(digits, variety="t2-clamp", gamma=None, aggregation=None, annotators=None) == named
    assert axes(digits, variety="smoothed", beta=None) == axes(digits, variety="smoothed", beta=0.05)


def test_numbers_that_are_equal_are_one_cell(digits):
    assert len(grid(digits, {"variety": "t2-clamp", "gamma": [0, 0.0]})) == 1


def test_the_learning_rate_of_a_model_is_its_own(digits):
    found = grid(digits, {"variety": "hard", "model": ["resnet34a", "resnet50"], "learning_rate": None})
    assert [c.axes["learning_rate"] for c in found] == [0.1, 0.4]


def test_a_trial_has_the_same_name_in_any_sweep(digits):
    one = trials(resolve({"name": "a", "dataset": "digits", "blocks": [{"variety": "hard"}]}), digits)
    other = trials(
        resolve(
            {
                "name": "b",
                "study": "else",
                "dataset": "digits",
                "seeds": [4, 0],
                "blocks": [{"variety": "click"}, {"variety": "hard"}],
            }
        ),
        digits,
    )
    assert one[0].id in [trial.id for trial in other]


def test_names_of_trials_stay_what_they_are(digits):
    # Pinned: another name means that no stored sweep can be resumed.
    asked = {"variety": "t2-clamp", "annotators": 3}
    (trial,) = trials(resolve({"name": "x", "dataset": "digits", "seeds": [2], "blocks": [asked]}), digits)
    assert trial.id == "4ae9323f-s2-p0"


def test_replicates_are_outermost(digits):
    spec = resolve(
        {"name": "x", "dataset": "digits", "seeds": 2, "panels": 2, "blocks": [{"variety": ["hard", "click"]}]}
    )
    order = [(t.seed, t.panel, t.cell.axes["variety"]) for t in trials(spec, digits)]
    assert order == [(s, p, v) for s in (0, 1) for p in (0, 1) for v in ("hard", "click")]


def test_cells_survive_json_with_their_names(digits):
    for cell in grid(digits, {"variety": ["t2-clamp", "hard"], "gamma": 0.3}):
        assert type(cell)(json.loads(json.dumps(dict(cell.axes)))).id == cell.id


def budget(digits, **block):
    (cell,) = grid(digits, block)
    (bought,) = cell.budgets
    return cell, bought


def test_a_budget_buys_annotators_at_the_varietys_price(digits):
    # Half an hour is 1,800 s. A click on 200 items takes 200 x 2.5 = 500 s: 3 people, 1,500 s; 300 s can't be spent.
    cell, bought = budget(digits, variety="click", budget_hours=0.5)
    assert cell.axes["annotators"] == 3
    assert cell.columns["budget_hours"] == 0.5
    assert bought == Budget(0.5, "annotators", 3, 200, pytest.approx(1500 / 3600), pytest.approx(300 / 3600))


def test_a_budget_buys_items_where_the_spec_says_so(digits):
    # 1,800 s of T2 Clamp by two people: 64 s an item, 28 items in 1,792 s.
    cell, bought = budget(digits, variety="t2-clamp", annotators=2, budget_hours=0.5, budget_buys="items")
    assert (cell.axes["annotators"], cell.axes["items"]) == (2, 28)
    assert bought.unspent_hours == pytest.approx(8 / 3600)


def test_a_budget_that_fits_exactly_is_spent_whole(digits):
    # 200 items x 12.8 s x 3 = 7,680 s = 2.1333... h, which no float holds.
    cell, bought = budget(digits, variety="t1-uniform", budget_hours=7680 / 3600)
    assert cell.axes["annotators"] == 3
    assert bought.unspent_hours == pytest.approx(0, abs=1e-9)


def test_more_than_there_is_can_not_be_bought(digits):
    cell, bought = budget(digits, variety="t2-clamp", budget_hours=1000)
    assert cell.axes["annotators"] == 7
    assert bought.unspent_hours == pytest.approx(1000 - 7 * 200 * 32 / 3600)


def test_two_budgets_that_buy_the_same_are_one_cell_that_knows_both(digits):
    (cell,) = grid(digits, {"variety": "click", "budget_hours": [0.5, 0.55]})
    assert [b.hours for b in cell.budgets] == [0.5, 0.55]
    assert cell.columns["budget_hours"] == 0.5


def test_a_budget_is_listed_once_whatever_it_was_crossed_with(digits):
    (cell,) = grid(digits, {"variety": "click", "budget_hours": 0.5, "annotators": [1, 2]})
    assert len(cell.budgets) == 1


def test_a_budgets_cell_is_the_cell_that_it_buys(digits):
    cell, _ = budget(digits, variety="click", budget_hours=0.5)
    assert cell.axes == axes(digits, variety="click", annotators=3)


def test_baselines_spend_nothing(digits):
    (cell,) = grid(digits, {"variety": "hard", "budget_hours": 0.5})
    assert cell.budgets == ()
    assert cell.columns["budget_hours"] is None


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"variety": "t9"}, f"unknown variety 't9'; known: {', '.join(sorted(VARIETIES))}"),
        (
            {"variety": "click", "aggregation": "vote"},
            f"unknown aggregation 'vote'; known: {', '.join(sorted(AGGREGATORS))}",
        ),
        ({"variety": "hard", "rest": "soft"}, "unknown rest 'soft'; known: hard, none, simulated"),
        (
            {"variety": "hard", "model": "vgg"},
            "unknown model 'vgg'; known: cnn, preact-resnet18, preact-resnet34, resn",
        ),
        ({"variety": "hard", "schedule": "flat"}, "unknown schedule 'flat'; known: one-cycle, step, step-early"),
        ({"variety": "hard", "augmentation": "mix"}, "unknown augmentation 'mix'; known: crop-flip, none"),
        ({"variety": "click", "budget_hours": 1, "budget_buys": "cake"}, "unknown budget_buys 'cake'; known: annot"),
        ({"variety": "t2-clamp", "annotators": 8}, "annotators must be 'all' or 1..7, the most answers of any item; "),
        ({"variety": "t2-clamp", "annotators": 1.5}, "annotators must be 'all' or 1..7"),
        ({"variety": "hard", "items": 201}, "items must be a whole number in 1..200; it is 201"),
        ({"variety": "hard", "items": "many"}, "items must be a whole number in 1..200; it is 'many'"),
        ({"variety": "t2-clamp", "gamma": 1.7}, "gamma must be a number in 0..1; it is 1.7"),
        ({"variety": "hard", "gamma": 1.7}, "gamma must be a number in 0..1; it is 1.7"),
        ({"variety": "t2-clamp", "gamma": float("nan")}, "gamma must be a number in 0..1; it is nan"),
        ({"variety": "t2-clamp", "gamma": "high"}, "gamma must be a number in 0..1; it is 'high'"),
        ({"variety": "smoothed", "beta": -0.1}, "beta must be a number in 0..1; it is -0.1"),
        ({"variety": "hard", "epochs": 0}, "epochs must be a whole number in 1..10000; it is 0"),
        ({"variety": "hard", "epochs": 2.5}, "epochs must be a whole number in 1..10000; it is 2.5"),
        ({"variety": "hard", "batch": 1}, "batch must be a whole number in 2..100000; it is 1"),
        ({"variety": "hard", "learning_rate": 0}, "learning_rate must be a number in 1e-09..1000; it is 0"),
        ({"variety": "hard", "weight_decay": -1}, "weight_decay must be a number in 0..1; it is -1"),
        ({"variety": "hard", "image_size": 2}, "image_size must be a whole number in 4..10000; it is 2"),
        ({"variety": "t2-clamp", "budget_hours": 0.1}, "budget_hours 0.1 buys no t2-clamp label: one annotator on 200"),
        ({"variety": "t2-clamp", "budget_hours": -1}, "budget_hours must be a number in 0..1e+06; it is -1"),
        (
            {"variety": "t2-clamp", "budget_hours": 1, "budget_buys": "items"},
            "budget_buys: items needs a number of annotators an item, not 'all'",
        ),
    ],
)
def test_a_value_that_its_axis_does_not_allow_is_refused_in_one_line(digits, block, message):
    assert message in refusal(digits, **block)


def spec_of(**keys):
    return resolve({"name": "x", "dataset": "digits", "blocks": [{"variety": ["hard", "click"]}], **keys})


def test_a_sweeps_id_hangs_on_what_is_run_and_on_the_data(digits):
    first = sweep_id(spec_of(), digits)
    assert first.startswith("x-")
    assert len(first) == 2 + 8
    assert first == sweep_id(spec_of(), digits)
    others = [
        sweep_id(spec_of(seeds=2), digits),
        sweep_id(spec_of(panels=2), digits),
        sweep_id(spec_of(study="other"), digits),
        sweep_id(spec_of(metric="scaled-ce/crowd"), digits),
        sweep_id(spec_of(common={"epochs": 3}), digits),
        sweep_id(spec_of(), replace(digits, fingerprints={"digits/images": "else"})),
    ]
    assert len({first, *others}) == 7


def test_a_sweeps_id_does_not_hang_on_where_or_how_it_runs(digits):
    first = sweep_id(spec_of(), digits)
    assert first == sweep_id(spec_of(resources={"cpus": 2}), digits)
    assert first == sweep_id(spec_of(about="words"), digits)
    assert first == sweep_id(spec_of(curve_every=0, checkpoint_every=5), digits)
    assert first == sweep_id(spec_of(metric="ce/crowd"), digits)  # the data set's own
    assert first == sweep_id(spec_of(common={"epochs": 15}), digits)  # the default


def test_the_resolved_spec_has_every_axis_and_is_plain_json(digits):
    content = spec_content(spec_of(common={"budget_hours": 0.5}), digits)
    assert json.loads(json.dumps(content)) == content
    assert content["metric"] == "ce/crowd"
    assert [cell["variety"] for cell in content["cells"]] == ["hard", "click"]
    assert content["budgets"][0]["annotators"] == 3


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("auc/crowd", f"unknown metric 'auc'; known: {', '.join(sorted(METRICS))}"),
        ("ce/10h", "metric 'ce/10h' names no test set of digits; known test sets: crowd, pages"),
        ("ce", "metric 'ce' names no test set of digits; known test sets: crowd, pages"),
    ],
)
def test_a_metric_that_can_not_be_shown_is_refused(digits, metric, message):
    with pytest.raises(RequestError, match=message):
        spec_content(spec_of(metric=metric), digits)


# Cells a preset has: of one model at tiny, half and small, and at paper with the models of its table.
LATER = {  # presets of later methods, which `thesis` below has no data for: cells
    "controls": 10,
    "figure-B-3": 13,
    "labels-mixed": 8,
    "repeats": 4,
    "schedule": 28,
    "six-labels": 6,
    "table-B-2": 2,
    "table-B-3": 2,
    "table-4-1": 5,
    "table-4-2": 3,
    "table-4-3": 5,
    "table-5-1": 4,
    "table-5-2": 6,
    "table-C-1": 4,
    "chapter-3": 19,
    "chapter-4": 8,
    "chapter-5": 7,
}
SIZES = {
    "table-3-1": (5, 15),  # hard, random, uniform, clicks and T2 Clamp pooled
    "table-3-2": (3, 9),  # hard, clicks and T2 Clamp apart
    "table-3-3": (4, 4),  # two questions, M = 2 and 1
    "table-3-4": (4, 4),  # T1 and T2, uniform and clamp
    "figure-3-5": (13, 13),  # clicks at seven M, T2 Clamp at six
    "figure-3-6": (8, 8),  # two questions at four N'
    "table-B-1": (3, 9),  # smoothing, clicks, T2 Clamp
}


@pytest.mark.parametrize("name", SIZES)
def test_the_thesiss_presets_have_its_cells_at_every_scale(thesis, name):
    for scale in ("tiny", "half", "small"):
        assert len(cells(resolve(name, scale=scale), thesis)) == SIZES[name][0]
    assert len(cells(resolve(name, scale="paper"), thesis)) == SIZES[name][1]


def test_resnet50_starts_at_its_own_rate_in_the_thesiss_presets(thesis):
    rates = {c.axes["model"]: c.axes["learning_rate"] for c in cells(resolve("table-3-2", scale="paper"), thesis)}
    assert rates == {"resnet34a": 0.1, "resnet50": 0.4, "vgg11": 0.1}


def test_the_quickstart_has_free_recipes_and_several_questions(digits):
    varieties = {c.axes["variety"] for c in cells(resolve("quickstart"), digits)}
    assert {"hard", "smoothed", "click", "t2-clamp"} <= varieties


@pytest.mark.skipif(not os.environ.get("SOFTCORE_DATA"), reason="needs the real CIFAR-10S files: set SOFTCORE_DATA")
def test_every_preset_has_its_cells_on_the_real_data():
    root = Path(os.environ["SOFTCORE_DATA"])
    real = {name: load(name, root) for name in ("cifar10s", "hmix")}
    for name, (size, _) in SIZES.items():
        assert len(cells(resolve(name), real["cifar10s"])) == size
    for name, size in LATER.items():
        spec = resolve(name)
        assert len(cells(spec, real[spec.dataset])) == size, name
    assert {name for name in presets_by_name() if not name.startswith("grid")} == {*SIZES, *LATER, "quickstart"}


def test_repeats_are_trials_of_their_own_and_leave_other_ids_alone(digits):
    plain = spec_of(seeds=2)
    repeated = spec_of(seeds=2, repeats=2)
    ids = [trial.id for trial in trials(plain, digits)]
    again = [trial.id for trial in trials(repeated, digits)]
    assert set(again) == {*ids, *(f"{name}-r1" for name in ids)}
    assert [trial.id for trial in trials_of(spec_content(repeated, digits))] == again
    assert sweep_id(repeated, digits) != sweep_id(plain, digits)
    assert "repeats" not in spec_content(plain, digits)


def test_a_block_may_have_repeats_of_its_own(digits):
    spec = spec_of(blocks=[{"variety": "hard", "repeats": 3}, {"variety": "click", "annotators": 2}])
    endings = [trial.id.split("-p")[1] for trial in trials_of(spec_content(spec, digits))]
    assert sorted(endings) == ["0", "0", "0-r1", "0-r2"]
