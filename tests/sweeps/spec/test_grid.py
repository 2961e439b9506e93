"""Whole people, mixed questions and hold-outs by batch as axes; blocks with replicates of their own; the grid."""

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from softcore.datasets import load
from softcore.errors import RequestError
from softcore.labels.people import image_batches
from sweeps.spec.cells import cells, spec_content, sweep_id, trial_counts, trials, trials_of
from sweeps.spec.spec import resolve

GRID = {"grid": (82, 424), "grid-variance": (2, 32), "grid-sealed": (24, 96)}  # cells, trials


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def spec_of(*blocks, **keys):
    return resolve({"name": "x", "dataset": "digits", "blocks": list(blocks), **keys})


def axes(dataset, **block):
    (cell,) = cells(spec_of(block), dataset)
    return cell.axes


def pages(**block):
    return {"variety": "t2-clamp", "hiring": "breadth", "holdout": "batches", **block}


def test_what_is_not_asked_for_is_null_and_names_nothing(digits):
    plain = axes(digits, variety="t2-clamp", annotators=3)
    assert [plain[axis] for axis in ("hiring", "hired_hours", "holdout", "pages_on", "clicks")] == [None] * 5
    assert axes(digits, variety="t2-clamp", annotators=3, holdout="images", hiring=None) == plain


def test_names_of_cells_and_sweeps_from_before_stay_what_they_were(digits):
    # Pinned by the code before these axes came: another name means that no stored sweep is found again.
    (cell,) = cells(spec_of({"variety": "t2-clamp", "annotators": 3}), digits)
    assert cell.id == "4ae9323f"
    assert sweep_id(spec_of({"variety": "t2-clamp", "annotators": 3}), digits) == "x-98cd0431"
    assert sweep_id(resolve("quickstart"), digits) == "quickstart-bab07b40"


def test_hired_people_and_their_hours_make_a_cell(digits):
    found = axes(digits, **pages(budget_hours=2))
    assert (found["hiring"], found["hired_hours"], found["annotators"], found["items"]) == ("breadth", 2.0, "all", 200)
    (cell,) = cells(spec_of(pages(budget_hours=2)), digits)
    assert cell.columns["budget_hours"] == 2
    assert cell.budgets == ()
    policy = cell.label_policy()
    assert (policy.hiring, policy.hired_hours, policy.holdout) == ("breadth", 2.0, "batches")
    assert len(cells(spec_of(pages(budget_hours=[2, 5], hiring=["breadth", "depth"])), digits)) == 4


def test_without_a_budget_the_order_of_hiring_makes_no_second_cell(digits):
    assert len(cells(spec_of(pages(hiring=["breadth", "depth"], annotators=2)), digits)) == 1
    assert len(cells(spec_of(pages(hiring=["breadth", "depth"], annotators=1, budget_hours=2)), digits)) == 1


def test_nobody_is_hired_or_asked_for_free_labels(digits):
    free = axes(digits, **pages(variety="hard", pages_on="random-25", clicks=3))
    assert [free[axis] for axis in ("hiring", "pages_on", "clicks")] == [None] * 3
    assert free["holdout"] == "batches"


def test_clicks_on_all_images_are_three_unless_said(digits):
    found = axes(digits, variety="t2-clamp", annotators=1, pages_on="random-25")
    assert (found["clicks"], found["aggregation"]) == (3, "separate")
    assert axes(digits, variety="t2-clamp", annotators=1, pages_on="random-25", clicks=3) == found


