"""The embedded data set: simulated people whose varieties differ, the same on every call."""

import numpy as np
import pytest

from softcore.data.digits import look_alikes
from softcore.datasets import load
from softcore.labels.elicited import elicited_varieties, soft_labels
from softcore.varieties import VARIETIES


@pytest.fixture(scope="module")
def varieties(digits):
    first = digits.records[~digits.records["is_repeat"]]
    return {
        variety: soft_labels(first, variety, 10)
        for variety in elicited_varieties()
        if not VARIETIES[variety].similarity
    }


def distance(one, other):
    return float(np.abs(one - other).sum(axis=1).mean() / 2)


def test_loading_twice_gives_the_same_to_the_byte(digits):
    assert load("digits").fingerprints == digits.fingerprints


def test_parts_are_disjoint_and_answers_lie_in_training_items(digits):
    test = digits.fixed_tests["crowd"].items
    parts = np.concatenate([digits.train_items, digits.validation_items, test])
    assert len(np.unique(parts)) == len(parts) == len(digits.images) == 1797
    assert np.isin(digits.records["item"], digits.train_items).all()
    assert (len(test), len(digits.validation_items), len(digits.annotated_items)) == (500, 250, 250)


def test_images_are_bytes_of_one_channel_that_use_the_whole_range(digits):
    assert digits.images.shape == (1797, 8, 8, 1)
    assert digits.images.dtype == np.uint8
    assert (digits.images.min(), digits.images.max()) == (0, 255)


def test_people_have_sessions_of_25_items_and_one_or_two_repeats(digits):
    records = digits.records
    first = records[~records["is_repeat"]]
    assert set(first.groupby("annotator").size()) == {25}
    assert set(records[records["is_repeat"]].groupby("annotator").size()) == {1, 2}
    assert set(first.groupby("item").size()) == {6, 7}
    assert not first.duplicated(["annotator", "item"]).any()


def test_answers_are_possible_ones(digits):
    records = digits.records
    assert records["p1"].between(0.05, 1).all()
    assert (records["p2"].isna() == (records["top2"] == -1)).all()
    assert (records["top1"] != records["top2"]).all()
    assert all(
        top1 not in no and top2 not in no for top1, top2, no in records[["top1", "top2", "impossible"]].to_numpy()
    )
    assert (records["seconds"] > 0).all()


def test_varieties_differ_and_the_fuller_question_comes_closest_to_the_crowd(digits, varieties):
    first = digits.records[~digits.records["is_repeat"]]
    clicks = digits.counts[first["item"]] / digits.counts[first["item"]].sum(axis=1, keepdims=True)
    to_crowd = {name: distance(labels, clicks) for name, labels in varieties.items()}
    assert distance(varieties["t1-uniform"], varieties["t2-clamp"]) > 0.1
    assert to_crowd["t2-clamp"] < to_crowd["t1-clamp"] < to_crowd["t1-uniform"]
    assert to_crowd["t2-clamp"] < to_crowd["t2-uniform"] < to_crowd["t1-uniform"]


def test_a_person_agrees_more_with_themselves_than_with_another(digits):
    from softcore.card.measures import consistency

    found = consistency(digits.records, soft_labels(digits.records, "t2-clamp", 10))
    assert found["one_person_twice"]["total_variation"] < 0.6 * found["two_people"]["total_variation"]


def test_annotated_items_are_the_more_ambiguous_ones(digits):
    top = digits.counts.max(axis=1) / digits.counts.sum(axis=1)
    others = np.setdiff1d(digits.train_items, digits.annotated_items)
    assert top[digits.annotated_items].mean() < top[others].mean() - 0.1


def test_an_image_never_vouches_for_itself_and_test_images_lend_their_looks_to_nobody():
    # Eight images in each of ten classes; the last two of each class are not fitted on, and then moved far away.
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 8)
    pixels = np.eye(10)[labels] * 16 + rng.random((80, 10))
    fitted = np.arange(80) % 8 < 6
    before = look_alikes(pixels, labels, np.flatnonzero(fitted))
    moved = pixels.copy()
    moved[~fitted] = 99.0
    after = look_alikes(moved, labels, np.flatnonzero(fitted))
    assert np.array_equal(before[fitted], after[fitted])
    assert np.exp(before).sum(axis=1) == pytest.approx(1)


def test_everything_about_it_says_simulated(digits):
    assert digits.simulated
    assert "simulated" in digits.title
    assert all(person.startswith("simulated-") for person in digits.records["annotator"])
