"""Mixed questions: clicks everywhere, the page on a share, and no click that both routes and labels."""

from dataclasses import replace

import numpy as np
import pytest

from softcore.errors import RequestError
from softcore.labels.build import build
from softcore.labels.questions import ROUTING_CLICKS, Clicks, ask_clicks, disagreement, page_items
from softcore.policy import LabelPolicy


def mixed(dataset, pages_on="disagree-25", *, seed=0, panel=0, variety="t2-clamp", **policy):
    policy = {"annotators": 1, "clicks": 3, "pages_on": pages_on, **policy}
    return build(dataset, LabelPolicy(variety=variety, **policy), seed=seed, panel=panel)


def clicks(*of_items):
    """Clicks of items 0, 1, ... from their classes as digits: clicks("0012", "1")."""
    items = np.repeat(np.arange(len(of_items)), [len(of_item) for of_item in of_items])
    choices = np.array([int(c) for of_item in of_items for c in of_item], dtype=np.int64)
    return Clicks(items=items, choices=choices, annotators=np.full(len(items), "", dtype=str))


def counted(dataset, one):
    """How often each class was clicked in each annotated item."""
    found = np.zeros((len(dataset.labels), len(dataset.classes)), dtype=np.int64)
    np.add.at(found, (one.items, one.choices), 1)
    return found


def test_disagreement_is_the_share_of_clicks_outside_the_most_clicked_class():
    # 000: 0; 001: 1 of 3; 012: 2 of 3; 0011: 2 of 4; one click: 0; none: 0.
    found = disagreement(np.arange(6), clicks("000", "001", "012", "0011", "7", ""))
    np.testing.assert_allclose(found, [0, 1 / 3, 2 / 3, 1 / 2, 0, 0])


def test_pages_go_where_routing_clicks_disagree_most():
    routing = clicks("000", "001", "012", "000", "110", "000", "000", "210")
    # Of eight items a quarter is two: both with three classes. A half: the next two, with two classes, as well.
    assert page_items("disagree-25", np.arange(8), routing, 0, 0).tolist() == [2, 7]
    assert page_items("disagree-50", np.arange(8), routing, 0, 0).tolist() == [1, 2, 4, 7]


@pytest.mark.parametrize("where", ["random", "disagree"])
def test_the_smaller_share_is_part_of_the_larger(where):
    routing = clicks(*["001"] * 21)
    few, many = (page_items(f"{where}-{share}", np.arange(21), routing, 1, 0) for share in (25, 50))
    assert (len(few), len(many)) == (5, 11)  # 5.25 and 10.5
    assert np.isin(few, many).all()


def test_images_that_disagree_alike_are_taken_at_random():
    routing = clicks(*["000"] * 40)
    taken = {tuple(page_items("disagree-25", np.arange(40), routing, seed, 0)) for seed in range(4)}
    assert len(taken) == 4
    assert min(len(set(t) & set(range(20))) for t in taken) > 0  # not merely the first


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("panel", [0, 1])
def test_no_click_both_routes_and_labels(digits, apart, panel):
    items = digits.annotated_items
    labels, routing = ask_clicks(digits, items, labels=3, routing=3, seed=1, panel=panel, apart=apart)
    assert np.unique(labels.items, return_counts=True)[1].tolist() == [3] * 250
    assert np.unique(routing.items, return_counts=True)[1].tolist() == [3] * 250
    # Drawn from one bowl without replacement: together they are no more than there are.
    assert (counted(digits, labels) + counted(digits, routing) <= digits.counts).all()


def test_label_clicks_are_those_of_a_sweep_that_asks_for_clicks_alone(digits):
    for holdout in (None, "batches"):
        plain = build(digits, LabelPolicy(variety="click", annotators=3, holdout=holdout), seed=2, panel=0).panel
        labels, _ = ask_clicks(digits, plain.items, labels=3, routing=3, seed=2, panel=0, apart=holdout == "batches")
        assert np.array_equal(labels.choices, plain.choices)


def test_routing_does_not_make_labels_disagree(digits):
    """Routed by other clicks, label clicks of the chosen images disagree less than the ones that chose them."""
    items = digits.annotated_items
    labels, routing = ask_clicks(digits, items, labels=3, routing=3, seed=0, panel=0)
    chosen = np.searchsorted(items, page_items("disagree-25", items, routing, 0, 0))
    assert disagreement(items, labels)[chosen].mean() < disagreement(items, routing)[chosen].mean() - 0.05


def test_routing_clicks_are_in_no_label_and_paid_for(digits):
    targets = mixed(digits, "disagree-25")
    # 200 items, 3 label and 3 routing clicks each, one page on a quarter.
    assert targets.answers == {"click": 1200, "t2-clamp": 50}
    assert len(targets.panel.probs) == 600 + 50
    assert mixed(digits, "random-50").answers == {"click": 600, "t2-clamp": 100}
    assert mixed(digits, "random-50", clicks=2, annotators=3, items=40).answers == {"click": 80, "t2-clamp": 60}


