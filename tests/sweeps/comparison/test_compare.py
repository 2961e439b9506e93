"""Comparing cells: answers, families, orders, replicates, names, and what test people leave open."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.comparison.compare import (
    A_BETTER,
    ALIKE,
    B_BETTER,
    CANT_TELL,
    Comparison,
    Question,
    compare_cells,
    order_of,
)
from sweeps.comparison.people import Half, SplitPeople, test_people
from sweeps.comparison.replicates import EVERYBODY, NOBODY, compared_cells, find_cell, shared_replicates
from sweeps.comparison.words import pair_lines

ASKED = Question(metrics=("ce", "accuracy"))


def compared(trials, *names, question=ASKED, **cells):
    named = [cells.get(name) or trials.cell(name) for name in names]
    return compare_cells(named, trials, trials.dataset, "10h", question)


def answers(pair):
    return {each.metric: each.answer for each in pair.metrics}


def test_the_better_cell_is_said_to_be_better_on_whichever_side_it_stands(trials):
    (pair,) = compared(trials, "good", "dominated")
    (turned,) = compared(trials, "dominated", "good")
    assert answers(pair) == {"ce/10h": A_BETTER, "accuracy/10h": A_BETTER}
    assert answers(turned) == {"ce/10h": B_BETTER, "accuracy/10h": B_BETTER}
    for one, other in zip(pair.metrics, turned.metrics, strict=True):
        assert one.difference == pytest.approx(-other.difference)
        assert one.low == pytest.approx(-other.high)
        assert one.family_p == pytest.approx(other.family_p)


def test_cells_that_are_alike_can_not_be_told_apart_unless_a_gap_says_that_they_are_alike(trials):
    (pair,) = compared(trials, "good", "same", question=replace(ASKED, matters={}))
    assert set(answers(pair).values()) == {CANT_TELL}
    (wide,) = compared(trials, "good", "same", question=replace(ASKED, matters={"ce": 10.0}))
    assert answers(wide) == {"ce/10h": ALIKE, "accuracy/10h": CANT_TELL}
    reach = max(abs(wide.metrics[0].low), abs(wide.metrics[0].high))
    (narrow,) = compared(trials, "good", "same", question=replace(ASKED, matters={"ce": 0.999 * reach}))
    assert answers(narrow)["ce/10h"] == CANT_TELL


def test_a_cell_against_itself_differs_by_nothing(trials):
    # Two names for the same trials: no discordant pair, no difference, p 1, and no answer that one is better.
    twin = replace(trials.cell("good"), id="twin", title="twin")
    (pair,) = compared(trials, "good", "twin", twin=twin, question=replace(ASKED, matters={}))
    for each in pair.metrics:
        assert (each.difference, each.low, each.high, each.p, each.answer) == (0.0, 0.0, 0.0, 1.0, CANT_TELL)
    assert {test.p for test in pair.models.values()} == {1.0}
    assert pair.models_p == 1.0
    assert list(pair_lines(pair, 0.95))


@pytest.mark.parametrize("names", list(itertools.permutations(["good", "same", "worse"]))[:3])
def test_a_dominated_cell_that_is_added_changes_no_order_and_no_number(trials, names):
    cells = [trials.cell(name) for name in names]
    before = compare_cells(cells, trials, trials.dataset, "10h", ASKED)
    for place in (0, 3):
        more = [*cells[:place], trials.cell("dominated"), *cells[place:]]
        after = compare_cells(more, trials, trials.dataset, "10h", ASKED)
        kept = [pair for pair in after if "dominated" not in (pair.a.id, pair.b.id)]
        for old, new in zip(before, kept, strict=True):
            for one, other in zip(old.metrics, new.metrics, strict=True):
                # Nothing but the correction for a larger family changes, which turns no answer round.
                assert replace(other, family_p=one.family_p, answer=one.answer) == one
                assert other.family_p >= one.family_p
                assert other.answer in (one.answer, CANT_TELL)
        orders = order_of(cells, trials, before), order_of(more, trials, after)
        for metric in orders[0]:
            assert orders[1][metric][-1] == "recipe dominated"
            assert orders[1][metric][:-1] == orders[0][metric]


def test_one_comparison_by_itself_goes_by_its_interval_and_a_family_is_stricter(trials):
    (alone,) = compared(trials, "good", "worse", question=Question(metrics=("ce",)))
    (family,) = compared(trials, "good", "worse")
    assert alone.metrics[0].family_p == alone.metrics[0].p
    assert family.metrics[0].family_p > alone.metrics[0].p


def test_what_is_covered_is_said_and_can_be_switched_off(trials):
    (pair,) = compared(trials, "good", "worse")
    assert "images (200)" in pair.covers
    assert "seeds (3)" in pair.covers
    assert "the two can't be told apart" in pair.covers
    (images,) = compared(trials, "good", "worse", question=replace(ASKED, covers=("images",)))
    assert images.covers == "images (200)"
    assert images.lacks == "other seeds; other people"
    assert any("is mostly too short" in line for line in pair_lines(images, 0.95))
    for each in images.metrics:
        assert (each.low, each.high) == pytest.approx(each.over_images)
    (nobody,) = compared(
        trials, "good", "worse", good=trials.cell("good", asks=NOBODY), worse=trials.cell("worse", asks=NOBODY)
    )
    assert "people" not in nobody.covers + nobody.lacks
    (everybody,) = compared(trials, "good", "worse", good=trials.cell("good", asks=EVERYBODY))
    assert "other people than all those who were asked" in everybody.lacks


def test_a_single_seed_covers_images_only_and_says_so(trials):
    one = {name: trials.cell(name, seeds=1) for name in ("good", "worse")}
    (pair,) = compared(trials, "good", "worse", **one)
    assert pair.covers == "images (200)"
    assert pair.lacks.startswith("other seeds: there is one")
    assert np.isnan(pair.metrics[0].effect)


def test_cells_of_different_replicates_are_refused_in_a_line_unless_asked_otherwise(trials):
    three, two = trials.cell("good", seeds=3), trials.cell("worse", seeds=2)
    words = "different replicates: recipe good has s2-p0 that recipe worse lacks; --shared compares the 2 of both"
    with pytest.raises(RequestError, match=words):
        shared_replicates(three, two)
    assert shared_replicates(three, two, shared_only=True) == [(0, 0), (1, 0)]
    (pair,) = compared(trials, "good", "worse", worse=two, question=replace(ASKED, shared_only=True))
    assert pair.replicates == ((0, 0), (1, 0))
    other = replace(two, trials={(7, 0): "worse-s7-p0"})
    with pytest.raises(RequestError, match="no replicate in common"):
        shared_replicates(three, other, shared_only=True)


def test_a_cell_that_asks_nobody_is_the_same_on_every_panel(trials):
    hard = trials.cell("good", seeds=2, asks=NOBODY)
    panels = replace(trials.cell("worse"), trials={(seed, p): "worse-s0-p0" for seed in range(2) for p in range(2)})
    for pair in ((hard, panels), (panels, hard)):
        assert shared_replicates(*pair) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    more = replace(panels, trials={**panels.trials, (2, 0): "worse-s2-p0"})
    with pytest.raises(RequestError, match="s2-p0 that recipe good lacks"):
        shared_replicates(hard, more)


def named_cells(trials):
    titles = {
        "1a2b": "T2 Clamp, separate, M=3",
        "1a9c": "T2 Clamp, mean, M=3",
        "77aa": "hard labels",
        "88bb": "hard labels, mixup",
    }
    return [replace(trials.cell("good"), id=name, title=title) for name, title in titles.items()]


@pytest.mark.parametrize(
    ("words", "found"),
    [("1a2", "1a2b"), ("mean t2", "1a9c"), ("hard labels", "77aa"), ("HARD Mixup", "88bb"), ("88bb", "88bb")],
)
def test_cells_are_named_by_id_beginning_title_or_words(trials, words, found):
    assert find_cell(words, named_cells(trials)).id == found


def test_unknown_and_ambiguous_cells_are_refused_with_those_that_come_near(trials):
    with pytest.raises(RequestError, match=r"ambiguous: 1a2b \(T2 Clamp, separate, M=3\); 1a9c"):
        find_cell("1a", named_cells(trials))
    with pytest.raises(RequestError, match=r"unknown cell 'hardd lables'; near: 77aa \(hard labels\)"):
        find_cell("hardd lables", named_cells(trials))


def test_repeats_of_a_trial_count_once():
    rows = {"cell": "c", "status": "done", "variety": "click", "annotators": 3, "seed": [0, 0, 1], "panel": 0}
    table = pd.DataFrame(
        rows | {"repeat": [1, 0, 0], "trial": ["c-s0-p0-r1", "c-s0-p0", "c-s1-p0"], "answers/click": 5}
    )
    (cell,) = compared_cells(table)
    assert dict(cell.trials) == {(0, 0): "c-s0-p0", (1, 0): "c-s1-p0"}


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"metrics": ("cee",)}, "unknown metric 'cee'"),
        ({"metrics": ("pgd",)}, "pgd can't be compared here"),
        ({"covers": ("moons",)}, "unknown thing to cover 'moons'"),
        ({"covers": ()}, "must cover something"),
        ({"level": 1.5}, "level must lie between"),
    ],
)
def test_what_can_not_be_asked_is_refused(trials, question, words):
    with pytest.raises(RequestError, match=words):
        compared(trials, "good", "worse", question=Question(**question))


def test_people_split_in_half_keep_every_click_and_no_more(trials):
    tests = [trials("good-s0-p0")]
    people = test_people(trials.dataset, "10h", tests)
    one, other = people.halves(tests[0].items, np.random.default_rng(1))
    assert (one.counts == 10).all()
    assert (other.counts == 10).all()
    np.testing.assert_allclose((one.means + other.means) * 10, trials.counts)
    assert not np.allclose(one.means, other.means)


def test_targets_that_are_not_the_peoples_mean_have_no_ceiling(trials):
    other = replace(trials("good-s0-p0"), targets=np.eye(4)[trials.truth])
    assert test_people(trials.dataset, "corrected", [other]) is None
    (pair,) = compare_cells(
        [trials.cell("good"), trials.cell("worse")],
        lambda name: replace(trials(name), targets=np.eye(4)[trials.truth]),
        trials.dataset,
        "corrected",
        ASKED,
    )
    assert pair.metrics[0].ceiling is None
    assert not pair.metrics[0].below_noise


def test_the_ceiling_is_what_half_of_the_people_get_and_oracles_pass_it(trials):
    # People who all click the same class predict each other perfectly; those here do on about 85% of images' clicks.
    tests = [trials("good-s0-p0")]
    people = test_people(trials.dataset, "10h", tests)
    ceilings = SplitPeople(people, ["ce", "accuracy", "fgsm"]).ceilings(tests[0].items)
    assert set(ceilings) == {"ce", "accuracy"}  # nobody attacked people
    entropy = -(tests[0].targets * np.log(np.maximum(tests[0].targets, 1e-12))).sum(axis=1).mean()
    assert entropy < ceilings["ce"].value < entropy + 0.3
    assert ceilings["ce"].low < ceilings["ce"].value < ceilings["ce"].high
    assert 0.95 < ceilings["accuracy"].value <= 1
    (pair,) = compared(trials, "good", "dominated")
    assert "B" not in pair.metrics[0].beyond_ceiling


def test_a_half_as_a_model_gives_every_class_some_mass():
    half = Half(means=np.array([[1.0, 0.0]]), counts=np.array([9]))
    np.testing.assert_allclose(np.exp(half.predictions(1.0).clean), [[0.95, 0.05]])


def test_label_noise_shrinks_with_people_and_marks_what_they_could_turn_round(trials):
    (pair,) = compared(trials, "good", "same")
    (far,) = compared(trials, "good", "dominated")
    assert 0 < pair.metrics[0].label_noise < 0.1
    assert not far.metrics[0].below_noise
    tiny = replace(pair.metrics[0], difference=0.5 * pair.metrics[0].label_noise)
    assert tiny.below_noise


def test_a_comparison_as_json_has_no_nan(trials):
    pairs = compared(trials, "good", "worse")
    order = order_of([trials.cell("good"), trials.cell("worse")], trials, pairs)
    found = Comparison(
        sweep="x", study="y", test_set="10h", level=0.95, simulated=False, pairs=pairs, family=2, order=order
    ).as_dict()
    assert found["pairs"][0]["metrics"][1]["matters"] is None
    assert found["pairs"][0]["replicates"] == ["s0-p0", "s1-p0", "s2-p0"]
    assert found["pairs"][0]["mcnemar"]["s0-p0"]["p"] <= 1