@pytest.mark.parametrize(
    ("block", "panels", "message"),
    [
        (pages(variety="click"), 1, "clicks of digits are known as counts: their draws are by click"),
        (pages(holdout="images"), 1, "hiring: breadth needs holdout: batches"),
        (pages(items=130), 1, "items: 130 with hiring: breadth must be whole batches, a multiple of 25"),
        (pages(hiring="first"), 1, "unknown hiring 'first'; known: breadth, depth"),
        (pages(holdout="people"), 1, "unknown holdout 'people'; known: batches, images"),
        (pages(annotators=6), 2, "panel 1 with annotators 6 would share people of a batch with another panel"),
        (pages(annotators="all"), 2, "panel 1 with annotators all would share people"),
        (pages(annotators=2), 3, "panel 2 with annotators 2 would share people"),
        (pages(budget_hours=0.01), 1, "budget_hours 0.01 buys no page: one takes 0.0121 hours"),
        (pages(budget_hours=100), 1, "budget_hours 100 is more than all people of digits took, 18.7 hours"),
        (pages(budget_hours="much"), 1, "budget_hours must be a number in 0..1e+06; it is 'much'"),
        (
            {"variety": "click", "holdout": "batches", "annotators": 40},
            2,
            "panel 1 with annotators 40 would share clic",
        ),
        ({"variety": "t2-clamp", "clicks": 3}, 1, "clicks: 3 needs pages_on"),
        ({"variety": "t2-clamp", "pages_on": "odd-25"}, 1, "unknown pages_on 'odd-25'; known: disagree-25"),
        ({"variety": "t2-clamp", "pages_on": "random-25", "clicks": 0}, 1, "clicks must be a whole number in 1..54"),
        ({"variety": "click", "pages_on": "random-25"}, 1, "asks for pages on some items; variety click asks for none"),
        (
            {"variety": "t2-clamp", "pages_on": "random-25", "budget_hours": 5},
            1,
            "pages_on: random-25 says itself what is asked",
        ),
        (
            {"variety": "t2-clamp", "pages_on": "random-25", "aggregation": "mace"},
            1,
            "aggregation: mace needs to know who clicked",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(digits, block, panels, message):
    with pytest.raises(RequestError) as refused:
        trials(spec_of(block, panels=panels), digits)
    assert str(refused.value).startswith("x, block 1: ")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_data_without_batches_are_refused(digits):
    first = digits.records[~digits.records["is_repeat"]]
    dealt = replace(digits, records=first.assign(annotator=[f"p{i % 40}" for i in range(len(first))]))
    for block in (pages(), {"variety": "hard", "holdout": "batches"}):
        with pytest.raises(RequestError, match="people of digits did not answer in batches: 'p0' answered"):
            cells(spec_of(block), dealt)


def test_a_block_has_seeds_and_panels_of_its_own(digits):
    spec = spec_of(
        pages(annotators=1), {"variety": "hard", "seeds": 3, "panels": [0]}, seeds=[4, 1], panels=2, name="own"
    )
    found = [(t.seed, t.panel, t.cell.axes["variety"]) for t in trials(spec, digits)]
    page = [(seed, panel, "t2-clamp") for seed in (4, 1) for panel in (0, 1)]
    assert sorted(found) == sorted([*page, *((seed, 0, "hard") for seed in range(3))])
    seeds = [seed for seed, _, _ in found]
    assert seeds == sorted(seeds, key=[4, 1, 0, 2].index)  # replicates outermost


def test_a_cell_of_two_blocks_has_the_replicates_of_both(digits):
    spec = spec_of({"variety": "hard", "seeds": 2}, {"variety": "hard", "seeds": [1, 5]})
    assert [t.seed for t in trials(spec, digits)] == [0, 1, 5]


def test_a_stored_sweep_has_the_trials_of_its_spec(digits):
    plain = spec_of({"variety": ["hard", "click"]}, seeds=2, panels=2)
    own = spec_of({"variety": "hard", "seeds": [3, 1]}, {"variety": "click", "panels": 2}, seeds=2)
    for spec in (plain, own):
        content = json.loads(json.dumps(spec_content(spec, digits)))
        assert [t.id for t in trials_of(content)] == [t.id for t in trials(spec, digits)]
        assert trial_counts(content) == Counter(t.cell.id for t in trials(spec, digits))
    assert "replicates" not in spec_content(plain, digits)


def test_replicates_of_blocks_are_part_of_a_sweeps_id(digits):
    ids = [sweep_id(spec_of({"variety": "hard", **own}), digits) for own in ({}, {"seeds": 2}, {"seeds": [0, 2]})]
    assert len(set(ids)) == 3


def test_a_setting_of_seeds_wins_over_the_blocks():
    spec = resolve("grid", sets=["seeds=1"])
    assert spec.seeds == [0]
    assert not any("seeds" in block for block in spec.blocks)
    assert any("panels" in block for block in spec.blocks)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"seeds": 0}, "blocks: seeds in block 1 must be at least 1"),
        ({"seeds": [1, 1]}, "blocks: seeds in block 1 must be distinct whole numbers of 0 or more, below 2^63"),
        ({"panels": [-1]}, "blocks: panels in block 1 must be distinct whole numbers of 0 or more, below 2^63"),
        ({"panels": "both"}, "blocks: panels in block 1 must be a whole number or a list of them"),
        ({"seeds": []}, "blocks: seeds in block 1 must be a whole number or a list of them"),
    ],
)
def test_replicates_of_a_block_that_are_wrong_are_refused_in_one_line(own, message):
    with pytest.raises(RequestError) as refused:
        spec_of({"variety": "hard", **own})
    assert message in str(refused.value)


