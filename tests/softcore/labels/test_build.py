"""The targets of a trial: what is trained on, by whom, and what never is."""

from dataclasses import replace

import numpy as np
import pytest

from softcore.errors import RequestError
from softcore.labels.ask import asked_varieties, most_answers, people_labels
from softcore.labels.build import build
from softcore.labels.similarity import class_similarity
from softcore.labels.votes import one_hot
from softcore.policy import LabelPolicy
from softcore.test_sets import test_sets as sets_of
from softcore.varieties import VARIETIES


def made(digits, variety="t2-clamp", *, seed=0, panel=0, **policy):
    if VARIETIES[variety].similarity:
        policy = {"similarity": "confusions", **policy}
    return build(digits, LabelPolicy(variety=variety, **policy), seed=seed, panel=panel)


def labels_of(targets, item):
    (row,) = np.flatnonzero(targets.items == item)
    return targets.probs[targets.offsets[row] : targets.offsets[row + 1]]


@pytest.fixture(scope="module")
def clicks_only(digits):
    """Digits whose people were asked for one click, and no counts."""
    return replace(digits, records=digits.records.assign(question="click"), counts=None)


@pytest.mark.parametrize("variety", VARIETIES)
@pytest.mark.parametrize("rest", ["hard", "none"])
def test_held_out_items_are_never_trained_on(digits, variety, rest):
    targets = made(digits, variety, rest=rest, seed=1)
    assert len(targets.held_out) == 50
    assert not np.isin(targets.held_out, targets.items).any()
    assert not np.isin(targets.held_out, targets.panel.items).any()


@pytest.mark.parametrize("variety", VARIETIES)
def test_test_and_validation_items_are_never_trained_on(digits, variety):
    targets = made(digits, variety)
    assert np.isin(targets.items, digits.train_items).all()


def test_one_replicate_holds_out_the_same_items_whatever_the_labels(digits):
    held_out = [made(digits, v, seed=3, panel=p).held_out for v in VARIETIES for p in (0, 1)]
    assert all(np.array_equal(held_out[0], other) for other in held_out)
    assert not np.array_equal(held_out[0], made(digits, seed=4).held_out)


def test_the_held_out_items_are_those_of_the_test_set(digits):
    assert np.array_equal(sets_of(digits, 3)["pages"].items, made(digits, seed=3).held_out)


def test_rest_hard_trains_on_every_training_item_but_the_held_out(digits):
    targets = made(digits, items=40)
    assert np.array_equal(targets.items, np.setdiff1d(digits.train_items, targets.held_out))
    for item in np.setdiff1d(targets.items, targets.panel.items)[::100]:
        assert np.array_equal(labels_of(targets, item), one_hot(digits.labels[[item]], 10))


def test_rest_none_trains_on_the_labelled_items_only(digits):
    targets = made(digits, items=40, rest="none")
    assert len(targets.items) == 40
    assert np.array_equal(targets.items, targets.panel.items)


def test_fewer_labelled_items_are_some_of_the_more(digits):
    few, many = made(digits, items=30), made(digits, items=90)
    assert np.isin(few.panel.items, many.panel.items).all()
    for item in few.panel.items:
        assert np.array_equal(labels_of(few, item), labels_of(many, item))


def test_separate_keeps_an_items_labels_apart_and_mean_pools_the_same_ones(digits):
    apart, pooled = made(digits), made(digits, aggregation="mean")
    assert np.diff(apart.offsets).max() == 7
    assert np.diff(pooled.offsets).max() == 1
    for item in apart.panel.items[::20]:
        np.testing.assert_allclose(labels_of(pooled, item)[0], labels_of(apart, item).mean(axis=0))
    assert np.array_equal(apart.panel.probs, pooled.panel.probs)


@pytest.mark.parametrize("variety", VARIETIES)
def test_every_target_is_a_distribution(digits, variety):
    targets = made(digits, variety)
    assert targets.offsets[0] == 0
    assert targets.offsets[-1] == len(targets.probs)
    assert (np.diff(targets.offsets) >= 1).all()
    np.testing.assert_allclose(targets.probs.sum(axis=1), 1, atol=1e-9)


def test_hard_labels_are_the_reference_everywhere(digits):
    targets = made(digits, "hard")
    assert np.array_equal(targets.probs, one_hot(digits.labels[targets.items], 10))