def test_an_items_clicks_come_before_its_pages_and_all_are_labels(digits):
    targets = mixed(digits, "random-25", annotators=2)
    counts = targets.panel.counts
    assert sorted(set(counts)) == [3, 5]
    people = np.split(targets.panel.annotators, targets.panel.offsets[1:-1])
    assert all((one[:3] == "").all() and (one[3:] != "").all() for one in people)
    one_hot = np.isclose(targets.panel.probs.max(axis=1), 1)
    assert one_hot[targets.panel.annotators == ""].all()


def test_recorded_time_is_that_of_the_pages(digits):
    targets = mixed(digits, "random-25")
    asked = digits.records[~digits.records["is_repeat"]].set_index(["annotator", "item"])["seconds"]
    paged = targets.panel.annotators != ""
    used = zip(targets.panel.annotators[paged], targets.panel.label_items[paged], strict=True)
    assert targets.recorded_seconds == pytest.approx(sum(asked[pair] for pair in used))


def test_pages_and_clicks_are_pooled_together(digits):
    apart, mean = mixed(digits, "random-25"), mixed(digits, "random-25", aggregation="mean")
    assert np.diff(mean.offsets).max() == 1
    item = apart.panel.items[apart.panel.counts.argmax()]
    rows = apart.panel.label_items == item
    np.testing.assert_allclose(
        mean.probs[mean.offsets[:-1][mean.items == item]][0], apart.panel.probs[rows].mean(axis=0)
    )


def test_whole_people_answer_the_chosen_images_of_their_batch(digits):
    a, b = (mixed(digits, hiring="breadth", holdout="batches", panel=panel) for panel in (0, 1))
    assert not set(a.panel.annotators) & set(b.panel.annotators) - {""}
    for targets in (a, b):
        assert targets.answers == {"click": 1200, "t2-clamp": 50}
        assert len(set(targets.panel.annotators) - {""}) <= 8


def test_panels_share_no_click_where_batches_are_held_out(digits):
    parts = [
        ask_clicks(digits, digits.annotated_items, labels=3, routing=3, seed=4, panel=p, apart=True) for p in (0, 1, 2)
    ]
    together = sum(counted(digits, one) for pair in parts for one in pair)
    assert (together <= digits.counts).all()
    assert together.sum() == 250 * 18


def test_clicks_of_known_people_route_and_label_apart_too(digits):
    first = digits.records[~digits.records["is_repeat"]]
    place = first.groupby("item").cumcount()
    asked = np.where(place < 5, "click", "page")  # five people clicked, the sixth and seventh saw the page
    both = replace(digits, records=first.assign(question=asked), counts=None)
    targets = mixed(both, "disagree-50", clicks=2)
    assert targets.answers == {"click": 200 * 5, "t2-clamp": 100}
    pairs = list(zip(targets.panel.annotators, targets.panel.label_items, strict=True))
    assert len(set(pairs)) == len(pairs)
    assert "" not in targets.panel.annotators


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"pages_on": "odd-25"}, "unknown pages_on 'odd-25'; known: disagree-25, disagree-50, random-25, random-50"),
        ({"variety": "click"}, "pages_on: disagree-25 asks for pages on some items; variety click asks for none"),
        ({"variety": "first-choice"}, "variety first-choice asks for none"),
        ({"rest": "simulated"}, "rest must be hard or none"),
        ({"clicks": 0}, "clicks must be a whole number in 1..51"),
        ({"clicks": 52}, "which with 3 that decide where pages are asked is the most of any item; it is 52"),
        ({"clicks": 2.5}, "it is 2.5"),
        ({"clicks": "all"}, "it is 'all'"),
        ({"holdout": "batches", "clicks": 25, "panel": 1}, "panel 1 with annotators 28 would share clicks"),
    ],
)
def test_questions_that_can_not_be_mixed_are_refused_in_one_line(digits, policy, words):
    with pytest.raises(RequestError) as refused:
        mixed(digits, **policy)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_pages_alone_can_not_route(digits):
    with pytest.raises(RequestError, match=f"needs more than {ROUTING_CLICKS} clicks an item .* digits has none"):
        mixed(replace(digits, counts=None))


def test_clicks_decide_on_the_real_data(cifar10s):
    for seed in (0, 1):
        policy = {"hiring": "breadth", "holdout": "batches", "items": 900}
        routed, drawn = (mixed(cifar10s, where, seed=seed, **policy) for where in ("disagree-25", "random-25"))
        assert routed.answers == {"click": 5400, "t2-clamp": 225}
        assert drawn.answers == {"click": 2700, "t2-clamp": 225}
        # The share of all clicks on the most clicked class, of images with a page: 0.76 where clicks decide, else 0.85.
        counts = cifar10s.counts[:10_000]
        agree = counts.max(axis=1) / counts.sum(axis=1)
        clear = [agree[t.panel.label_items[t.panel.annotators != ""]].mean() for t in (routed, drawn)]
        assert clear[0] < clear[1] - 0.05
