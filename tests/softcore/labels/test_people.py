"""Whole people: batches found from answers, hired in nested orders, split into panels that share nobody, held out."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from softcore.labels.build import build
from softcore.labels.people import check_hiring, hire, image_batches, left_to_train_on, split
from softcore.policy import LabelPolicy
from softcore.test_sets import test_sets as sets_of

HOURS = [0.5, 1.0, 2.0, 5.0, 10.0]  # of the digits' 18.7
REAL_HOURS = [2.0, 5.0, 10.0, 20.0, 40.0]  # of CIFAR-10S's 76.4


def pages(*batches, seconds=10.0):
    """Everybody of a batch (its items, its people) answers each of its items, and the first one again at the end."""
    rows = []
    for items, people in batches:
        for person in people:
            rows += [(person, item, place, False) for place, item in enumerate(items, start=1)]
            rows.append((person, items[0], len(items) + 1, True))
    records = pd.DataFrame(rows, columns=["annotator", "item", "position", "is_repeat"])
    answered = {"top1": 1, "p1": 0.8, "top2": -1, "p2": np.nan, "question": "page", "seconds": seconds}
    return records.assign(impossible=[()] * len(records), **answered)


@pytest.fixture(scope="module")
def of(digits):
    """A maker of digits with other answers: `of((0, 1), "ab", (2, 3), "cd")`, items counted from 0."""

    def make(*batches, held_out=1, **more):
        train = np.sort(digits.train_items)
        told = [([int(train[i]) for i in items], people) for items, people in zip(*[iter(batches)] * 2, strict=True)]
        return replace(digits, records=pages(*told, **more), held_out=held_out)

    return make


def pairs(answers):
    return set(zip(answers["annotator"], answers["item"], strict=True))


def panel_pairs(targets):
    return set(zip(targets.panel.annotators, targets.panel.label_items, strict=True))


def hired(dataset, *, seed=0, variety="t2-clamp", panel=0, **policy):
    policy = {"hiring": "breadth", "holdout": "batches", **policy}
    return build(dataset, LabelPolicy(variety=variety, **policy), seed=seed, panel=panel)


def test_batches_are_the_people_who_answered_the_same_images(of, digits):
    data = of((0, 2, 4), "ab", (1, 3, 5), "cde")
    one, other = image_batches(data)
    train = np.sort(digits.train_items)
    assert one.items.tolist() == train[[0, 2, 4]].tolist()
    assert one.people == ("a", "b")
    assert other.items.tolist() == train[[1, 3, 5]].tolist()
    assert other.people == ("c", "d", "e")


def test_somebody_who_left_early_still_belongs_to_their_batch(of):
    data = of((0, 1, 2, 3), "ab", (4, 5), "c")
    left = replace(data, records=data.records[~((data.records["annotator"] == "b") & (data.records["position"] > 2))])
    assert [batch.people for batch in image_batches(left)] == [("a", "b"), ("c",)]


def test_people_whose_images_were_dealt_at_random_are_no_batch(of):
    # a: 0 1, b: 1 2, c: 2 3, d: 3 4, e: 4 5: answers connect all six images, and nobody answered three of them.
    data = of((0, 1), "a", (1, 2), "b", (2, 3), "c", (3, 4), "d", (4, 5), "e")
    with pytest.raises(RequestError, match=r"people of digits did not answer in batches: 'a' answered 2 of the 6 imag"):
        image_batches(data)


def test_one_batch_can_not_be_held_out_from_itself(of):
    with pytest.raises(RequestError, match="needs two batches of people and images or more; digits has one"):
        split(of((0, 1), "ab"), "batches", 0)


def test_an_unknown_holdout_is_refused(digits):
    with pytest.raises(RequestError, match="unknown holdout 'people'; known: batches, images"):
        split(digits, "people", 0)


def test_whole_batches_are_held_out_up_to_the_images_that_the_data_set_holds_out(of):
    data = of((0, 1, 2), "a", (3, 4, 5), "b", (6, 7, 8), "c", (9, 10, 11), "d")
    # 7 images: two batches of three; 2 images: less than a batch, so one.
    for held_out, out in ((7, 6), (6, 6), (3, 3), (2, 3), (0, 0)):
        data = replace(data, held_out=held_out)
        parts = split(data, "batches", 5)
        assert len(parts.held_out) == out
        assert len(parts.order) == 12 - out >= left_to_train_on(data, "batches")
        assert not np.isin(parts.held_out, parts.order).any()


def test_the_nested_order_of_items_is_that_of_batches(digits):
    parts = split(digits, "batches", 3)
    assert [len(batch.items) for batch in parts.batches] == [25] * 8
    for i, batch in enumerate(parts.batches):
        assert np.array_equal(np.sort(parts.order[25 * i : 25 * (i + 1)]), batch.items)


def test_every_seed_holds_out_other_batches_and_hires_in_another_order(digits):
    parts = [split(digits, "batches", seed) for seed in range(6)]
    assert len({tuple(part.held_out) for part in parts}) == 6
    assert len({person for part in parts for person in part.batches[0].people[:1]}) > 3


# Two batches of three images, two people each; hired in the order a, c, then b, d by breadth, a, b, c, d by depth.
BATCHES = ((0, 1, 2), "ab", (3, 4, 5), "cd")


@pytest.fixture
def in_order(of):
    data = of(*BATCHES)
    return data, image_batches(data)  # people in the order of their names


@pytest.mark.parametrize(
    ("hiring", "seconds", "people"),
    [
        # Pages of 10 s, three a person. 45 s are reached by the fifth page, at 50 s: c's second.
        ("breadth", 45, {"a": 3, "c": 2}),
        ("depth", 45, {"a": 3, "b": 2}),
        # 60 s are two people to the second.
        ("breadth", 60, {"a": 3, "c": 3}),
        ("depth", 70, {"a": 3, "b": 3, "c": 1}),
        ("breadth", 1, {"a": 1}),
        ("breadth", 999, {"a": 3, "b": 3, "c": 3, "d": 3}),
    ],
)
def test_people_are_hired_until_the_page_that_reaches_the_budget(in_order, hiring, seconds, people):
    data, batches = in_order
    found = hire(data.records, batches, annotators="all", panel=0, hiring=hiring, hours=seconds / 3600)
    assert found.groupby("annotator").size().to_dict() == people
    assert not found["is_repeat"].any()


def test_a_person_who_does_not_fit_stops_in_the_order_of_their_session(in_order):
    data, batches = in_order
    backwards = data.records.assign(position=10 - data.records["position"])
    found = hire(backwards, batches, annotators=1, panel=0, hours=11 / 3600)
    assert found["item"].tolist() == batches[0].items[1:].tolist()  # the last two, which a saw first


def test_depth_first_leaves_a_batch_when_it_has_m_people(in_order):
    data, batches = in_order
    found = hire(data.records, batches, annotators=1, panel=0, hiring="depth", hours=45 / 3600)
    assert found.groupby("annotator").size().to_dict() == {"a": 3, "c": 2}


def test_answers_of_an_item_come_in_the_order_of_hiring(digits):
    batches = split(digits, "batches", 1).batches
    rank = {person: place for batch in batches for place, person in enumerate(batch.people)}
    found = hire(digits.records, batches, annotators="all", panel=0)
    assert found["item"].is_monotonic_increasing
    assert found["annotator"].map(rank).groupby(found["item"]).apply(lambda ranks: ranks.is_monotonic_increasing).all()


@pytest.mark.parametrize("hiring", ["breadth", "depth"])
@pytest.mark.parametrize("seed", [0, 1])
def test_fewer_hours_are_the_beginning_of_more_and_never_exceeded_by_a_page(digits, hiring, seed):
    holds_line_7(digits, hiring, seed, HOURS)


def holds_line_7(dataset, hiring, seed, hours):
    found = {h: hired(dataset, hiring=hiring, hired_hours=h, seed=seed) for h in hours}
    assert all(panel_pairs(found[fewer]) < panel_pairs(found[more]) for fewer, more in pairwise(hours))
    first = dataset.records[~dataset.records["is_repeat"]].set_index(["annotator", "item"])["seconds"]
    for h, targets in found.items():
        pairs_ = list(panel_pairs(targets))
        assert len(pairs_) == len(targets.panel.probs) == targets.answers["t2-clamp"]  # no person twice on an image
        each = first.loc[pairs_]
        assert targets.recorded_seconds == pytest.approx(each.sum())
        assert 0 <= targets.recorded_seconds - h * 3600 < each.max()
        nobody_held_out(dataset, targets)


def nobody_held_out(dataset, targets):
    answered = dataset.records[dataset.records["item"].isin(targets.held_out)]
    assert len(answered) > 0
    assert not set(answered["annotator"]) & set(targets.panel.annotators)
    assert not np.isin(targets.held_out, targets.items).any()


@pytest.mark.parametrize("m", [1, 2, 3])
def test_panels_a_and_b_share_nobody_and_each_item_has_m_people(digits, m):
    for seed in range(3):
        a, b = (hired(digits, annotators=m, seed=seed, panel=panel) for panel in (0, 1))
        assert not set(a.panel.annotators) & set(b.panel.annotators)
        for targets in (a, b):
            assert targets.panel.counts.tolist() == [m] * 200
            nobody_held_out(digits, targets)


def test_more_people_are_the_fewer_and_others(digits):
    for panel in (0, 1):
        found = [panel_pairs(hired(digits, annotators=m, panel=panel)) for m in (1, 2, 3)]
        assert found[0] < found[1] < found[2]
    assert found[2] | panel_pairs(hired(digits, annotators=3)) <= panel_pairs(hired(digits, annotators="all"))


def test_four_panels_of_one_person_share_nobody(digits):
    people = [set(hired(digits, annotators=1, panel=panel).panel.annotators) for panel in range(6)]
    assert sum(map(len, people)) == len(set().union(*people)) == 6 * 8


def test_everybody_is_asked_where_all_are(digits):
    targets = hired(digits, annotators="all", seed=2)
    asked = digits.records[~digits.records["is_repeat"] & ~digits.records["item"].isin(targets.held_out)]
    assert panel_pairs(targets) == pairs(asked)


def test_fewer_items_are_whole_batches_of_the_more(digits):
    few, many = hired(digits, annotators=2, items=75), hired(digits, annotators=2, items=150)
    assert panel_pairs(few) < panel_pairs(many)
    assert len(set(few.panel.annotators)) == 2 * 3
    drawn_by_image = build(digits, LabelPolicy(variety="click", holdout="batches", items=75, annotators=1), seed=0)
    assert np.array_equal(few.panel.items, drawn_by_image.panel.items)


def test_all_page_varieties_read_the_same_people(digits):
    panels = [
        hired(digits, variety=v, annotators=2).panel for v in ("t1-uniform", "t2-clamp", "first-choice", "select-two")
    ]
    assert all(np.array_equal(panels[0].annotators, other.annotators) for other in panels)


def test_a_first_choice_is_all_mass_on_the_class_that_the_page_named_first(digits):
    panel = hired(digits, variety="first-choice", annotators=1).panel
    first = digits.records[~digits.records["is_repeat"]].set_index(["annotator", "item"])["top1"]
    asked = list(zip(panel.annotators, panel.label_items, strict=True))
    assert np.array_equal(panel.probs, np.eye(10)[[first[pair] for pair in asked]])


def test_the_test_set_is_the_batches_held_out(digits):
    for seed in range(3):
        targets = hired(digits, annotators=1, seed=seed)
        assert np.array_equal(sets_of(digits, seed, "batches")["pages"].items, targets.held_out)
        assert not np.isin(sets_of(digits, seed, "batches")["pages"].items, targets.items).any()
    assert not np.array_equal(sets_of(digits, 0)["pages"].items, sets_of(digits, 0, "batches")["pages"].items)


@pytest.mark.parametrize(
    ("policy", "panel", "words"),
    [
        ({"hiring": "first"}, 0, "unknown hiring 'first'; known: breadth, depth"),
        ({"variety": "click"}, 0, "clicks of digits are known as counts: their draws are by click"),
        ({"holdout": None}, 0, "hiring: breadth needs holdout: batches"),
        ({"items": 60}, 0, "items: 60 with hiring: breadth must be whole batches, a multiple of 25 images"),
        ({"annotators": 4}, 1, "panel 1 with annotators 4 would share people of a batch"),
        ({"annotators": "all"}, 1, "panel 1 with annotators all would share people of a batch"),
        ({"annotators": 2}, 2, "panel 2 with annotators 2 would share people"),
        ({"annotators": 1}, 6, "panel 6 with annotators 1 would share people"),
        ({"hired_hours": 0.001}, 0, "budget_hours 0.001 buys no page: one takes 0.0121 hours on average"),
        ({"hired_hours": 19.0}, 0, "budget_hours 19 is more than all people of digits took, 18.7 hours"),
    ],
)
def test_people_who_can_not_be_hired_are_refused_in_one_line(digits, policy, panel, words):
    with pytest.raises(RequestError) as refused:
        hired(digits, panel=panel, **policy)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_hours_of_answers_without_a_time_are_refused(of):
    data = of(*BATCHES, seconds=np.nan)
    with pytest.raises(RequestError, match="12 of 12 answers of digits have none"):
        check_hiring(data, data.records, hiring="depth", variety="t2-clamp", holdout="batches", items=None, hours=1.0)


def test_batches_of_several_sizes_are_taken_whole_as_long_as_they_fit(of):
    data = of((0, 1, 2), "a", (3, 4), "b", (5, 6, 7, 8), "c", held_out=0)
    targets = hired(data, items=6, annotators=1)
    assert len(targets.panel.items) in (3, 4, 5, 6)
    with pytest.raises(RequestError, match="items: 3 with hiring: breadth is less than a batch of 4 images"):
        hired(data, items=3)


@pytest.fixture(scope="module")
def of_cifar10s(cifar10s):
    return image_batches(cifar10s)


def test_cifar10s_has_40_batches_of_25_images_and_6_or_7_people(of_cifar10s, cifar10s):
    assert [len(batch.items) for batch in of_cifar10s] == [25] * 40
    sizes = np.bincount([len(batch.people) for batch in of_cifar10s])
    assert (sizes[6], sizes[7]) == (32, 8)
    assert len({person for batch in of_cifar10s for person in batch.people}) == 248
    assert np.array_equal(np.sort(np.concatenate([b.items for b in of_cifar10s])), cifar10s.annotated_items)


@pytest.mark.parametrize("hiring", ["breadth", "depth"])
def test_cifar10s_nested_panels_hold_what_is_promised(cifar10s, hiring):
    for seed in range(2):
        holds_line_7(cifar10s, hiring, seed, REAL_HOURS)


def test_cifar10s_panels_a_and_b_share_nobody_and_hold_out_four_batches(cifar10s):
    for seed in range(3):
        for m in (1, 2, 3):
            a, b = (hired(cifar10s, annotators=m, seed=seed, panel=panel) for panel in (0, 1))
            assert not set(a.panel.annotators) & set(b.panel.annotators)
            assert len(set(a.panel.annotators)) == len(set(b.panel.annotators)) == 36 * m
            for targets in (a, b):
                assert len(targets.held_out) == 100
                nobody_held_out(cifar10s, targets)
        for items, batches in ((250, 10), (500, 20), (900, 36)):
            assert len(set(hired(cifar10s, annotators=1, items=items, seed=seed).panel.annotators)) == batches
    with pytest.raises(RequestError, match="must lie in 1"):
        hired(cifar10s, annotators=1, items=925)