def test_smoothing_smooths_all_training_items(digits):
    # beta 0.1 over ten classes: 0.91 on the class.
    targets = made(digits, "smoothed", beta=0.1)
    assert len(targets.items) == len(digits.train_items) - 50
    np.testing.assert_allclose(targets.probs.max(axis=1), 0.91)


@pytest.mark.parametrize("variety", ["random", "uniform"])
def test_nonsense_labels_replace_only_those_that_people_would_have_given(digits, variety):
    targets = made(digits, variety)
    annotated = np.isin(targets.items, digits.annotated_items)
    assert annotated.sum() == 200
    assert (targets.probs[~annotated].max(axis=1) == 1).all()
    assert (targets.probs[annotated].max(axis=1) < 0.7).all()


def test_the_answers_used_are_counted_under_the_question_that_was_asked(digits):
    assert made(digits, "t2-clamp", annotators=3).answers == {"t2-clamp": 600}
    assert made(digits, "click", annotators=2, items=10).answers == {"click": 20}
    assert made(digits, "t1-uniform", annotators=3, aggregation="mean").answers == {"t1-uniform": 600}


@pytest.mark.parametrize("variety", ["hard", "random", "uniform", "smoothed"])
def test_baselines_ask_nobody(digits, variety):
    targets = made(digits, variety)
    assert targets.answers == {}
    assert targets.recorded_seconds == 0


def test_recorded_seconds_are_those_of_the_answers_used(digits):
    targets = made(digits)
    used = digits.records[~digits.records["is_repeat"] & digits.records["item"].isin(targets.panel.items)]
    assert targets.recorded_seconds == pytest.approx(used["seconds"].sum())
    assert np.isnan(made(digits, "click").recorded_seconds)


def test_an_items_labels_do_not_depend_on_which_others_are_asked_about(digits):
    items, alike = digits.annotated_items, class_similarity(digits, "confusions", digits.train_items)
    for variety in asked_varieties():
        together, _ = people_labels(digits, variety, items, annotators=2, seed=1, similarity=alike)
        alone, _ = people_labels(digits, variety, items[7:8], annotators=2, seed=1, similarity=alike)
        rows = together.label_items == items[7]
        assert np.array_equal(together.probs[rows], alone.probs)


def test_all_page_varieties_read_the_same_answers(digits):
    panels = [made(digits, v, annotators=2).panel for v in asked_varieties() if v != "click"]
    assert all(np.array_equal(panels[0].annotators, other.annotators) for other in panels)


def test_another_panel_hires_others_for_the_same_items(digits):
    one, other = made(digits, annotators=1), made(digits, annotators=1, panel=1)
    assert np.array_equal(one.panel.items, other.panel.items)
    assert not np.array_equal(one.panel.annotators, other.panel.annotators)


def test_clicks_drawn_from_counts_carry_no_person(digits):
    assert set(made(digits, "click", annotators=3).panel.annotators) == {""}


def test_without_counts_a_pages_first_choice_stands_for_a_click(digits):
    targets = made(replace(digits, counts=None), "click", annotators=1)
    records = digits.records.set_index(["annotator", "item"])
    records = records[~records["is_repeat"]]
    for person, item, probs in zip(
        targets.panel.annotators, targets.panel.label_items, targets.panel.probs, strict=True
    ):
        assert probs.argmax() == records.loc[(person, item), "top1"]


def test_clicks_alone_can_be_trained_on_and_tested_with(digits, clicks_only):
    assert made(clicks_only, "click").answers == {"click": len(made(clicks_only, "click").panel.probs)}
    held_out = sets_of(clicks_only, 0)["pages"]
    np.testing.assert_allclose(held_out.targets.sum(axis=1), 1)


def test_clicks_alone_can_not_stand_for_pages(clicks_only):
    with pytest.raises(RequestError, match="digits has clicks only, variety 't2-clamp' needs pages"):
        made(clicks_only, "t2-clamp")


def test_the_most_answers_of_an_item_leave_repeats_out(digits):
    assert most_answers(digits, "t2-clamp") == 7
    assert most_answers(digits, "click") == digits.counts[digits.annotated_items].sum(axis=1).max()


@pytest.mark.parametrize("variety", asked_varieties())
def test_a_labels_choice_is_what_its_person_chose_first(digits, variety):
    panel = made(digits, variety, annotators=3).panel
    if variety == "click":
        assert np.array_equal(panel.choices, panel.probs.argmax(axis=1))
        return
    first = digits.records[~digits.records["is_repeat"]].set_index(["annotator", "item"])["top1"]
    assert panel.choices.tolist() == [first[pair] for pair in zip(panel.annotators, panel.label_items, strict=True)]