@pytest.mark.parametrize("name", GRID)
def test_the_grid_has_the_trials_that_were_planned(wide, name):
    holds_the_plan(wide, name)


def holds_the_plan(dataset, name):
    spec = resolve(name)
    assert spec.scale == "half"
    found = trials(spec, dataset)
    assert (len({t.cell.id for t in found}), len(found)) == GRID[name]
    for trial in found:
        kept = trial.cell.axes
        assert (kept["holdout"], kept["image_size"]) == ("batches", 16)
        no_page = kept["variety"] in ("hard", "smoothed", "click")
        assert kept["hiring"] == (None if no_page else "breadth")


def test_the_core_of_the_grid_is_on_both_panels_of_three_seeds(wide):
    found = trials(resolve("grid"), wide)
    replicates = Counter(t.cell.id for t in found if t.panel in (0, 1) and t.seed < 3 and not mixed_or_pooled(t.cell))
    assert Counter(replicates.values())[6] == 44
    asked = {t.cell.axes["items"] for t in found} - {None}
    assert asked == {250, 500, 900}


def mixed_or_pooled(cell):
    return any(cell.axes[axis] is not None for axis in ("mixing", "pages_on")) or cell.axes["aggregation"] == "mean"


PAGES = ("t1-uniform", "t1-clamp", "t2-uniform", "t2-clamp")


def test_the_sealed_cells_are_those_that_a_seed_drew_before_anyone_looked(wide):
    rng = np.random.default_rng(4)
    seeds = sorted(rng.choice(np.arange(100, 1000), 4, replace=False))

    def take(n, varieties, people, items, aggregation="separate"):
        every = [(v, m, i, aggregation) for v in varieties for m in people for i in items]
        return [every[k] for k in rng.choice(len(every), n, replace=False)]

    between, below = [i for i in range(275, 900, 25) if i != 500], range(50, 250, 25)
    drawn = [
        *take(10, PAGES, (1, 2, 3), between),
        *take(4, ("click",), (1, 2, 3, 4, 6, 8, 12, 16, 24), between),
        *take(2, ("t1-uniform", "t2-clamp", "click"), (2, 3), between, "mean"),
        *take(3, PAGES, (1, 2, 3), below),
        *take(2, PAGES, (4, 5), (250, *between, 900)),
        *take(2, ("click",), (1, 2, 3, 6, 12, 24), below),
        *take(1, ("click",), (32, 36, 40), (250, *between, 900)),
    ]
    spec = resolve("grid-sealed")
    assert spec.seeds == seeds
    names = ("variety", "annotators", "items", "aggregation")
    found = [tuple(cell.axes[axis] for axis in names) for cell in cells(spec, wide)]
    assert found == [(v, m, i, None if m == 1 else how) for v, m, i, how in drawn]


def test_sealed_cells_and_seeds_are_in_no_other_part_of_the_grid(wide):
    parts = {name: trials(resolve(name), wide) for name in GRID}
    for name in ("grid", "grid-variance"):
        assert not {t.cell.id for t in parts[name]} & {t.cell.id for t in parts["grid-sealed"]}
        assert not {t.seed for t in parts[name]} & {t.seed for t in parts["grid-sealed"]}


@pytest.mark.skipif(not os.environ.get("SOFTCORE_DATA"), reason="needs the real CIFAR-10S files: set SOFTCORE_DATA")
def test_the_grid_is_the_same_on_the_real_data():
    real = load("cifar10s", Path(os.environ["SOFTCORE_DATA"]))
    assert len(image_batches(real)) == 40
    for name in GRID:
        holds_the_plan(real, name)


def test_what_is_repeated_are_trials_of_the_grid(wide):
    again = trials(resolve("repeats"), wide)
    recorded = {trial.id for name in ("grid", "grid-variance") for trial in trials(resolve(name), wide)}
    first = [trial.id for trial in again if not trial.repeat]
    assert (len(again), len(first)) == (54, 27)
    assert set(first) <= recorded
    assert {trial.id for trial in again if trial.repeat} == {f"{name}-r1" for name in first}