@pytest.mark.parametrize("variety", ["hard", "random", "uniform", "smoothed"])
def test_nobody_chose_a_label_that_nobody_gave(digits, variety):
    assert set(made(digits, variety).panel.choices) == {-1}


@pytest.mark.parametrize("method", ["majority", "dawid-skene"])
def test_pooling_sees_the_panels_answers_and_nothing_else(digits, method):
    """Answers of people outside the panel, of held-out items, reference labels: none of them moves a label."""
    targets = made(digits, aggregation=method, annotators=3, items=60)
    records = digits.records.copy()
    inside = set(zip(targets.panel.annotators, targets.panel.label_items, strict=True))
    outside = [pair not in inside for pair in zip(records["annotator"], records["item"], strict=True)]
    records.loc[outside, "top1"] = 0
    labels = np.zeros_like(digits.labels)
    changed = made(replace(digits, records=records, labels=labels), aggregation=method, annotators=3, items=60)
    for item in targets.panel.items:
        assert np.array_equal(labels_of(changed, item), labels_of(targets, item))


def test_confusions_of_held_out_and_test_items_move_no_label(digits):
    targets = made(digits, "t2-semantic")
    counts = digits.counts.copy()
    others = np.setdiff1d(np.arange(len(counts)), np.setdiff1d(digits.train_items, targets.held_out))
    counts[others] = counts[others][:, ::-1]
    changed = made(replace(digits, counts=counts), "t2-semantic")
    assert changed.probs.tobytes() == targets.probs.tobytes()


def test_word_vectors_and_confusions_make_other_labels_of_the_same_answers(digits):
    words = np.random.default_rng(0).uniform(0, 1, (10, 10))
    one = made(replace(digits, word_similarity=words), "t1-semantic", similarity="word-vectors")
    other = made(digits, "t1-semantic")
    assert np.array_equal(one.panel.annotators, other.panel.annotators)
    assert not np.allclose(one.panel.probs, other.panel.probs)


def test_the_same_replicate_gives_the_same_targets(digits):
    one, other = made(digits, annotators=2, seed=5, panel=1), made(digits, annotators=2, seed=5, panel=1)
    assert one.probs.tobytes() == other.probs.tobytes()


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            {"variety": "t9"},
            "unknown variety 't9'; known: click, first-choice, hard, random, select-two, smoothed, t1-",
        ),
        ({"variety": "hard", "rest": "soft"}, "unknown rest 'soft'; known: hard, none, simulated"),
        ({"variety": "click", "aggregation": "vote"}, "unknown aggregation 'vote'; known: dawid-skene"),
        ({"variety": "click", "aggregation": "mace"}, "aggregation 'mace' needs to know who answered"),
        ({"variety": "t1-semantic"}, "unknown similarity 'None'; known: confusions, word-vectors"),
        ({"variety": "t2-semantic", "similarity": "word-vectors"}, "word-vectors needs word_vectors: FILE"),
        ({"variety": "t2-clamp", "annotators": 8}, r"annotators must be 'all' or 1\.\.7, .*; it is 8"),
        ({"variety": "hard", "items": 201}, r"items must lie in 1\.\.200, .*; it is 201"),
        ({"variety": "hard", "items": 0}, r"items must lie in 1\.\.200, .*; it is 0"),
        ({"variety": "t2-clamp", "gamma": 1.7}, r"gamma must lie in 0\.\.1; it is 1\.7"),
    ],
)
def test_what_can_not_be_built_is_refused(digits, policy, message):
    with pytest.raises(RequestError, match=message):
        build(digits, LabelPolicy(**policy), seed=0)


@pytest.mark.parametrize("variety", asked_varieties())
def test_every_cifar10s_label_of_every_person_is_a_distribution(cifar10s, variety):
    alike = class_similarity(cifar10s, "confusions", cifar10s.train_items)
    labels, _ = people_labels(cifar10s, variety, cifar10s.annotated_items, similarity=alike)
    assert len(labels.items) == 1000
    np.testing.assert_allclose(labels.probs.sum(axis=1), 1, atol=1e-9)
    if variety != "click":
        assert len(labels.probs) == 6200
        assert len(set(labels.annotators)) == 248
        assert np.unique(labels.counts, return_counts=True)[1].tolist() == [800, 200]
        assert np.unique(labels.counts).tolist() == [6, 7]
